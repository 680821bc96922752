"""An application of a few routes, spoken to without a network."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.errors import ErrorPage
from app.web.policy import Policy
from app.web.route import Endpoint
from app.web.router import Router, split_decoded
from app.web.server import OPEN, Requests
from app.web.traffic import Traffic


@asynccontextmanager
async def serving(
    routes: Sequence[Endpoint],
    *,
    policy: Policy = OPEN,
    page: ErrorPage | None = None,
    split: Callable[[Scope], Sequence[str]] = split_decoded,
    strict: bool = False,
    **state: Any,
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of these routes, with the errors and the surroundings of every request."""
    router = Stateful(Router(routes, page=page, split=split, strict=strict), {"budgets": policy.budgets, **state})
    app = Requests(router, Traffic(), policy, page=page)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gantry.test") as client:
        yield client


@asynccontextmanager
async def living(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a whole application, which starts and stops as a server would have it."""
    state: dict[str, Any] = {}
    told, started, stop = [], asyncio.Event(), asyncio.Event()

    async def receive() -> Message:
        if started.is_set():
            await stop.wait()
        return {"type": "lifespan.shutdown" if started.is_set() else "lifespan.startup"}

    async def send(message: Message) -> None:
        told.append(message["type"])
        started.set()

    life = asyncio.create_task(_run(app, {"type": "lifespan", "state": state}, receive, send))
    await started.wait()
    transport = httpx2.ASGITransport(app=Stateful(app, state), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gantry.test") as client:
        yield client
    stop.set()
    await life
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


class Stateful:
    """Gives every request its state, as the lifespan of a server does."""

    def __init__(self, app: ASGIApp, state: dict[str, Any]) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(self._state)
        await self._app(scope, receive, send)
