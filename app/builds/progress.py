"""How stages advance: the reports of runners, and the changes that follow from them (contract drone-rpc 9)."""

from collections.abc import Sequence

from app.builds import claims, model, rules, stages, steps, store
from app.builds.model import DONE, ERROR_CODE, FAILED, Build, Stage, Status, Step
from app.builds.moments import Doing, Happened, Verb
from app.builds.ports import Ports
from app.db.tx import Tx, each
from app.errors import Conflict
from app.evolve import evolve
from app.moments import SERVER, Actor

LOST = "runner lost"


async def accept(ports: Ports, stage_id: int, *, machine: str, runner: str, peer: str) -> Stage:
    """Give a pending stage to a runner at the address `peer`; Conflict when the stage is not free any more."""
    return await ports.db.write(claims.take(stage_id, machine, runner=runner, peer=peer, now=ports.now()))


async def update_stage(ports: Ports, report: Stage, by: Actor) -> Stage:
    """Take a runner's report of a stage and its steps; Conflict when the report is stale.

    A runner repeats a report when the answer was lost; a repeated report gets the answer of the first one.
    """
    doing = _start if report.status in ("pending", "running") else _finish
    return await ports.moments.carry_out(doing(report, by, ports.now()))


def _start(report: Stage, by: Actor, now: int) -> Doing[Stage]:
    build, stored = yield from _locked(report.id)
    if stored.status == "running" and report.version in (stored.version, stored.version - 1):
        return evolve(stored, steps=(yield from steps.of_stage(stored.id))), []
    _refuse_finished(stored)
    started = yield from stages.update(_owned(stored, report, "running"), now)
    created = yield from each(steps.create(evolve(step, stage_id=stored.id)) for step in report.steps)
    if build.status == "pending":
        yield from store.set_status(build, "running", now=now, finished=False)
    return evolve(started, steps=tuple(created)), [Happened("build.start", build.id, by, old=build, stages=[stored.id])]


def _finish(report: Stage, by: Actor, now: int) -> Doing[Stage]:
    old, stored = yield from _locked(report.id)
    if stored == evolve(_owned(stored, report, report.status), version=report.version + 1):
        return evolve(stored, steps=(yield from steps.of_stage(stored.id))), []
    _refuse_finished(stored)
    reported = yield from each(steps.update(evolve(step, stage_id=stored.id)) for step in report.steps)
    ended = yield from stages.update(_owned(stored, report, report.status), now)
    yield from _close_steps(ended, now)
    build, others = yield from settle(old, now)
    steps_of_it = _steps_in(build, stored.id)
    ids = [stored.id, *others]
    happened = Happened("build.end", build.id, by, build=build, old=old, steps=steps_of_it, stages=ids)
    return evolve(ended, steps=tuple(reported)), [happened]


def _close_steps(ended: Stage, now: int) -> Tx[None]:
    """End the steps that the last report of a stage left open, as its runner would (contract drone-rpc 8.3)."""
    for step in (yield from steps.of_stage(ended.id)):
        if step.status == "pending":
            yield from steps.update(evolve(step, status="skipped", started=now, stopped=now))
        elif step.status == "running":
            status: Status = "killed" if ended.status in FAILED else "success"
            yield from steps.update(evolve(step, status=status, stopped=now))


def _locked(stage_id: int) -> Tx[tuple[Build, Stage]]:
    """A stage and its build, read after the build was locked: no other transaction changes them now."""
    build = yield from store.lock_of_stage(stage_id)
    return build, (yield from stages.find(stage_id))


def _owned(stored: Stage, report: Stage, status: Status) -> Stage:
    """The stored stage with the fields that its runner may set; the rest of the report is ignored."""
    return evolve(
        stored,
        status=status,
        version=report.version,
        error=model.cut(report.error),
        exit_code=report.exit_code,
        machine=report.machine or stored.machine,
        started=report.started,
        stopped=report.stopped and model.end(report.started, report.stopped),
    )


def _refuse_finished(stored: Stage) -> None:
    if stored.status in DONE:
        raise Conflict(f"stage {stored.id} is over: {stored.status}", code="stage_over")


def settle(build: Build, now: int) -> Tx[tuple[Build, list[int]]]:
    """Skip and release waiting stages of a locked build, and finish the build when its last stage has ended.

    The build as it is then, with its stages; and the ids of the waiting stages that have ended by that.
    """
    before = yield from stages.list_of(build.id)
    after = rules.advance(before)
    for old, new in zip(before, after, strict=True):
        if new.status != old.status:
            yield from stages.set_status(old, new.status, now)
    if (status := rules.build_status(after)) is not None:
        build = yield from store.set_status(build, status, now=now, finished=True)
    ended = [new.id for old, new in zip(before, after, strict=True) if new.status != old.status and new.status in DONE]
    return evolve(build, stages=(yield from stages.list_of(build.id))), ended


async def update_step(ports: Ports, report: Step, by: Actor) -> Step:
    """Take a runner's report of a step; Conflict when the report is stale. A repeated report gets the same answer."""
    return await ports.moments.carry_out(_update_step(report, by))


def _update_step(report: Step, by: Actor) -> Doing[Step]:
    stored = yield from steps.find(report.id)
    if stored.version == report.version + 1 and stored.status == report.status:
        return stored, []
    stage = yield from stages.find(stored.stage_id)
    _refuse_finished(stage)
    updated = yield from steps.update(evolve(report, stage_id=stored.stage_id, number=stored.number))
    logged = [updated] if updated.status != "pending" else []
    return updated, [Happened("build.step", stage.build_id, by, steps=logged, step=updated.id)]


async def lose(ports: Ports, runner: str) -> list[Stage]:
    """End the stages of a runner that vanished: they get the status `error`, and so do their running steps."""
    held = await ports.db.read(claims.of_runner(runner))
    return await _end_all(ports, [_lose(stage.id, ports.now()) for stage in held])


async def lose_silent(ports: Ports, since: int) -> list[Stage]:
    """End, in the same way, the stages of runners that have given no sign since the time `since`."""
    silent = await ports.db.read(claims.silent(since))
    return await _end_all(ports, [_lose(stage_id, ports.now(), silent_since=since) for stage_id in silent])


async def give_up(ports: Ports, since: int) -> list[Stage]:
    """End the stages that have waited for a runner since the time `since`; the error says which runner was missing."""
    untaken = await ports.db.read(claims.untaken(since))
    return await _end_all(ports, [_give_up(stage_id, ports.now()) for stage_id in untaken])


async def _end_all(ports: Ports, endings: Sequence[Doing[Stage | None]]) -> list[Stage]:
    """Carry the endings out one by one. An ending returns None when its stage had ended, or was taken, meanwhile."""
    return [stage for ending in endings if (stage := await ports.moments.carry_out(ending)) is not None]


def _lose(stage_id: int, now: int, *, silent_since: int | None = None) -> Doing[Stage | None]:
    build, stored = yield from _locked(stage_id)
    if stored.status in DONE or (silent_since is not None and (yield from claims.seen(stage_id)) > silent_since):
        return None, []
    return (yield from _end(build, stored, "build.lose", LOST, now))


def _give_up(stage_id: int, now: int) -> Doing[Stage | None]:
    build, stored = yield from _locked(stage_id)
    if stored.status != "pending" or stored.machine or not (yield from has_room(stored)):
        return None, []
    waited = f"{(now - stored.updated) / 3600:.1f} h"
    error = f"no runner took it within {waited}: it waited for {rules.wish(stored)}"
    return (yield from _end(build, stored, "build.give_up", error, now))


def has_room(stage: Stage) -> Tx[bool]:
    """Whether the concurrency limit and the throttle of a stage allow to hand it out now."""
    if not stage.limit and not stage.throttle:
        return True
    return rules.has_room(stage, *(yield from claims.ahead(stage)))


def _end(build: Build, stored: Stage, verb: Verb, error: str, now: int) -> Doing[Stage | None]:
    """End a stage of a locked build in the place of its runner."""
    left = yield from steps.of_stage(stored.id)
    for step in left:
        if step.status not in DONE:
            yield from steps.update(_end_step(step, now))
    started, stopped = stored.started or now, model.end(stored.started, now)
    over = evolve(stored, status="error", error=error, exit_code=ERROR_CODE, started=started, stopped=stopped)
    ended = yield from stages.update(over, now)
    settled, others = yield from settle(build, now)
    steps_of_it = _steps_in(settled, stored.id)
    ids = [stored.id, *others]
    happened = Happened(verb, build.id, SERVER, build=settled, old=build, steps=steps_of_it, stages=ids)
    return evolve(ended, steps=left), [happened]


def _steps_in(build: Build, stage_id: int) -> list[Step]:
    return [step for stage in build.stages if stage.id == stage_id for step in stage.steps]


def _end_step(step: Step, now: int) -> Step:
    if step.status == "running":
        return evolve(step, status="error", error=LOST, exit_code=ERROR_CODE, stopped=now)
    return evolve(step, status="skipped", started=now, stopped=now)
