"""The first page: the repositories that the caller may read, each with its newest build."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.accounts.auth import Caller
from app.builds import lists
from app.builds.model import Build
from app.db.tx import Tx
from app.db.window import Part
from app.repos import store as repos
from app.repos.access import ADMITTED, State
from app.repos.api.repos import SLUGS
from app.repos.model import Repo
from app.ui import frame
from app.ui.frame import Read
from app.web import paging
from app.web.paging import Neighbours
from app.web.reply import HTML
from app.web.route import PAGE, Endpoint

#: Repositories on a page.
ROWS = 50


@dataclass(frozen=True, slots=True)
class View:
    """A part of the repositories, and what somebody may do who sees none."""

    repos: Sequence[tuple[Repo, Build | None]]
    pages: Neighbours
    is_signed_in: bool
    is_system: bool


async def show(request: Request[State], caller: Caller | None, read: Read[Part[tuple[Repo, Build | None]]]) -> HTML:
    """The page."""
    user = caller.user if caller else None
    neighbours = paging.neighbours(request, read.found, lambda pair: pair[0].slug)
    view = View(read.found.items, neighbours, user is not None, user is not None and user.admin)
    return frame.page(request, "home.html", user, read, view=view)


def _reads(request: Request[State], caller: Caller | None) -> Tx[Part[tuple[Repo, Build | None]]]:
    window = paging.window(request, SLUGS, size=ROWS)
    part = yield from repos.list_readable(caller.user if caller else None, window, request.state["now"]())
    newest = yield from lists.newest_of(repo.id for repo in part.items)
    return Part([(repo, newest.get(repo.id)) for repo in part.items], part.earlier, part.later)


routes = [Endpoint("GET", "/", show, needs=ADMITTED, reads=frame.reading(_reads), query=PAGE)]
