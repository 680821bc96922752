"""Promotions of versions: what goes where, by which operation, with which properties."""

import pytest

from app.bundles.selection import Clash
from app.db.tx import Tx, run
from app.errors import Conflict, Invalid
from tests.bundles.farside import Scene, mark, of_artifacts
from tests.bundles.promotion.acts import begin, claims, count, delete, promote, records, shop, statuses, wait
from tests.bundles.promotion.conftest import Gate


async def test_a_version_is_copied_to_every_repository_of_the_environment(scene: Scene) -> None:
    await scene.repo("prod2-local", environments=("PROD", "EU"))
    await scene.repo("prod-maven", package_type="maven", environments=("PROD",))
    await shop(scene, "a1.in", "lib/b.jar")

    done = await promote(scene, "PROD")

    assert done.status == "COMPLETED"
    assert (done.operation, done.source_environment, done.files) == ("copy", "DEV", 4)
    assert done.targets == ("prod-local", "prod2-local")
    assert await scene.paths("prod-local") == ["prod-local:a1.in", "prod-local:lib/b.jar"]
    assert await scene.paths("prod2-local") == ["prod2-local:a1.in", "prod2-local:lib/b.jar"]
    assert await scene.paths("prod-maven") == []
    assert await scene.folders("prod-local") == ["", "lib"]
    item = await scene.item("prod-local:lib/b.jar")
    assert (item.depth, item.mime, item.created_by) == (2, "text/plain", "root")
    assert [one.kind for one in await scene.evidence("shop", "1.0")] == ["create", "promote"]
    assert scene.moments[-1].verb == "bundle.promote"
    assert scene.moments[-1].after == {
        "environment": "PROD",
        "source_environment": "DEV",
        "operation": "copy",
        "targets": ["prod-local", "prod2-local"],
        "files": 4,
    }
    assert await count(scene, "bundle_work") == 0


async def test_a_move_removes_what_the_promotion_before_has_put(scene: Scene) -> None:
    await shop(scene, "a", "lib/b")
    first = await promote(scene, "STAGE", operation="move")
    assert first.operation == "copy"

    done = await promote(scene, "PROD", operation="move")

    assert (done.operation, done.source_environment) == ("move", "STAGE")
    assert await scene.paths() == ["dev-local:a", "dev-local:lib/b", "prod-local:a", "prod-local:lib/b"]
    assert await scene.folders("stage-local") == [""]
    assert scene.moments[-1].after["removed"] == 2


async def test_a_move_to_where_the_version_is_copies(scene: Scene) -> None:
    await shop(scene, "a")
    await promote(scene, "PROD")

    done = await promote(scene, "PROD", operation="move")

    assert done.operation == "copy"
    assert await scene.paths("prod-local") == ["prod-local:a"]


async def test_a_move_removes_what_was_promoted_twice(scene: Scene) -> None:
    await shop(scene, "a")
    await promote(scene, "STAGE")
    await promote(scene, "STAGE")

    await promote(scene, "PROD", operation="move")

    assert await scene.paths("stage-local", "prod-local") == ["prod-local:a"]


async def test_a_move_leaves_files_with_other_bytes_and_says_so(scene: Scene) -> None:
    await shop(scene, "a", "b")
    await promote(scene, "STAGE")
    await scene.put("stage-local:a", "changed")

    done = await promote(scene, "PROD", operation="move")

    assert await scene.paths("stage-local") == ["stage-local:a"]
    assert [message["text"] for message in done.messages] == [
        "stage-local/a was put there since by somebody else, so it was left there"
    ]
    assert done.messages[0].keys() == {"source", "text", "created"}
    assert await claims(scene) == [f"prod-local:./a {done.id} written", f"prod-local:./b {done.id} written"]


async def test_a_move_leaves_what_was_there_before(scene: Scene) -> None:
    await shop(scene, "a", "b")
    await scene.put("stage-local:a", "dev-local:a")
    await promote(scene, "STAGE")

    await promote(scene, "PROD", operation="move")

    assert await scene.paths("stage-local") == ["stage-local:a"]


async def test_a_move_within_one_repository_of_two_environments_leaves_the_files(scene: Scene) -> None:
    await scene.repo("both-local", environments=("STAGE", "PROD"))
    await shop(scene, "a")
    await promote(scene, "STAGE")

    await promote(scene, "PROD", operation="move")

    assert await scene.paths("both-local", "stage-local", "prod-local") == ["both-local:a", "prod-local:a"]


async def test_a_version_keeps_its_content_when_the_sources_are_gone(scene: Scene) -> None:
    await shop(scene, "a")
    await scene.remove("dev-local:a")

    await promote(scene, "PROD")

    assert await scene.paths() == ["prod-local:a"]


async def test_files_get_frozen_properties_and_those_that_were_asked_for(scene: Scene) -> None:
    await scene.put("dev-local:a", "a", mark("app", "42", env="DEV", who="ada"))
    await scene.create("shop", "1.0", of_artifacts("dev-local:a"))
    asked = [{"key": "env", "values": ["QA", "QA2"]}, {"key": "testers", "values": ["L", "P"]}]

    await promote(scene, "PROD", artifact_additional_properties=asked)

    assert await scene.properties("prod-local:a") == {
        "build.name": ["app"],
        "build.number": ["42"],
        "who": ["ada"],
        "env": ["QA", "QA2"],
        "testers": ["L", "P"],
    }


async def test_a_file_that_is_there_is_kept_and_its_properties_are_updated(scene: Scene) -> None:
    await scene.put("dev-local:a", "a", {"k": ["new"], "only": ["frozen"]})
    await scene.put("prod-local:a", "a", {"k": ["old"], "approved": ["yes"]}, created=7)
    await scene.create("shop", "1.0", of_artifacts("dev-local:a"))

    done = await promote(scene, "PROD", artifact_additional_properties=[{"key": "only", "values": ["asked"]}])

    assert await scene.properties("prod-local:a") == {"k": ["new"], "approved": ["yes"], "only": ["asked"]}
    assert (await scene.item("prod-local:a")).created == 7
    assert await claims(scene) == [f"prod-local:./a {done.id} found"]


async def test_only_included_repositories_take_files(scene: Scene) -> None:
    await scene.repo("prod2-local", environments=("PROD",))
    await shop(scene, "a")

    done = await promote(
        scene, "PROD", included_repository_keys=["prod2-local"], excluded_repository_keys=["prod2-local"]
    )

    assert done.targets == ("prod2-local",)
    assert await scene.paths("prod-local", "prod2-local") == ["prod2-local:a"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"environment": "NOENV"}, "no repository in environment NOENV"),
        ({"environment": "PROD", "included_repository_keys": ["nope"]}, "is called nope"),
        ({"environment": "PROD", "included_repository_keys": ["dev-local"]}, "is called dev-local"),
        ({"environment": "PROD", "excluded_repository_keys": ["prod*"]}, "takes the package type generic"),
    ],
)
async def test_without_a_repository_nothing_is_promoted(scene: Scene, fields: dict[str, str], words: str) -> None:
    await shop(scene, "a")

    with pytest.raises(Invalid, match=words.replace("*", r"\*")):
        await promote(scene, **fields)

    assert await records(scene) == []


async def test_other_bytes_at_a_target_refuse_everything_and_are_recorded(scene: Scene) -> None:
    await shop(scene, *(f"lib/{at:02}" for at in range(15)))
    for at in range(12):
        await scene.put(f"prod-local:lib/{at:02}", "other")
    before = await scene.tree()

    with pytest.raises(Clash, match="12 of 15 files") as refused:
        await promote(scene, "PROD")

    assert "target artifact already exists: prod-local/lib/00 has other bytes there" in refused.value.message
    assert refused.value.message.endswith("; and 2 more")
    [record] = await records(scene)
    assert record.status == "FAILED"
    assert len(record.messages) == 11
    assert record.messages[0]["text"] == "12 of 15 files cannot be put, so no file was changed"
    assert await scene.tree() == before
    assert await claims(scene) == []
    assert [one.kind for one in await scene.evidence("shop", "1.0")] == ["create"]


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ("prod-local:lib/b/c", "prod-local/lib/b is a folder there"),
        ("prod-local:lib", "prod-local/lib is a file, so nothing can be below it: lib/b"),
    ],
)
async def test_a_folder_in_the_place_of_a_file_is_a_clash_and_the_other_way_round(
    scene: Scene, there: str, words: str
) -> None:
    await shop(scene, "lib/b")
    await scene.put(there, "x")

    with pytest.raises(Clash, match=words):
        await promote(scene, "PROD")


async def test_patterns_of_a_target_hold(scene: Scene) -> None:
    await scene.repo("rel-local", environments=("REL",), excludes="**/*-SNAPSHOT/**", immutable=True)
    await shop(scene, "org/1-SNAPSHOT/a.jar", "org/1/a.jar")

    with pytest.raises(Clash, match=r"rel-local does not take org/1-SNAPSHOT/a\.jar: its exclude pattern"):
        await promote(scene, "REL")

    assert await scene.paths("rel-local") == []


async def test_a_clash_that_comes_after_the_checks_fails_the_promotion(scene: Scene, gate: Gate) -> None:
    await shop(scene, "a", "b")
    begun = await begin(scene, "PROD")
    await scene.put("prod-local:a", "other")
    gate.open()

    with pytest.raises(Clash):
        await wait(scene, begun.work_id)

    assert await statuses(scene) == ["PROD FAILED"]
    assert await scene.paths("prod-local") == ["prod-local:a"]


async def test_a_target_that_is_deleted_after_the_checks_fails_the_promotion(scene: Scene, gate: Gate) -> None:
    await shop(scene, "a")
    begun = await begin(scene, "PROD")
    await scene.db.write(repositories_gone(scene.repos["prod-local"]))
    gate.open()

    with pytest.raises(Conflict, match="the repository prod-local was deleted meanwhile"):
        await wait(scene, begun.work_id)

    assert await statuses(scene) == ["PROD FAILED"]


def repositories_gone(repo_id: int) -> Tx[None]:
    yield from run("UPDATE artifact_repos SET kind = 'deleted', key = 'deleted/1' WHERE id = :id", id=repo_id)


async def test_a_promotion_to_the_same_environment_waits_for_the_first_and_one_to_another_does_not(
    scene: Scene, gate: Gate
) -> None:
    await shop(scene, "a")
    first = await begin(scene, "PROD")
    assert await statuses(scene) == ["PROD PENDING"]
    assert scene.worker is not None
    scene.worker.wake()
    await gate.reached()
    assert await statuses(scene) == ["PROD PROCESSING"]

    with pytest.raises(Conflict, match=r"another promotion of shop 1\.0 to PROD is in progress"):
        await begin(scene, "PROD")
    with pytest.raises(Conflict, match="PROD is PROCESSING"):
        await delete(scene)
    second = await begin(scene, "STAGE")
    gate.open()
    for begun in (first, second):
        await wait(scene, begun.work_id)

    assert await statuses(scene) == ["PROD COMPLETED", "STAGE COMPLETED"]


async def test_promotions_of_one_version_at_one_moment_have_different_times(scene: Scene) -> None:
    await shop(scene, "a")

    first = await promote(scene, "PROD")
    scene.at = first.created - 2
    second = await promote(scene, "PROD")

    assert second.created == first.created + 1
