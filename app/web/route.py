"""A row of the API: method, path, handler, and what a request may say. The same row routes, checks and documents."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.web.needs import Needs

Handler = Callable[[Request[Any]], Awaitable[Response]]

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


class Endpoint(Route):
    """One method of one path. A path may also be written with a slash at its end; never a redirect.

    `operation` is the row's public name in the API's description, which generated clients call it by; its first
    word is the section of the description. No other row has the same. A row without one is not described.
    `free` = every other word of the query is a parameter of the build. `errors` are the statuses that do not
    follow from the rest: 401, 403, 404 follow from `needs`, 400 and 413 from what is read.
    """

    def __init__(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        operation: str = "",
        needs: Needs = "nothing",
        query: Sequence[Param] = (),
        body: type[BaseModel] | None = None,
        free: bool = False,
        errors: Sequence[int] = (),
    ) -> None:
        super().__init__(path, handler, methods=[method])
        if not path.endswith((":path}", "/")):
            self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$") + "/?$")
        self.method = method
        self.handler = handler
        self.operation = operation
        self.tag = operation.partition(".")[0]
        self.needs = needs
        self.query = tuple(query)
        self.body = body
        self.free = free
        self.errors = tuple(errors)
        self.names = frozenset(param.name for param in query)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; its handler finds this row again with `row`.

        Errors are answered around all routes, once; Starlette's route would wrap each handler in the same again.
        """
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        scope[_ROW] = self
        answer = await self.handler(Request(scope, receive, send))
        await answer(scope, receive, send)


def row(request: Request[Any]) -> Endpoint:
    """The row that a request was routed by."""
    found: Endpoint = request.scope[_ROW]
    return found
