"""The socket of a program that listens, and the little that a runner answers."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from app.errors import AppError
from app.settings import values
from app.web.health import alive

#: Connections that may wait to be taken in.
BACKLOG = 2048


def listen(bind: str, setting: str) -> socket.socket:
    """The socket of a bind address; an empty host is every interface. AppError names the setting."""
    host, port = values.host(bind), values.port(bind)
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise AppError(f"cannot listen on {bind}: {os.strerror(error.errno or 0)}; see {setting}") from error


class _Health(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are not for it."""
        yield


@asynccontextmanager
async def healthy(bind: str, setting: str) -> AsyncIterator[None]:
    """Answer `/healthz` while the block lasts; without an address, nowhere. AppError when it cannot listen."""
    if not bind:
        yield
        return
    app = Starlette(routes=[Route("/healthz", alive)])
    config = uvicorn.Config(
        app, ws="none", loop="none", lifespan="off", log_config=None, log_level="warning", access_log=False
    )
    server = _Health(config)
    with listen(bind, setting) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            await serving
