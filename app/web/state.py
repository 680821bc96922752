"""The values in the state of every request; `main` sets them."""

from collections.abc import Awaitable, Callable
from typing import Any, TypedDict

from starlette.requests import Request

from app.db.connect import Database
from app.errors import AppError
from app.web.limit import Budgets


class State(TypedDict):
    """The part that all rooms share; rooms above add theirs."""

    db: Database
    #: Requests a minute; None = not limited.
    budgets: Budgets | None
    #: Called after the answer, for an error whose reason is that a known account lacks a right.
    refused: Callable[[Request[Any], AppError], Awaitable[None]]
