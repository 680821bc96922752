"""Versions that are created: what is frozen, signed and stored; drafts; what is refused, and what fails."""

import asyncio
from typing import Any

import orjson
import pytest

from app.artifacts import items
from app.bundles import resolving, store, work
from app.bundles.signing import dsse, pairs, signer
from app.bundles.sources import MOST, of_creation, of_update
from app.db.tx import Tx, many
from app.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from tests.bundles.farside import (
    NOW,
    Scene,
    admin,
    artifact,
    mark,
    module,
    of_artifacts,
    of_build,
    of_query,
    of_version,
    sums,
    visitor,
)

A = "dev-local:lib/a.jar"


class Away(AppError):
    """What makes work fail."""


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be signed."""

    async def refuse(*_: object) -> None:
        raise Away("the signer is away")

    monkeypatch.setattr(signer, "signer_of", refuse)


async def test_a_version_holds_its_files_and_a_signed_manifest(scene: Scene) -> None:
    await scene.put(A, "a", mark("app", "1"))
    await scene.put("dev-local:b.txt", "b")

    bundle = await scene.create("shop", "1.0+x", of_artifacts(A, "dev-local:b.txt"))

    assert (bundle.status, bundle.files, bundle.size, bundle.environment) == ("COMPLETED", 2, 2, "DEV")
    assert await scene.stored_files() == {
        "shop/1.0+x/artifacts/generic/lib/a.jar": sums("a").sha256,
        "shop/1.0+x/artifacts/generic/b.txt": sums("b").sha256,
        "shop/1.0+x/release-bundle.json.evd": bundle.manifest,
    }
    rows = await scene.db.read(many("SELECT path, name, depth FROM items WHERE repo_id = :id", id=bundle.repo_id))
    assert all(row["depth"] == (0 if row["name"] == "." else len(_names(row))) for row in rows)
    assert await scene.db.read(work.of(bundle.id)) is None


def _names(row: Any) -> list[str]:
    return [name for name in [*row["path"].split("/"), row["name"]] if name != "."]


async def test_the_manifest_is_a_statement_about_the_files_that_the_server_signed(scene: Scene) -> None:
    await scene.put(A, "a", {"k": ["v"]})
    bundle = await scene.create("shop", "1", of_artifacts(A))

    [statement] = await scene.evidence("shop", "1")
    said = dsse.opened(statement.envelope, await scene.db.read(signer.trusted()))

    assert (statement.seq, statement.kind, statement.digest) == (1, "create", bundle.manifest)
    assert said["subject"] == [{"name": "lib/a.jar", "digest": {"sha256": sums("a").sha256}}]
    [told] = said["predicate"]["artifacts"]
    assert (told["source_repository_key"], told["properties"]) == ("dev-local", [{"key": "k", "values": ["v"]}])


async def test_the_key_that_is_named_signs_and_an_unknown_one_is_refused(scene: Scene) -> None:
    await scene.put(A, "a")
    await pairs.create(scene.bundle_ports, admin().by, pairs.Wanted("other"))

    with pytest.raises(Invalid, match="there is no key pair 'mine'"):
        await scene.create("shop", "1", of_artifacts(A), signing_key="mine")
    assert await scene.bundle("shop", "1") is None

    made = await pairs.create(scene.bundle_ports, admin().by, pairs.Wanted("mine", "ED25519"))
    bundle = await scene.create("shop", "1", of_artifacts(A), signing_key="mine")
    [statement] = await scene.evidence("shop", "1")
    assert orjson.loads(statement.envelope)["signatures"][0]["keyid"] == made.keyid
    assert bundle.signing_key == "mine"


async def test_the_repository_is_recorded_once_also_when_two_versions_come_in_one_millisecond(scene: Scene) -> None:
    await scene.put("dev-local:a", "a")
    for version in ("1", "2"):
        scene.at -= 1  # the scene's calls come one after another
        await scene.create("shop", version, of_artifacts("dev-local:a"))

    assert [moment.verb for moment in scene.moments].count("artifact_repo.create") == 1


async def test_a_creation_is_recorded_when_it_is_done(scene: Scene) -> None:
    bundle = await scene.completed("shop", "1", A)

    [moment] = [each for each in scene.moments if each.verb.startswith("bundle.")]
    assert (moment.verb, moment.subject, moment.by) == ("bundle.create", "release-bundles-v2/shop/1", admin().by)
    assert moment.after == {"status": "COMPLETED", "files": 1, "size": len(A), "manifest": bundle.manifest}


class TestThere:
    @pytest.mark.parametrize("status", ["COMPLETED", "PROCESSING", "DRAFT", "DELETING"])
    async def test_a_version_that_is_there_is_a_conflict(self, scene: Scene, status: str) -> None:
        first = await scene.completed("shop", "1", A)
        await scene.set_status(first, status)

        with pytest.raises(Conflict, match=f"exists in release-bundles-v2 already: it is {status}"):
            await scene.create("shop", "1", of_artifacts(A))

        assert await scene.bundle("shop", "1", "team-release-bundles-v2") is None
        await scene.create("shop", "1", of_artifacts(A), key="team-release-bundles-v2")

    async def test_a_version_whose_creation_failed_is_replaced(self, scene: Scene) -> None:
        first = await scene.completed("shop", "1", A)
        await scene.set_status(first, "FAILED")

        second = await scene.completed("shop", "1", "dev-local:b")

        assert second.id != first.id
        assert await scene.content("shop", "1") == ["dev-local:b"]

    async def test_of_creations_at_one_moment_one_is_done(self, scene: Scene) -> None:
        await scene.put(A, "a")

        done = await asyncio.gather(
            *(scene.create("shop", "1", of_artifacts(A)) for _ in range(4)), return_exceptions=True
        )

        assert sorted(type(each).__name__ for each in done) == ["Bundle", "Conflict", "Conflict", "Conflict"]
        assert len(await scene.evidence("shop", "1")) == 1


class TestRefused:
    async def test_everything_that_is_wrong_in_a_body_is_told_at_once(self) -> None:
        body = {
            "release_bundle_name": "-shop",
            "release_bundle_version": "1.0/2",
            "sources": [
                {"source_type": "rumours"},
                {"source_type": "aql", "aql": "items.find("},
                {"source_type": "builds", "builds": [{"build_name": "app"}]},
                {"source_type": "release_bundles", "release_bundles": [{"release_bundle_name": "x", "project": "/"}]},
                {"source_type": "artifacts", "artifacts": [{"path": "dev-local"}]},
                {"source_type": "packages", "packages": []},
            ],
        }

        with pytest.raises(Invalid) as raised:
            of_creation(orjson.dumps(body), NOW)

        assert [problem.field for problem in raised.value.problems] == [
            *("release_bundle_name", "release_bundle_version", "sources[0].source_type", "sources[1].aql"),
            *("sources[2].builds[0].build_number", "sources[3].release_bundles[0].project"),
            *("sources[3].release_bundles[0].release_bundle_version", "sources[4].artifacts[0].path"),
            "sources[5].packages",
        ]

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({}, "no_source"),
            ({"source_type": "artifacts", "source": {}}, "no_source"),
            ({"source_type": "builds", "source": {"builds": []}}, "no_source"),
            ({"source": {"aql": "items.find()"}}, "bad_source_type"),
            ({"sources": []}, "no_source"),
            ({"sources": [of_query("items.find()")], "source_type": "aql", "source": {"aql": ""}}, "two_forms"),
            ({"source_type": "aql", "source": [1]}, "wrong_type"),
            ({"sources": {"aql": 1}}, "wrong_type"),
            ({"sources": ["x"]}, "wrong_type"),
        ],
    )
    async def test_a_body_has_one_of_the_two_forms(self, fields: dict[str, Any], code: str) -> None:
        body = {"release_bundle_name": "shop", "release_bundle_version": "1", **fields}

        with pytest.raises(Invalid) as raised:
            of_creation(orjson.dumps(body), NOW)

        assert code in [problem.code for problem in raised.value.problems]

    async def test_a_draft_is_given_at_least_one_source(self) -> None:
        body = {"release_bundle_name": "shop", "release_bundle_version": "1", "add_sources": []}

        with pytest.raises(Invalid, match="add_sources: is missing or empty"):
            of_update(orjson.dumps(body), NOW)

    async def test_a_hundred_sources_are_taken_and_no_more(self, scene: Scene) -> None:
        await scene.put(A, "a", mark("app", "1"))
        await scene.publish("app", "1", module(artifact("lib/a.jar", "a")))

        await scene.create("shop", "1", *[of_build("app", "1")] * (MOST - 1), of_artifacts(A))
        with pytest.raises(Invalid, match="101 sources are named; at most 100 are taken"):
            await scene.create("shop", "2", *[of_build("app", "1")] * MOST, of_artifacts(A))

    async def test_a_version_without_room_for_its_files_is_refused(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(resolving, "MOST", 1)
        monkeypatch.setattr("app.bundles.union.MOST", 1)
        await scene.put(A, "a")
        await scene.put("dev-local:b", "b")

        for source in (of_artifacts(A, "dev-local:b"), of_query('items.find({"repo": "dev-local"})')):
            with pytest.raises(Invalid, match="2 artifacts, and a version has at most 1"):
                await scene.create("shop", "1", source)


class TestRights:
    async def test_who_may_create_and_read_the_sources_may_make_a_version(self, scene: Scene) -> None:
        await scene.put(A, "a", mark("app", "1"))
        await scene.publish("app", "1", module(artifact("lib/a.jar", "a")))
        bob = visitor(("dev-local", ["read"]))

        bundle = await scene.create("shop", "1", of_build("app", "1"), by=bob)
        await scene.create("all", "1", of_version("shop", "1"), by=bob)

        assert (bundle.by_id, bundle.by_name) == (2, "bob")

    async def test_a_right_on_the_version_is_needed_before_anything_else(self, scene: Scene) -> None:
        reader = visitor(("dev-local", ["read"]), bundles=["read"])

        for asked in (
            scene.create("shop", "1", of_artifacts(A), by=reader),
            scene.update("shop", "1", of_artifacts(A), by=reader),
            scene.finalize("shop", "1", by=reader),
        ):
            with pytest.raises(Forbidden, match="the right deploy is needed on release-bundles-v2:shop/1"):
                await asked

    async def test_a_file_that_the_caller_may_not_read_is_as_one_that_is_not_there(self, scene: Scene) -> None:
        for where in (A, "prod-local:b"):
            await scene.put(where, where, mark("app", "1"))
        listed = [artifact(where.partition(":")[2], where, where.partition(":")[0]) for where in (A, "prod-local:b")]
        await scene.publish("app", "1", module(*listed))
        await scene.virtual("all", "prod-local", "dev-local")
        bob = visitor(("dev-local", ["read"]))

        with pytest.raises(NotFound, match="the file prod-local/b"):
            await scene.create("shop", "1", of_artifacts("prod-local:b"), by=bob)
        with pytest.raises(NotFound, match="the file all/b"):
            await scene.create("shop", "1", of_artifacts("all:b"), by=bob)
        with pytest.raises(resolving.Unresolved, match="1 of 2 artifacts are not stored here: prod-local:b"):
            await scene.create("shop", "1", of_build("app", "1"), by=bob)
        await scene.create("shop", "1", of_query('items.find({"repo": {"$match": "*-local"}})'), by=bob)
        assert await scene.content("shop", "1") == [A]

    async def test_builds_and_versions_that_the_caller_may_not_read_are_forbidden(self, scene: Scene) -> None:
        bob = visitor(("dev-local", ["read"]), bundles=["deploy"])

        with pytest.raises(Forbidden, match="the right read is needed on release-bundles-v2:one/1"):
            await scene.create("shop", "1", of_version("one", "1"), by=bob)
        stranger = visitor(("dev-local", ["read"]))
        object.__setattr__(
            stranger.rights, "grants", [each for each in stranger.rights.grants if each.section != "build"]
        )
        with pytest.raises(Forbidden, match="the right read is needed on artifactory-build-info:app/"):
            await scene.create("shop", "1", of_build("app", "1"), by=stranger)


class TestDrafts:
    async def test_a_draft_is_frozen_and_not_signed(self, scene: Scene) -> None:
        await scene.put(A, "a")

        draft = await scene.create("shop", "1", of_artifacts(A), draft=True)
        await scene.put(A, "other")

        assert (draft.status, draft.files, draft.manifest) == ("DRAFT", 1, "")
        assert [each.sha256 for each in await scene.artifacts("shop", "1")] == [sums("a").sha256]
        assert await scene.evidence("shop", "1") == []
        assert await scene.stored_files() == {}
        assert [each.after["status"] for each in scene.moments if each.verb == "bundle.create"] == ["DRAFT"]

    async def test_sources_are_added_to_a_draft(self, scene: Scene) -> None:
        for where in (A, "dev-local:b", "dev-local:c"):
            await scene.put(where, where, mark("app", "1" if where == A else "2"))
        for number, path in (("1", "lib/a.jar"), ("2", "b")):
            await scene.publish("app", number, module(artifact(path, f"dev-local:{path}")))
        await scene.create("shop", "1", of_build("app", "1"), draft=True)

        await scene.update("shop", "1", of_build("app", "2"), of_build("app", "1"))
        draft = await scene.update("shop", "1", of_artifacts("dev-local:c", A))

        assert (draft.status, draft.files) == ("DRAFT", 3)
        assert draft.size == sum(len(where) for where in (A, "dev-local:b", "dev-local:c"))
        assert await scene.content("shop", "1") == ["dev-local:b", "dev-local:c", A]
        assert [each["build_number"] for each in draft.sources["builds"]] == ["1", "2"]
        [first, _] = [each for each in scene.moments if each.verb == "bundle.update"]
        assert (first.before["files"], first.after["files"]) == (1, 2)

    async def test_what_is_added_must_not_collide(self, scene: Scene) -> None:
        await scene.put(A, "a")
        await scene.create("shop", "1", of_artifacts(A), draft=True)
        await scene.put(A, "other")

        with pytest.raises(Invalid, match=r"dev-local/lib/a.jar comes with two contents"):
            await scene.update("shop", "1", of_artifacts(A))

    async def test_a_draft_becomes_a_signed_version(self, scene: Scene) -> None:
        await scene.put(A, "a")
        draft = await scene.create("shop", "1", of_artifacts(A), draft=True)

        bundle = await scene.finalize("shop", "1")

        assert (bundle.id, bundle.status, bundle.created) == (draft.id, "COMPLETED", draft.created)
        assert "shop/1/artifacts/generic/lib/a.jar" in await scene.stored_files()
        assert len(await scene.evidence("shop", "1")) == 1
        assert [each.verb for each in scene.moments if each.verb.startswith("bundle.")] == [
            *("bundle.create", "bundle.finalize"),
        ]

    async def test_only_a_draft_is_changed(self, scene: Scene) -> None:
        await scene.completed("shop", "1", A)

        for asked in (scene.update("shop", "1", of_artifacts(A)), scene.finalize("shop", "1")):
            with pytest.raises(Conflict, match="the version 1 of the release bundle shop is COMPLETED, and no draft"):
                await asked
        for asked in (scene.update("shop", "2", of_artifacts(A)), scene.finalize("shop", "2")):
            with pytest.raises(store.NoBundle):
                await asked

    async def test_changes_of_a_draft_at_one_moment_are_all_kept(self, scene: Scene) -> None:
        await scene.put(A, "a")
        await scene.create("shop", "1", of_artifacts(A), draft=True)
        paths = [f"dev-local:{at}" for at in range(5)]
        for path in paths:
            await scene.put(path, path)

        await asyncio.gather(*(scene.update("shop", "1", of_artifacts(path)) for path in paths))

        assert await scene.content("shop", "1") == [*paths, A]
        draft = await scene.bundle("shop", "1")
        assert draft is not None
        assert draft.files == 6

    async def test_of_two_who_finalize_one_does(self, scene: Scene) -> None:
        await scene.put(A, "a")
        await scene.create("shop", "1", of_artifacts(A), draft=True)

        done = await asyncio.gather(*(scene.finalize("shop", "1") for _ in range(2)), return_exceptions=True)

        assert sorted(type(each).__name__ for each in done) == ["Bundle", "Conflict"]

    @pytest.mark.usefixtures("failing")
    async def test_a_draft_that_cannot_be_signed_stays_a_draft(self, scene: Scene) -> None:
        await scene.put(A, "a")
        await scene.create("shop", "1", of_artifacts(A), draft=True)

        with pytest.raises(Away):
            await scene.finalize("shop", "1")

        draft = await scene.bundle("shop", "1")
        assert draft is not None
        assert (draft.status, [each["text"] for each in draft.messages]) == ("DRAFT", ["the signer is away"])
        assert await scene.content("shop", "1") == [A]


@pytest.mark.usefixtures("failing")
class TestFailing:
    async def test_nothing_is_left_of_what_fails_while_the_caller_waits(self, scene: Scene) -> None:
        await scene.put(A, "a")

        with pytest.raises(Away):
            await scene.create("shop", "1", of_artifacts(A))

        assert await scene.bundle("shop", "1") is None
        assert [each.after["reason"] for each in scene.moments if each.verb == "bundle.create"] == [
            "the signer is away"
        ]

    async def test_what_fails_later_stays_and_says_why(self, scene: Scene) -> None:
        await scene.put(A, "a")

        with pytest.raises(Away):
            await scene.create("shop", "1", of_artifacts(A), sync=False)

        bundle = await scene.bundle("shop", "1")
        assert bundle is not None
        assert (bundle.status, [each["text"] for each in bundle.messages]) == ("FAILED", ["the signer is away"])


class TestMeanwhile:
    """What other callers do between the look-up and the commit."""

    @pytest.fixture
    def after_lookup(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """Transactions; each look-up is followed by the next one."""
        waiting: list[Any] = []
        lookup = resolving.resolved

        async def resolved(db: Any, *arguments: Any) -> Any:
            content = await lookup(db, *arguments)
            if waiting:
                await waiting.pop(0)
            return content

        monkeypatch.setattr(resolving, "resolved", resolved)
        return waiting

    async def test_a_file_that_is_deleted_is_not_found(self, scene: Scene, after_lookup: list[Any]) -> None:
        await scene.put(A, "a")
        after_lookup.append(scene.remove(A))

        with pytest.raises(NotFound, match=r"the file dev-local/lib/a.jar"):
            await scene.create("shop", "1", of_artifacts(A))

        assert await scene.bundle("shop", "1") is None

    async def test_a_file_that_is_replaced_is_frozen_as_it_is_then(self, scene: Scene, after_lookup: list[Any]) -> None:
        await scene.put(A, "a")
        after_lookup.append(scene.put(A, "b"))
        after_lookup.append(scene.put(A, "b", {"k": ["v"]}))

        await scene.create("shop", "1", of_artifacts(A))

        [found] = await scene.artifacts("shop", "1")
        assert found.sha256 == sums("b").sha256
        assert await scene.frozen("shop", "1") == {A: {"k": ["v"]}}

    async def test_a_file_that_is_moved_is_found_where_it_is_then(self, scene: Scene, after_lookup: list[Any]) -> None:
        await scene.put(A, "a", mark("app", "1"))
        await scene.publish("app", "1", module(artifact("lib/a.jar", "a")))
        after_lookup.append(scene.promote("app", "1", targetRepo="stage-local"))

        bundle = await scene.create("shop", "1", of_build("app", "1"))

        assert await scene.content("shop", "1") == ["stage-local:lib/a.jar"]
        assert bundle.environment == "STAGE"

    async def test_a_version_that_is_deleted_is_not_found(self, scene: Scene, after_lookup: list[Any]) -> None:
        one = await scene.completed("one", "1", A)
        after_lookup.append(scene.db.write(store.remove(one.id)))

        with pytest.raises(NotFound, match="the version 1 of the release bundle one"):
            await scene.create("all", "1", of_version("one", "1"))

    async def test_who_always_changes_files_leads_to_a_conflict(self, scene: Scene, after_lookup: list[Any]) -> None:
        await scene.put(A, "a")
        after_lookup += [scene.put(A, str(at)) for at in range(20)]

        with pytest.raises(Conflict, match="another caller has changed the files"):
            await scene.create("shop", "1", of_artifacts(A))

    async def test_a_version_that_another_caller_has_made_is_a_conflict(
        self, scene: Scene, after_lookup: list[Any]
    ) -> None:
        await scene.put(A, "a")
        after_lookup.append(scene.create("shop", "1", of_artifacts(A)))

        with pytest.raises(Conflict, match="exists in release-bundles-v2 already"):
            await scene.create("shop", "1", of_artifacts(A))


async def test_creations_against_deletions_hold_what_was_there_or_are_refused(scene: Scene) -> None:
    paths = [f"dev-local:lib/{at}" for at in range(20)]
    for path in paths:
        await scene.put(path, path)

    made, _ = await asyncio.gather(
        scene.create("shop", "1", of_artifacts(*paths)),
        scene.db.write(_remove_all(scene.repos["dev-local"])),
        return_exceptions=True,
    )

    if isinstance(made, BaseException):
        assert isinstance(made, NotFound)
        assert await scene.bundle("shop", "1") is None
    else:
        assert await scene.content("shop", "1") == sorted(paths)


def _remove_all(repo_id: int) -> Tx[None]:
    yield from items.remove_tree(repo_id, "lib")
