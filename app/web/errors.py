"""From an error of the domain to an HTTP answer; the only place that knows both.

The body is `{"message": …}` as every Drone client shows it, beside a stable `code`, the problems one by one
in `errors`, and what else the error tells.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, NotRequired

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from typing_extensions import TypedDict

from app.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NothingToRun,
    TooLarge,
    TooMany,
    Unauthorized,
    Unavailable,
    Unreadable,
)
from app.web.reply import JSON

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
    AppError: 500,
}
_MESSAGES = {404: "Not Found", 405: "Method Not Allowed"}


def status_of(error: AppError) -> int:
    """The HTTP status of an error: that of its nearest known ancestor."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body_of(error: AppError) -> dict[str, Any]:
    """The JSON of an error."""
    body: dict[str, Any] = {"message": error.message, "code": error.code, **error.details}
    if isinstance(error, Invalid) and error.problems:
        body["errors"] = [{"field": p.field, "code": p.code, "message": p.message} for p in error.problems]
    return body


def answer(error: AppError) -> Response:
    """The answer that an error is."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, (TooMany, Unavailable)) else None
    return JSON(body_of(error), status_of(error), headers)


async def _app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    if status_of(error) >= 500:
        log.error("request failed", extra={"code": error.code, "reason": error.message})
    answered = answer(error)
    if error.refused is not None and (tell := request.scope.get("state", {}).get("refused")):
        answered.background = BackgroundTask(tell, request, error)
    return answered


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = _MESSAGES.get(error.status_code, error.detail)
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
    return JSON({"message": message, "code": message.lower().replace(" ", "_")}, error.status_code, headers)


def _allowed(request: Request) -> str:
    """The methods of all routes of this path; the error knows only the first's."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in routes for method in route.methods}))


async def _gone(_: Request, __: Exception) -> Response:
    """The client left before it had sent all; nobody hears this."""
    return Response(status_code=400)


async def _bug(_: Request, __: Exception) -> Response:
    text = "internal error; the server's log has it under this answer's X-Request-ID"
    return JSON({"message": text, "code": "bug"}, 500)


HANDLERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    AppError: _app_error,
    HTTPException: _http_error,
    ClientDisconnect: _gone,
    Exception: _bug,
}
