"""A stage that a docker runner would refuse ends as error when it is started; the other stages run."""

from dataclasses import replace
from typing import Any

from app.builds import approval, flow, stop
from app.builds.model import ERROR_LIMIT
from tests.builds.farside import HOOK, NOW, OCTOCAT, Scene, heard, pipeline, pushed

FAULT = 'linter: invalid or missing image (.drone.yml:1: "one" needs an image to run in; type: exec runs without)'


def faulty(name: str, **keys: Any) -> str:
    """A docker pipeline whose step lacks an image."""
    return pipeline(name, **({"type": "docker"} | keys))


async def test_a_pipeline_that_the_event_does_not_start_harms_nobody(scene: Scene) -> None:
    build = await scene.push(faulty("out", trigger={"event": ["tag"]}), pipeline("in"))

    assert [(stage.name, stage.status) for stage in build.stages] == [("in", "pending")]


async def test_a_stage_with_a_fault_is_an_error_and_the_others_run(scene: Scene) -> None:
    scene.clock.time = NOW + 3
    build = await scene.push(faulty("bad"), pipeline("good"))

    bad, good = build.stages
    assert (build.status, bad.status, bad.error, bad.exit_code) == ("pending", "error", FAULT, 255)
    assert (bad.started, bad.stopped, good.status) == (NOW + 3, NOW + 3, "pending")
    assert await scene.build(1) == build

    await scene.run(good)

    assert await scene.statuses(1) == {"": "error", "bad": "error", "good": "success"}


async def test_a_build_of_such_stages_alone_is_over_at_once(scene: Scene) -> None:
    build = await scene.push(faulty("a"), faulty("b"), pipeline("c", depends_on=["a"]))

    assert (build.status, build.finished) == ("error", NOW)
    assert await scene.statuses(1) == {"": "error", "a": "error", "b": "error", "c": "skipped"}
    assert await scene.build(1) == build


async def test_a_stage_that_waits_becomes_an_error_when_it_is_started(scene: Scene) -> None:
    build = await scene.push(
        pipeline("first"),
        faulty("bad", depends_on=["first"]),
        pipeline("undo", depends_on=["bad"], trigger={"status": ["failure"]}),
        pipeline("after", depends_on=["bad"]),
    )
    assert [stage.status for stage in build.stages] == ["pending", *["waiting_on_dependencies"] * 3]

    scene.clock.time = NOW + 5
    await scene.run(build.stages[0])

    statuses = await scene.statuses(1)
    assert statuses == {"": "running", "first": "success", "bad": "error", "undo": "pending", "after": "skipped"}
    bad = await scene.stage(1, "bad")
    assert (bad.error[:30], bad.exit_code, bad.started, bad.stopped) == (FAULT[:30], 255, NOW + 5, NOW + 5)


async def test_a_stage_that_is_never_started_has_no_error(scene: Scene) -> None:
    build = await scene.push(pipeline("first"), faulty("bad", depends_on=["first"]))

    await scene.run(build.stages[0], "failure")

    assert await scene.statuses(1) == {"": "failure", "first": "failure", "bad": "skipped"}
    assert (await scene.stage(1, "bad")).error == ""


async def test_a_cancelled_stage_has_no_error(scene: Scene) -> None:
    await scene.push(pipeline("first"), faulty("bad", depends_on=["first"]))

    await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)

    bad = await scene.stage(1, "bad")
    assert (bad.status, bad.error) == ("skipped", "")


async def test_a_blocked_stage_becomes_an_error_when_it_is_approved(scene: Scene) -> None:
    repo = replace(scene.repo, protected=True)
    sha = scene.host.add(faulty("bad") + "\n---\n" + faulty("later", depends_on=["bad"]) + "\n---\n" + pipeline("good"))
    build = await flow.start(scene.ports, repo, pushed(repo, sha), "build.push", HOOK)
    assert [stage.status for stage in build.stages] == ["blocked"] * 3

    await approval.approve(scene.ports, scene.repo, 1, OCTOCAT)

    assert await scene.statuses(1) == {"": "pending", "bad": "error", "later": "skipped", "good": "pending"}
    assert (await scene.stage(1, "bad")).exit_code == 255


async def test_a_declined_stage_has_no_error(scene: Scene) -> None:
    sha = scene.host.add(faulty("bad"))
    repo = replace(scene.repo, protected=True)
    await flow.start(scene.ports, repo, pushed(repo, sha), "build.push", HOOK)

    await approval.decline(scene.ports, scene.repo, 1, OCTOCAT)

    bad = await scene.stage(1, "bad")
    assert (bad.status, bad.error) == ("declined", "")


async def test_runners_are_told_of_the_stages_that_wait_beside_a_fault(scene: Scene) -> None:
    with scene.ports.moments.waiting.subscribe() as waiting:
        build = await scene.push(faulty("bad"), pipeline("good"))
        assert await heard(waiting) == build.id


async def test_a_long_list_of_faults_is_cut(scene: Scene) -> None:
    steps = [{"name": f"step-{number}", "commands": "odd"} for number in range(200)]

    build = await scene.push(faulty("bad", steps=steps))

    assert 0 < len(build.stages[0].error.encode()) <= ERROR_LIMIT
    assert await scene.build(1) == build
