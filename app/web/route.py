"""A row of the API: method, path, who may, handler, and what a request may say.

The same row routes, asks, checks and describes.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar, Unpack, overload

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.db.tx import Tx
from app.web.needs import NOTHING, Described, Needs, Nothing, StoredNeeds
from app.web.path import Path

A = TypeVar("A")
T = TypeVar("T")

_ROW = "gantry.row"


@dataclass(frozen=True, slots=True)
class Param:
    """A word of the query; `form` says that a urlencoded body may hold it as well, which then wins."""

    name: str
    means: str
    form: bool = False
    required: bool = False


PAGE = (
    Param("page", "Which page, from 1; anything else is the first."),
    Param("per_page", "Items on a page; anything but a number from 1 is 25."),
    Param("cursor", "Where the list goes on, as a `Link` header says; then `page` does not count."),
)


class Options(TypedDict, total=False):
    """What else a row may say.

    `operation` is the row's public name in the API's description, which generated clients call it by; its first
    word is the section of the description. No other row has the same. A row without one is not described.
    `query` names the parameters that are read, `body` the model of a JSON body.
    `quick` = what the row reads is a few rows, however large the server is.
    `free` = every other word of the query is a parameter of the build. `errors` are the statuses that do not
    follow from the rest: refusals follow from `needs`, 400 and 413 from what is read, 404 from words of the path.
    """

    operation: str
    query: Sequence[Param]
    body: type[BaseModel] | None
    free: bool
    errors: Sequence[int]
    quick: bool


class Endpoint:
    """One method of one path. A path may also be written with a slash at its end; never a redirect.

    Before the handler runs, `needs` are asked; the handler is given what they grant. With `reads`, one read
    transaction asks the needs and then this question, and the handler is given the answer as well.
    """

    @overload
    def __init__(
        self,
        method: str,
        path: Path | str,
        handler: Callable[[Request[Any]], Awaitable[Response]],
        *,
        needs: Nothing = ...,
        **options: Unpack[Options],
    ) -> None: ...

    @overload
    def __init__(
        self,
        method: str,
        path: Path | str,
        handler: Callable[[Request[Any], A], Awaitable[Response]],
        *,
        needs: Needs[A],
        **options: Unpack[Options],
    ) -> None: ...

    @overload
    def __init__(
        self,
        method: str,
        path: Path | str,
        handler: Callable[[Request[Any], A, T], Awaitable[Response]],
        *,
        needs: StoredNeeds[A],
        reads: Callable[[Request[Any], A], Tx[T]],
        **options: Unpack[Options],
    ) -> None: ...

    def __init__(
        self,
        method: str,
        path: Path | str,
        handler: Callable[..., Awaitable[Response]],
        *,
        needs: Any = NOTHING,
        reads: Any = None,
        **options: Unpack[Options],
    ) -> None:
        self.method = method
        self.path = Path.of(path) if isinstance(path, str) else path
        self.handler = handler
        self.needs: Described = needs
        self._asks = needs
        self.reads = reads
        self.operation = options.get("operation", "")
        self.tag = self.operation.partition(".")[0]
        self.query = tuple(options.get("query", ()))
        self.body = options.get("body")
        self.free = options.get("free", False)
        self.errors = tuple(options.get("errors", ()))
        self.quick = options.get("quick", False)
        self.names = frozenset(param.name for param in self.query)
        #: Of these, those that a urlencoded body may hold.
        self.form_names = frozenset(param.name for param in self.query if param.form)
        if missing := {word.name for word in self.needs.words} - {word.name for word in self.path.words}:
            raise ValueError(f"{method} {self.path} lacks words that its needs are judged by: {sorted(missing)}")

    async def arguments(self, request: Request[Any]) -> Sequence[Any]:
        """What the handler is given after the request. An error is the refusal, or comes from what is read."""
        if self._asks is NOTHING:
            return ()
        if self.reads is None:
            return (await self._asks.granted(request),)
        tx = _both(request, await self._asks.asked(request), self.reads)
        db = request.state["db"]
        found: Sequence[Any] = await (db.glance(tx) if self.quick else db.read(tx))
        return found


def _both(request: Request[Any], asked: Tx[A], reads: Callable[[Request[Any], A], Tx[T]]) -> Tx[tuple[A, T]]:
    found = yield from asked
    return found, (yield from reads(request, found))


def row(request: Request[Any]) -> Endpoint:
    """The row that a request was routed by."""
    found: Endpoint = request.scope[_ROW]
    return found


def enter(request: Request[Any], found: Endpoint, split: Sequence[str]) -> None:
    """Let a request know its row and what its path, split at its slashes, says for the words of the row."""
    request.scope[_ROW] = found
    request.scope["path_params"] = found.path.values(split)
