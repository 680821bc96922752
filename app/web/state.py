"""The values in the state of every request; `main` sets them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypedDict

from starlette.requests import Request

from app.db.connect import Alterable
from app.errors import AppError
from app.web.gauges import Gauges
from app.web.limit import Budgets


class State(TypedDict):
    """The part that all rooms share; rooms above add theirs."""

    db: Alterable
    #: Requests a minute; None = not limited.
    budgets: Budgets | None
    #: The address that clients call the server by.
    public_url: str
    #: Origins whose pages may call the API, as the settings list them.
    cors_origins: Collection[str]
    #: What else must answer before the server is ready, by its name.
    checks: Mapping[str, Callable[[], Awaitable[None]]]
    #: The numbers of rooms that the page of all metrics does not know.
    gauges: Sequence[Gauges]
    #: Called after the answer, for an error whose reason is that a known account lacks a right.
    refused: Callable[[Request[Any], AppError], Awaitable[None]]
