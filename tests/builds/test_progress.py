"""How stages advance by what runners report: once, in order, and to an end (contract drone-rpc 7-9)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from app.builds import flow, progress, stop
from app.builds.model import Stage, Status, Step
from app.errors import Conflict, NotFound
from tests.builds.farside import NOW, OCTOCAT, RUNNER, Scene, ended, heard, pipeline, read_log, started

CHAIN = pipeline("build"), pipeline("deploy", depends_on=["build"])


async def only(scene: Scene, *documents: str) -> Stage:
    """The first stage of a new build."""
    return (await scene.push(*documents)).stages[0]


async def test_versions_move_as_recorded(scene: Scene) -> None:
    stage = await only(scene, *CHAIN)
    assert stage.version == 1

    accepted = await scene.accept(stage)
    assert (accepted.version, accepted.status, accepted.machine) == (2, "pending", "lab")
    running = await progress.update_stage(scene.ports, started(accepted, "one"), RUNNER)
    assert (running.version, running.steps[0].version) == (3, 1)
    step = await scene.step(running.steps[0], "running")
    assert step.version == 2
    step = await scene.step(step, "success", stopped=NOW + 2)
    assert step.version == 3
    over = await progress.update_stage(scene.ports, ended(replace(running, steps=(step,))), RUNNER)
    assert (over.version, over.steps[0].version) == (4, 4)

    build = await scene.build(1)
    assert build.version == 2
    assert (build.stages[1].version, build.stages[1].status) == (2, "pending")
    assert (await scene.run(build.stages[1])).version == 5
    assert (await scene.build(1)).version == 3


async def test_a_build_starts_and_finishes_with_its_stages(scene: Scene) -> None:
    stage = await only(scene)
    scene.clock.time = NOW + 1
    running = await scene.start(stage, "one")
    scene.clock.time = NOW + 2

    assert (await scene.build(1)).started == NOW + 1
    await progress.update_stage(scene.ports, ended(running), RUNNER)

    build = await scene.build(1)
    assert (build.status, build.started, build.finished, build.updated) == ("success", NOW + 1, NOW + 2, NOW + 2)
    assert (build.stages[0].started, build.stages[0].stopped, build.stages[0].updated) == (NOW + 1, NOW + 2, NOW + 2)


@pytest.mark.parametrize("status", ["running", "waiting_on_dependencies", "blocked", "success", "killed", "skipped"])
async def test_what_is_not_pending_cannot_be_accepted(scene: Scene, status: str) -> None:
    stage = await only(scene)
    await scene.set(stage, status=status)

    with pytest.raises(Conflict, match="no longer waiting"):
        await scene.accept(stage)


async def test_what_is_not_there_cannot_be_accepted_nor_reported(scene: Scene) -> None:
    nobody = Stage(99, 1, 1, 1, "nobody", status="running", version=1)

    for report in (nobody, replace(nobody, status="success")):
        with pytest.raises(NotFound, match="stage 99 not found"):
            await progress.update_stage(scene.ports, report, RUNNER)
    with pytest.raises(NotFound, match="stage 99 not found"):
        await scene.accept(nobody)
    with pytest.raises(NotFound, match="step 99 not found"):
        await progress.update_step(scene.ports, Step(99, 1, 1, "nobody"), RUNNER)


async def test_a_stale_report_changes_nothing(scene: Scene) -> None:
    stage = await only(scene)
    running = await scene.start(stage, "one", "two")
    before = await scene.build(1)

    reports = [
        replace(ended(running), version=running.version - 1),
        replace(ended(running), version=running.version + 1),
        ended(replace(running, steps=(running.steps[0], replace(running.steps[1], version=7)))),
        ended(replace(running, steps=(replace(running.steps[0], id=999),))),
    ]
    for report in reports:
        with pytest.raises(Conflict) as refused:
            await progress.update_stage(scene.ports, report, RUNNER)
        assert refused.value.code == "stale_version"

    assert await scene.build(1) == before


async def test_a_stale_start_makes_no_steps(scene: Scene) -> None:
    accepted = await scene.accept(await only(scene))

    with pytest.raises(Conflict):
        await progress.update_stage(scene.ports, replace(started(accepted, "one"), version=1), RUNNER)

    build = await scene.build(1)
    assert (build.status, build.stages[0].status, build.stages[0].steps) == ("pending", "pending", ())


@pytest.mark.parametrize("version", [0, 1, 3, 4])
async def test_a_stale_report_of_a_step_changes_nothing(scene: Scene, version: int) -> None:
    running = await scene.start(await only(scene), "one")
    step = await scene.step(running.steps[0], "running")
    before = await scene.build(1)

    with pytest.raises(Conflict) as refused:
        await scene.step(replace(step, version=version), "success")

    assert refused.value.code == "stale_version"
    assert await scene.build(1) == before


async def test_a_start_whose_answer_was_lost_is_answered_as_the_first(scene: Scene) -> None:
    report = started(await scene.accept(await only(scene)), "one", "two")
    first = await progress.update_stage(scene.ports, report, RUNNER)
    before = await scene.build(1)

    assert await progress.update_stage(scene.ports, report, RUNNER) == first
    assert await progress.update_stage(scene.ports, replace(report, version=first.version), RUNNER) == first
    assert await scene.build(1) == before


async def test_an_end_whose_answer_was_lost_is_answered_as_the_first(scene: Scene) -> None:
    report = ended(await scene.start(await only(scene), "one"))
    first = await progress.update_stage(scene.ports, report, RUNNER)
    before = await scene.build(1)

    assert await progress.update_stage(scene.ports, report, RUNNER) == first
    assert await scene.build(1) == before


async def test_a_step_whose_answer_was_lost_is_answered_as_the_first(scene: Scene) -> None:
    running = await scene.start(await only(scene), "one")

    first = await scene.step(running.steps[0], "running")
    assert await scene.step(running.steps[0], "running") == first
    last = await scene.step(first, "failure", exit_code=3)
    assert await scene.step(first, "failure", exit_code=3) == last


@pytest.mark.parametrize("status", ["running", "success"])
async def test_what_is_over_cannot_be_reported_otherwise(scene: Scene, status: Status) -> None:
    over = await scene.run(await only(scene), "failure")

    with pytest.raises(Conflict) as refused:
        await progress.update_stage(scene.ports, replace(over, status=status), RUNNER)

    assert refused.value.code == "stage_over"
    assert (await scene.statuses(1)) == {"": "failure", "default": "failure"}


async def test_of_a_stage_a_runner_only_says_what_it_owns(scene: Scene) -> None:
    accepted = await scene.accept(await only(scene))
    twisted = replace(
        started(accepted, "one"),
        repo_id=0,
        build_id=77,
        number=9,
        name="other",
        kind="x",
        type="docker",
        limit=5,
        on_success=False,
        on_failure=True,
        depends_on=("x",),
        labels={"a": "b"},
        created=1,
    )

    await progress.update_stage(scene.ports, twisted, RUNNER)

    stored = (await scene.build(1)).stages[0]
    assert replace(stored, steps=()) == replace(accepted, status="running", started=NOW + 1, version=3)


async def test_of_a_step_a_runner_cannot_move_it(scene: Scene) -> None:
    running = await scene.start(await only(scene), "one", "two")

    await scene.step(replace(running.steps[0], stage_id=99, number=2), "running", image="alpine", detached=True)

    first, second = (await scene.build(1)).stages[0].steps
    assert (first.number, first.stage_id, first.image, first.detached) == (1, running.id, "alpine", True)
    assert second == running.steps[1]


@pytest.mark.parametrize(("text", "kept"), [("x" * 600, "x" * 500), ("x" + "é" * 300, "x" + "é" * 249)])
async def test_errors_are_cut_to_500_bytes_and_stay_text(scene: Scene, text: str, kept: str) -> None:
    running = await scene.start(await only(scene), "one")
    await scene.step(running.steps[0], "running", error=text)

    await progress.update_stage(
        scene.ports, ended(replace(running, steps=(await step_of(scene),)), status="error", error=text), RUNNER
    )

    stage = (await scene.build(1)).stages[0]
    assert stage.error == stage.steps[0].error == kept


async def step_of(scene: Scene) -> Step:
    return (await scene.build(1)).stages[0].steps[0]


async def test_a_stage_may_end_before_it_started(scene: Scene) -> None:
    accepted = await scene.accept(await only(scene))
    report = replace(accepted, status="error", error="no such secret", exit_code=255)

    over = await progress.update_stage(scene.ports, replace(report, started=NOW, stopped=NOW), RUNNER)

    build = await scene.build(1)
    assert (over.version, build.status, build.version) == (3, "error", 2)
    assert build.started == build.finished == NOW


async def test_a_failure_skips_what_waits_and_ends_the_build(scene: Scene) -> None:
    stage = await only(scene, *CHAIN, pipeline("rescue", depends_on=["deploy"], trigger={"status": ["failure"]}))
    scene.clock.time = NOW + 9

    await scene.run(stage, "failure")

    build = await scene.build(1)
    assert await scene.statuses(1) == {"": "running", "build": "failure", "deploy": "skipped", "rescue": "pending"}
    skipped = build.stages[1]
    assert (skipped.started, skipped.stopped, skipped.version) == (NOW + 9, NOW + 9, 2)
    await scene.run(build.stages[2])
    assert (await scene.statuses(1))[""] == "failure"


async def test_a_cancelled_build_stays_as_it_is_whatever_its_runner_reports(scene: Scene) -> None:
    running = await scene.start(await only(scene), "one")
    step = await scene.step(running.steps[0], "running")
    cancelled = await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)
    late = replace(running, steps=(step,))

    with pytest.raises(Conflict):
        await scene.step(step, "success")
    for status in ("success", "failure", "killed"):
        with pytest.raises(Conflict) as refused:
            await progress.update_stage(scene.ports, ended(late, status), RUNNER)
        assert refused.value.code == "stage_over"

    assert await scene.build(1) == cancelled


async def test_the_end_of_a_stage_wakes_the_queue_and_the_end_of_a_build_its_runners(scene: Scene) -> None:
    build = await scene.push(*CHAIN)
    with scene.ports.moments.waiting.subscribe() as queued, scene.ports.moments.over.subscribe() as over:
        await scene.run(build.stages[0])
        scene.ports.moments.waiting.publish(-1)
        assert [await heard(queued), await heard(queued)] == [build.id, -1]
        scene.ports.moments.over.publish(-1)
        assert await heard(over) == -1

        await scene.run(await scene.stage(1, "deploy"))
        assert await heard(over) == build.id


async def test_every_change_is_told_with_the_whole_build(scene: Scene) -> None:
    stage = await only(scene)
    with scene.ports.moments.watched.subscribe() as changes:
        running = await scene.start(stage, "one")
        step = await scene.step(running.steps[0], "running")
        await progress.update_stage(scene.ports, ended(replace(running, steps=(step,))), RUNNER)
        scene.ports.moments.watched.close()
        told = [change async for change in changes]

    seen = [
        (change.build.status, change.build.stages[0].status, change.build.stages[0].steps[0].status) for change in told
    ]
    assert seen == [
        ("running", "running", "pending"),
        ("running", "running", "running"),
        ("success", "success", "success"),
    ]
    assert {change.repo.slug for change in told} == {"octocat/hello"}


async def test_a_log_can_be_followed_while_its_step_runs(scene: Scene) -> None:
    running = await scene.start(await only(scene), "one", "two")
    first, second = running.steps
    assert await read_log(scene.ports.logs, first.id) is None

    first = await scene.step(first, "running")
    second = await scene.step(second, "running")
    assert await read_log(scene.ports.logs, first.id) == b"[]"
    await scene.step(first, "success")
    assert await read_log(scene.ports.logs, first.id) is None

    await progress.update_stage(scene.ports, replace(ended(running), steps=()), RUNNER)
    assert await read_log(scene.ports.logs, second.id) is None  # what the report left open ended with it


async def test_a_lost_runner_ends_what_it_held_and_nothing_else(scene: Scene) -> None:
    build = await scene.push(pipeline("ran"), pipeline("taken"), pipeline("other"), pipeline("free"))
    ran, taken, other, _ = build.stages
    running = await progress.update_stage(scene.ports, started(await scene.accept(ran), "done", "now", "later"), RUNNER)
    await scene.step(await scene.step(running.steps[0], "running"), "success")
    await scene.step(running.steps[1], "running")
    await scene.accept(taken)
    await scene.accept(other, runner="r2")
    scene.clock.time = NOW + 50

    lost = await progress.lose(scene.ports, "r1")

    assert {stage.name for stage in lost} == {"ran", "taken"}
    assert await scene.statuses(1) == {
        "": "running",
        "ran": "error",
        "taken": "error",
        "other": "pending",
        "free": "pending",
    }
    stages = (await scene.build(1)).stages
    assert [(step.status, step.error, step.exit_code) for step in stages[0].steps] == [
        ("success", "", 0),
        ("error", "runner lost", 255),
        ("skipped", "", 0),
    ]
    assert (stages[0].error, stages[0].exit_code, stages[0].stopped) == ("runner lost", 255, NOW + 50)
    assert (stages[1].started, stages[1].stopped) == (NOW + 50, NOW + 50)


async def test_a_build_whose_runner_was_lost_is_final_and_can_be_restarted(scene: Scene) -> None:
    running = await scene.start((await scene.push(*CHAIN)).stages[0], "one")
    await scene.step(running.steps[0], "running")

    with scene.ports.moments.over.subscribe() as over, scene.ports.moments.watched.subscribe() as changes:
        await progress.lose(scene.ports, "r1")
        assert await heard(over) == (await scene.build(1)).id
        change = await heard(changes)

    assert change is not None
    assert change.build == await scene.build(1)
    assert [lines async for lines in scene.ports.logs.follow(running.steps[0].id)] == []

    assert await scene.statuses(1) == {"": "error", "build": "error", "deploy": "skipped"}
    again = await flow.restart(scene.ports, scene.repo, await scene.build(1), by=OCTOCAT, debug=False, params={})
    assert (await scene.run(again.stages[0])).status == "success"


async def test_a_runner_is_lost_once(scene: Scene) -> None:
    for number in (1, 2):
        await scene.start((await scene.push(*CHAIN, pipeline("b"))).stages[0], "one")
        await scene.accept(await scene.stage(number, "b"))

    first = await progress.lose(scene.ports, "r1")
    before = [await scene.build(number) for number in (1, 2)]

    assert len(first) == 4
    assert await progress.lose(scene.ports, "r1") == []
    assert await progress.lose(scene.ports, "nobody") == []
    assert [await scene.build(number) for number in (1, 2)] == before
    assert {build.status for build in before} == {"error"}


async def report(scene: Scene, running: Stage) -> None:
    over = [replace(step, status="success", stopped=scene.clock()) for step in running.steps]
    first = await progress.update_step(scene.ports, over[0], RUNNER)
    last = replace(
        running, status="success", stopped=scene.clock(), steps=(replace(over[0], version=first.version), over[1])
    )
    answers = [await progress.update_stage(scene.ports, last, RUNNER) for _ in range(2)]  # the first answer is lost
    assert answers[0] == answers[1]


async def cancel(scene: Scene, _: Stage) -> None:
    await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)


async def lose(scene: Scene, _: Stage) -> None:
    await progress.lose(scene.ports, "r1")


@pytest.mark.parametrize("end", [report, cancel, lose])
async def test_nothing_ends_before_it_began_when_the_clock_is_set_back(
    scene: Scene, end: Callable[[Scene, Stage], Awaitable[None]]
) -> None:
    scene.clock.time = ahead = NOW + 730 * 24 * 3600
    accepted = await scene.accept(await only(scene))
    began = replace(started(accepted, "one", "two"), started=ahead)
    running = await progress.update_stage(scene.ports, began, RUNNER)
    steps = [await scene.step(step, "running") for step in running.steps]
    scene.clock.time = NOW

    await end(scene, replace(running, steps=tuple(steps)))

    build = await scene.build(1)
    (stage,) = build.stages
    times = [(build.started, build.finished), (stage.started, stage.stopped)]
    times += [(step.started, step.stopped) for step in stage.steps]
    assert times == [(ahead, ahead)] * 4
