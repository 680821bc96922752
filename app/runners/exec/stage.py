"""The live state of one stage, and how events change it (contract drone-rpc 8.3, drone-env 8). Pure."""

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from typing import Literal

from app.builds.model import ERROR_CODE, Stage, Status, Step
from app.pipeline.steps import PlannedStep, Policy
from app.runners.exec import environ

#: Exit code by which a step ends the stage early and successfully: the pending steps are skipped.
ENOUGH = 78
KILLED_CODE = 137

Turn = Literal["run", "skip", "pass"]


class Halt(Enum):
    """Why a stage was ended before its steps were done."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    STOPPED = "the runner was stopped"
    #: A step with `fail_fast` has failed; the stage has its status already.
    FAILED = "failed"
    #: The server has refused a report: the stage was changed by another call, or deleted.
    LOST = "lost"


class State:
    """A stage with the steps that are reported, numbered from 1, and the ids and versions of the manager's answers."""

    def __init__(self, stage: Stage, planned: Iterable[PlannedStep] = ()) -> None:
        self._stage = stage
        reported = (one for one in planned if one.policy is not Policy.NEVER)
        self._steps = {
            one.name: Step(
                id=0,
                stage_id=stage.id,
                number=number,
                name=one.name,
                errignore=one.ignore_failure,
                detached=one.detach,
            )
            for number, one in enumerate(reported, start=1)
        }

    @property
    def stage(self) -> Stage:
        """The stage as it is now, with its steps."""
        return replace(self._stage, steps=tuple(self._steps.values()))

    def step(self, name: str) -> Step:
        """One reported step."""
        return self._steps[name]

    def is_last(self, name: str) -> bool:
        """Whether all other steps have ended."""
        return not any(step.status in ("pending", "running") for step in self._steps.values() if step.name != name)

    def turn(self, planned: PlannedStep) -> Turn:
        """What to do with a step, once all steps that it depends on have ended (contract drone-env 8.3)."""
        if planned.policy is Policy.NEVER or self._steps[planned.name].status != "pending":
            return "pass"
        unwanted = Policy.ON_SUCCESS if environ.failing(self.stage) else Policy.ON_FAILURE
        return "skip" if planned.policy is unwanted else "run"

    def heard(self, reply: Stage | Step) -> None:
        """Take over the ids and versions of an answer."""
        if isinstance(reply, Stage):
            self._stage = replace(self._stage, version=reply.version, updated=reply.updated)
            for step in reply.steps:
                self.heard(step)
        elif reply.name in self._steps:
            self._put(replace(self._steps[reply.name], id=reply.id, version=reply.version))

    def begin(self, now: int) -> Stage:
        """The stage starts."""
        self._stage = replace(self._stage, status="running", started=now)
        return self.stage

    def start(self, name: str, now: int) -> Step:
        """A step starts."""
        return self._put(replace(self._steps[name], status="running", started=now))

    def skip(self, name: str, now: int) -> Step:
        """A step is skipped."""
        return self._put(replace(self._steps[name], status="skipped", started=now, stopped=now))

    def finish(self, name: str, code: int, now: int) -> Step:
        """A step's process has ended; a negative code stands for a signal (contract drone-env 8.4)."""
        good = code in (0, ENOUGH)
        status: Status = "success" if good else "failure"
        step = replace(self._steps[name], status=status, exit_code=max(code, -1), stopped=now)
        self._put(step)
        if not good and not step.errignore and self._stage.status == "running":
            self._stage = replace(self._stage, status="failure")
        if code == ENOUGH:
            self._skip_pending(now)
        return step

    def exceed(self, name: str, error: str, now: int) -> Step:
        """A step was killed because it took too much: it has failed, and the error says why, as the stage's does."""
        step = replace(self._steps[name], status="failure", error=error, exit_code=KILLED_CODE, stopped=now)
        if not step.errignore and self._stage.status == "running":
            self._stage = replace(self._stage, status="failure", error=error)
        return self._put(step)

    def shows(self, name: str, schema: str) -> None:
        """A step has a card; `schema` is the address of the template that draws it."""
        self._put(replace(self._steps[name], schema=schema))

    def refuse(self, name: str, error: str, now: int) -> Step:
        """A step's process could not be started: the stage fails, also for a step with `failure: ignore`."""
        self.fail(error)
        return self._put(replace(self._steps[name], status="error", error=error, exit_code=ERROR_CODE, stopped=now))

    def fail(self, error: str) -> None:
        """The stage ends with an error that no step has caused."""
        self._stage = replace(self._stage, status="error", error=error, exit_code=ERROR_CODE)

    def close(self, now: int, halt: Halt | None = None, error: str = "") -> Stage:
        """The stage ends: no step is left pending or running."""
        self._skip_pending(now)
        running = [step.name for step in self._steps.values() if step.status == "running"]
        for name in running:
            if halt:
                self._put(replace(self._steps[name], status="killed", exit_code=KILLED_CODE, stopped=now))
            elif self._steps[name].detached:
                self._put(replace(self._steps[name], status="success", stopped=now))
            else:  # the runner failed while the step ran
                self._put(replace(self._steps[name], status="error", exit_code=ERROR_CODE, stopped=now))
        if halt and halt is not Halt.FAILED:
            code = KILLED_CODE if running else 0
            self._stage = replace(self._stage, status="killed", error=error, exit_code=code)
        elif self._stage.status in ("pending", "running"):
            self._stage = replace(self._stage, status="success")
        self._stage = replace(self._stage, started=self._stage.started or now, stopped=now)
        return self.stage

    def _skip_pending(self, now: int) -> None:
        for name in [step.name for step in self._steps.values() if step.status == "pending"]:
            self.skip(name, now)

    def _put(self, step: Step) -> Step:
        self._steps[step.name] = step
        return step
