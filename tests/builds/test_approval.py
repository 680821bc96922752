"""Cancel, approve, decline (contract drone-rpc 11; recorded: lifecycle.json)."""

import asyncio
from dataclasses import replace

import pytest

from app.builds import approval as control
from app.builds import progress, stop
from app.builds.model import Stage
from app.errors import Conflict, Invalid, NotFound
from tests.builds.farside import NOW, OCTOCAT, RUNNER, Scene, ended, heard, pipeline

CHAIN = pipeline("build"), pipeline("deploy", depends_on=["build"])


async def approve(scene: Scene, stage: int | None, number: int = 1) -> None:
    await control.approve(scene.ports, scene.repo, number, OCTOCAT, stage)


async def decline(scene: Scene, stage: int | None, number: int = 1) -> None:
    await control.decline(scene.ports, scene.repo, number, OCTOCAT, stage)


async def blocked(scene: Scene, name: str) -> Stage:
    """A stage that now waits for approval."""
    stage = await scene.stage(1, name)
    await scene.set(stage, status="blocked")
    return stage


async def test_a_cancel_of_a_running_build_ends_everything_as_recorded(scene: Scene) -> None:
    build = await scene.push(*CHAIN)
    running = await scene.start(build.stages[0], "done", "now", "later")
    await scene.step(await scene.step(running.steps[0], "running"), "success")
    await scene.step(running.steps[1], "running")
    scene.clock.time = NOW + 10

    cancelled = await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)

    assert (cancelled.status, cancelled.version, cancelled.started, cancelled.finished) == (
        "killed",
        3,
        NOW,
        NOW + 10,
    )
    first, second = cancelled.stages
    assert (first.status, first.version, first.started, first.stopped) == ("killed", 4, NOW + 1, NOW + 10)
    assert (second.status, second.version, second.started, second.stopped) == ("skipped", 2, NOW + 10, NOW + 10)
    assert [(step.status, step.exit_code, step.version, step.stopped) for step in first.steps] == [
        ("success", 0, 3, 0),
        ("killed", 130, 3, NOW + 10),
        ("skipped", 130, 2, NOW + 10),
    ]
    assert await scene.build(1) == cancelled


async def test_a_cancel_of_a_pending_build_skips_its_stages(scene: Scene) -> None:
    await scene.push(*CHAIN)
    scene.clock.time = NOW + 10

    cancelled = await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)

    assert (cancelled.status, cancelled.version) == ("killed", 2)
    assert cancelled.started == cancelled.finished == NOW + 10
    assert [stage.status for stage in cancelled.stages] == ["skipped", "skipped"]
    assert await scene.queued() == []


async def test_a_cancel_of_what_is_over_changes_and_tells_nothing(scene: Scene) -> None:
    await scene.run((await scene.push()).stages[0])
    before = await scene.build(1)
    scene.clock.time = NOW + 10

    with scene.ports.moments.watched.subscribe() as changes:
        assert await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT) == before
        scene.ports.moments.watched.close()
        assert await heard(changes) is None

    assert await scene.build(1) == before


async def test_an_unknown_build_cannot_be_cancelled(scene: Scene) -> None:
    with pytest.raises(NotFound, match="build 3 not found"):
        await stop.cancel(scene.ports, scene.repo, 3, OCTOCAT)


async def test_a_cancel_tells_runners_queue_and_readers(scene: Scene) -> None:
    build = await scene.push()
    running = await scene.start(build.stages[0], "one")
    await scene.step(running.steps[0], "running")
    ports = scene.ports

    with (
        ports.moments.over.subscribe() as over,
        ports.moments.waiting.subscribe() as queued,
        ports.moments.watched.subscribe() as changes,
    ):
        cancelled = await stop.cancel(ports, scene.repo, 1, OCTOCAT)

        assert await heard(over) == build.id
        assert await heard(queued) == build.id
        change = await heard(changes)

    assert change is not None
    assert change.build == cancelled
    assert [line async for line in ports.logs.follow(running.steps[0].id)] == []


async def test_many_cancels_at_one_moment_are_one(scene: Scene) -> None:
    await scene.start((await scene.push()).stages[0], "one")

    answers = await asyncio.gather(*(stop.cancel(scene.ports, scene.repo, 1, OCTOCAT) for _ in range(10)))

    assert answers == [answers[0]] * 10
    assert answers[0].version == 3


async def test_an_approved_stage_is_queued(scene: Scene) -> None:
    build = await scene.push(*CHAIN)
    await blocked(scene, "build")

    with scene.ports.moments.waiting.subscribe() as queued:
        await approve(scene, 1)
        assert await heard(queued) == build.id

    assert await scene.queued() == ["build"]
    assert (await scene.stage(1, "build")).version == 2


async def test_an_approved_stage_still_waits_for_its_dependencies(scene: Scene) -> None:
    await scene.push(*CHAIN)
    await blocked(scene, "deploy")

    await approve(scene, 2)

    assert (await scene.stage(1, "deploy")).status == "waiting_on_dependencies"


async def test_an_approved_stage_runs_at_once_when_its_dependencies_are_over(scene: Scene) -> None:
    build = await scene.push(*CHAIN)
    await blocked(scene, "deploy")
    await scene.run(build.stages[0])
    assert await scene.statuses(1) == {"": "running", "build": "success", "deploy": "blocked"}

    await approve(scene, 2)

    assert await scene.queued() == ["deploy"]


async def test_an_approved_stage_that_waited_in_vain_is_skipped_and_ends_the_build(scene: Scene) -> None:
    build = await scene.push(*CHAIN)
    await blocked(scene, "deploy")
    await scene.run(build.stages[0], "failure")

    with scene.ports.moments.over.subscribe() as over:
        await approve(scene, 2)
        assert await heard(over) == (await scene.build(1)).id

    assert await scene.statuses(1) == {"": "failure", "build": "failure", "deploy": "skipped"}


async def test_a_declined_stage_declines_its_build_and_leaves_the_others(scene: Scene) -> None:
    await scene.push(pipeline("a"), pipeline("b"))
    await blocked(scene, "a")

    await decline(scene, 1)

    build = await scene.build(1)
    assert await scene.statuses(1) == {"": "declined", "a": "declined", "b": "pending"}
    assert (build.version, build.started, build.finished) == (2, 0, 0)
    assert (build.stages[0].version, build.stages[0].started, build.stages[0].stopped) == (2, 0, 0)


async def test_the_reason_of_a_decline_stands_with_its_stages_and_in_the_moment(scene: Scene) -> None:
    await scene.push(pipeline("a"), pipeline("b"))
    await blocked(scene, "a")

    with scene.ports.moments.watched.subscribe() as changes:
        await control.decline(scene.ports, scene.repo, 1, OCTOCAT, reason=" not\0 before Monday\n")
        change = await heard(changes)

    assert change is not None
    assert change.after == {"status": "declined", "stages": ["a"], "reason": "not\ufffd before Monday"}
    assert [stage.error for stage in (await scene.build(1)).stages] == ["not\ufffd before Monday", ""]


async def test_a_reason_that_is_too_long_declines_nothing(scene: Scene) -> None:
    await scene.push(pipeline("a"))
    await blocked(scene, "a")

    with pytest.raises(Invalid, match="the reason has 501 bytes; at most 500 are kept"):
        await control.decline(scene.ports, scene.repo, 1, OCTOCAT, reason="é" * 250 + "!")

    assert await scene.statuses(1) == {"": "pending", "a": "blocked"}


async def test_a_declined_build_stays_declined_when_its_other_stages_end(scene: Scene) -> None:
    build = await scene.push(pipeline("a"), pipeline("b"))
    await blocked(scene, "a")
    await decline(scene, 1)

    await scene.run(build.stages[1])

    assert await scene.statuses(1) == {"": "declined", "a": "declined", "b": "success"}


async def test_the_end_of_one_stage_of_a_declined_build_does_not_stop_another(scene: Scene) -> None:
    build = await scene.push(pipeline("a"), pipeline("b"), pipeline("c"))
    await blocked(scene, "a")
    await decline(scene, 1)

    with scene.ports.moments.over.subscribe() as over:
        await scene.run(build.stages[1])
        scene.ports.moments.over.publish(-1)
        assert await heard(over) == -1


async def test_what_still_runs_of_a_declined_build_can_be_cancelled(scene: Scene) -> None:
    build = await scene.push(pipeline("a"), pipeline("b"))
    await scene.start(build.stages[1], "one")
    await blocked(scene, "a")
    await decline(scene, 1)

    with scene.ports.moments.over.subscribe() as over:
        await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)
        assert await heard(over) == build.id

    assert await scene.statuses(1) == {"": "declined", "a": "declined", "b": "killed"}


@pytest.mark.parametrize("status", ["pending", "running", "waiting_on_dependencies", "success", "declined", "skipped"])
async def test_only_a_blocked_stage_is_approved_or_declined(scene: Scene, status: str) -> None:
    stage = (await scene.push()).stages[0]
    await scene.set(stage, status=status)

    with pytest.raises(Invalid, match=f'Cannot approve a Pipeline with Status "{status}"'):
        await approve(scene, 1)
    with pytest.raises(Invalid, match=f'Cannot decline build with status "{status}"'):
        await decline(scene, 1)

    build = await scene.build(1)
    assert (build.status, build.stages[0].status, build.stages[0].version) == ("pending", status, 1)


async def test_what_is_not_there_is_named(scene: Scene) -> None:
    await scene.push()

    for verb in (approve, decline):
        with pytest.raises(NotFound, match="Stage not found"):
            await verb(scene, 2)
        with pytest.raises(NotFound, match="build 5 not found"):
            await verb(scene, 1, 5)


async def test_an_approval_and_a_refusal_at_one_moment_have_one_outcome(scene: Scene) -> None:
    await scene.push()
    await blocked(scene, "default")

    outcomes = await asyncio.gather(approve(scene, 1), decline(scene, 1), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Invalid", "NoneType"]
    assert await scene.statuses(1) in ({"": "pending", "default": "pending"}, {"": "declined", "default": "declined"})


async def test_a_cancel_takes_what_was_blocked_with_it(scene: Scene) -> None:
    build = await scene.push(pipeline("a"), pipeline("b"))
    await blocked(scene, "a")
    running = await scene.start(build.stages[1], "one")

    await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)

    assert await scene.statuses(1) == {"": "killed", "a": "skipped", "b": "killed"}
    with pytest.raises(Invalid):
        await approve(scene, 1)
    with pytest.raises(Conflict):
        await progress.update_stage(scene.ports, ended(replace(running, steps=()), "killed"), RUNNER)


async def test_a_whole_build_is_approved_but_for_what_was_decided_already(scene: Scene) -> None:
    await scene.push(*CHAIN, pipeline("other"), pipeline("refused"))
    for name in ("build", "deploy", "refused"):
        await blocked(scene, name)
    await decline(scene, 4)

    with scene.ports.moments.watched.subscribe() as changes:
        await approve(scene, None)
        change = await heard(changes)

    assert change is not None
    assert change.build == await scene.build(1)
    assert await scene.statuses(1) == {
        "": "declined",
        "build": "pending",
        "deploy": "waiting_on_dependencies",
        "other": "pending",
        "refused": "declined",
    }
    assert (await scene.stage(1, "other")).version == 1
    assert await scene.queued() == ["build", "other"]


async def test_a_whole_build_is_declined_but_for_what_was_decided_already(scene: Scene) -> None:
    await scene.push(pipeline("a"), pipeline("b"), pipeline("c"))
    for name in "abc":
        await blocked(scene, name)
    await approve(scene, 1)

    await decline(scene, None)

    build = await scene.build(1)
    assert await scene.statuses(1) == {"": "declined", "a": "pending", "b": "declined", "c": "declined"}
    assert (build.started, build.finished) == (0, 0)


@pytest.mark.parametrize("status", ["pending", "running", "success", "declined"])
async def test_a_build_in_which_nothing_is_blocked_is_neither_approved_nor_declined(scene: Scene, status: str) -> None:
    stage = (await scene.push()).stages[0]
    await scene.set(stage, status=status)

    with pytest.raises(Invalid, match=f'Cannot approve a Pipeline with Status "{status}"'):
        await approve(scene, None)
    with pytest.raises(Invalid, match=f'Cannot decline build with status "{status}"'):
        await decline(scene, None)

    assert (await scene.build(1)).version == 1


async def test_a_build_without_stages_is_neither_approved_nor_declined(scene: Scene) -> None:
    await scene.push("kind: [")

    with pytest.raises(Invalid, match='Cannot approve a Pipeline with Status "error"'):
        await approve(scene, None)
    with pytest.raises(NotFound, match="build 2 not found"):
        await decline(scene, None, 2)


async def test_of_all_who_decide_on_a_build_at_one_moment_one_does(scene: Scene) -> None:
    await scene.push(pipeline("a"), pipeline("b"))
    for name in "ab":
        await blocked(scene, name)

    verbs = [approve, decline] * 4
    outcomes = await asyncio.gather(*(verb(scene, None) for verb in verbs), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Invalid"] * 7 + ["NoneType"]
    assert await scene.statuses(1) in (
        {"": "pending", "a": "pending", "b": "pending"},
        {"": "declined", "a": "declined", "b": "declined"},
    )
