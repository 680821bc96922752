"""The page of a build: what it is, its stages, why one waits, and the log of one step."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

import orjson
from starlette.requests import Request

from app.audit import lists as audit
from app.builds import paths, stages
from app.builds.api import logs
from app.builds.api.request import State
from app.builds.model import DONE, FAILED, Build, Stage, Status, Step
from app.builds.paths import NUMBER, STAGE, STEP
from app.db.tx import Tx
from app.errors import AppError, NotFound, TooLong, Unavailable
from app.repos.access import READ, Access
from app.repos.model import Repo, Right
from app.ui import excerpt, fragments, frame, graph, views
from app.ui.acts import Act, acts
from app.ui.addresses import OURS
from app.ui.around import Around, Change, Parameter, changes, parameters, reads
from app.ui.excerpt import Excerpt
from app.ui.faults import Fault, faults, names_lines
from app.ui.frame import Read
from app.ui.pages.repo import PATH as REPO
from app.web import body
from app.web.reply import HTML, PipedText
from app.web.route import Endpoint, Param

#: Stages of a build whose graph is shown at once; the graph of more is behind a button.
FEW = 12
#: Seconds that the page waits for the pipeline file of a build that could not begin.
PATIENCE = 1.0
#: Seconds that the page of a build that waits for approval waits for what the build changes.
CHANGE = 0.3


class Deleted(NamedTuple):
    """When a log was deleted, and by whom; by nobody for a caller who may not see who has which rights."""

    at: int
    by: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The step whose log is open."""

    stage: Stage
    step: Step
    #: The lines that are shown; None for none.
    log: Excerpt | None = None
    #: Why no line is shown; empty where one is.
    absence: str = ""
    #: Who deleted the log, where that is why no line is shown.
    deleted: Deleted | None = None
    #: The number of the first line that looks like an error, of a step that failed; 0 for none.
    error: int = 0
    #: The positions of the lines that the script points at unless the address does; None for no lines.
    at: tuple[int, int] | None = None
    #: What tells when a line was written, and how; empty for nothing.
    times: str = ""
    #: Whether the browser has a script that shows the log, so that no line is needed here.
    is_owned: bool = False


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
        await _opened(request, found, *chosen) if chosen else None,
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
        with suppress(AppError, TimeoutError):  # the problems are shown without the file
            async with asyncio.timeout(PATIENCE):
                text = await request.state["ports"].configs.load_plain(repo, build)
    return faults(build.error, repo.config_path, text)


async def _opened(request: Request[State], access: Access, stage: Stage, step: Step) -> Opened:
    """The step, with what of its log the answer needs: most regions need nothing."""
    opened = Opened(stage, step)
    try:
        if fragments.is_owned(request, f"log-{stage.number}-{step.number}"):
            opened = replace(opened, is_owned=True)
        elif fragments.has(request, "log"):
            return await _read(request, access, opened)
        if fragments.has(request, "head") and step.status in FAILED:
            return replace(opened, error=await excerpt.first_error(request, step))
    except (Unavailable, TooLong) as error:
        return replace(opened, absence=f"The log cannot be shown: {error.message}.")
    return opened


async def _read(request: Request[State], access: Access, opened: Opened) -> Opened:
    """The lines that are shown; from a line on, and with times, if the query says so."""
    typed, step = body.query(request), opened.step
    found = await excerpt.read(request, step, typed.get("from", ""))
    if found is None and step.status in DONE:
        opened = replace(opened, deleted=await request.state["ports"].db.read(_deleted(request, access, opened)))
    if found is None or not found.most:
        return replace(opened, absence=views.absence(opened.stage, step, is_known=found is not None))
    if found.excerpt is None:
        return replace(opened, absence=f"This log ends with line {found.most}.")
    error, is_whole = found.error, not fragments.asked(request)
    at = (error - 1, error - 1) if error and is_whole and not typed else None
    return replace(opened, log=found.excerpt, error=error, at=at, times=typed.get("times", ""))


def _deleted(request: Request[State], access: Access, opened: Opened) -> Tx[Deleted | None]:
    """Who deleted the log of the step; None where nobody did."""
    at = opened.stage.number, opened.step.number
    for entry in (yield from audit.deleted_logs(access.repo.id, paths.number(request))):
        log = orjson.loads(entry.before)
        if (log["stage"], log["step"]) == at:
            return Deleted(entry.at, entry.actor_name if access.is_granted else "")
    return None


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


_LINES = [
    Param("from", "The number of the first line of the log that is shown."),
    Param("times", "`since`: each line with the time since its step began. `clock`: with the time of day."),
]
PATH = REPO / NUMBER
_LOG = REPO / f"{OURS}/logs" / NUMBER / STAGE / STEP
routes = [
    Endpoint("GET", PATH, show, needs=READ, reads=frame.reading(reads), query=_LINES),
    Endpoint("GET", PATH / STAGE / STEP, show_step, needs=READ, reads=frame.reading(reads), query=_LINES),
    Endpoint("GET", _LOG, show_log, needs=READ, reads=_step_in_stage),
]
