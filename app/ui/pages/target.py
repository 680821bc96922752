"""The page of a target: what runs there and ran before, what is under way, and all that was promoted to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import filters, lists, stages, targets
from app.builds.api.request import State
from app.builds.model import Build, Stage
from app.builds.targets import Target
from app.db.tx import Tx
from app.db.window import Part, Window
from app.errors import NotFound
from app.repos import store as repos
from app.repos.access import READ, Access, refuse
from app.repos.model import Repo
from app.ui import cells, decisions, frame, views
from app.ui.addresses import OURS
from app.ui.cells import Cell, Listed
from app.ui.decisions import Decisions
from app.ui.frame import Read
from app.ui.pages.repo import PATH as REPO
from app.web import paging
from app.web.paging import Neighbours
from app.web.path import Word
from app.web.reply import HTML
from app.web.route import PAGE, Endpoint

TARGET = Word("target", "Name of the target.", "production")
#: Promotions on a page; builds under way, and people who may promote, that are shown.
ROWS, UNDER_WAY, PEOPLE = 25, 20, 20


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page."""

    listed: Listed
    target: Target
    #: What ran before what runs now.
    previous: Build | None
    lane: Sequence[Build]
    history: Part[Build]
    decisions: Decisions
    #: The newest build of the target, and the stages of this and of those in the lane, by id of the build.
    newest: Build | None
    stages: Mapping[int, Sequence[Stage]]
    #: Who may write in the repository, PEOPLE + 1 at most; None for a caller who must not know.
    writers: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A build that is not over, and why nothing of it runs; empty for one that runs."""

    build: Build
    why: str


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    cell: Cell
    previous: Build | None
    lane: Sequence[Waiting]
    has_more: bool
    history: Sequence[Build]
    decisions: Decisions
    pages: Neighbours
    #: The pipelines that the newest promotion has started.
    pipelines: Sequence[str]
    newest: Build | None
    #: The number of the build that one promotes here; 0 for none.
    source: int
    writers: Sequence[str] | None
    more_writers: bool
    may_write: bool
    may_admin: bool


async def show(request: Request[State], found: Access, read: Read[Found]) -> HTML:
    """The page; NotFound for a target that the file does not name and that nothing was promoted to."""
    seen = read.found
    listed = seen.listed
    row = (await cells.cells(request.state["behind"], [listed]))[0]
    alone = Cell(found.repo, seen.target, None, "", None, listed.may_write, listed.promotable)
    cell = next((one for one in row if one.target.name == seen.target.name), alone)
    before = cell.before.current if cell.before else None
    newest, writers = seen.newest, seen.writers
    view = View(
        found.repo,
        cell,
        seen.previous,
        await _lane(request, seen),
        len(seen.lane) > UNDER_WAY,
        seen.history.items,
        seen.decisions,
        paging.neighbours(request, seen.history, lambda build: str(build.number)),
        [stage.name for stage in seen.stages[newest.id]] if newest else (),
        newest,
        before.number if before else listed.promotable,
        writers[:PEOPLE] if writers is not None else None,
        writers is not None and len(writers) > PEOPLE,
        listed.may_write,
        found.may("admin"),
    )
    tone = views.outcome(newest).tone if newest else None
    return frame.page(request, "target.html", found.user, read, tone=tone, view=view)


async def _lane(request: Request[State], seen: Found) -> Sequence[Waiting]:
    shown = seen.lane[:UNDER_WAY]
    known = await request.state["why_pending"]([stage for build in shown for stage in seen.stages[build.id]])
    return [Waiting(build, _why(build, seen.stages[build.id], known)) for build in shown]


def _why(build: Build, its: Sequence[Stage], known: Mapping[int, str]) -> str:
    """Why nothing of a build runs: the reason of its first stage that has one."""
    if build.status == "running":
        return ""
    return next((why for stage in its if (why := known.get(stage.id, ""))), "")


def _reads(request: Request[State], found: Access) -> Tx[Found]:
    repo, name, now = found.repo, request.path_params[TARGET.name], request.state["now"]()
    listed = yield from cells.of_repo(found, whole=True)
    heads = yield from lists.page(repo, {"deploy_to": name}, paging.window(request, filters.NUMBERS, size=ROWS))
    history = yield from lists.whole(heads)
    current, previous = yield from targets.before(repo.id, name)
    target = next((one for one in listed.targets if one.name == name), None)
    newest = yield from _newest(repo, name, history)
    if target is None and newest is None:
        words = "nothing was promoted to it, and the pipeline file of the default branch does not name it"
        raise NotFound(f"{repo.slug} has no target {name[:80]!r}: {words}")
    decided = yield from decisions.of_history(found, history.items)
    lane = yield from targets.lane(repo.id, name, UNDER_WAY + 1)
    its = yield from stages.of_builds({build.id for build in (*lane, *([newest] if newest else ()))})
    may_know = refuse(found.user, repo, found.permissions, "read", granted=True) is None
    writers = (yield from repos.people(repo.id, "write", PEOPLE + 1, now)) if may_know else None
    shown = target or Target(name, current, ())
    return Found(listed, shown, previous, lane, history, decided, newest, its, writers)


def _newest(repo: Repo, name: str, history: Part[Build]) -> Tx[Build | None]:
    """The newest build of a target, which is the first one of the first page."""
    if not history.earlier:
        return history.items[0] if history.items else None
    part = yield from lists.whole((yield from lists.page(repo, {"deploy_to": name}, Window(1))))
    return part.items[0] if part.items else None


routes = [
    Endpoint("GET", REPO / f"{OURS}/targets" / TARGET, show, needs=READ, reads=frame.reading(_reads), query=[*PAGE]),
]
