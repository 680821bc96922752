"""The page of a repository: its targets, its builds, and the pushes that started nothing."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import filters, lists
from app.builds.api.request import State
from app.builds.deliveries import store as deliveries
from app.builds.deliveries.model import Delivery
from app.builds.model import Build
from app.db.tx import Tx
from app.db.window import Part, Window
from app.errors import Invalid, Problem
from app.repos.access import READ, Access
from app.repos.model import Repo
from app.repos.paths import NAME, OWNER
from app.ui import cells, frame, plan
from app.ui.cells import Cell, Listed
from app.ui.frame import Read
from app.web import body, paging
from app.web.paging import Neighbours
from app.web.path import Path
from app.web.reply import HTML
from app.web.route import PAGE, Endpoint

#: A time that does not come.
_LATEST = 2**62
#: Builds on a page, and deliveries that are looked through for those that started nothing.
ROWS, DELIVERIES = 25, 100


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page. Where the filters are wrong, `problems` say why, and there are no builds."""

    listed: Listed
    builds: Part[Build]
    #: The deliveries of the time of the page that started nothing, newest first; whether there is any delivery.
    idle: Sequence[Delivery]
    was_pushed: bool
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    cells: Sequence[Cell]
    #: Builds, and pushes that started nothing, newest first.
    rows: Sequence[Build | Delivery]
    pages: Neighbours
    #: The words of the filters, as they were typed; empty for those that were not used.
    asked: Mapping[str, str]
    filtered: bool
    #: How many builds were looked at, where there are more of them; else 0.
    looked_at: int
    problems: Sequence[Problem]
    #: The values that a filter may have.
    choices: Mapping[str, Sequence[str]]
    #: Whether the repository has no build at all, and whether a push of it was seen.
    is_new: bool
    was_pushed: bool
    may_write: bool
    may_admin: bool
    #: Of a repository without builds: the pipeline file of the default branch, for who may write; and a form's key.
    file: plan.File | None
    key: str


async def show(request: Request[State], found: Access, read: Read[Found]) -> HTML:
    """The page; 400 when a filter has a value that no build has."""
    seen, repo, asked = read.found, found.repo, _asked(request)
    pages = paging.neighbours(request, seen.builds, lambda build: str(build.number))
    filtered = any(asked.values())
    has_any = bool(seen.builds.items or seen.builds.earlier or filtered or body.query(request).get("cursor"))
    view = View(
        repo,
        (await cells.cells(request.state["behind"], [seen.listed]))[0],
        seen.builds.items if filtered else [*_merged(seen.builds.items, seen.idle)],
        pages,
        asked,
        filtered,
        lists.HISTORY if seen.builds.stopped else 0,
        seen.problems,
        {**lists.VALUES, "target": [target.name for target in seen.listed.targets]},
        not has_any,
        seen.was_pushed,
        found.may("write"),
        found.may("admin"),
        await plan.head_of(request, repo) if not has_any and found.may("write") else None,
        plan.new_key(),
    )
    status = 400 if seen.problems else 200
    return frame.page(request, "repo.html", found.user, read, status=status, view=view)


def _asked(request: Request[State]) -> Mapping[str, str]:
    query = body.query(request)
    return {param.name: query.get(param.name, "") for param in filters.PARAMS}


def _reads(request: Request[State], found: Access) -> Tx[Found]:
    known = yield from cells.of_repo(found)
    told = (yield from _told(found.repo)) if found.may("write") else ()
    try:
        part = yield from filters.page(found.repo, _asked(request), paging.window(request, filters.NUMBERS, size=ROWS))
    except Invalid as wrong:
        return Found(known, Part((), earlier=False, later=False), (), bool(told), wrong.problems)
    builds = yield from lists.whole(part)
    idle = [one for one in told if not one.build and not one.twin]
    shown = (yield from _of_page(found.repo, builds, idle)) if idle else ()
    return Found(known, builds, shown, bool(told), ())


def _told(repo: Repo) -> Tx[Sequence[Delivery]]:
    return (yield from deliveries.list_newest(repo.id, Window(DELIVERIES))).items


def _of_page(repo: Repo, builds: Part[Build], idle: Sequence[Delivery]) -> Tx[Sequence[Delivery]]:
    """The deliveries of the time of a page: after its oldest build, up to the build that is newer than its newest."""
    since, until = 0, _LATEST
    if builds.later and builds.items:
        since = builds.items[-1].created
    if builds.earlier and builds.items:
        newer = yield from lists.page(repo, {}, Window(1, before=str(builds.items[0].number)))
        until = min([build.created for build in (yield from lists.whole(newer)).items], default=_LATEST)
    return [one for one in idle if since < one.received <= until]


def _merged(builds: Sequence[Build], idle: Sequence[Delivery]) -> Iterator[Build | Delivery]:
    """The builds and the deliveries, newest first."""
    left = deque(idle)
    for build in builds:
        while left and left[0].received > build.created:
            yield left.popleft()
        yield build
    yield from left


PATH = Path() / OWNER / NAME
routes = [Endpoint("GET", PATH, show, needs=READ, reads=frame.reading(_reads), query=[*PAGE, *filters.PARAMS])]
