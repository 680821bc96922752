"""Routes of cards (contract drone-rest 3.5)."""

import json
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue
from starlette.requests import Request

from app.builds import paths
from app.builds.api.request import State
from app.builds.cards import store
from app.builds.cards.model import LIMIT, LONGEST_SCHEMA
from app.db.tx import Tx
from app.repos import access
from app.repos.model import Repo
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


async def show(request: Request[State]) -> Encoded[JsonValue]:
    """The data of a step's card, as it was given."""
    text = await access.read(request, lambda repo: _find(request, repo))
    return Encoded(text.encode())


def _find(request: Request[State], repo: Repo) -> Tx[str]:
    return (yield from store.find((yield from paths.step(request, repo))))


async def create(request: Request[State]) -> JSON[int]:
    """Give a step its card, of at most 100 KB; answers the step's id."""
    repo = (await access.granted(request)).repo
    await body.read(request, LIMIT)
    card = await body.parse(request, NewCard)
    return JSON(await request.state["db"].write(_create(request, repo, card)))


def _create(request: Request[State], repo: Repo, card: NewCard) -> Tx[int]:
    step = yield from paths.step(request, repo)
    yield from store.create(step, card.template, _text(card.data))
    return step.id


async def delete(request: Request[State]) -> Empty:
    """Remove the card of a step."""
    repo = (await access.granted(request)).repo
    await request.state["db"].write(_delete(request, repo))
    return Empty()


def _delete(request: Request[State], repo: Repo) -> Tx[None]:
    yield from store.delete((yield from paths.step(request, repo)))


_CARD = "/api/repos/{owner}/{name}/cards/{number}/{stage}/{step}"
routes = [
    Endpoint("GET", _CARD, show, operation="cards.show", needs="read"),
    Endpoint("POST", _CARD, create, operation="cards.create", needs="admin", body=NewCard, errors=[409]),
    Endpoint("DELETE", _CARD, delete, operation="cards.delete", needs="admin"),
]
