"""The page of deliveries: what the hook of a repository has delivered, what webhooks and the host were told, and what
became of it.

What is told is read by the room that tells, which the server hands in (`app.ui.told`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.builds.api.request import State
from app.builds.deliveries import store
from app.builds.deliveries.api import tried_again
from app.builds.deliveries.keeper import Kept
from app.builds.deliveries.model import Delivery
from app.db.tx import Tx
from app.db.window import Part
from app.errors import AppError, Forbidden, NotFound, Unauthorized
from app.outbox import lists
from app.outbox.api import send_again
from app.outbox.model import Entry
from app.repos import hooks, verbs
from app.repos.access import ADMIN, Access
from app.repos.model import Repo
from app.ui import actions, addresses, frame
from app.ui.actions import Form
from app.ui.pages.settings.subject import SETTINGS, Subject, after, pages, word
from app.ui.told import Sent, Told, Webhook
from app.web import paging
from app.web.paging import Neighbours
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint

#: Deliveries on a page, of each way.
ROWS = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page."""

    came: Part[Delivery]
    told: Told
    refused: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    #: Where the hook announces what happens.
    url: str
    deliveries: Sequence[Delivery]
    pages: Neighbours
    webhooks: Mapping[int, Webhook]
    sent: Sequence[Sent]
    #: What the host has not taken.
    refused: Sequence[Entry]
    #: Whether the caller may have that sent again.
    is_system: bool
    form: Form


def _reads(request: Request[Any], found: Access) -> Tx[Found]:
    came = yield from store.list_newest(found.repo.id, paging.window(request, r"[0-9]{1,18}", size=ROWS))
    told = yield from request.state["outgoing"].told(found.repo, ROWS)
    return Found(came, told, (yield from lists.refused(found.repo.id, ROWS)))


def _view(request: Request[State], found: Access, read: Found, form: Form) -> View:
    url, part, told = request.state["public_url"] + hooks.PATH, read.came, read.told
    around = pages(request, found.repo, "hooks", part, lambda one: str(one.id))
    webhooks = {one.id: one for one in told.webhooks}
    return View(found.repo, url, part.items, around, webhooks, told.sent, read.refused, found.is_system, form)


async def _repeat(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    """Try a delivery once more; leads to its build, or back here when the build is made later."""
    try:
        build = await tried_again(request.state, found, request.path_params["delivery"])
    except Kept:
        return after(found.repo, "hooks", done="kept")
    return addresses.build(found.repo, build.number)


async def _redeliver(request: Request[Any], found: Access, _: Mapping[str, str]) -> str:
    """Send a delivery of a webhook once more."""
    webhook, delivery = _id(request, "webhook"), _id(request, "delivery")
    await request.state["outgoing"].redeliver(found.repo, webhook, delivery)
    return after(found.repo, "hooks", done="redelivered", name=str(delivery))


async def _tell_again(request: Request[Any], found: Access, _: Mapping[str, str]) -> str:
    """Send to the host once more what the host has not taken."""
    if not found.is_system:
        raise Forbidden("only an administrator of the server has this sent again")
    entry = _id(request, "entry")
    await send_again(request.state, entry, found.by, repo=found.repo.id)
    return after(found.repo, "hooks", done="told", name=str(entry))


async def rotate(request: Request[State], found: Access) -> HTML | SeeOther:
    """Exchange the key of the hook. A key that the host does not get is shown: in this answer alone."""
    try:
        rotated = await verbs.rotate_key(request.state, found)
    except Unauthorized:
        raise
    except AppError as error:
        return await PAGE.again(request, found, actions.refused({}, error))
    if rotated.at_host:
        return SeeOther(after(found.repo, "hooks", done="rotated"))
    shown = frame.whole(request, "settings/key.html", found.user, repo=found.repo, rotated=rotated)
    shown.headers["Cache-Control"] = "no-store"
    return shown


def _id(request: Request[Any], name: str) -> int:
    """An id in the path; NotFound for a text that is none: no field of the page says it."""
    text = request.path_params[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(f"there is no such {name}")
    return int(text)


_HOOKS = SETTINGS / "hooks"
PAGE = Subject(_HOOKS, "settings/hooks.html", _reads, _view)
_DELIVERY = _HOOKS / word("delivery", "Id of the delivery.")
_WEBHOOK = _HOOKS / "webhooks" / word("webhook", "Id of the webhook.")
_ENTRY = _HOOKS / "host" / word("entry", "Id of what the host has not taken.")
_SENT = _WEBHOOK / "deliveries" / word("delivery", "Id of the delivery to the webhook.")
routes = [
    *PAGE.rows({}),
    Endpoint("POST", _HOOKS / "rotate", rotate, needs=ADMIN, secret=True),
    *PAGE.actions(_DELIVERY, {"repeat": _repeat}),
    *PAGE.actions(_SENT, {"redeliver": _redeliver}),
    *PAGE.actions(_ENTRY, {"retry": _tell_again}),
]
