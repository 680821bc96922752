"""What runners send (contract drone-rpc 3), read as Go reads it. Fields that a runner does not own are ignored."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from app.builds.model import Line, Stage, Step
from app.errors import Invalid, Problem
from app.runners.manager import Filter
from app.web.body import Input

Number = Annotated[int, Field(ge=0, lt=2**63)]
ExitCode = Annotated[int, Field(ge=-(2**31), lt=2**31)]
#: The statuses that a runner may report of a stage or step; only the server sets other statuses.
Reported = Literal["pending", "running", "success", "failure", "error", "killed", "skipped"]


class FilterIn(Input):
    """Which stages a runner takes."""

    kind: str = ""
    type: str = ""
    os: str = ""
    arch: str = ""
    variant: str = ""
    kernel: str = ""
    labels: dict[str, str] = Field(default_factory=dict)

    def filter(self) -> Filter:
        """The Filter of the queue; an empty kind is `pipeline`, an empty type is `docker`."""
        return Filter(
            self.kind or "pipeline", self.type or "docker", self.os, self.arch, self.variant, self.kernel, self.labels
        )


class StepIn(Input):
    """A step as its runner sees it; `step_id` is the stage's id."""

    model_config = ConfigDict(populate_by_name=True)

    id: Number = 0
    step_id: Number = 0
    number: Number = 0
    name: str = ""
    status: Reported
    error: str = ""
    errignore: bool = False
    exit_code: ExitCode = 0
    started: Number = 0
    stopped: Number = 0
    version: Number = 0
    depends_on: list[str] = Field(default_factory=list)
    image: str = ""
    detached: bool = False
    template: str = Field("", alias="schema")

    def step(self, step_id: int) -> Step:
        """The step of this id."""
        return Step(
            id=step_id,
            stage_id=self.step_id,
            number=self.number,
            name=self.name,
            status=self.status,
            error=self.error,
            errignore=self.errignore,
            exit_code=self.exit_code,
            started=self.started,
            stopped=self.stopped,
            version=self.version,
            depends_on=tuple(self.depends_on),
            image=self.image,
            detached=self.detached,
            schema=self.template,
        )


class StageIn(Input):
    """A stage as its runner sees it, with its steps."""

    id: Number = 0
    status: Reported
    error: str = ""
    exit_code: ExitCode = 0
    machine: str = ""
    started: Number = 0
    stopped: Number = 0
    version: Number = 0
    steps: list[StepIn] = Field(default_factory=list)

    def stage(self, stage_id: int) -> Stage:
        """The stage of this id; the fields that a runner does not own are empty."""
        return Stage(
            id=stage_id,
            repo_id=0,
            build_id=0,
            number=0,
            name="",
            status=self.status,
            error=self.error,
            exit_code=self.exit_code,
            machine=self.machine,
            started=self.started,
            stopped=self.stopped,
            version=self.version,
            steps=tuple(step.step(step.id) for step in self.steps),
        )


class LineIn(Input):
    """One piece of a step's output."""

    pos: Number = 0
    out: str = ""
    time: Number = 0


class CardIn(Input):
    """What a step shows; the address of its template comes with the step."""

    data: Any = None


_LINES = TypeAdapter(list[LineIn])


def lines(data: bytes) -> list[Line]:
    """Read a batch of log lines. Raises Invalid."""
    try:
        return [Line(line.pos, line.out, line.time) for line in _LINES.validate_json(data)]
    except ValueError:
        words = "the body must be a JSON array of lines, each with pos, out and time"
        raise Invalid.of([Problem("", "invalid_lines", words)]) from None


def check(report: StageIn | StepIn, path_id: int) -> None:
    """Raise Invalid when a report has another id than its address, or its steps have wrong numbers or stage ids."""
    problems = []
    if report.id not in (0, path_id):
        problems.append(
            Problem("id", "other_id", f"id: the address is that of {path_id}, the body that of {report.id}")
        )
    if isinstance(report, StageIn):
        numbers = [step.number for step in report.steps]
        if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
            words = f"steps: the numbers {', '.join(map(str, twice))} are there twice"
            problems.append(Problem("steps", "duplicate_number", words))
        if any(step.number == 0 for step in report.steps):
            problems.append(Problem("steps", "missing_number", "steps: each has a number from 1"))
        if any(step.step_id not in (0, path_id) for step in report.steps):
            problems.append(Problem("steps", "other_stage", f"steps: step_id must be {path_id}, the stage's id"))
    if problems:
        raise Invalid.of(problems)
