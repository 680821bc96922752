"""Routes of the pushes that wait (Drone has no such routes)."""

from starlette.requests import Request
from typing_extensions import TypedDict

from app.builds.api.request import State
from app.builds.deliveries import store
from app.builds.deliveries.model import Delivery
from app.db.tx import Tx
from app.repos.access import WRITE, Access
from app.repos.paths import REPO
from app.web.reply import JSON
from app.web.route import Endpoint

#: Pushes that are shown.
LIMIT = 1000


class PushJSON(TypedDict):
    """A push that is not built yet: when it was received, when it is tried next, and why it was not built."""

    ref: str
    before: str
    after: str
    sender: str
    received: int
    next: int
    tries: int
    error: str


async def list_waiting(_: Request[State], __: Access, waiting: list[Delivery]) -> JSON[list[PushJSON]]:
    """The pushes that wait until the repository can be read, by ref, oldest first."""
    return JSON([_push_json(one) for one in waiting])


def _waiting(_: Request[State], found: Access) -> Tx[list[Delivery]]:
    return store.list_of(found.repo.id, LIMIT)


def _push_json(one: Delivery) -> PushJSON:
    return PushJSON(
        ref=one.ref,
        before=one.before,
        after=one.after,
        sender=one.sender,
        received=one.received,
        next=one.due,
        tries=one.tries,
        error=one.error,
    )


routes = [
    Endpoint("GET", REPO / "pushes", list_waiting, operation="repos.list_waiting_pushes", needs=WRITE, reads=_waiting)
]
