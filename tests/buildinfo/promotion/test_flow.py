"""Promotions of runs, on a real database."""

from typing import Any, TypeVar

import pytest

from app.db.connect import Alterable
from app.db.tx import Tx
from app.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from app.moments import Change
from tests.buildinfo.promotion.farside import (
    NOW,
    Scene,
    artifact,
    dependency,
    loose,
    mark,
    module,
    sums,
    texts,
    visitor,
)

T = TypeVar("T")
PATHS = ("lib/a.jar", "lib/deep/b.jar", "c.txt")
BOB = visitor(("dev-local", ["read", "deploy", "delete"]), ("stage-local", ["promote"]))


@pytest.fixture
async def built(scene: Scene) -> Scene:
    """Build app 42 with three artifacts in dev-local."""
    for path in PATHS:
        await scene.put(f"dev-local:{path}", path, mark("app", "42"))
    await scene.publish("app", "42", module(*(artifact(path, path) for path in PATHS)))
    return scene


async def refused(scene: Scene, kind: type[AppError], **options: Any) -> AppError:
    """The error of a promotion of app 42, which changes nothing."""
    before = await scene.dump()
    with pytest.raises(kind) as raised:
        await scene.promote("app", "42", **options)
    assert await scene.dump() == before
    return raised.value


@pytest.mark.parametrize("copy", [True, False])
async def test_artifacts_go_to_the_same_paths_with_all_that_they_have(built: Scene, copy: bool) -> None:
    done = await built.promote("app", "42", targetRepo="stage-local", copy=copy)

    assert await built.tree("stage-local") == {f"stage-local:{path}": sums(path).sha256 for path in PATHS}
    assert await built.paths("dev-local") == (sorted(f"dev-local:{path}" for path in PATHS) if copy else [])
    assert await built.folders("dev-local") == (["", "lib", "lib/deep"] if copy else [""])
    assert await built.folders("stage-local") == ["", "lib", "lib/deep"]
    assert await built.properties("stage-local:lib/a.jar") == mark("app", "42")
    assert (await built.item("stage-local:lib/a.jar")).created == NOW
    verb = "copy" if copy else "move"
    assert texts(done.messages, "INFO") == [f"{verb} dev-local:{path} to stage-local:{path}" for path in PATHS]
    assert done.summary == f"files in stage-local: 3 {'copied' if copy else 'moved'}, 0 there already, 0 failed"
    assert not done.failed


async def test_files_that_others_need_keep_their_folders(built: Scene) -> None:
    await built.put("dev-local:lib/deep/other.txt", "x")

    await built.promote("app", "42", targetRepo="stage-local")

    assert await built.folders("dev-local") == ["", "lib", "lib/deep"]


async def test_a_status_is_added_with_the_move(built: Scene) -> None:
    await built.promote(
        "app", "42", targetRepo="stage-local", status="staged", comment="to stage", ciUser="ci",
        timestamp="2016-02-11T18:30:24.825+0200",
    )  # fmt: skip

    assert await built.statuses("app", "42") == [
        {
            "status": "staged", "comment": "to stage", "repository": "stage-local", "user": "root", "ciUser": "ci",
            "timestamp": "2016-02-11T16:30:24.825+0000", "timestampDate": 1455208224825,
        }
    ]  # fmt: skip


async def test_times_of_statuses_are_unique(built: Scene) -> None:
    for _ in range(3):
        await built.promote("app", "42", status="x", timestamp=1455208224825)

    assert [status["timestampDate"] - 1455208224825 for status in await built.statuses("app", "42")] == [0, 1, 2]


async def test_times_of_statuses_are_unique_at_the_end_of_time_too(built: Scene) -> None:
    for _ in range(2):
        await built.promote("app", "42", status="x", timestamp=253402300799999)

    assert [status["timestampDate"] - 253402300799999 for status in await built.statuses("app", "42")] == [0, -1]


async def test_a_status_alone_moves_nothing(built: Scene) -> None:
    before = await built.tree()

    done = await built.promote("app", "42", status="released")

    assert await built.tree() == before
    assert [status["status"] for status in await built.statuses("app", "42")] == ["released"]
    assert (await built.statuses("app", "42"))[0]["repository"] == ""
    assert not done.failed


async def test_nothing_asked_is_nothing_done(built: Scene) -> None:
    before = await built.dump()

    done = await built.promote("app", "42")

    assert await built.dump() == before
    assert texts(done.messages, "INFO") == ["neither a target, nor a status, nor properties are named: nothing is done"]


async def test_properties_replace_values_of_the_same_key(built: Scene) -> None:
    await built.put("dev-local:c.txt", "c.txt", mark("app", "42") | {"a": ["0", "1"], "kept": ["k"]})

    await built.promote("app", "42", targetRepo="stage-local", properties={"a": ["1", "2"], "b": "3"})

    expected = mark("app", "42") | {"a": ["1", "2"], "b": ["3"]}
    assert await built.properties("stage-local:c.txt") == expected | {"kept": ["k"]}
    assert await built.properties("stage-local:lib/a.jar") == expected


async def test_properties_are_set_without_a_target(built: Scene) -> None:
    await built.promote("app", "42", properties={"a": ["1"]})

    assert await built.properties("dev-local:c.txt") == mark("app", "42") | {"a": ["1"]}


async def test_properties_of_the_build_stay(built: Scene) -> None:
    await built.promote("app", "42", targetRepo="stage-local", properties={"build.number": ["other"]})

    assert (await built.properties("stage-local:c.txt"))["build.number"] == ["other", "42"]


async def test_a_copy_keeps_the_properties_of_its_source(built: Scene) -> None:
    await built.promote("app", "42", targetRepo="stage-local", copy=True, properties={"a": "1"})

    assert await built.properties("dev-local:c.txt") == mark("app", "42")


async def test_a_promoted_build_is_found_where_it_went(built: Scene) -> None:
    await built.promote("app", "42", targetRepo="stage-local")
    await built.promote("app", "42", targetRepo="prod-local")

    assert await built.paths() == sorted(f"prod-local:{path}" for path in PATHS)


async def test_a_promotion_to_where_the_files_are_changes_no_place(built: Scene) -> None:
    before = await built.tree()

    done = await built.promote("app", "42", targetRepo="dev-local", properties={"key": ["v1", "v2"]})

    assert await built.tree() == before
    assert (await built.properties("dev-local:c.txt"))["key"] == ["v1", "v2"]
    assert done.summary == "files in dev-local: 0 moved, 3 there already, 0 failed"


async def test_virtual_repositories_stand_for_their_members_and_for_where_they_deploy(built: Scene) -> None:
    await built.virtual("all-virtual", "prod-local", "dev-local", deploy_to="stage-local")

    done = await built.promote("app", "42", sourceRepo="all-virtual", targetRepo="all-virtual", status="s")

    assert await built.paths() == sorted(f"stage-local:{path}" for path in PATHS)
    assert (await built.statuses("app", "42"))[0]["repository"] == "stage-local"
    assert texts(done.messages, "INFO")[0] == "move dev-local:lib/a.jar to stage-local:lib/a.jar"


async def test_dependencies_go_along_when_they_are_wanted(built: Scene) -> None:
    await built.repo("third-local")
    for name in ("compile.jar", "test.jar"):
        await built.put(f"third-local:{name}", name)
        await built.put(f"prod-local:old/{name}", name)
    listed = [
        dependency("compile.jar", "compile.jar", "compile", repository="third-local"),
        dependency("test.jar", "test.jar", "test", "runtime"),
        dependency("gone.jar", "gone", "test"),
    ]
    await built.publish("lib", "1", module(dependencies=listed))

    one = await built.promote(
        "lib", "1", targetRepo="stage-local", dependencies=True, scopes=["compile"], properties={"a": "1"}
    )
    both = await built.promote("lib", "1", targetRepo="stage-local", dependencies=True, copy=True)

    assert texts(one.messages, "INFO") == ["move third-local:compile.jar to stage-local:compile.jar"]
    assert await built.properties("stage-local:compile.jar") == {}
    assert texts(one.messages, "WARNING") == []
    assert texts(both.messages, "INFO") == [
        "stage-local:compile.jar is there already",
        "copy prod-local:old/test.jar to stage-local:old/test.jar",
    ]
    assert texts(both.messages, "WARNING") == ["the dependency gone.jar is not stored here; it is left out"]


async def test_a_run_without_artifacts_gets_its_status_and_a_warning(scene: Scene) -> None:
    await scene.publish("env", "1")

    done = await scene.promote("env", "1", targetRepo="stage-local", status="ok")

    assert texts(done.messages, "WARNING") == ["the build has nothing to promote"]
    assert [status["status"] for status in await scene.statuses("env", "1")] == ["ok"]


@pytest.mark.parametrize(
    "fields",
    [
        {"targetRepo": "stage-local", "copy": True, "status": "s", "properties": {"a": "1"}},
        {"targetRepo": "stage-local", "status": "s"},
        {"targetRepo": "prod-local", "failFast": False},
        {"properties": {"a": "1"}},
    ],
)
async def test_a_dry_run_predicts_and_leaves_every_row(built: Scene, fields: dict[str, Any]) -> None:
    await built.put("stage-local:c.txt", "c.txt")
    await built.put("stage-local:lib/a.jar", "other bytes")
    await built.put("prod-local:lib", "a file where a folder is needed")
    before, stored = await built.dump(), built.stored()

    predicted = await built.promote("app", "42", **fields, dryRun=True)

    assert await built.dump() == before
    assert built.stored() == stored
    done = await built.promote("app", "42", **fields)
    assert (done.messages, done.summary, done.failed) == (predicted.messages, predicted.summary, predicted.failed)
    assert await built.dump() != before


class Severed:
    """A database that commits, and whose answer is lost."""

    def __init__(self, db: Alterable) -> None:
        self.db = db

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)

    async def alter(self, tx: Tx[T]) -> T:
        await self.db.alter(tx)
        raise ConnectionError


async def test_bytes_that_rows_may_name_stay_when_the_answer_of_the_database_is_lost(built: Scene) -> None:
    db = built.db
    built.db = Severed(db)
    with pytest.raises(ConnectionError):
        await built.promote("app", "42", status="tested")
    built.db = db

    assert [one["status"] for one in await built.statuses("app", "42")] == ["tested"]


async def test_a_dry_run_refuses_as_the_promotion_does(built: Scene) -> None:
    await built.remove("dev-local:c.txt")

    predicted = await refused(built, Invalid, targetRepo="stage-local", dryRun=True)
    error = await refused(built, Invalid, targetRepo="stage-local")

    assert (error.message, error.details) == (predicted.message, predicted.details)


async def test_what_is_replaced_leaves_no_trace(built: Scene) -> None:
    await built.put("stage-local:c.txt", "old", {"old": ["1"]})

    await built.promote("app", "42", targetRepo="stage-local")

    assert (await built.tree("stage-local"))["stage-local:c.txt"] == sums("c.txt").sha256
    assert await built.properties("stage-local:c.txt") == mark("app", "42")


@pytest.mark.parametrize(
    ("fields", "kind", "said"),
    [
        ({"targetRepo": "nowhere"}, Invalid, "targetRepo: there is no repository nowhere"),
        ({"sourceRepo": "nowhere", "targetRepo": "stage-local"}, Invalid, "sourceRepo: there is no repository nowhere"),
        ({"targetRepo": "empty-virtual"}, Invalid, "targetRepo: the virtual repository empty-virtual has no default"),
        ({"targetRepo": "artifactory-build-info"}, Invalid, "is kept by the server"),
        ({"sourceRepo": "artifactory-build-info", "targetRepo": "stage-local"}, Invalid, "is kept by the server"),
    ],
)
async def test_repositories_that_cannot_be_used(
    built: Scene, fields: dict[str, Any], kind: type[AppError], said: str
) -> None:
    await built.virtual("empty-virtual")

    error = await refused(built, kind, **fields)

    assert said in error.message
    assert said in (await refused(built, kind, **fields, failFast=False)).message


async def test_an_unknown_build_is_not_found(built: Scene) -> None:
    with pytest.raises(NotFound, match=r"Build 'app' #7 not found in 'artifactory-build-info'"):
        await built.promote("app", "7", targetRepo="stage-local")
    with pytest.raises(NotFound, match=r"Build 'app' #42 not found in 'proj-build-info'"):
        await built.promote("app", "42", targetRepo="stage-local", project="proj")


async def test_the_right_on_the_build_is_asked_before_the_build_is_looked_for(built: Scene) -> None:
    nobody = visitor()
    nobody = type(nobody)(nobody.user, nobody.by, type(nobody.rights)())
    for number in ("42", "7"):
        with pytest.raises(Forbidden, match="the right promote is needed on artifactory-build-info:app/"):
            await built.promote("app", number, by=nobody, status="s")


async def test_who_may_not_know_of_a_repository_is_not_told_whether_it_is_there(built: Scene) -> None:
    for key in ("prod-local", "nowhere"):
        error = await refused(built, Forbidden, by=BOB, targetRepo=key)
        assert error.message == f"Forbidden: the right promote is needed on {key}"
        error = await refused(built, Forbidden, by=BOB, sourceRepo=key, targetRepo="stage-local")
        assert error.message == f"Forbidden: the right read is needed on {key}"


async def test_the_right_to_promote_is_enough_on_the_target(built: Scene) -> None:
    done = await built.promote("app", "42", by=BOB, targetRepo="stage-local", properties={"a": "1"})

    assert done.summary == "files in stage-local: 3 moved, 0 there already, 0 failed"


async def test_files_that_may_not_be_read_are_not_told_of(built: Scene) -> None:
    eve = visitor(("stage-local", ["promote"]))

    error = await refused(built, Forbidden, by=eve, targetRepo="stage-local")

    assert "3 rights are missing: read on dev-local:lib/a.jar, read on" in error.message
    await built.repo("secret-local")
    await built.put("secret-local:hidden/place.jar", "hidden", mark("lib", "1"))
    await built.publish("lib", "1", module(loose("x.jar", "hidden")))
    with pytest.raises(Invalid) as raised:
        await built.promote("lib", "1", by=eve, targetRepo="stage-local")
    assert "1 of 1 artifacts were not found: x.jar" in raised.value.message
    assert "secret" not in raised.value.message


async def test_a_refusal_holds_messages(built: Scene) -> None:
    await built.remove("dev-local:c.txt")

    error = await refused(built, Invalid, targetRepo="stage-local", status="s")

    words = "1 of 3 artifacts were not found: dev-local:c.txt"
    assert error.message == f"{words}; the promotion of 'app' #42 was aborted, nothing was changed"
    assert error.details == {"messages": [{"level": "ERROR", "message": words}]}


async def test_without_fail_fast_the_rest_is_done(built: Scene) -> None:
    await built.remove("dev-local:c.txt")
    await built.put("stage-local:lib", "a file")

    done = await built.promote("app", "42", targetRepo="stage-local", failFast=False, status="s", copy=True)

    assert done.failed
    assert texts(done.messages, "ERROR") == [
        "stage-local:lib is a file, so nothing can be below it: lib/a.jar",
        "stage-local:lib is a file, so nothing can be below it: lib/deep/b.jar",
        "the artifact dev-local:c.txt was not found",
    ]
    assert [status["status"] for status in await built.statuses("app", "42")] == ["s"]
    assert (await refused(built, Conflict, targetRepo="stage-local")).message.startswith("2 files cannot be put: ")


async def test_a_promotion_is_kept_and_is_a_moment(built: Scene) -> None:
    done = await built.promote("app", "42", targetRepo="stage-local", status="s", comment="c", ciUser="ci")

    kept = await built.promotions("app", "42")
    assert [(one.id, one.by_name, one.target, one.status, one.result, one.files) for one in kept] == [
        (done.id, "root", "stage-local", "s", "success", 3)
    ]
    [moment] = built.moments
    assert isinstance(moment, Change)
    assert (moment.verb, moment.subject) == ("build_info.promote", "artifactory-build-info/app#42")
    assert moment.after["files"] == 3
    assert moment.by.name == "root"


async def test_names_with_slashes_unicode_and_markup_are_promoted(scene: Scene) -> None:
    path = "ü/日本/a'b\"<c>%25;x=1 #.txt"
    await scene.put(f"dev-local:{path}", "x", mark("team/ü", "rel/1"))
    await scene.publish("team/ü", "rel/1", module(artifact(path, "x")))

    await scene.promote("team/ü", "rel/1", targetRepo="stage-local", status="s")

    assert await scene.paths() == [f"stage-local:{path}"]
