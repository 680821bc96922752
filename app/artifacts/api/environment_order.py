"""Routes of the order in which versions of release bundles go through environments (ours)."""

from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import environments
from app.artifacts.access import ACCOUNT, SYSTEM, State, Visitor
from app.artifacts.lax import Storable
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.moments import Actor, Change, Recorders
from app.web import body
from app.web.path import Path
from app.web.reply import JSON
from app.web.route import Endpoint

#: The most environments of an order.
LONGEST = 1000
_NAMES = Field(description="Names of environments, the first one first; none = no order.", max_length=LONGEST)


class OrderInput(body.Input):
    """An order of environments."""

    order: Annotated[list[Storable] | None, _NAMES] = None


class OrderJSON(TypedDict):
    """An order of environments; empty for none."""

    order: list[str]


async def show(request: Request[State], _: Visitor) -> JSON[OrderJSON]:
    """The order in which versions of release bundles go through environments; empty when they go in any order."""
    return JSON(OrderJSON(order=await request.state["db"].read(environments.order())))


async def put(request: Request[State], visitor: Visitor) -> JSON[OrderJSON]:
    """Set the order: a version is promoted to an environment of the order only from the one before. An empty list
    removes the order."""
    wanted = (await body.parse(request, OrderInput)).order
    if wanted is None:
        words = 'order: is missing; send {"order": ["DEV", "QA", "PROD"]}, or an empty list to remove the order'
        raise Invalid.of([Problem("order", "missing_order", words)])
    await request.state["db"].write(_putting(request.state["recorders"], visitor.by, wanted))
    return JSON(OrderJSON(order=wanted))


def _putting(recorders: Recorders, by: Actor, wanted: list[str]) -> Tx[None]:
    old = yield from environments.order()
    yield from environments.set_order(wanted)
    if wanted != old:
        change = Change("environment_order.update", by, "environments", before={"order": old}, after={"order": wanted})
        yield from recorders.record(change)


ORDER = Path.of("/api/environments/order")
routes = [
    Endpoint("GET", ORDER, show, operation="environments.show_order", needs=ACCOUNT),
    Endpoint("PUT", ORDER, put, operation="environments.set_order", needs=SYSTEM, body=OrderInput, errors=[409]),
]
