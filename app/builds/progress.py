"""How stages advance: what runners report, and what follows from it (`spec` drone-rpc 9)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from app.builds import rules, stages, store
from app.builds.model import DONE, FAILED, OVER, Build, Stage, Status, Step
from app.builds.ports import Change, Ports
from app.db.tx import Tx, each
from app.errors import Conflict
from app.repos import store as repos

LOST = "runner lost"
#: A stage that is over, and its build as it is then.
_Ended: TypeAlias = tuple[Stage, Build]


async def accept(ports: Ports, stage_id: int, *, machine: str, runner: str, peer: str) -> Stage:
    """Give a pending stage to a runner, who speaks from `peer`; Conflict when it is not to be had any more."""
    return await ports.db.write(stages.take(stage_id, machine, runner=runner, peer=peer, now=ports.now()))


async def update_stage(ports: Ports, report: Stage) -> Stage:
    """Take a runner's report of a stage and its steps; Conflict when it is stale.

    A report that is repeated, because its answer was lost, is answered as the first.
    """
    starts = report.status in ("pending", "running")
    tx = _start(report, ports.now()) if starts else _finish(report, ports.now())
    stage, build = await ports.db.write(tx)
    if build is None:
        return stage
    if not starts:
        for step in stage.steps:
            ports.logs.close(step.id)
        ports.queued.publish(build.id)
        if build.status in OVER:
            ports.ended.publish(build.id)
    await _tell(ports, build.id)
    return stage


def _start(report: Stage, now: int) -> Tx[tuple[Stage, Build | None]]:
    """The stage, and its build unless the report was known."""
    build, stored = yield from _locked(report.id)
    if stored.status == "running" and report.version in (stored.version, stored.version - 1):
        return replace(stored, steps=(yield from stages.steps_of(stored.id))), None
    _refuse_finished(stored)
    started = yield from stages.update(_owned(stored, report, "running"), now)
    steps = yield from each(stages.create_step(replace(step, stage_id=stored.id)) for step in report.steps)
    if build.status == "pending":
        build = yield from store.set_status(build, "running", now=now, finished=False)
    return replace(started, steps=tuple(steps)), build


def _finish(report: Stage, now: int) -> Tx[tuple[Stage, Build | None]]:
    """The stage, and its build, settled, unless the report was known."""
    build, stored = yield from _locked(report.id)
    if stored == replace(_owned(stored, report, report.status), version=report.version + 1):
        return replace(stored, steps=(yield from stages.steps_of(stored.id))), None
    _refuse_finished(stored)
    steps = yield from each(stages.update_step(replace(step, stage_id=stored.id)) for step in report.steps)
    ended = yield from stages.update(_owned(stored, report, report.status), now)
    yield from _close_steps(ended, now)
    return replace(ended, steps=tuple(steps)), (yield from settle(build, now))


def _close_steps(ended: Stage, now: int) -> Tx[None]:
    """End the steps that the last report of a stage left open, as its runner would (`spec` drone-rpc 8.3)."""
    for step in (yield from stages.steps_of(ended.id)):
        if step.status == "pending":
            yield from stages.update_step(replace(step, status="skipped", started=now, stopped=now))
        elif step.status == "running":
            status: Status = "killed" if ended.status in FAILED else "success"
            yield from stages.update_step(replace(step, status=status, stopped=now))


def _locked(stage_id: int) -> Tx[tuple[Build, Stage]]:
    """A stage as it is once nobody else changes its build."""
    build = yield from store.lock_of_stage(stage_id)
    return build, (yield from stages.find(stage_id))


def _owned(stored: Stage, report: Stage, status: Status) -> Stage:
    """The stage with what its runner may say of it; the rest of the report is ignored."""
    return replace(
        stored,
        status=status,
        version=report.version,
        error=stages.cut(report.error),
        exit_code=report.exit_code,
        machine=report.machine or stored.machine,
        started=report.started,
        stopped=report.stopped,
    )


def _refuse_finished(stored: Stage) -> None:
    if stored.status in DONE:
        raise Conflict(f"stage {stored.id} is over: {stored.status}", code="stage_over")


def settle(build: Build, now: int) -> Tx[Build]:
    """Skip and release what waited in a locked build, and finish it when its last stage has ended."""
    before = yield from stages.list_of(build.id)
    after = rules.advance(before)
    for old, new in zip(before, after, strict=True):
        if new.status != old.status:
            yield from stages.set_status(old, new.status, now)
    if (status := rules.build_status(after)) is not None:
        yield from store.set_status(build, status, now=now, finished=True)
    return (yield from store.whole(build.id))


async def update_step(ports: Ports, report: Step) -> Step:
    """Take a runner's report of a step; Conflict when it is stale. A repeated one is answered as the first."""
    step, build_id = await ports.db.write(_update_step(report))
    if build_id is None:
        return step
    if step.status in DONE:
        ports.logs.close(step.id)
    elif step.status == "running":
        ports.logs.open(step.id)
    await _tell(ports, build_id)
    return step


def _update_step(report: Step) -> Tx[tuple[Step, int | None]]:
    """The step, and its build's id unless the report was known."""
    stored = yield from stages.find_step(report.id)
    if stored.version == report.version + 1 and stored.status == report.status:
        return stored, None
    stage = yield from stages.find(stored.stage_id)
    _refuse_finished(stage)
    updated = yield from stages.update_step(replace(report, stage_id=stored.stage_id, number=stored.number))
    return updated, stage.build_id


async def lose(ports: Ports, runner: str) -> list[Stage]:
    """End what a runner held when it vanished: its stages are `error`, and so are the steps that ran."""
    held = await ports.db.read(stages.of_runner(runner))
    return await _end_all(ports, [_lose(stage.id, ports.now()) for stage in held])


async def lose_silent(ports: Ports, since: int) -> list[Stage]:
    """End, likewise, what is held by runners that have given no sign since then."""
    silent = await ports.db.read(stages.silent(since))
    return await _end_all(ports, [_lose(stage_id, ports.now(), silent_since=since) for stage_id in silent])


async def give_up(ports: Ports, since: int) -> list[Stage]:
    """End the stages that no runner has taken since then; their error says which runner was missing."""
    untaken = await ports.db.read(stages.untaken(since))
    return await _end_all(ports, [_give_up(stage_id, ports.now()) for stage_id in untaken])


async def _end_all(ports: Ports, endings: Sequence[Tx[_Ended | None]]) -> list[Stage]:
    """Carry them out one by one and tell of each; None is one that had ended, or was taken, meanwhile."""
    ended = [done for ending in endings if (done := await ports.db.write(ending)) is not None]
    for stage, build in ended:
        for step in stage.steps:
            ports.logs.close(step.id)
        ports.queued.publish(build.id)
        if build.status in OVER:
            ports.ended.publish(build.id)
        await _tell(ports, build.id)
    return [stage for stage, _ in ended]


def _lose(stage_id: int, now: int, *, silent_since: int | None = None) -> Tx[_Ended | None]:
    build, stored = yield from _locked(stage_id)
    if stored.status in DONE or (silent_since is not None and (yield from stages.seen(stage_id)) > silent_since):
        return None
    return (yield from _end(build, stored, LOST, now))


def _give_up(stage_id: int, now: int) -> Tx[_Ended | None]:
    build, stored = yield from _locked(stage_id)
    if stored.status != "pending" or stored.machine or not (yield from has_room(stored)):
        return None
    waited = f"{(now - stored.updated) / 3600:.1f} h"
    error = f"no runner took it within {waited}: it waited for {rules.wish(stored)}"
    return (yield from _end(build, stored, error, now))


def has_room(stage: Stage) -> Tx[bool]:
    """Whether a stage may be handed out beside those that are before it."""
    if not stage.limit and not stage.throttle:
        return True
    return rules.has_room(stage, *(yield from stages.ahead(stage)))


def _end(build: Build, stored: Stage, error: str, now: int) -> Tx[_Ended]:
    """End a stage of a locked build in the place of its runner."""
    steps = yield from stages.steps_of(stored.id)
    for step in steps:
        if step.status not in DONE:
            yield from stages.update_step(_end_step(step, now))
    over = replace(stored, status="error", error=error, exit_code=255, started=stored.started or now, stopped=now)
    ended = yield from stages.update(over, now)
    return replace(ended, steps=steps), (yield from settle(build, now))


def _end_step(step: Step, now: int) -> Step:
    if step.status == "running":
        return replace(step, status="error", error=LOST, exit_code=255, stopped=now)
    return replace(step, status="skipped", started=now, stopped=now)


async def _tell(ports: Ports, build_id: int) -> None:
    if ports.changes.heard:
        ports.changes.publish(await ports.db.read(change(build_id)))
    ports.changed.publish(build_id)


def change(build_id: int) -> Tx[Change]:
    """A build as it is now; NotFound."""
    build = yield from store.whole(build_id)
    return Change((yield from repos.find(build.repo_id)), build)
