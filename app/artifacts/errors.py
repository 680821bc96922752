"""Answers to errors in the form that clients of Artifactory read.

Contract artifactory-build 1.5, artifactory-storage 1.3.
"""

from collections.abc import Sequence
from typing import NotRequired

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from typing_extensions import TypedDict

from app.errors import AppError, Invalid, Unauthorized
from app.web import errors
from app.web.reply import JSON

#: What a browser asks its user for; the name is the one that clients know.
CHALLENGE = 'Basic realm="Artifactory Realm"'


class FaultJSON(TypedDict):
    """One thing that is wrong: the HTTP status, and why. `code` is stable, for programs."""

    status: int
    message: str
    code: NotRequired[str]


class MessageJSON(TypedDict):
    """One thing that an answer says; the level is INFO, WARNING or ERROR."""

    level: str
    message: str


class FaultsJSON(TypedDict):
    """Why a request was refused; copies, moves and promotions tell it in `messages`, too, as their clients read it."""

    errors: list[FaultJSON]
    messages: NotRequired[list[MessageJSON]]


def answer_to(error: Exception) -> Response:
    """The answer to any error of a request."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    if isinstance(error, HTTPException):
        return faults(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    known = errors.answer_to(error)
    if not isinstance(error, AppError):
        return JSON(_body(500, errors.BUG, "bug"), 500)
    headers = {name: known.headers[name] for name in ("retry-after",) if name in known.headers}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, Invalid) and error.problems:
        body = FaultsJSON(errors=[FaultJSON(status=400, message=p.message, code=p.code) for p in error.problems])
        return JSON({**body, **error.details}, 400, headers)
    body = _body(known.status_code, error.message, error.code)
    return JSON({**body, **error.details}, known.status_code, headers)


def telling(error: AppError, messages: Sequence[MessageJSON] = ()) -> AppError:
    """The error, whose answer holds these messages, too; without any, a message that says the same as the error."""
    error.details["messages"] = list(messages) or [MessageJSON(level="ERROR", message=error.message)]
    return error


def faults(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """The answer that names one thing that is wrong."""
    return JSON(_body(status, message), status, headers)


def _body(status: int, message: str, code: str = "") -> FaultsJSON:
    fault = FaultJSON(status=status, message=message)
    if code:
        fault["code"] = code
    return FaultsJSON(errors=[fault])
