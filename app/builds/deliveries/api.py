"""Routes of the deliveries of a repository (Drone has no such routes)."""

from typing import Literal, TypeAlias

from starlette.requests import Request
from typing_extensions import TypedDict

from app.builds.api.request import State
from app.builds.deliveries import store
from app.builds.deliveries.keeper import Again, Kept
from app.builds.deliveries.model import Delivery
from app.builds.model import Build
from app.builds.wire import BuildJSON, build_json
from app.db.tx import Tx
from app.db.window import Part
from app.errors import Conflict
from app.moments import Change
from app.repos.access import WRITE, Access
from app.repos.paths import REPO
from app.web import paging
from app.web.path import Word
from app.web.reply import JSON
from app.web.route import PAGE, Endpoint, Param

#: Waiting changes that are shown, and deliveries on a page.
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


#: What has become of a delivery: a build, or nothing, or it is tried again, or an earlier one told of the same change.
Outcome: TypeAlias = Literal["build", "nothing", "waiting", "twin"]


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
    outcome: Outcome


async def list_waiting(_: Request[State], __: Access, waiting: list[Delivery]) -> JSON[list[PushJSON]]:
    """The changes that wait until the repository can be read, by ref, oldest first."""
    return JSON([_push_json(one) for one in waiting])


def _waiting(_: Request[State], found: Access) -> Tx[list[Delivery]]:
    return store.list_waiting(found.repo.id, LIMIT)


async def list_deliveries(request: Request[State], _: Access, part: Part[Delivery]) -> JSON[list[KnownDeliveryJSON]]:
    """The deliveries of the last seven days, newest first, with what became of each."""
    links = paging.links(request, part, lambda one: str(one.id))
    return JSON([_delivery_json(one) for one in part.items], headers=links)


def _page(request: Request[State], found: Access) -> Tx[Part[Delivery]]:
    return store.list_newest(found.repo.id, paging.window(request, r"[0-9]{1,18}", size=NEWEST))


class TriedJSON(TypedDict):
    """When the build of a delivery is made, and the id of the delivery that it is the build of."""

    message: str
    id: str


async def repeat(request: Request[State], found: Access) -> JSON[BuildJSON] | JSON[TriedJSON]:
    """Let a delivery that has no build be tried once more, as if it were received now; answers the build.

    202 when the build is not made within a second, or the delivery waits for an earlier one of its ref. 409 when there
    is a build. Where nothing is to run, the error says why.
    """
    try:
        build = await tried_again(request.state, found, request.path_params["delivery"])
    except Kept as kept:
        return JSON(TriedJSON(message=kept.message, id=kept.name), 202)
    return JSON(build_json(build))


async def tried_again(state: State, found: Access, name: str) -> Build:
    """The build of a delivery that somebody lets be tried once more, recorded. Conflict for a disabled repository, and
    errors as of `Keeper.repeat`."""
    repo = found.repo
    if not repo.active:
        raise Conflict(f"the repository is disabled: gantry repo enable {repo.slug}", code="repo_disabled")

    def recorded(tx: Tx[Again]) -> Tx[Again]:
        change = Change("delivery.repeat", found.by, f"{repo.slug}#deliveries/{name}", repo.id)
        return state["recorders"].recorded(tx, lambda _: change)

    return await state["keeper"].repeat(repo, name, found.by, recorded)


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
        outcome="build" if one.build else "twin" if one.twin else "waiting" if one.due else "nothing",
    )


_DELIVERIES = REPO / "deliveries"
routes = [
    Endpoint("GET", REPO / "pushes", list_waiting, operation="repos.list_waiting_pushes", needs=WRITE, reads=_waiting),
    Endpoint(
        "GET",
        _DELIVERIES,
        list_deliveries,
        operation="repos.list_deliveries",
        needs=WRITE,
        reads=_page,
        query=[PAGE[0], Param("per_page", f"Items on a page, at most {NEWEST}, which is also the default."), PAGE[2]],
        errors=[400],
    ),
    Endpoint(
        "POST",
        _DELIVERIES / Word("delivery", "Id of the delivery, as it is listed.", "6ac9a0f2-cc1b-11f0-9c1a") / "repeat",
        repeat,
        operation="repos.repeat_delivery",
        needs=WRITE,
        errors=[409, 422],
    ),
]
