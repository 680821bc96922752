"""The steps of a pipeline that the exec runner runs: when each may run, and which steps it waits for."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from app.pipeline.conditions import WHEN, Conditions
from app.pipeline.event import Event
from app.pipeline.lint import CLONE
from app.pipeline.model import Pipeline, Step


class Policy(Enum):
    """Whether a step runs after the steps that it waits for have ended (contract drone-env 8.1)."""

    ON_SUCCESS = "on-success"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"
    #: The step is not even reported to the server.
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with its run policy and dependencies; `step` is None for the clone step."""

    name: str
    policy: Policy
    depends_on: tuple[str, ...]
    detach: bool
    ignore_failure: bool
    step: Step | None
    fail_fast: bool = False


def compile_steps(pipeline: Pipeline, event: Event) -> tuple[PlannedStep, ...]:
    """All steps in file order, the clone step first (contract drone-env 8.2, recorded: steps.json)."""
    clones = not pipeline.clone.disable
    clone = PlannedStep(CLONE, Policy.ALWAYS, (), False, False, None)
    steps = (_planned(step, needs, event) for step, needs in _waiting(pipeline, clones))
    return (clone, *steps) if clones else tuple(steps)


def policy(when: Conditions, event: Event) -> Policy:
    """The run policy of a step with these conditions."""
    if when.unmet(event, WHEN):
        return Policy.NEVER
    match when.runs_on():
        case True, True:
            return Policy.ALWAYS
        case False, True:
            return Policy.ON_FAILURE
        case _:
            return Policy.ON_SUCCESS


def _waiting(pipeline: Pipeline, clones: bool) -> Iterator[tuple[Step, tuple[str, ...]]]:
    """Each step with the steps it waits for; if no step has `depends_on`, each waits for the step before it."""
    graph = any(step.depends_on for step in pipeline.steps)
    known = {step.name for step in pipeline.steps} | ({CLONE} if clones else set())
    before: tuple[str, ...] = (CLONE,) if clones else ()
    for step in pipeline.steps:
        if not graph:
            yield step, before
            before = (step.name,)
        elif step.depends_on:
            # `clone` may be named although cloning is disabled.
            yield step, tuple(name for name in dict.fromkeys(step.depends_on) if name in known)
        else:
            yield step, before


def _planned(step: Step, depends_on: tuple[str, ...], event: Event) -> PlannedStep:
    return PlannedStep(
        name=step.name,
        policy=policy(step.when, event),
        depends_on=depends_on,
        detach=step.detach,
        ignore_failure=step.ignore_failure,
        step=step,
        fail_fast=step.fail_fast,
    )
