"""Routes of the deliveries of a repository (Drone has no such routes)."""

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

#: Waiting changes that are shown, and deliveries.
LIMIT, NEWEST = 1000, 100


class PushJSON(TypedDict):
    """A change that is not built yet: when it was received, when it is tried next, and why it was not built."""

    ref: str
    before: str
    after: str
    sender: str
    received: int
    next: int
    tries: int
    error: str


class KnownDeliveryJSON(PushJSON):
    """A delivery, with its id at the host. `build` is the number of its build, and `error` says why there is none.

    The host is empty for plain git. The event is `push`, `pull_request` or `deployment`. `next` is 0 for a delivery
    that does not wait. `found_late`: no webhook told of the change, and the server found the change itself.
    `twin`: an earlier delivery told of the same change, and what became of the change is told there.
    """

    id: str
    host: str
    event: str
    action: str
    build: int
    found_late: bool
    twin: bool


async def list_waiting(_: Request[State], __: Access, waiting: list[Delivery]) -> JSON[list[PushJSON]]:
    """The changes that wait until the repository can be read, by ref, oldest first."""
    return JSON([_push_json(one) for one in waiting])


def _waiting(_: Request[State], found: Access) -> Tx[list[Delivery]]:
    return store.list_waiting(found.repo.id, LIMIT)


async def list_deliveries(_: Request[State], __: Access, known: list[Delivery]) -> JSON[list[KnownDeliveryJSON]]:
    """The newest deliveries of the last seven days, newest first, with what became of each."""
    return JSON([_delivery_json(one) for one in known])


def _known(_: Request[State], found: Access) -> Tx[list[Delivery]]:
    return store.list_newest(found.repo.id, NEWEST)


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


def _delivery_json(one: Delivery) -> KnownDeliveryJSON:
    return KnownDeliveryJSON(
        **_push_json(one),
        id=one.name,
        host=one.host,
        event=one.event,
        action=one.action,
        build=one.build,
        found_late=one.found_late,
        twin=one.twin > 0,
    )


routes = [
    Endpoint("GET", REPO / "pushes", list_waiting, operation="repos.list_waiting_pushes", needs=WRITE, reads=_waiting),
    Endpoint("GET", REPO / "deliveries", list_deliveries, operation="repos.list_deliveries", needs=WRITE, reads=_known),
]
