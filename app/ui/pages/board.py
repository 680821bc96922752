"""The board, which is the first page: what is where, of the repositories that the caller may read."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.accounts.auth import Caller
from app.accounts.model import User
from app.builds import board, lists, targets
from app.builds.api.request import State
from app.builds.board import COUNTED, NAMESPACES, SHOWS, Filter
from app.builds.model import Build
from app.builds.remembered import Remembered
from app.db.tx import Tx
from app.db.window import Part
from app.errors import Invalid, Problem
from app.repos import store as repos
from app.repos.access import ADMITTED, refuse
from app.repos.api.repos import SLUGS
from app.repos.model import Repo
from app.ui import cells, columns, frame
from app.ui.cells import Cell, Listed
from app.ui.frame import Read
from app.web import body, paging
from app.web.paging import Neighbours
from app.web.reply import HTML
from app.web.route import PAGE, Endpoint, Param

#: Repositories on a page, and targets in a row that have no column.
ROWS, REST = 50, 30
_NOTHING: Part[Listed] = Part((), earlier=False, later=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page. Where the filter is wrong, `problems` say why, and there are no repositories."""

    listed: Part[Listed]
    #: The newest builds of repositories without targets, by id of the repository.
    newest: Mapping[int, Build]
    namespaces: Sequence[str]
    #: How many repositories there are in all parts of the list; COUNTED + 1 also stands for more.
    count: int
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A repository: a cell for each column, None where it has no such target, and the cells without a column."""

    repo: Repo
    cells: Sequence[Cell | None]
    rest: Sequence[Cell]
    #: How many targets are on the page of the repository alone.
    beyond: int
    #: The newest build, of a repository without targets.
    newest: Build | None

    @property
    def has_targets(self) -> bool:
        """Whether there is a cell."""
        return bool(self.rest) or any(self.cells)

    def content(self, now: int) -> Hashable:
        """All that is shown of a row with targets at a time: equal contents are the same HTML."""
        return (
            (self.repo.id, self.repo.slug, self.repo.active, self.beyond),
            tuple(cell and cell.content(now) for cell in self.cells),
            tuple(cell.content(now) for cell in self.rest),
        )


@dataclass(frozen=True, slots=True)
class View:
    """The page, and what somebody may do who sees no repository."""

    rows: Sequence[Row]
    columns: Sequence[str]
    #: Whether some row has targets that have no column.
    has_rest: bool
    pages: Neighbours
    count: int
    most: int
    wanted: Filter
    namespaces: Sequence[str]
    #: Whether there are more namespaces than these.
    more_namespaces: bool
    shows: Sequence[str]
    problems: Sequence[Problem]
    is_signed_in: bool
    is_system: bool


async def show(request: Request[State], caller: Caller | None, read: Read[Found]) -> HTML:
    """The page; 400 for a filter that no board has."""
    seen, user = read.found, caller.user if caller else None
    listed = seen.listed.items
    shown = columns.columns([[target.name for target in one.targets] for one in listed])
    made = await cells.cells(request.state["behind"], listed)
    rows = [_row(one, row, shown, seen.newest) for one, row in zip(listed, made, strict=True)]
    view = View(
        rows,
        shown,
        any(row.rest for row in rows),
        paging.neighbours(request, seen.listed, lambda one: one.repo.slug),
        seen.count,
        COUNTED,
        _wanted(request),
        seen.namespaces[:NAMESPACES],
        len(seen.namespaces) > NAMESPACES,
        [one for one in SHOWS if user or one != "mine"],
        seen.problems,
        user is not None,
        user is not None and user.admin,
    )
    return frame.page(request, "board.html", user, read, status=400 if seen.problems else 200, view=view)


def _row(one: Listed, row: Sequence[Cell], shown: Sequence[str], newest: Mapping[int, Build]) -> Row:
    by_name = {cell.target.name: cell for cell in row}
    rest = [cell for cell in row if cell.target.name not in shown]
    placed = [by_name.get(name) for name in shown]
    return Row(one.repo, placed, rest[:REST], len(rest[REST:]), newest.get(one.repo.id))


def _wanted(request: Request[State]) -> Filter:
    query = body.query(request)
    return Filter(query.get("q", "").strip(), query.get("namespace", ""), query.get("show", "") or SHOWS[0])


def _reads(request: Request[State], caller: Caller | None) -> Tx[Found]:
    user, now, wanted = caller.user if caller else None, request.state["now"](), _wanted(request)
    spaces = yield from board.namespaces(user, now)
    try:
        wanted.check()
    except Invalid as wrong:
        return Found(_NOTHING, {}, spaces, 0, wrong.problems)
    part = yield from board.page(user, wanted, paging.window(request, SLUGS, size=ROWS, largest=ROWS), now)
    is_whole = not (part.earlier or part.later)
    count = len(part.items) if is_whole else (yield from board.count(user, wanted, now))
    listed = yield from _listed(user, part.items, now, request.state["remembered"])
    without = [one.repo.id for one in listed if not one.targets]
    newest = (yield from lists.newest_of(without)) if without else {}
    return Found(Part(listed, part.earlier, part.later), newest, spaces, count)


def _listed(user: User | None, found: Sequence[Repo], now: int, builds: Remembered) -> Tx[Sequence[Listed]]:
    """Repositories with their targets, and what the caller may do there."""
    ids = [repo.id for repo in found]
    known = yield from targets.of_repos(ids, builds.by_ids)
    rights = (yield from repos.rights_of(user.id, ids, now)) if user else {}
    listed = [Listed(one, known[one.id], refuse(user, one, rights.get(one.id), "write") is None) for one in found]
    wanting = [one.repo for one in listed if one.may_write and one.is_open]
    numbers = (yield from targets.promotable(wanting)) if wanting else {}
    return [Listed(one.repo, one.targets, one.may_write, numbers.get(one.repo.id, 0)) for one in listed]


_QUERY = (
    Param("q", "Only repositories with this in their slugs, in any letter case."),
    Param("namespace", "Only repositories of this namespace."),
    Param("show", f"What is shown: {', '.join(SHOWS)}."),
)
routes = [Endpoint("GET", "/", show, needs=ADMITTED, reads=frame.reading(_reads), query=[*PAGE, *_QUERY])]
