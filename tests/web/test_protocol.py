"""Heads of requests over a real connection: bounded before they are whole."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.web.protocol import ADDRESS_LIMIT, HEAD_LIMIT, HEADER_LIMIT, Protocol
from tests.soon import soon


async def size(request: Request) -> Response:
    """How much of a body came."""
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def server() -> AsyncIterator[uvicorn.Server]:
    """A server that listens."""
    app = Starlette(routes=[Route("/size", size, methods=["GET", "POST"])])
    config = uvicorn.Config(app, port=0, http=Protocol, ws="none", loop="none", lifespan="off", log_config=None)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server
    await server.shutdown()


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    """Where it listens."""
    address: int = server.servers[0].sockets[0].getsockname()[1]
    return address


class Connection:
    """One connection, on which bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        return int(head.split()[1]), await self.reader.readexactly(int(fields[b"content-length"]))

    async def closed(self) -> bool:
        """Whether the server ended it: nothing more comes."""
        try:
            return await self.reader.read() == b""
        except ConnectionResetError:
            return True


@pytest.fixture
async def connection(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024 * 1024)
    async with asyncio.timeout(20):
        yield Connection(reader, writer)
    writer.close()


def get(*, header: int = 0, query: int = 0) -> bytes:
    """A request with a header and a query of so many bytes."""
    address = b"/size" + (b"?" + b"q" * (query - 1) if query else b"")
    return b"GET " + address + b" HTTP/1.1\r\nHost: x\r\nX-Long: " + b"h" * header + b"\r\n\r\n"


async def refused(connection: Connection) -> tuple[int, str]:
    """Status and code of an answer that ends the connection."""
    status, body = await connection.answer()
    assert await connection.closed()
    error = orjson.loads(body)
    assert error["message"]
    return status, error["code"]


async def test_an_ordinary_request_is_served(connection: Connection) -> None:
    await connection.send(get())

    assert await connection.answer() == (200, b"0")


async def test_a_large_head_is_served_also_in_pieces(connection: Connection) -> None:
    request = get(header=60_000)

    await connection.send(*(request[at : at + 7_000] for at in range(0, len(request), 7_000)))

    assert await connection.answer() == (200, b"0")


async def test_every_request_of_a_connection_has_its_own_limit(connection: Connection, server: uvicorn.Server) -> None:
    def has_a_part() -> bool:
        kept: set[Any] = server.server_state.connections
        return any(one._in_head and one._head == 50_000 for one in kept)

    request = get(header=60_000)
    for _ in range(8):
        await connection.send(request[:50_000])
        await soon(has_a_part)
        await connection.send(request[50_000:])
        assert await connection.answer() == (200, b"0")


async def test_a_head_that_does_not_end_is_refused_before_it_is_whole(connection: Connection) -> None:
    await connection.send(b"GET /size HTTP/1.1\r\n", *(b"X-%d: %s\r\n" % (n, b"h" * 60_000) for n in range(7)))

    assert await refused(connection) == (431, "too_large")


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_too_many_headers_are_refused_however_short(connection: Connection, method: bytes) -> None:
    headers = b"".join(b"X-%d: y\r\n" % number for number in range(HEADER_LIMIT))

    await connection.send(method + b" /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" + headers + b"\r\nb")

    assert await refused(connection) == (431, "too_large")


async def test_many_headers_are_served(connection: Connection) -> None:
    headers = b"".join(b"X-%d: y\r\n" % number for number in range(HEADER_LIMIT - 1))

    await connection.send(b"GET /size HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")

    assert await connection.answer() == (200, b"0")


async def test_a_body_does_not_count(connection: Connection) -> None:
    body = b"b" * (2 * HEAD_LIMIT)
    head = b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)

    await connection.send(head, body, get())

    assert await connection.answer() == (200, str(len(body)).encode())
    assert await connection.answer() == (200, b"0")


@pytest.mark.parametrize("query", [ADDRESS_LIMIT + 1, 3 * ADDRESS_LIMIT])
async def test_an_address_that_is_too_long_is_told_so(connection: Connection, query: int) -> None:
    await connection.send(get(query=query))

    assert await refused(connection) == (414, "too_large")


async def test_a_long_address_is_served(connection: Connection) -> None:
    await connection.send(get(query=40_000))

    assert await connection.answer() == (200, b"0")


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_told_so(connection: Connection, garbage: bytes) -> None:
    await connection.send(garbage)

    assert await refused(connection) == (400, "bad_request")


async def test_others_are_served_meanwhile(port: int, connection: Connection) -> None:
    await connection.send(b"GET /size HTTP/1.1\r\nX-Half: ")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    other = Connection(reader, writer)

    await other.send(get())

    assert await other.answer() == (200, b"0")
    writer.close()
