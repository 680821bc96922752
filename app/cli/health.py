"""The runner's HTTP server, which answers `/healthz` if the settings give an address."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from app.cli.listen import listen
from app.web.connections import Connections, Limits
from app.web.health import alive
from app.web.protocol import Protocol
from app.web.serving import Server

#: A monitor needs few connections, and the runner needs its files.
_LIMITS = Limits(connections=64, share=32)


class _Health(Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the runner, as this server must not handle them."""
        yield


@asynccontextmanager
async def healthy(bind: str, setting: str) -> AsyncIterator[None]:
    """Answer `/healthz` at this address while the block runs. AppError when the server cannot listen."""
    app = Starlette(routes=[Route("/healthz", alive)])
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
    )
    server = _Health(config, Connections(_LIMITS))
    with listen(bind, setting) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield
        finally:
            server.should_exit = server.force_exit = True
            await serving
