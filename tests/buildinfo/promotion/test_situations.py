"""Situations in which people got stuck elsewhere, and what a promotion does here."""

from typing import Any

import pytest

from app.buildinfo import document
from app.errors import Forbidden, Invalid, TooLarge
from tests.buildinfo.promotion.farside import NOW, Scene, artifact, loose, mark, module, sums, texts, visitor


async def _upload(scene: Scene, name: str, number: str, *paths: str, repo: str = "dev-local") -> None:
    """Files that a build uploaded; the bytes of a file are its path."""
    for path in paths:
        await scene.put(f"{repo}:{path}", path, mark(name, number))


async def test_of_several_runs_of_a_number_the_newest_is_promoted(scene: Scene) -> None:
    await _upload(scene, "app", "7", "old", "new")
    await scene.publish("app", "7", module(artifact("new", "new")), started=NOW + 5000)
    await scene.publish("app", "7", module(artifact("old", "old")), started=NOW)

    done = await scene.promote("app", "7", targetRepo="stage-local")

    assert await scene.paths("stage-local") == ["stage-local:new"]
    assert texts(done.messages, "WARNING") == [
        "there is one other run of 7, which began at 2023-11-14T22:13:20.000+0000; the newest is promoted, which began"
        " at 2023-11-14T22:13:25.000+0000"
    ]


async def test_the_runs_that_a_build_aggregates_are_promoted_each_once(scene: Scene) -> None:
    parts = {"linux": ["lib/3"], "mac": [], "lib": ["all/9"]}
    for name, number in (("linux", "9"), ("mac", "9"), ("lib", "3")):
        await _upload(scene, name, number, f"{name}.bin")
        modules = [module(id=part, type="build") for part in parts[name]]
        await scene.publish(name, number, module(artifact(f"{name}.bin", f"{name}.bin")), *modules)
    await scene.publish("all", "9", *(module(id=part, type="build") for part in ("linux/9", "mac/9", "linux/9")))

    await scene.promote("all", "9", targetRepo="stage-local", status="done")

    assert await scene.paths() == [f"stage-local:{name}.bin" for name in ("lib", "linux", "mac")]
    assert await scene.properties("stage-local:lib.bin") == mark("lib", "3")
    assert [len(await scene.statuses(name, "9")) for name in ("all", "linux", "mac")] == [1, 0, 0]


async def test_an_aggregated_build_that_is_not_known_is_like_an_artifact_that_is_not_found(scene: Scene) -> None:
    await _upload(scene, "linux", "9", "linux.bin")
    await scene.publish("linux", "9", module(artifact("linux.bin", "linux.bin")), module(id="team/lib/3", type="build"))
    await scene.publish("all", "9", module(id="linux/9", type="build"))

    with pytest.raises(Invalid, match="1 of 2 artifacts were not found: the build team/lib/3"):
        await scene.promote("all", "9", targetRepo="stage-local")
    done = await scene.promote("all", "9", targetRepo="stage-local", failFast=False)

    assert await scene.paths() == ["stage-local:linux.bin"]
    assert done.failed
    await _upload(scene, "team/lib", "3", "lib.bin")
    await scene.publish("team/lib", "3", module(artifact("lib.bin", "lib.bin")))
    await scene.promote("all", "9", targetRepo="prod-local")
    assert await scene.paths() == ["prod-local:lib.bin", "prod-local:linux.bin"]


async def test_an_aggregated_build_that_the_caller_may_not_read_is_not_told_of(scene: Scene) -> None:
    await scene.publish("lib", "3", module(artifact("secret", "secret")))
    await scene.publish("all", "9", module(id="lib/3", type="build"))
    bob = visitor(("dev-local", ["read", "delete"]), ("stage-local", ["promote"]))
    grants = tuple(
        grant if grant.section != "build" else type(grant)(grant.repositories, grant.actions, ("all/**",), (), "build")
        for grant in bob.rights.grants
    )
    bob = type(bob)(bob.user, bob.by, type(bob.rights)(grants=grants))

    with pytest.raises(Invalid, match="1 of 1 artifacts were not found: the build lib/3;"):
        await scene.promote("all", "9", by=bob, targetRepo="stage-local")


async def test_one_entry_for_two_files_of_the_same_bytes_promotes_both(scene: Scene) -> None:
    for where in ("dev-local:x/1/t.txt", "dev-local:x/2/t.txt", "prod-local:backup/t.txt"):
        await scene.put(where, "B1", mark("app", "1"))
    await scene.publish("app", "1", module(loose("t.txt", "B1", originalDeploymentRepo="dev-local")))

    await scene.promote("app", "1", targetRepo="stage-local")

    assert await scene.paths() == ["prod-local:backup/t.txt", "stage-local:x/1/t.txt", "stage-local:x/2/t.txt"]


async def test_two_entries_with_paths_have_each_their_own_file(scene: Scene) -> None:
    for path in ("x/1/t.txt", "x/2/t.txt", "x/3/t.txt"):
        await scene.put(f"dev-local:{path}", "B1", mark("app", "1"))
    await scene.publish("app", "1", module(artifact("x/1/t.txt", "B1"), artifact("x/2/t.txt", "B1")))

    await scene.promote("app", "1", targetRepo="stage-local")
    await scene.promote("app", "1", targetRepo="prod-local")

    assert await scene.paths() == ["dev-local:x/3/t.txt", "prod-local:x/1/t.txt", "prod-local:x/2/t.txt"]


async def test_a_file_that_a_later_build_made_the_same_belongs_to_both(scene: Scene) -> None:
    await scene.publish("app", "42", module(artifact("lib/a.jar", "B1")))
    await scene.put("dev-local:lib/a.jar", "B1", mark("app", "43"))
    await scene.publish("app", "43", module(artifact("lib/a.jar", "B1")))

    await scene.promote("app", "42", targetRepo="stage-local")
    await scene.promote("app", "43", targetRepo="prod-local")
    await scene.promote("app", "42", targetRepo="stage-local")

    assert await scene.paths() == ["stage-local:lib/a.jar"]
    assert (await scene.properties("stage-local:lib/a.jar"))["build.number"] == ["43", "42"]


async def test_other_bytes_at_the_place_of_an_artifact_are_told_of(scene: Scene) -> None:
    await scene.publish("app", "42", module(artifact("lib/a.jar", "B1")))
    await scene.put("dev-local:lib/a.jar", "B2", mark("app", "43"))

    with pytest.raises(Invalid, match=r"dev-local:lib/a\.jar: the path holds other bytes"):
        await scene.promote("app", "42", targetRepo="stage-local")


async def test_artifacts_that_do_not_say_where_they_are_are_found_by_properties(scene: Scene) -> None:
    await _upload(scene, "app", "1", "deep/a.jar", "b.jar")
    await scene.put("dev-local:c.jar", "deep/a.jar")
    await scene.publish("app", "1", module(loose("a.jar", "deep/a.jar"), loose("b.jar", "b.jar")))

    await scene.promote("app", "1", targetRepo="stage-local")

    assert await scene.paths() == ["dev-local:c.jar", "stage-local:b.jar", "stage-local:deep/a.jar"]


async def test_when_twelve_of_three_hundred_are_gone_ten_are_named(scene: Scene) -> None:
    paths = [f"d/{number:03}" for number in range(300)]
    await _upload(scene, "app", "1", *paths[12:])
    await scene.publish("app", "1", module(*(artifact(path, path) for path in paths)))
    before = await scene.dump()

    with pytest.raises(Invalid) as raised:
        await scene.promote("app", "1", targetRepo="stage-local", status="s")

    named = ", ".join(f"dev-local:d/{number:03}" for number in range(10))
    assert raised.value.message.startswith(f"12 of 300 artifacts were not found: {named}, and 2 more; the promotion")
    assert await scene.dump() == before


async def test_a_target_that_refuses_every_file_is_an_error_for_each(scene: Scene) -> None:
    await _upload(scene, "app", "1", "a", "b")
    await scene.publish("app", "1", module(artifact("a", "a"), artifact("b", "b")))
    bob = visitor(("dev-local", ["read", "delete"]))

    done = await scene.promote("app", "1", by=bob, targetRepo="stage-local", failFast=False)

    assert texts(done.messages, "ERROR") == [
        f"Forbidden: the right promote is needed on stage-local:{path}" for path in ("a", "b")
    ]
    assert done.failed


@pytest.mark.parametrize("fail_fast", [True, False])
@pytest.mark.parametrize("target", ["stage-local", "hidden-virtual", "closed-virtual"])
async def test_a_target_that_is_hidden_looks_like_one_that_is_not_there(
    scene: Scene, target: str, fail_fast: bool
) -> None:
    await _upload(scene, "app", "1", "a")
    await scene.publish("app", "1", module(artifact("a", "a")))
    await scene.put("stage-local:a", "a")
    await scene.virtual("hidden-virtual", "stage-local", deploy_to="stage-local")
    await scene.virtual("closed-virtual", "stage-local")
    bob = visitor(("dev-local", ["read", "delete"]))

    async def told(key: str) -> str:
        asked: dict[str, Any] = {"targetRepo": key, "failFast": fail_fast, "dryRun": True}
        try:
            done = await scene.promote("app", "1", by=bob, **asked)
        except Forbidden as error:
            return error.message.replace(key, "KEY")
        return str((done.messages, done.summary, done.failed)).replace(key, "KEY")

    assert await told(target) == await told("nowhere")


async def test_a_status_that_would_make_the_file_of_a_run_too_long_is_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "STORED", 2000)
    await scene.publish("app", "1", module())
    await scene.promote("app", "1", status="a")
    before, stored = await scene.dump(), scene.stored()

    with pytest.raises(TooLarge, match="at most 2000 are kept: publish a new run"):
        await scene.promote("app", "1", status="b", comment="c" * 2000)

    assert await scene.dump() == before
    assert scene.stored() == stored


async def test_statuses_at_the_last_moment_that_can_be_told(scene: Scene) -> None:
    await scene.publish("app", "1", module())
    last = "9999-12-31T23:59:59.999+0000"

    for status in ("a", "b"):
        await scene.promote("app", "1", status=status, timestamp=last)

    times = [status["timestamp"] for status in await scene.statuses("app", "1")]
    assert sorted(times) == ["9999-12-31T23:59:59.998+0000", last]


async def test_the_same_bytes_in_a_release_repository_count_as_promoted(scene: Scene) -> None:
    await _upload(scene, "app", "1", "stamp", "a")
    await scene.publish("app", "1", module(artifact("stamp", "stamp"), artifact("a", "a")))
    await scene.put("prod-local:stamp", "stamp", {"old": ["1"]})
    bob = visitor(("dev-local", ["read", "delete"]), ("prod-local", ["promote"]))

    done = await scene.promote("app", "1", by=bob, targetRepo="prod-local", properties={"p": "1"})

    assert texts(done.messages, "INFO") == ["prod-local:stamp is there already", "move dev-local:a to prod-local:a"]
    assert await scene.paths() == ["prod-local:a", "prod-local:stamp"]
    assert await scene.properties("prod-local:stamp") == {"old": ["1"], "p": ["1"], **mark("app", "1")}


async def test_other_bytes_in_a_release_repository_need_the_right_to_delete(scene: Scene) -> None:
    await _upload(scene, "app", "1", "stamp")
    await scene.publish("app", "1", module(artifact("stamp", "stamp")))
    await scene.put("prod-local:stamp", "other")
    bob = visitor(("dev-local", ["read", "delete"]), ("prod-local", ["promote"]))

    with pytest.raises(Forbidden, match="the right delete is needed on prod-local:stamp"):
        await scene.promote("app", "1", by=bob, targetRepo="prod-local")


@pytest.mark.parametrize("status", ["", "released"])
async def test_the_same_call_again_finds_what_the_first_has_moved(scene: Scene, status: str) -> None:
    await _upload(scene, "app", "1", "x/a", "x/b")
    await scene.put("dev-local:l", "l", mark("app", "1"))
    listed = module(artifact("x/a", "x/a"), artifact("x/b", "x/b"), loose("l", "l"))
    await scene.publish("app", "1", listed)
    call: dict[str, Any] = {"sourceRepo": "dev-local", "targetRepo": "prod-local", "status": status}

    await scene.promote("app", "1", **call)
    done = await scene.promote("app", "1", **call)

    assert await scene.paths() == ["prod-local:l", "prod-local:x/a", "prod-local:x/b"]
    assert done.summary == "files in prod-local: 0 moved, 3 there already, 0 failed"
    assert len(await scene.statuses("app", "1")) == (2 if status else 0)


async def test_files_of_another_project_s_build_of_the_same_name_are_never_touched(scene: Scene) -> None:
    for project, repo in (("one", "dev-local"), ("two", "prod-local")):
        said = mark("app", "1", **{"build.repo": f"{project}-build-info"})
        await scene.put(f"{repo}:{project}/a", "B1", said)
        await scene.publish("app", "1", module(loose("a", "B1")), project=project)

    await scene.promote("app", "1", targetRepo="stage-local", project="two")

    assert await scene.paths() == ["dev-local:one/a", "stage-local:two/a"]


async def test_patterns_of_the_target_hold_for_promotions(scene: Scene) -> None:
    await scene.repo("release-local", excludes="**/*-SNAPSHOT/**")
    await _upload(scene, "app", "1", "app/1-SNAPSHOT/a", "app/1/a")
    paths = ("app/1-SNAPSHOT/a", "app/1/a")
    await scene.publish("app", "1", module(*(artifact(path, path) for path in paths)))

    with pytest.raises(Exception, match=r"release-local does not take app/1-SNAPSHOT/a: its exclude pattern"):
        await scene.promote("app", "1", targetRepo="release-local")
    await scene.promote("app", "1", targetRepo="release-local", failFast=False)

    assert await scene.paths("release-local") == ["release-local:app/1/a"]


async def test_an_immutable_target_says_which_bytes_it_keeps(scene: Scene) -> None:
    await scene.repo("release-local", immutable=True)
    await scene.put("release-local:a", "first")
    await _upload(scene, "app", "1", "a")
    await scene.publish("app", "1", module(artifact("a", "a")))

    with pytest.raises(Exception, match=rf"{sums('first').sha256}, put by ada.*{sums('a').sha256} is refused"):
        await scene.promote("app", "1", targetRepo="release-local")
