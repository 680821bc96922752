"""The page of a build: what it is, its stages, why one waits, and the log of one step."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from starlette.requests import Request

from app.builds import paths, stages
from app.builds.api import logs
from app.builds.api.request import State
from app.builds.logs import ranges
from app.builds.logs.entries import Entry
from app.builds.logs.ranges import Range, Wanted
from app.builds.model import FAILED, Build, Stage, Status, Step
from app.builds.paths import NUMBER, STAGE, STEP
from app.db.tx import Tx
from app.errors import AppError, NotFound, TooLong, Unavailable
from app.repos.access import READ, Access
from app.repos.model import Repo, Right
from app.ui import frame, graph, views
from app.ui.acts import Act, acts
from app.ui.addresses import OURS
from app.ui.ansi import Painter, Piece
from app.ui.around import Around, Change, Parameter, changes, parameters, reads
from app.ui.faults import Fault, faults, names_lines
from app.ui.frame import Read
from app.ui.pages.repo import PATH as REPO
from app.web import body
from app.web.reply import HTML, PipedText
from app.web.route import Endpoint, Param

#: Lines of a log that a page shows: in sequence, or a half of them from the beginning and a half from the end.
LINES = 1000
#: Stages of a build whose graph is shown at once; the graph of more is behind a button.
FEW = 12
#: Seconds that the page waits for the pipeline file of a build that could not begin.
PATIENCE = 1.0
#: Seconds that the page of a build that waits for approval waits for what the build changes.
CHANGE = 0.3


@dataclass(frozen=True, slots=True)
class Opened:
    """The step whose log is open."""

    stage: Stage
    step: Step
    #: None where there is no log.
    log: "Log | None"
    #: Why no line is shown; empty where one is.
    absence: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a log, numbered from 1; `wrong` marks the first one that looks like an error of a step that failed."""

    number: int
    pieces: Sequence[Piece]
    wrong: bool


@dataclass(frozen=True, slots=True)
class Log:
    """The lines of a log that are shown: some in sequence, and perhaps the last ones after lines that are not shown."""

    first: Sequence[Row]
    last: Sequence[Row]
    #: The numbers of the first line that is kept and of the last one.
    least: int
    most: int

    @property
    def wrong(self) -> int:
        """The number of the line that is marked; 0 for none."""
        return next((row.number for row in (*self.first, *self.last) if row.wrong), 0)

    @property
    def before(self) -> int:
        """How many lines are kept before the first one that is shown."""
        return self.first[0].number - self.least

    @property
    def after(self) -> int:
        """How many lines follow the first ones, and are not shown."""
        return (self.last[0].number if self.last else self.most + 1) - self.first[-1].number - 1

    @property
    def earlier(self) -> int:
        """The number of a line, so that the lines from there on lead up to the first one that is shown."""
        return max(self.first[0].number - LINES, self.least)


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    around: Around
    change: Change | None
    acts: Sequence[Act]
    #: The stages by depth; empty where a graph says nothing.
    columns: Sequence[Sequence[Stage]]
    is_wide: bool
    #: By id of a stage, why nothing of it runs; empty for one that runs or ran.
    reasons: Mapping[int, str]
    faults: Sequence[Fault]
    opened: Opened | None
    may_admin: bool

    @property
    def build(self) -> Build:
        """The build, with its stages."""
        return self.around.build

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The parameters of the build."""
        return parameters(self.around)

    @property
    def approvals(self) -> Sequence[str]:
        """Why stages wait for an approval, each reason once."""
        return list(dict.fromkeys(self.reasons[stage.id] for stage in self.around.blocked))

    @property
    def barred(self) -> Mapping[Right, Sequence[str]]:
        """What the caller may not do, by the right that is lacking."""
        lacking = dict.fromkeys(act.right for act in self.acts if not act.is_allowed)
        return {right: [act.label.rstrip("…") for act in self.acts if act.right == right] for right in lacking}

    @property
    def failing(self) -> tuple[Stage, Step] | None:
        """The first step that failed, of a build that did."""
        return next(_steps_of(self.build, FAILED), None) if self.build.status in FAILED else None


async def show(request: Request[State], found: Access, read: Read[Around]) -> HTML:
    """The page, open at the step that failed, else at the one that runs, else at the last."""
    return await _page(request, found, read, _chosen(read.found.build))


async def show_step(request: Request[State], found: Access, read: Read[Around]) -> HTML:
    """The page, open at the step of the address; NotFound."""
    at = paths.stage(request), body.number(request, STEP.name, "step number")
    for stage in read.found.build.stages:
        for step in stage.steps:
            if (stage.number, step.number) == at:
                return await _page(request, found, read, (stage, step))
    raise NotFound(f"build {read.found.build.number} has no step {at[1]} in a stage {at[0]}")


async def _page(request: Request[State], found: Access, read: Read[Around], chosen: tuple[Stage, Step] | None) -> HTML:
    around, build, state = read.found, read.found.build, request.state
    columns = graph.columns(build.stages) if len(build.stages) > 1 else ()
    waiting: Mapping[int, str] = await state["why_pending"](build.stages)
    (change,) = await changes(request, [(found.repo, build, around.before)], CHANGE if around.blocked else 0)
    view = View(
        found.repo,
        around,
        change,
        acts(found.repo, build, around.earlier, found.may),
        columns,
        len(build.stages) > FEW,
        {stage.id: views.why(stage, build, waiting.get(stage.id, "")) for stage in build.stages},
        await _faults(request, found.repo, build),
        await _opened(request, *chosen) if chosen else None,
        found.may("admin"),
    )
    tone = views.mark_of(build).tone
    return frame.page(request, "build.html", found.user, read, tone=tone, view=view)


def _chosen(build: Build) -> tuple[Stage, Step] | None:
    """The step that a person most likely looks for."""
    running: frozenset[Status] = frozenset({"running"})
    for statuses in (FAILED, running):
        if found := next(_steps_of(build, statuses), None):
            return found
    begun = [(stage, step) for stage in build.stages for step in stage.steps if step.status != "skipped"]
    return begun[-1] if begun else next(((stage, step) for stage in build.stages for step in stage.steps), None)


def _steps_of(build: Build, statuses: frozenset[Status]) -> Iterator[tuple[Stage, Step]]:
    """The steps with one of these statuses, first those whose failure counts."""
    found = [(stage, step) for stage in build.stages for step in stage.steps if step.status in statuses]
    yield from sorted(found, key=lambda pair: pair[1].errignore)


async def _faults(request: Request[State], repo: Repo, build: Build) -> Sequence[Fault]:
    """What is wrong with the pipeline file of a build that could not begin, beside the lines of the file."""
    if not build.error:
        return ()
    text = ""
    if names_lines(build.error, repo.config_path):
        with suppress(AppError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                text = await request.state["ports"].configs.load_plain(repo, build)
    return faults(build.error, repo.config_path, text)


async def _opened(request: Request[State], stage: Stage, step: Step) -> Opened:
    try:
        parts = await _parts(request, step)
    except (Unavailable, TooLong) as error:
        return Opened(stage, step, None, f"The log cannot be shown: {error.message}.")
    if parts and parts[0].end and not parts[0].lines:
        return Opened(stage, step, None, f"This log ends with line {parts[0].end}.")
    if not parts or not parts[0].lines:
        return Opened(stage, step, None, views.absence(stage, step, is_known=bool(parts)))
    return Opened(stage, step, _log(parts, failed=step.status in FAILED), "")


async def _parts(request: Request[State], step: Step) -> Sequence[Range]:
    """The lines of a log from the one on that the query names; else all, or the first ones and the last ones."""
    start = body.query(request).get("from", "")
    if start:
        return await _part(request, step, Wanted(max(_number(start) - 1, 0), LINES))
    found = await _part(request, step, Wanted(0, LINES))
    if not found or found[0].next is None:
        return found
    first, half = found[0], LINES // 2
    return [replace(first, lines=first.lines[:half]), *await _part(request, step, Wanted(-half, half))]


async def _part(request: Request[State], step: Step, wanted: Wanted) -> Sequence[Range]:
    record = await request.state["ports"].logs.open_record(step.id)
    return [await ranges.read(record, wanted)] if record is not None else []


def _number(text: str) -> int:
    """The number of a line; 1 for what is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 1


def _log(parts: Sequence[Range], *, failed: bool) -> Log:
    """The lines as rows; of a step that failed, the first line that looks like an error is marked."""
    first = parts[0].lines
    last = [line for part in parts[1:] for line in part.lines if line["pos"] > first[-1]["pos"]]
    wrong = next((line["pos"] for line in (*first, *last) if views.looks_wrong(line["out"])), -1) if failed else -1
    return Log(_rows(first, wrong), _rows(last, wrong), parts[0].first + 1, parts[-1].end)


def _rows(lines: Sequence[Entry], wrong: int) -> Sequence[Row]:
    painter = Painter()
    return [Row(line["pos"] + 1, painter.line(line["out"]), line["pos"] == wrong) for line in lines]


async def show_log(request: Request[State], found: Access, work: tuple[Stage, Step]) -> PipedText:
    """The log of a step as plain text, without escape sequences. NotFound where there is none."""
    stage, step = work
    record = await request.state["ports"].logs.open_record(step.id)
    if record is None:
        raise NotFound(f"step {step.name}, which is {step.status}, has no log: it wrote none, or it was deleted")
    numbers = (found.repo.namespace, found.repo.name, str(paths.number(request)))
    headers = {"Content-Disposition": f'inline; filename="{logs.file_name([*numbers, stage.name, step.name])}"'}
    return PipedText(logs.plain(record, strip=True), headers)


def _step_in_stage(request: Request[State], found: Access) -> Tx[tuple[Stage, Step]]:
    step = yield from paths.step(request, found)
    return (yield from stages.find(step.stage_id)), step


_FROM = Param("from", "The number of the first line of the log that is shown.")
PATH = REPO / NUMBER
_LOG = REPO / f"{OURS}/logs" / NUMBER / STAGE / STEP
routes = [
    Endpoint("GET", PATH, show, needs=READ, reads=frame.reading(reads), query=[_FROM]),
    Endpoint("GET", PATH / STAGE / STEP, show_step, needs=READ, reads=frame.reading(reads), query=[_FROM]),
    Endpoint("GET", _LOG, show_log, needs=READ, reads=_step_in_stage),
]
