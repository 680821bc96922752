"""Files that the system sends, over real connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from app.web.sendfile import EXTENSION, SEND
from tests.web.network import Connection, listening

BODY = bytes(range(256)) * 4096
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def answering(*messages: dict[str, Any], path: Path, length: int | None) -> AsyncIterator[Connection]:
    """A connection to a server that answers with these messages, and with a file in those that send one."""
    headers = [] if length is None else [(b"content-length", b"%d" % length)]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["extensions"] == {EXTENSION: {}}
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with path.open("rb") as file:
            for message in messages:
                await send({**message, "file": file} if message["type"] == SEND else message)

    async with listening(app) as server:
        connection = await Connection.to(server)
        yield connection
        connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(BODY)
    return path


def file(offset: int, count: int, *, more: bool = False) -> dict[str, Any]:
    """The message that sends a part of the file."""
    return {"type": SEND, "offset": offset, "count": count, "more_body": more}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    """The message that sends bytes."""
    return {"type": "http.response.body", "body": data, "more_body": more}


async def test_parts_of_a_file_and_bytes_come_in_their_order(path: Path) -> None:
    messages = (body(b"begin ", more=True), file(5, 300_000, more=True), file(0, 3, more=True), body(b" end"))
    wanted = b"begin " + BODY[5:300_005] + BODY[:3] + b" end"

    async with answering(*messages, path=path, length=len(wanted)) as connection:
        await connection.send(GET + GET)  # the second request waits for the end of the first answer
        assert await connection.answer() == (200, wanted)
        assert await connection.answer() == (200, wanted)
        await connection.send(GET)
        assert await connection.answer() == (200, wanted)


async def test_a_connection_that_shall_close_closes_behind_the_file(path: Path) -> None:
    async with answering(file(0, len(BODY)), path=path, length=len(BODY)) as connection:
        await connection.send(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        assert await connection.answer() == (200, BODY)
        assert await connection.ended()


@pytest.mark.parametrize("length", [None, 5])
async def test_a_file_beyond_the_length_of_the_answer_is_a_bug(path: Path, length: int | None) -> None:
    async with answering(file(0, 10), path=path, length=length) as connection:
        await connection.send(GET)
        head = await connection.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert await connection.ended()


async def test_a_file_that_ends_too_early_breaks_the_answer_off(path: Path) -> None:
    wanted = len(BODY) + 10
    async with answering(file(0, wanted), path=path, length=wanted) as connection:
        await connection.send(GET)
        head = await connection.reader.readuntil(b"\r\n\r\n")
        assert b"content-length: %d" % wanted in head
        assert await connection.reader.readexactly(len(BODY)) == BODY
        assert await connection.ended()
