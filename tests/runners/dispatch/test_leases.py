"""A runner that gives no sign is lost, and only that one; a stage that nobody takes ends (contract drone-rpc 12)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from app.builds import flow, progress, stop
from app.builds.model import Line, Stage
from app.errors import Conflict
from app.runners.dispatch.leases import Leases
from app.runners.dispatch.local import LocalManager
from app.runners.dispatch.queue import Queue
from app.runners.manager import Filter, System
from app.sealing.seal import CannotOpen, Seal
from tests.builds.farside import NOW, OCTOCAT, Scene, ended, pipeline, started
from tests.soon import soon

LEASE, PATIENCE = 120, 3600
#: Seconds between two looks of a server that is not late.
STEP = LEASE // 2
CHAIN = (pipeline("build"), pipeline("after", depends_on=["build"]))
#: A stage that waits for the other, and runs only when that fails.
ALARM = pipeline("alarm", depends_on=["build"], trigger={"status": ["failure"]})


@pytest.fixture
def leases(scene: Scene) -> Leases:
    return Leases(scene.ports, lease=LEASE, patience=PATIENCE)


@pytest.fixture
def manager(scene: Scene, leases: Leases) -> LocalManager:
    """What speaks for the runners at one address."""
    system = System("http", "localhost", "1")
    return LocalManager(scene.ports, Queue(scene.ports), Seal("a key"), system, leases, peer="10.0.0.1")


async def running(scene: Scene, manager: LocalManager, *documents: str) -> Stage:
    """The first stage of a push, accepted, with one step that runs."""
    stage = (await scene.push(*documents or (pipeline("build"),))).stages[0]
    accepted = await manager.accept(stage.id, "lab")
    reported = await manager.update_stage(started(accepted, "one"))
    step = await manager.update_step(replace(reported.steps[0], status="running", started=NOW))
    return replace(reported, steps=(step,))


async def pass_by(scene: Scene, leases: Leases, seconds: int) -> None:
    """Let time pass as a server sees it that looks again and again."""
    while seconds > 0:
        scene.clock.time += min(seconds, STEP)
        seconds -= STEP
        await leases.look()


async def test_a_runner_without_a_sign_is_lost_and_its_build_settled(
    scene: Scene, leases: Leases, manager: LocalManager
) -> None:
    await running(scene, manager, *CHAIN, ALARM)
    await leases.look()

    await pass_by(scene, leases, LEASE - 1)
    assert (await scene.stage(1, "build")).status == "running"
    await pass_by(scene, leases, 1)

    lost = await scene.stage(1, "build")
    assert (lost.status, lost.error, lost.steps[0].status) == ("error", "runner lost", "error")
    assert await scene.statuses(1) == {"": "running", "build": "error", "after": "skipped", "alarm": "pending"}


async def test_what_a_lost_runner_ran_can_be_begun_again(scene: Scene, leases: Leases, manager: LocalManager) -> None:
    await running(scene, manager)
    await leases.look()
    await pass_by(scene, leases, LEASE)

    again = await flow.restart(scene.ports, scene.repo, await scene.build(1), by=OCTOCAT, debug=False, params={})
    assert (await scene.run(again.stages[0])).status == "success"


async def test_a_late_report_of_a_lost_runner_is_refused_and_changes_nothing(
    scene: Scene, leases: Leases, manager: LocalManager
) -> None:
    stage = await running(scene, manager)
    step = stage.steps[0]
    await leases.look()
    await pass_by(scene, leases, LEASE)
    before = await scene.build(1)

    late: list[Callable[[], Awaitable[object]]] = [
        lambda: manager.update_stage(ended(stage)),
        lambda: manager.update_stage(started(stage, "one")),
        lambda: manager.update_step(replace(step, status="success")),
        lambda: manager.write_log(step.id, [Line(0, "late\n", 0)]),
        lambda: manager.upload_log(step.id, b"[]"),
        lambda: manager.upload_card(step.id, "{}"),
        lambda: manager.accept(stage.id, "lab"),
    ]
    for say in late:
        with pytest.raises(Conflict):
            await say()

    assert await scene.build(1) == before
    assert await scene.ports.logs.open_record(step.id) is None
    assert await manager.watch(stage.build_id)


async def details(manager: LocalManager, stage: Stage) -> None:
    with suppress(CannotOpen):  # the scene's repository has no key; the sign was given
        await manager.details(stage.id)


SIGNS: dict[str, Callable[[LocalManager, Stage], Awaitable[object]]] = {
    "details": details,
    "step": lambda manager, stage: manager.update_step(replace(stage.steps[0], status="success", stopped=NOW)),
    "log": lambda manager, stage: manager.write_log(stage.steps[0].id, [Line(0, "x\n", 0)]),
    "upload": lambda manager, stage: manager.upload_log(stage.steps[0].id, b"[]"),
    "card": lambda manager, stage: manager.upload_card(stage.steps[0].id, "{}"),
}


@pytest.mark.parametrize("sign", SIGNS)
async def test_every_call_that_names_a_stage_or_step_is_a_sign(
    scene: Scene, leases: Leases, manager: LocalManager, sign: str
) -> None:
    stage = await running(scene, manager)
    await leases.look()
    await pass_by(scene, leases, LEASE - 1)

    await SIGNS[sign](manager, stage)

    await pass_by(scene, leases, LEASE - 1)
    assert (await scene.stage(1, "build")).status == "running"
    await pass_by(scene, leases, LEASE)
    assert (await scene.stage(1, "build")).status == "error"


async def test_a_watch_is_a_sign_when_it_is_asked_for_its_own_address_only(
    scene: Scene, leases: Leases, manager: LocalManager
) -> None:
    build = await scene.push(pipeline("build"), pipeline("other"), pipeline("elsewhere"))
    elsewhere = replace(manager, peer="10.0.0.2")
    for stage, speaker in zip(build.stages, (manager, manager, elsewhere), strict=True):
        await speaker.update_stage(started(await speaker.accept(stage.id, "lab"), "one"))
    await pass_by(scene, leases, LEASE - 1)

    watching = asyncio.create_task(manager.watch(build.id))
    await soon(lambda: leases._signs)
    await pass_by(scene, leases, LEASE - 1)

    assert await scene.statuses(1) == {"": "running", "build": "running", "other": "running", "elsewhere": "error"}
    assert not watching.done()
    await pass_by(scene, leases, 1)
    assert await scene.statuses(1) == {"": "error", "build": "error", "other": "error", "elsewhere": "error"}
    assert await watching


@pytest.mark.parametrize(("lease", "longest"), [(5, 5 / 3), (120, 30), (3600, 30)])
async def test_a_watch_waits_for_a_part_of_a_lease_at_most(scene: Scene, lease: int, longest: float) -> None:
    leases = Leases(scene.ports, lease=lease, patience=PATIENCE)

    assert leases.watch == pytest.approx(longest)
    assert leases._loop.interval is not None
    assert leases.watch + leases._loop.interval < lease
    assert leases._loop.interval <= 3


async def test_a_watch_that_saw_nothing_is_answered_before_its_lease_ends(scene: Scene, manager: LocalManager) -> None:
    stage = await running(scene, manager)
    short = replace(manager, leases=Leases(scene.ports, lease=1, patience=PATIENCE))

    async with asyncio.timeout(20):
        assert await short.watch(stage.build_id) is False


async def test_a_stage_of_the_built_in_runner_is_lost_when_nobody_runs_it_though_its_build_is_watched(
    scene: Scene, leases: Leases, manager: LocalManager
) -> None:
    build = await scene.push(pipeline("build"), pipeline("left"))
    built_in = replace(manager, runner="built-in:x", peer="built-in:x")
    for stage in build.stages:
        await built_in.update_stage(started(await built_in.accept(stage.id, "lab"), "one"))
    kept = build.stages[0].id

    with leases.renewing(lambda: [kept]):
        for _ in range(3):
            watching = asyncio.create_task(built_in.watch(build.id))
            await soon(lambda: scene.ports.moments.over.heard)
            await pass_by(scene, leases, LEASE)
            watching.cancel()
            await asyncio.wait([watching])
        assert await scene.statuses(1) == {"": "running", "build": "running", "left": "error"}
    await pass_by(scene, leases, LEASE)
    assert (await scene.stage(1, "build")).status == "error"


@pytest.mark.parametrize("jump", [LEASE, 10 * PATIENCE, 730 * 24 * 3600])
async def test_a_server_that_stood_still_or_whose_clock_was_set_loses_nobody_and_gives_nothing_up(
    scene: Scene, leases: Leases, manager: LocalManager, jump: int
) -> None:
    await running(scene, manager)
    await scene.push()

    for seconds in (jump, -jump):
        scene.clock.time += seconds
        await leases.look()
        assert [(await scene.build(number)).status for number in (1, 2)] == ["running", "pending"]
        await pass_by(scene, leases, LEASE - 1)
        assert [(await scene.build(number)).status for number in (1, 2)] == ["running", "pending"]
        leases.renew((await scene.stage(1, "build")).id)

    await pass_by(scene, leases, LEASE)
    assert (await scene.build(1)).status == "error"
    await pass_by(scene, leases, PATIENCE)
    assert (await scene.build(2)).status == "error"


async def test_a_round_that_takes_long_loses_nobody_who_gave_a_sign(
    scene: Scene, leases: Leases, manager: LocalManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await running(scene, manager)
    await pass_by(scene, leases, LEASE - 1)
    leases.renew(stage.id)
    write = scene.ports.db.write

    async def slow(tx: Any) -> Any:
        scene.clock.time += LEASE
        return await write(tx)

    with monkeypatch.context() as patch:
        patch.setattr(scene.ports.db, "write", slow)
        await leases.look()

    assert (await scene.stage(1, "build")).status == "running"


async def test_a_lost_stage_does_not_stop_the_rest_of_its_build(
    scene: Scene, leases: Leases, manager: LocalManager
) -> None:
    build = await scene.push(pipeline("build"), pipeline("other"))
    elsewhere = replace(manager, peer="10.0.0.2")
    lost, kept = build.stages
    await manager.accept(lost.id, "lab")
    going_on = await elsewhere.update_stage(started(await elsewhere.accept(kept.id, "yard"), "one"))
    later = (await scene.push(pipeline("build"))).id
    watching, after = [asyncio.create_task(elsewhere.watch(of)) for of in (build.id, later)]
    await soon(lambda: leases._signs)

    for _ in range(4):
        await pass_by(scene, leases, LEASE // 4)
        leases.renew(kept.id)
    await stop.cancel(scene.ports, scene.repo, 2, OCTOCAT)
    assert await after

    assert not watching.done()
    await elsewhere.update_stage(ended(going_on))
    assert await watching
    assert await scene.statuses(1) == {"": "error", "build": "error", "other": "success"}


async def test_no_runner_is_lost_for_the_time_without_a_server(scene: Scene, manager: LocalManager) -> None:
    await running(scene, manager)
    scene.clock.time += 10 * LEASE

    started_anew = Leases(scene.ports, lease=LEASE, patience=PATIENCE)
    async with started_anew.running():
        assert (await scene.stage(1, "build")).status == "running"
        await pass_by(scene, started_anew, LEASE)

    assert (await scene.stage(1, "build")).status == "error"


async def test_a_sign_that_another_server_has_heard_counts(scene: Scene, leases: Leases, manager: LocalManager) -> None:
    stage = await running(scene, manager)
    await pass_by(scene, leases, LEASE - 1)
    other = Leases(scene.ports, lease=LEASE, patience=PATIENCE)
    other.renew(stage.id)
    await other.look()

    await pass_by(scene, leases, LEASE - 1)

    assert (await scene.stage(1, "build")).status == "running"


async def test_a_runner_that_reports_while_it_is_found_lost_is_either_heard_or_lost(
    scene: Scene, leases: Leases, manager: LocalManager
) -> None:
    for number in range(1, 11):
        stage = await running(scene, manager)
        await pass_by(scene, leases, LEASE - 1)
        scene.clock.time += 1
        _, said = await asyncio.gather(leases.look(), manager.update_stage(ended(stage)), return_exceptions=True)

        over = await scene.stage(number, "build")
        assert over.status == ("error" if isinstance(said, Conflict) else "success")
        assert (await scene.build(number)).status == over.status


async def test_a_stage_that_nobody_takes_ends_and_names_the_runner_that_was_missing(
    scene: Scene, leases: Leases
) -> None:
    await scene.push(pipeline("build", platform={"os": "linux", "arch": "arm64"}, node={"zone": "eu"}), CHAIN[1])

    await pass_by(scene, leases, PATIENCE - 1)
    assert (await scene.build(1)).status == "pending"
    await pass_by(scene, leases, 1)

    over = await scene.stage(1, "build")
    assert over.error == "no runner took it within 1.0 h: it waited for type exec on linux/arm64, zone=eu"
    assert await scene.statuses(1) == {"": "error", "build": "error", "after": "skipped"}


async def test_who_waits_since_a_short_time_has_patience_left(scene: Scene, leases: Leases) -> None:
    first = (await scene.push(*CHAIN)).stages[0]
    await pass_by(scene, leases, PATIENCE - 1)
    await scene.run(first)

    await pass_by(scene, leases, PATIENCE - 1)
    assert (await scene.stage(1, "after")).status == "pending"
    await pass_by(scene, leases, 1)
    assert (await scene.stage(1, "after")).status == "error"


async def test_a_paused_queue_tries_nobodys_patience(scene: Scene, leases: Leases) -> None:
    queue = Queue(scene.ports)
    await scene.push()
    await queue.pause()
    await pass_by(scene, leases, 3 * PATIENCE)
    assert (await scene.build(1)).status == "pending"

    await queue.resume()
    await pass_by(scene, leases, PATIENCE - 1)
    assert (await scene.build(1)).status == "pending"
    await pass_by(scene, leases, 1)
    assert (await scene.build(1)).status == "error"


async def test_a_stage_that_only_waits_for_its_turn_is_not_given_up(scene: Scene, leases: Leases) -> None:
    first = (await scene.push(pipeline("build", concurrency={"limit": 1}))).stages[0]
    await scene.push(pipeline("build", concurrency={"limit": 1}))
    await scene.start(first, "one")
    leases.renew(first.id)

    for _ in range(PATIENCE // STEP + 1):
        leases.renew(first.id)
        await pass_by(scene, leases, STEP)

    assert [(await scene.build(number)).status for number in (1, 2)] == ["running", "pending"]


async def test_nobody_loses_what_is_over_or_was_cancelled(scene: Scene, leases: Leases, manager: LocalManager) -> None:
    await manager.update_stage(ended(await running(scene, manager)))
    await running(scene, manager)
    await stop.cancel(scene.ports, scene.repo, 2, OCTOCAT)
    before = [await scene.build(number) for number in (1, 2)]

    await pass_by(scene, leases, 3 * PATIENCE)

    assert [await scene.build(number) for number in (1, 2)] == before


async def test_a_stage_that_was_handed_out_waits_as_if_it_was_not(scene: Scene, leases: Leases) -> None:
    queue = Queue(scene.ports)
    await scene.push()
    async with queue.running():
        assert await queue.request(Filter(type="exec"), 20)

    await pass_by(scene, leases, PATIENCE)

    assert (await scene.build(1)).status == "error"


async def test_signs_are_kept_when_they_could_not_be_written(
    scene: Scene, leases: Leases, manager: LocalManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = await running(scene, manager)
    await pass_by(scene, leases, LEASE - 1)
    leases.renew(stage.id)
    with monkeypatch.context() as broken:
        broken.setattr(progress, "lose_silent", None)
        broken.setattr(scene.ports.db, "write", _fails)
        with pytest.raises(ConnectionError):
            await leases.look()

    await pass_by(scene, leases, 1)

    assert (await scene.stage(1, "build")).status == "running"


async def _fails(_: object) -> None:
    raise ConnectionError
