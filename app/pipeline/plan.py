"""Which pipelines an event starts, in which order, and why it does not start the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from app.pipeline.conditions import TRIGGER, Condition
from app.pipeline.event import Event
from app.pipeline.model import Config, Pipeline
from app.pipeline.problems import Problem, quoted


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A pipeline that will run; it waits for the stages named in `depends_on`."""

    #: from 1, in file order
    number: int
    name: str
    kind: str
    type: str
    os: str
    arch: str
    variant: str
    kernel: str
    limit: int
    labels: Mapping[str, str]
    on_success: bool
    on_failure: bool
    depends_on: tuple[str, ...]
    #: What its runner would refuse the pipeline for: the stage ends as error when it is started.
    faults: tuple[Problem, ...] = ()


class Mismatch(NamedTuple):
    """A condition of a trigger, and the value of the event that does not meet the condition."""

    condition: str
    value: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def sentence(self) -> str:
        """A sentence that says what the trigger requires and which value the event has."""
        found = quoted(self.value) if self.value else "empty"
        key = f"trigger.{self.condition}"
        if not Condition(exclude=self.exclude).matches(self.value):
            return f"{key} excludes {', '.join(self.exclude)}, and it is {found}"
        return f"{key} includes {', '.join(self.include)}, not {found}"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A pipeline that the event does not start, and every condition that the event does not meet."""

    pipeline: str
    mismatches: tuple[Mismatch, ...]

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions that the event does not meet."""
        return tuple(mismatch.condition for mismatch in self.mismatches)

    def sentence(self) -> str:
        """As in `pipeline "deploy": trigger.target includes production, not "staging"`."""
        reasons = "; ".join(mismatch.sentence() for mismatch in self.mismatches)
        return f"pipeline {quoted(self.pipeline)}: {reasons}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages that an event starts, and the pipelines that it does not start; without stages there is no build."""

    stages: tuple[PlannedStage, ...]
    excluded: tuple[Exclusion, ...]


def plan(config: Config, event: Event) -> Plan:
    """Choose the stages to run, in file order (contract drone-yaml 8, 10).

    A pipeline that depends on an excluded pipeline gets that pipeline's dependencies instead.
    """
    chosen: list[Pipeline] = []
    excluded: list[Exclusion] = []
    for pipeline in config.pipelines:
        if unmet := pipeline.trigger.unmet(event, TRIGGER):
            excluded.append(_exclusion(pipeline, unmet))
        else:
            chosen.append(pipeline)
    bridges = _Bridges(config.pipelines, {pipeline.name for pipeline in chosen})
    return Plan(
        tuple(
            _stage(number, pipeline, bridges.over(pipeline.depends_on))
            for number, pipeline in enumerate(chosen, start=1)
        ),
        tuple(excluded),
    )


def _exclusion(pipeline: Pipeline, unmet: Iterable[tuple[str, str]]) -> Exclusion:
    def mismatch(name: str, value: str) -> Mismatch:
        condition: Condition = getattr(pipeline.trigger, name)
        return Mismatch(name, value, condition.include, condition.exclude)

    return Exclusion(pipeline.name, tuple(mismatch(name, value) for name, value in unmet))


class _Bridges:
    """Replaces dependencies on excluded pipelines by the dependencies of those; the file must have no circles."""

    def __init__(self, pipelines: Iterable[Pipeline], chosen: set[str]) -> None:
        self.parents = {pipeline.name: pipeline.depends_on for pipeline in pipelines}
        self.chosen = chosen
        # Results by name: without them, a lattice of excluded pipelines would be walked along every path.
        self.known: dict[str, tuple[str, ...]] = {}

    def over(self, depends_on: Iterable[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for name in depends_on:
            found.update(dict.fromkeys((name,) if name in self.chosen else self._instead_of(name)))
        return tuple(found)

    def _instead_of(self, name: str) -> tuple[str, ...]:
        if name not in self.known:
            self.known[name] = self.over(self.parents[name])
        return self.known[name]


def _stage(number: int, pipeline: Pipeline, depends_on: tuple[str, ...]) -> PlannedStage:
    on_success, on_failure = pipeline.trigger.runs_on()
    return PlannedStage(
        number=number,
        name=pipeline.name,
        kind=pipeline.kind,
        type=pipeline.type,
        os=pipeline.os,
        arch=pipeline.arch,
        variant=pipeline.variant,
        kernel=pipeline.kernel,
        limit=pipeline.limit,
        labels=pipeline.labels,
        on_success=on_success,
        on_failure=on_failure,
        depends_on=depends_on,
        faults=pipeline.faults,
    )
