"""Answers to errors in the form that clients of Artifactory read.

Contract artifactory-build 1.5, artifactory-storage 1.3.
"""

from collections.abc import Mapping
from typing import Any, NotRequired

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


class FaultsJSON(TypedDict):
    """Why a request was refused."""

    errors: list[FaultJSON]


def answer_to(error: Exception) -> Response:
    """The answer to any error of a request."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    if isinstance(error, HTTPException):
        return faults(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    known = errors.answer_to(error)
    if not isinstance(error, AppError):
        return faults(500, errors.BUG, "bug")
    headers = {name: known.headers[name] for name in ("retry-after",) if name in known.headers}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, Invalid) and error.problems:
        body = FaultsJSON(errors=[FaultJSON(status=400, message=p.message, code=p.code) for p in error.problems])
        return JSON(body, 400, headers)
    return faults(known.status_code, error.message, error.code, headers, error.details)


def faults(
    status: int,
    message: str,
    code: str = "",
    headers: dict[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Response:
    """The answer that names one thing that is wrong; `details` stand beside the list of errors."""
    fault = FaultJSON(status=status, message=message)
    if code:
        fault["code"] = code
    return JSON({**FaultsJSON(errors=[fault]), **(details or {})}, status, headers)
