"""Converts errors of the domain to HTTP answers; the only module that knows both.

The body is `{"message": …}`, which every Drone client shows, with a stable `code`, the list of problems in
`errors`, and the error's details.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypeAlias

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from app.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NoRoom,
    NotFound,
    NothingToRun,
    Problem,
    TooLarge,
    TooMany,
    Unauthorized,
    Unavailable,
    Unreadable,
)
from app.log import request_id
from app.web.accept import prefers_page
from app.web.reply import HTML, JSON

log = logging.getLogger(__name__)


class ProblemJSON(TypedDict):
    """One thing that is wrong with a request."""

    field: str
    code: str
    message: str


class ErrorJSON(TypedDict):
    """Why not: for people, for programs, and every problem by itself. Some errors tell more beside it."""

    message: str
    code: str
    errors: NotRequired[list[ProblemJSON]]


STATUS: dict[type[AppError], int] = {
    Invalid: 400,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    NothingToRun: 422,
    Unreadable: 422,
    TooMany: 429,
    Unavailable: 503,
    NoRoom: 507,
    AppError: 500,
}
BUG = "internal error; the server's log has it under this answer's X-Request-ID"


def status_of(error: AppError) -> int:
    """The HTTP status of an error: that of its nearest ancestor in STATUS."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body_of(error: AppError) -> dict[str, Any]:
    """The JSON of an error."""
    body: dict[str, Any] = {"message": error.message, "code": error.code, **error.details}
    if isinstance(error, (Invalid, NothingToRun)) and error.problems:
        body["errors"] = problems_json(error.problems)
    return body


def problems_json(problems: Iterable[Problem]) -> list[ProblemJSON]:
    """The list of the problems of an error."""
    return [ProblemJSON(field=one.field, code=one.code, message=one.message) for one in problems]


def answer(error: AppError) -> Response:
    """The answer for an error of the domain."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, (TooMany, Unavailable)) else None
    return JSON(body_of(error), status_of(error), headers)


#: Errors that become an answer; every other error is a bug.
EXPECTED = (AppError, HTTPException, ClientDisconnect)


def answer_to(error: Exception) -> Response:
    """The answer to any error of a request."""
    if isinstance(error, AppError):
        if status_of(error) >= 500:
            log.error("request failed", extra={"code": error.code, "reason": error.message})
        return answer(error)
    if isinstance(error, HTTPException):
        message = error.detail
        body = {"message": message, "code": message.lower().replace(" ", "_")}
        return JSON(body, error.status_code, error.headers)
    if isinstance(error, ClientDisconnect):  # the client disconnected before its whole body came: no one gets this
        return Response(status_code=400)
    return JSON({"message": BUG, "code": "bug"}, 500)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a page tells it to a person: with the words and the code that programs get as JSON."""

    status: int
    message: str
    code: str
    #: Every problem by itself; empty for most errors.
    problems: Sequence[ProblemJSON]
    #: The id of the request, under which the server's log has more.
    request_id: str


#: Makes the page of an error. Where it fails, the client gets JSON.
ErrorPage: TypeAlias = Callable[[Request[Any], Failure], Awaitable[HTML]]
#: The statuses whose answers may be pages.
PAGES = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503})
#: Headers that tell of the body of an answer.
_OF_BODY = frozenset({"content-type", "content-length"})


async def as_page(request: Request[Any], answer: Response, page: ErrorPage | None) -> Response:
    """An error's JSON answer as a page, for a client that prefers pages; the answer itself for all others.

    Status and other headers stay, such as `Retry-After`.
    """
    if page is None or answer.status_code not in PAGES or not answer.body:
        return answer
    answer.headers.append("Vary", "Accept")
    if not prefers_page(request.headers.get("accept", "")):
        return answer
    body = orjson.loads(answer.body)
    failure = Failure(answer.status_code, body["message"], body["code"], body.get("errors", ()), request_id.get())
    try:
        shown = await page(request, failure)
    except Exception:  # a bug of the page must not hide the error that it would show
        log.exception("the page of an error could not be made", extra={"path": request.scope["path"]})
        return answer
    shown.status_code = answer.status_code
    shown.headers.update({name: value for name, value in answer.headers.items() if name not in _OF_BODY})
    return shown
