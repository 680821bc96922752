"""An application of a few routes, spoken to without a network."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web.errors import HANDLERS
from app.web.policy import Policy
from app.web.server import OPEN, Requests
from app.web.traffic import Traffic


@asynccontextmanager
async def serving(
    routes: Sequence[BaseRoute], *, policy: Policy = OPEN, **state: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of these routes, with the errors and the surroundings of every request."""
    app = Requests(Stateful(Starlette(routes=routes, exception_handlers=HANDLERS), state), Traffic(), policy)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gantry.test") as client:
        yield client


class Stateful:
    """Gives every request its state, as the lifespan of a server does."""

    def __init__(self, app: ASGIApp, state: dict[str, Any]) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(self._state)
        await self._app(scope, receive, send)
