"""The page of the hook of a repository: what it has delivered, and what became of each delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds.api.request import State
from app.builds.deliveries import store
from app.builds.deliveries.api import tried_again
from app.builds.deliveries.keeper import Kept
from app.builds.deliveries.model import Delivery
from app.db.tx import Tx
from app.db.window import Part
from app.repos import hooks
from app.repos.access import Access
from app.repos.model import Repo
from app.ui import addresses
from app.ui.actions import Form
from app.ui.pages.settings.subject import SETTINGS, Subject, after, pages, word
from app.web import paging
from app.web.paging import Neighbours

#: Deliveries on a page.
ROWS = 10


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    #: Where the hook announces what happens.
    url: str
    deliveries: Sequence[Delivery]
    pages: Neighbours
    form: Form


def _reads(request: Request[State], found: Access) -> Tx[Part[Delivery]]:
    return store.list_newest(found.repo.id, paging.window(request, r"[0-9]{1,18}", size=ROWS))


def _view(request: Request[State], found: Access, part: Part[Delivery], form: Form) -> View:
    url = request.state["public_url"] + hooks.PATH
    return View(found.repo, url, part.items, pages(request, found.repo, "hooks", part, lambda one: str(one.id)), form)


async def _repeat(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    """Try a delivery once more; leads to its build, or back here when the build is made later."""
    try:
        build = await tried_again(request.state, found, request.path_params["delivery"])
    except Kept:
        return after(found.repo, "hooks", done="kept")
    return addresses.build(found.repo, build.number)


_HOOKS = SETTINGS / "hooks"
PAGE = Subject(_HOOKS, "settings/hooks.html", _reads, _view)
_DELIVERY = _HOOKS / word("delivery", "Id of the delivery.")
routes = [*PAGE.rows({}), *PAGE.actions(_DELIVERY, {"repeat": _repeat})]
