"""A row of the API: its method, path, needs and handler, and the parameters and body of its requests.

The same row routes requests, checks callers and parameters, and describes itself in the API's description.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar, Unpack, overload

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.db.tx import Tx
from app.web.connected import trust
from app.web.needs import NOTHING, Described, Needs, Nothing, Scope, StoredNeeds, renewing
from app.web.path import Path

A = TypeVar("A")
T = TypeVar("T")

_ROW = "gantry.row"


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of the query; with `form`, a urlencoded body may hold it too, and the body's value wins."""

    name: str
    means: str
    form: bool = False
    required: bool = False
    #: A value for the example of a request; a parameter without one is not in the example.
    example: str = ""


PAGE = (
    Param("page", "Which page, from 1; anything else is the first."),
    Param("per_page", "Items on a page; anything but a number from 1 is 25."),
    Param("cursor", "Where the list goes on, as a `Link` header says; then `page` does not count."),
)


class Options(TypedDict, total=False):
    """What else a row may say.

    `operation` is the row's public name in the API's description, which generated clients call it by; its first
    word is the section of the description. No other row has the same. A row without one is not described.
    `query` names the parameters that are read, `headers` those headers that are this row's own, `body` the model of a
    JSON body.
    `quick` = what the row reads is a few rows, however large the server is.
    `free` = every other word of the query is a parameter of the build. `errors` are the statuses that do not
    follow from the rest: refusals follow from `needs`, 400 and 413 from what is read, 404 from words of the path.
    `scope` = what a token must be good for. Without it, `read` for GET and `admin` for other methods, so that a row
    that says nothing is closed to lesser tokens; a GET that shows a secret says `admin`. Needs may judge it instead.
    `secret` = the answer shows a token, a key or another secret, and is never compressed; of a GET, its scope says so.
    """

    operation: str
    query: Sequence[Param]
    headers: Sequence[Param]
    body: type[BaseModel] | None
    free: bool
    errors: Sequence[int]
    quick: bool
    scope: Scope
    secret: bool


class Endpoint:
    """One method of one path. A request's path may also end with a slash; there is never a redirect.

    Before the handler runs, `needs` decide on the request; the handler gets the value that they grant. With `reads`,
    one read transaction asks the needs and then runs `reads`, and the handler gets the result of `reads` as well.
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
        self.headers = tuple(options.get("headers", ()))
        self.body = options.get("body")
        self.free = options.get("free", False)
        self.errors = tuple(options.get("errors", ()))
        self.quick = options.get("quick", False)
        self.scope: Scope = options.get("scope", "read" if method == "GET" else "admin")
        self.names = frozenset(param.name for param in self.query)
        #: The names that a urlencoded body may hold.
        self.form_names = frozenset(param.name for param in self.query if param.form)
        self.secret = options.get("secret", method == "GET" and self.scope != "read")
        if self.needs.judges_scope:
            self.scope = "read"
        elif self.scope == "read" and method != "GET":
            raise ValueError(f"{method} {self.path} may change something, so tokens of the scope read are not enough")
        if missing := {word.name for word in self.needs.words} - {word.name for word in self.path.words}:
            raise ValueError(f"{method} {self.path} lacks words that its needs are judged by: {sorted(missing)}")

    async def arguments(self, request: Request[Any]) -> Sequence[Any]:
        """The handler's arguments after the request. An error is the needs' refusal, or an error of `reads`."""
        if self._asks is NOTHING:
            return ()
        found: Sequence[Any]
        if self.reads is None:
            found = (await self._asks.granted(request),)
        else:
            found = await renewing(lambda: self._judged(request))
        if self._asks.is_known(found[0]):
            trust(request)
        return found

    async def _judged(self, request: Request[Any]) -> Sequence[Any]:
        tx, db = _both(request, await self._asks.asked(request), self.reads), request.state["db"]
        found: Sequence[Any] = await (db.glance(tx) if self.quick else db.read(tx))
        return found


def _both(request: Request[Any], asked: Tx[A], reads: Callable[[Request[Any], A], Tx[T]]) -> Tx[tuple[A, T]]:
    found = yield from asked
    return found, (yield from reads(request, found))


def row(request: Request[Any]) -> Endpoint:
    """The row that a request was routed to."""
    found: Endpoint = request.scope[_ROW]
    return found


def enter(request: Request[Any], found: Endpoint, split: Sequence[str]) -> None:
    """Store in a request its row, and the values of the row's words in its path, which is split at its slashes."""
    request.scope[_ROW] = found
    request.scope["path_params"] = found.path.values(split)
