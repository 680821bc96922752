"""The rules by which the other stages and the build advance when a stage has ended. Pure.

Contract drone-rpc 8.5, 9.4.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.builds.model import DONE, FAILED, Build, Stage, Status

#: As long as one stage has one of these statuses, its build is not over.
_OPEN: frozenset[Status] = frozenset({"pending", "running", "waiting_on_dependencies", "blocked", "declined"})

#: Statuses of stages that an administrator has not let run.
HELD: frozenset[Status] = frozenset({"blocked", "declined"})


def advance(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """All stages of a build, after waiting stages that will not run are `skipped` and those that may run `pending`.

    A failed stage anywhere in the build counts, not only a stage that the waiting one depends on. Both are repeated
    until nothing changes: a stage may stand in the file before the stage that it depends on, and a stage with a fault
    ends at once.
    """
    stages = tuple(stages)
    while (after := _skip(stages)) != stages or (after := _release(stages)) != stages:
        stages = after
    return stages


def started(stage: Stage) -> Status:
    """The status of a stage when it is started: `error` if the server knows that its runner would refuse it."""
    return "error" if stage.error else "pending"


def _skip(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    failing = any(stage.status in FAILED for stage in stages)
    done = _done(stages)

    def skipped(stage: Stage) -> bool:
        unwanted = not stage.on_failure if failing else not stage.on_success
        return stage.status == "waiting_on_dependencies" and unwanted and _ready(stage, done)

    return tuple(replace(stage, status="skipped") if skipped(stage) else stage for stage in stages)


def _release(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    done = _done(stages)

    def released(stage: Stage) -> bool:
        return stage.status == "waiting_on_dependencies" and _ready(stage, done)

    return tuple(replace(stage, status=started(stage)) if released(stage) else stage for stage in stages)


def _done(stages: tuple[Stage, ...]) -> dict[str, bool]:
    return {stage.name: stage.status in DONE for stage in stages}


def _ready(stage: Stage, done: dict[str, bool]) -> bool:
    """Whether all stages that a stage depends on are over; names that match no stage are ignored."""
    return all(done.get(name, True) for name in stage.depends_on)


def is_stoppable(build: Build) -> bool:
    """Whether a cancel stops something of a build: a stage that is not over. (Of a declined build, some may not be.)"""
    return any(stage.status not in DONE for stage in build.stages)


def is_startable(build: Build) -> bool:
    """Whether a build with its stages may be run once more: not where an administrator has not let a part run."""
    return not HELD.intersection([build.status, *(stage.status for stage in build.stages)])


def has_room(stage: Stage, named: int, in_repo: int) -> bool:
    """Whether concurrency limit and throttle leave room for one more stage (contract drone-rpc 6.2, 6.3).

    `named` is how many stages count against the limit, `in_repo` how many count against the throttle.
    """
    return (not stage.limit or named < stage.limit) and (not stage.throttle or in_repo < stage.throttle)


def build_status(stages: Sequence[Stage]) -> Status | None:
    """The final status of a build: that of the first failed stage, else `success`. None while the build is not over."""
    if any(stage.status in _OPEN for stage in stages):
        return None
    return next((stage.status for stage in stages if stage.status in FAILED), "success")


def wish(stage: Stage) -> str:
    """The kind of runner that a stage waits for, in words."""
    labels = "".join(f", {name}={value}" for name, value in stage.labels.items())
    return f"type {stage.type} on {stage.os}/{stage.arch}{labels}"
