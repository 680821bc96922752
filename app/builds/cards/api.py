"""Routes of cards (contract drone-rest 3.5)."""

import json
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue
from starlette.requests import Request

from app.builds import paths
from app.builds.api.request import State
from app.builds.cards import store
from app.builds.cards.model import LIMIT, LONGEST_SCHEMA
from app.builds.paths import NUMBER, STAGE, STEP
from app.db.tx import Tx
from app.repos.access import ADMIN, READ, Access
from app.repos.paths import REPO
from app.web import body
from app.web.reply import JSON, Empty, Encoded
from app.web.route import Endpoint


def _schema(value: str) -> str:
    if len(value) > LONGEST_SCHEMA or not value.isprintable():
        raise ValueError(f"it must be an address of at most {LONGEST_SCHEMA} printable characters")
    return value


def _data(value: JsonValue) -> JsonValue:
    try:
        _text(value)
    except ValueError as error:
        raise ValueError("it must be JSON, which knows neither NaN nor infinity") from error
    return value


def _text(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class NewCard(body.Input):
    """What a step shows, and the address of the template that draws it."""

    template: Annotated[str, AfterValidator(_schema)] = Field(
        "", alias="schema", json_schema_extra={"maxLength": LONGEST_SCHEMA}
    )
    data: Annotated[JsonValue, AfterValidator(_data)]


async def show(_: Request[State], __: Access, card: str) -> Encoded[JsonValue]:
    """The data of a step's card, as it was given."""
    return Encoded(card.encode())


def _card(request: Request[State], found: Access) -> Tx[str]:
    return (yield from store.find((yield from paths.step(request, found))))


async def create(request: Request[State], found: Access) -> JSON[int]:
    """Give a step its card, of at most 100 KB; answers the step's id."""
    await body.read(request, LIMIT)
    card = await body.parse(request, NewCard)
    return JSON(await request.state["db"].write(_create(request, found, card)))


def _create(request: Request[State], found: Access, card: NewCard) -> Tx[int]:
    step = yield from paths.step(request, found)
    yield from store.create(step, card.template, _text(card.data))
    return step.id


async def delete(request: Request[State], found: Access) -> Empty:
    """Remove the card of a step."""
    await request.state["db"].write(_delete(request, found))
    return Empty()


def _delete(request: Request[State], found: Access) -> Tx[None]:
    yield from store.delete((yield from paths.step(request, found)))


_CARD = REPO / "cards" / NUMBER / STAGE / STEP
routes = [
    Endpoint("GET", _CARD, show, operation="cards.show", needs=READ, reads=_card),
    Endpoint("POST", _CARD, create, operation="cards.create", needs=ADMIN, body=NewCard, errors=[409]),
    Endpoint("DELETE", _CARD, delete, operation="cards.delete", needs=ADMIN),
]
