"""Routes that promote runs, and tell of promotions (contract artifactory-build 6)."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import repositories
from app.artifacts.access import ACCOUNT, VISITOR, Visitor
from app.artifacts.errors import MessageJSON, telling
from app.artifacts.model import BUILD_INFO
from app.background import Unhurried
from app.buildinfo import access as rights
from app.buildinfo import names, order, promotions, times
from app.buildinfo.api import asked
from app.buildinfo.api.asked import BUILD, RUN, WHERE, ports, repository
from app.buildinfo.names import Pair
from app.buildinfo.promotion import Call, Promoted, promote, shown
from app.buildinfo.promotions import Promotion
from app.buildinfo.selection import Message
from app.buildinfo.tally import Tally
from app.db.tx import Tx
from app.db.window import Part, Window
from app.errors import AppError, NotFound
from app.web import body, paging
from app.web.path import Word, decoded
from app.web.reply import JSON, Piped
from app.web.route import PAGE, Endpoint

#: How many messages of each level an answer has at most.
SHOWN = 1000
NAME = Word("name", "Name of the build; a slash in it is encoded.", "app")
NUMBER = Word("number", "Number of the build; a slash in it is encoded.", "42")
ID = Word("id", "Id of the promotion.", 7)


class State(asked.State):
    """The fields of a request's state that these routes need."""

    unhurried: Unhurried
    tally: Tally


class PromotionInput(BaseModel):
    """What is promoted, and where to. A field that is blank or null says nothing."""

    status: str = ""
    comment: str = ""
    ciUser: str = ""  # noqa: N815 - the names that clients send
    #: When the promotion was asked for; now without it.
    timestamp: str | int = ""
    dryRun: bool = False  # noqa: N815 - the client's name
    #: Key of the repository that files are taken from, local or virtual; any without it.
    sourceRepo: str = ""  # noqa: N815 - the client's name
    #: Key of the repository that files are put into, local or virtual; without it they stay.
    targetRepo: str = ""  # noqa: N815 - the client's name
    #: Whether files are copied; else they are moved.
    copy_files: bool = Field(default=False, alias="copy")
    artifacts: bool = True
    dependencies: bool = False
    #: Dependencies of other scopes are left out; without scopes none is.
    scopes: list[str] = []
    #: Set on the artifacts, whether these are put elsewhere or not.
    properties: dict[str, list[str] | str] = {}
    failFast: bool = True  # noqa: N815 - the client's name


class PromotedJSON(TypedDict):
    """What a promotion did; of a dry run, what it would do. `status` is `failed` when any file failed."""

    messages: list[MessageJSON]
    status: Literal["success", "failed"]
    #: Where the promotion and all its messages are told; empty for a dry run.
    uri: str


class PromotionJSON(TypedDict):
    """A promotion that was carried out. Times are as in build-info."""

    id: int
    uri: str
    name: str
    number: str
    started: str
    timestamp: str
    user: str
    ciUser: str
    status: str
    comment: str
    sourceRepo: str
    targetRepo: str
    copy: bool
    result: str
    files: int
    failures: int
    request: dict[str, Any]


class PromotionsJSON(TypedDict):
    """The promotions of a number, the newest first."""

    uri: str
    promotions: list[PromotionJSON]


class WholePromotionJSON(PromotionJSON):
    """A promotion with all its messages about files that the caller may read."""

    messages: list[MessageJSON]


async def post(request: Request[Any], visitor: Visitor) -> JSON[PromotedJSON]:
    """Promote a build: move or copy its artifacts and dependencies to a repository, set properties, add a status.

    Everything or nothing is done, in one transaction; with `failFast` false, what fails is told, and the rest is done.
    A dry run answers the same and changes nothing. An answer has the first 1,000 messages of each level; all of them
    stand at the address `uri`.
    """
    try:
        key, done = await _promoted(request, visitor)
    except AppError as error:
        raise error if "messages" in error.details else telling(error) from None
    return JSON(_answer(request, key, done))


async def _promoted(request: Request[Any], visitor: Visitor) -> tuple[str, Promoted]:
    """The key of the repository of build-info, and what was done."""
    wanted = names.pairs(request.path_params["run"])
    if not wanted:
        raise NotFound("the path names no build: say /api/build/promote/NAME/NUMBER")
    key = repository(request)
    rights.numbered(visitor, "promote", key, wanted)  # before the body is read
    said = order.read(await body.read(request, order.BODY))
    state = request.state
    call = Call(visitor, key, wanted, said, state["now_ms"]())
    return key, await state["unhurried"].do(state["tally"].counted(promote(ports(request), call)))


def _answer(request: Request[Any], key: str, done: Promoted) -> PromotedJSON:
    uri = _address(request, key, done.run.name, done.run.number, done.id) if done.id else ""
    told = [*first(done.messages), Message("INFO", done.summary)]
    return PromotedJSON(
        messages=[shown(message) for message in told], status="failed" if done.failed else "success", uri=uri
    )


def first(messages: Sequence[Message]) -> list[Message]:
    """The first messages of each level, and how many more there are."""
    counts, kept = Counter[str](), list[Message]()
    for message in messages:
        counts[message.level] += 1
        if counts[message.level] <= SHOWN:
            kept.append(message)
    kept += [
        Message("INFO", f"{count - SHOWN} more messages of the level {level} stand at the promotion's own address")
        for level, count in counts.items()
        if count > SHOWN
    ]
    return kept


async def history(request: Request[Any], visitor: Visitor) -> JSON[PromotionsJSON]:
    """The promotions of a build, page by page, the newest first. They stay when the build is deleted."""
    key, pair = _asked(request, visitor)
    part = await request.state["db"].read(_history(key, pair, paging.window(request, "[0-9]{1,18}")))
    listed = [_promotion(request, key, promotion) for promotion in part.items]
    links = paging.links(request, part, promotions.key)
    return JSON(PromotionsJSON(uri=_address(request, key, *pair), promotions=listed), headers=links)


async def one(request: Request[Any], visitor: Visitor) -> Piped[WholePromotionJSON]:
    """A promotion with all its messages; messages about files that the caller may not read are left out."""
    key, pair = _asked(request, visitor)
    number = body.number(request, "id", "id of the promotion")
    promotion = await request.state["db"].glance(_find(key, pair, number))
    if promotion is None:
        raise NotFound(f"there is no promotion {number} of '{pair[0]}' #{pair[1]} in '{key}'")
    head = orjson.dumps(_promotion(request, key, promotion))
    return Piped(_whole(request, visitor, head, promotion.id))


async def _whole(request: Request[Any], visitor: Visitor, head: bytes, promotion_id: int) -> AsyncGenerator[bytes]:
    """The JSON of a promotion, part by part."""
    db, part, separator = request.state["db"], 0, b""
    found = await db.read(repositories.read_all())
    yield head[:-1] + b',"messages":['
    while messages := await db.glance(promotions.messages_of(promotion_id, part)):
        told = [message for message in messages if _may_read(visitor, found, message)]
        if told:
            yield separator + orjson.dumps([shown(message) for message in told])[1:-1]
            separator = b","
        part += 1
    yield b"]}\n"


def _may_read(visitor: Visitor, found: repositories.Repositories, message: Message) -> bool:
    known = [found.by_key.get(key) for key in message.repos]
    return all(
        visitor.rights.everything if repo is None else visitor.rights.may("read", repo, message.path) for repo in known
    )


def _asked(request: Request[Any], visitor: Visitor) -> tuple[str, Pair]:
    """The repository of build-info, and the name and number that are meant; Forbidden."""
    key, words = repository(request), request.path_params
    pair = decoded(words["name"]), decoded(words["number"])
    rights.numbered(visitor, "read", key, [pair])
    return key, pair


def _history(key: str, pair: Pair, window: Window) -> Tx[Part[Promotion]]:
    repo = yield from rights.find(key)
    return (yield from promotions.page(repo.id, *pair, window)) if repo is not None else window.part([])


def _find(key: str, pair: Pair, promotion_id: int) -> Tx[Promotion | None]:
    repo = yield from rights.find(key)
    return (yield from promotions.find(promotion_id, repo.id, *pair)) if repo is not None else None


def _promotion(request: Request[Any], key: str, promotion: Promotion) -> PromotionJSON:
    return PromotionJSON(
        id=promotion.id,
        uri=_address(request, key, promotion.name, promotion.number, promotion.id),
        name=promotion.name,
        number=promotion.number,
        started=times.shown(promotion.started),
        timestamp=times.shown(promotion.at),
        user=promotion.by_name,
        ciUser=promotion.ci_user,
        status=promotion.status,
        comment=promotion.comment,
        sourceRepo=promotion.source,
        targetRepo=promotion.target,
        copy=promotion.copy,
        result=promotion.result,
        files=promotion.files,
        failures=promotion.failures,
        request=dict(promotion.request),
    )


def _address(request: Request[Any], key: str, name: str, number: str, promotion_id: int = 0) -> str:
    parts = [names.escaped(part) for part in (name, number, *([str(promotion_id)] if promotion_id else []))]
    where = "" if key == BUILD_INFO else f"?buildRepo={names.escaped(key)}"
    return f"{request.state['public_url']}/artifactory/api/build/promotions/{'/'.join(parts)}{where}"


_PROMOTIONS = BUILD / "promotions" / NAME / NUMBER
routes: Sequence[Endpoint] = [
    Endpoint("POST", BUILD / "promote" / RUN, post, needs=ACCOUNT, operation="build_promotion.promote", query=WHERE,
             body=PromotionInput, errors=[409]),
    Endpoint("GET", _PROMOTIONS, history, needs=VISITOR, operation="build_promotion.list", query=[*WHERE, *PAGE],
             errors=[400]),
    Endpoint("GET", _PROMOTIONS / ID, one, needs=VISITOR, operation="build_promotion.info", query=WHERE,
             errors=[400]),
]  # fmt: skip
