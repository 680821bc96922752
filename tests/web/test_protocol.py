"""Heads of requests over a real connection: bounded before they are whole."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.web.parsing import ADDRESS_LIMIT, HEAD_LIMIT, HEADER_LIMIT
from app.web.serving import Server
from tests.soon import soon
from tests.web.network import Connection, listening, only


async def size(request: Request) -> Response:
    """How much of a body came."""
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that listens."""
    async with listening(Starlette(routes=[Route("/size", size, methods=["GET", "POST"])])) as server:
        yield server


@pytest.fixture
async def connection(server: Server) -> AsyncIterator[Connection]:
    connection = await Connection.to(server)
    yield connection
    connection.close()


def get(*, header: int = 0, query: int = 0) -> bytes:
    """A request with a header and a query of so many bytes."""
    address = b"/size" + (b"?" + b"q" * (query - 1) if query else b"")
    return b"GET " + address + b" HTTP/1.1\r\nHost: x\r\nX-Long: " + b"h" * header + b"\r\n\r\n"


async def test_an_ordinary_request_is_served(connection: Connection) -> None:
    await connection.send(get())

    assert await connection.answer() == (200, b"0")


async def test_a_large_head_is_served_also_in_pieces(connection: Connection) -> None:
    request = get(header=60_000)

    await connection.send(*(request[at : at + 7_000] for at in range(0, len(request), 7_000)))

    assert await connection.answer() == (200, b"0")


async def test_every_request_of_a_connection_has_its_own_limit(connection: Connection, server: Server) -> None:
    def has_a_part() -> bool:
        kept: set[Any] = server.server_state.connections
        return any(one._size == 50_000 for one in kept)

    request = get(header=60_000)
    for _ in range(8):
        await connection.send(request[:50_000])
        await soon(has_a_part)
        await connection.send(request[50_000:])
        assert await connection.answer() == (200, b"0")


async def test_a_head_that_does_not_end_is_refused_before_it_is_whole(connection: Connection) -> None:
    await connection.send(b"GET /size HTTP/1.1\r\n", *(b"X-%d: %s\r\n" % (n, b"h" * 60_000) for n in range(7)))

    assert await connection.refusal() == (431, "too_large")


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_too_many_headers_are_refused_however_short(connection: Connection, method: bytes) -> None:
    headers = b"".join(b"X-%d: y\r\n" % number for number in range(HEADER_LIMIT))

    await connection.send(method + b" /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" + headers + b"\r\nb")

    assert await connection.refusal() == (431, "too_large")


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

    assert await connection.refusal() == (414, "too_large")


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

    assert await connection.refusal() == (400, "bad_request")


async def test_others_are_served_meanwhile(server: Server, connection: Connection) -> None:
    await connection.send(b"GET /size HTTP/1.1\r\nX-Half: ")
    other = await Connection.to(server)

    await other.send(get())

    assert await other.answer() == (200, b"0")
    other.close()


CHUNKED = b"POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"X-%d: y\r\n" * 1000 % tuple(range(1000)), id="trailers"),
        pytest.param(b"v" * 10_000, id="one trailer"),
    ],
)
async def test_trailers_without_end_are_refused(connection: Connection, part: bytes) -> None:
    await connection.send(CHUNKED, b"1\r\nb\r\n0\r\nX-First: ")

    await connection.send(*[part] * (HEAD_LIMIT // len(part) + 1))

    assert await connection.refusal() == (431, "too_large")


async def test_chunk_extensions_count_as_head_in_one_chunk_and_in_many(server: Server) -> None:
    for extension, count in ((b"e" * 10_000, HEAD_LIMIT // 10_000 + 1), (b"", 1)):
        connection = await Connection.to(server)
        if extension:
            await connection.send(CHUNKED, *[b"1;" + extension + b"\r\nb\r\n"] * count)
        else:
            await connection.send(CHUNKED, b"1;", *[b"e" * 10_000] * (HEAD_LIMIT // 10_000 + 1))
        assert await connection.refusal() == (431, "too_large")
        connection.close()


async def test_a_body_in_small_chunks_with_trailers_is_served_and_trailers_are_no_headers(server: Server) -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await asyncio.sleep(0)
        headers = [name for name, _ in scope["headers"]]
        await Response(b",".join(headers))(scope, receive, send)

    async with listening(echo) as server:
        connection = await Connection.to(server)
        chunks = b"1\r\nb\r\n" * 100_000
        await connection.send(CHUNKED, chunks, b"0\r\nAuthorization: stolen\r\n\r\n", get())
        assert (await connection.answer())[1] == b"host,transfer-encoding"
        assert (await connection.answer())[1] == b"host,x-long"
        connection.close()


@pytest.mark.parametrize(("size", "large"), [(10_000_000, 70_000), (1000, 70_000), (7, 700), (1, 7)])
async def test_requests_behind_a_request_are_answered_in_their_order(
    connection: Connection, size: int, large: int
) -> None:
    bodies = [b"b" * length for length in (0, 1, 3, large, 5)]
    requests = [b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(b), b) for b in bodies]
    chunked = CHUNKED + b"4\r\n\r\n\r\n\r\n0\r\nA: b\r\n\r\n"
    everything = b"".join([*requests, chunked, get()] * 5)

    await connection.send(*(everything[at : at + size] for at in range(0, len(everything), size)))

    for length in [*(len(body) for body in bodies), 4, 0] * 5:
        assert await connection.answer() == (200, str(length).encode())


async def test_a_client_that_reads_no_answers_is_read_no_further(server: Server) -> None:
    gate, begun = asyncio.Event(), []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])
        disconnected = asyncio.ensure_future(receive())  # as a poll does, which makes uvicorn read on
        await gate.wait()
        disconnected.cancel()
        await Response(b"x" * 100)(scope, receive, send)

    async with listening(slow) as server:
        connection = await Connection.to(server)
        sent = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await connection.send(get() * 1000)
                    sent += 1000
        assert (len(begun), only(server).pipeline) == (1, deque())
        assert len(only(server)._rest) <= 256 * 1024
        gate.set()
        for _ in range(1000):
            assert await connection.answer() == (200, b"x" * 100)
        connection.close()


async def test_a_body_is_no_request_whatever_protocol_is_asked_for(connection: Connection) -> None:
    head = b"POST /size HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: %d\r\n\r\n"

    await connection.send(head % 0 + get(), head % len(get()), get())

    assert await connection.answer() == (200, b"0")
    assert await connection.answer() == (200, b"0")
    assert await connection.refusal() == (400, "bad_request")


async def test_raw_printable_characters_of_an_address_are_read_as_they_are() -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(scope["raw_path"] + b" " + scope["query_string"])(scope, receive, send)

    characters = bytes(code for code in range(0x21, 0x7F) if chr(code) not in "?#")
    async with listening(echo) as server:
        connection = await Connection.to(server)
        await connection.send(b"PUT /" + characters + b"?" + characters + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await connection.answer() == (200, b"/" + characters + b" " + characters)
        await connection.send(b"PUT /fix#12?a#b HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await connection.answer() == (200, b"/fix%2312 a%23b")
        connection.close()


@pytest.mark.parametrize("code", [*range(0x20), 0x7F, 0x80, 0xFF])
async def test_control_characters_and_what_is_not_ascii_are_refused_in_an_address(
    connection: Connection, code: int
) -> None:
    await connection.send(b"GET /size" + bytes([code]) + b"x HTTP/1.1\r\nHost: x\r\n\r\n")

    assert await connection.refusal() == (400, "bad_request")


async def test_a_space_ends_an_address(connection: Connection) -> None:
    await connection.send(b"GET /size x HTTP/1.1\r\nHost: x\r\n\r\n")

    assert await connection.refusal() == (400, "bad_request")
