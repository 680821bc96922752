"""A server on a real socket, and connections on which bytes are sent as they are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

import orjson
import uvicorn
from starlette.types import ASGIApp

from app.web.connections import Connections, Limits
from app.web.protocol import Protocol
from app.web.serving import Server

#: The connections of the server that listens, which end with it.
_clients: "list[Connection]" = []


@asynccontextmanager
async def listening(
    app: ASGIApp, limits: Limits | None = None, is_proxy: Callable[[str], bool] = lambda _: False
) -> AsyncIterator[Server]:
    """A server of this application, while the block lasts, as its clients do."""
    config = uvicorn.Config(app, port=0, http=Protocol, ws="none", loop="none", lifespan="off", log_config=None)
    config.load()
    server = Server(config, Connections(limits, is_proxy))
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield server
    finally:
        ticking.cancel()
        for client in _clients:
            client.writer.transport.abort()
        await server.shutdown()
        _clients.clear()


def only(server: Server) -> Protocol:
    """The one connection of a server."""
    (found,) = server.connections.connections
    assert isinstance(found, Protocol)
    return found


class Connection:
    """One connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, server: Server) -> Self:
        """A new connection."""
        port = server.servers[0].sockets[0].getsockname()[1]
        made = cls(*await asyncio.open_connection("127.0.0.1", port, limit=1024 * 1024))
        _clients.append(made)
        return made

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        async with asyncio.timeout(20):
            head = await self.reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            return int(head.split()[1]), await self.reader.readexactly(int(fields[b"content-length"]))

    async def ended(self) -> bool:
        """Whether the server ended it: nothing more comes."""
        try:
            async with asyncio.timeout(20):
                return await self.reader.read() == b""
        except ConnectionResetError:
            return True

    async def refusal(self) -> tuple[int, str]:
        """Status and code of an answer that ends the connection."""
        status, body = await self.answer()
        assert await self.ended()
        error = orjson.loads(body)
        assert error["message"]
        return status, error["code"]

    def close(self) -> None:
        self.writer.close()
