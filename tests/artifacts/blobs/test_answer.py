"""Answers with bytes of blobs, over real connections: as they were stored, or broken off."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from app.artifacts.blobs import answer as answers
from app.artifacts.blobs import folder
from app.artifacts.blobs.answer import SMALL, STEP, BlobAnswer
from app.artifacts.blobs.folder import FolderStore
from app.artifacts.model import Blob
from app.web.connections import Limits
from app.web.sendfile import EXTENSION
from app.web.serving import Server
from tests.artifacts.blobs.bodies import some, stored
from tests.soon import soon
from tests.web.network import Connection, listening, only

MB = 1024 * 1024
#: More than the system keeps for a client that does not read.
LARGE = 5 * STEP + 12345
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def answering(store: FolderStore, blob: Blob, start: int, stop: int, *, reading: bool = False) -> ASGIApp:
    """An application that answers with these bytes; `reading`: as on a server that sends no files."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if reading:
            scope["extensions"].pop(EXTENSION)
        headers = {"x-checksum-sha256": blob.sha256, "content-type": "text/x-test"}
        answer = BlobAnswer(store, blob, start=start, stop=stop, status=206 if start else 200, headers=headers)
        await answer(scope, receive, send)

    return app


@asynccontextmanager
async def connected(app: ASGIApp, limits: Limits | None = None) -> AsyncIterator[tuple[Server, Connection]]:
    """A server of an application, and a connection to the server."""
    async with listening(app, limits) as server:
        connection = await Connection.to(server)
        yield server, connection
        connection.close()


async def received(connection: Connection) -> bytes:
    """All bytes that come until the server ends the connection."""
    found = b""
    try:
        while more := await asyncio.wait_for(connection.reader.read(MB), 20):
            found += more
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("reading", [False, True])
@pytest.mark.parametrize(
    ("size", "start", "stop"),
    [
        (0, 0, 0),
        (10, 0, 10),
        (SMALL + 1, 0, SMALL + 1),
        (STEP, 0, STEP),
        (STEP + 1, 0, STEP + 1),
        (2 * STEP + 5, 0, 2 * STEP + 5),
        (3 * MB, 17, 3 * MB),
        (3 * MB, 0, 2 * MB),
        (3 * MB, MB, MB + 3),
    ],
)
async def test_the_bytes_come_as_they_were_stored(
    store: FolderStore, size: int, start: int, stop: int, reading: bool
) -> None:
    body = some(size)
    kept = await stored(store, body)

    async with connected(answering(store, kept, start, stop, reading=reading)) as (_, connection):
        for _ in range(2):  # the connection stays open
            await connection.send(GET)
            assert await connection.answer() == (206 if start else 200, body[start:stop])


@pytest.mark.parametrize("size", [10, 3 * MB])
async def test_only_the_head_answers_head(store: FolderStore, size: int) -> None:
    kept = await stored(store, some(size))

    async with connected(answering(store, kept, 0, size)) as (_, connection):
        await connection.send(b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head = await received(connection)

    assert b"content-length: %d\r\n" % size in head
    assert b"x-checksum-sha256: " + kept.sha256.encode() in head
    assert b"content-type: text/x-test\r\n" in head
    assert head.endswith(b"\r\n\r\n")


async def test_a_file_is_hashed_once(store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = some(2 * STEP)
    kept = await stored(store, body)
    store.sound.__init__()  # type: ignore[misc]  # as after a start
    hashed = []
    hash_part = BlobAnswer._hashed
    monkeypatch.setattr(BlobAnswer, "_hashed", lambda *given: hashed.append(1) or hash_part(*given))  # type: ignore[func-returns-value]

    async with connected(answering(store, kept, 0, kept.size)) as (_, connection):
        await connection.send(GET)
        await connection.answer()
        assert len(hashed) == 2
        await connection.send(GET)
        await connection.answer()
        assert len(hashed) == 2
        os.utime(root / kept.place)
        await connection.send(GET)
        assert await connection.answer() == (200, body)
        assert len(hashed) == 4


def flip(path: Path, at: int) -> None:
    """Damage one byte of a file, and leave the time of its last change."""
    found = path.stat()
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("reading", [False, True])
@pytest.mark.parametrize("at", [0, STEP + 5, 2 * STEP + 9])
async def test_a_damaged_blob_never_looks_complete(
    store: FolderStore, root: Path, at: int, reading: bool, caplog: pytest.LogCaptureFixture
) -> None:
    kept = await stored(store, some(2 * STEP + 10))
    flip(root / kept.place, at)

    async with connected(answering(store, kept, 0, kept.size, reading=reading)) as (_, connection):
        await connection.send(GET)
        head, _, body = (await received(connection)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200")
    assert len(body) < kept.size
    assert store.counts.damaged == 1
    logged = next(one for one in caplog.records if one.getMessage() == "the bytes of an artifact cannot be sent")
    assert logged.__dict__["sha256"] == kept.sha256


@pytest.mark.parametrize("reading", [False, True])
async def test_a_file_that_is_too_short_never_looks_complete(store: FolderStore, root: Path, reading: bool) -> None:
    kept = await stored(store, some(2 * MB))
    os.truncate(root / kept.place, MB)

    for start, stop in ((0, 2 * MB), (MB - 10, 2 * MB)):
        async with connected(answering(store, kept, start, stop, reading=reading)) as (_, connection):
            await connection.send(LAST)
            head, _, body = (await received(connection)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 500") or len(body) < stop - start


async def test_a_file_that_shrinks_while_it_is_sent_ends_the_connection(store: FolderStore, root: Path) -> None:
    kept = await stored(store, some(LARGE))

    async with connected(answering(store, kept, 1, kept.size)) as (server, connection):
        await connection.send(GET)
        await connection.reader.readuntil(b"\r\n\r\n")
        await soon(lambda: only(server) in server.connections.unread)
        os.truncate(root / kept.place, MB)
        assert len(await received(connection)) < kept.size - 1


@pytest.mark.parametrize("damage", ["flipped", "gone", "short"])
async def test_a_small_blob_that_is_lost_is_an_error(store: FolderStore, root: Path, damage: str) -> None:
    kept = await stored(store, some(1000))
    path = root / kept.place
    if damage == "flipped":
        flip(path, 500)
    elif damage == "gone":
        path.unlink()
    else:
        os.truncate(path, 900)

    async with connected(answering(store, kept, 0, kept.size)) as (_, connection):
        await connection.send(GET)
        status, body = await connection.answer()

    assert status == 500
    assert b"lost_blob" in body
    assert store.counts.damaged == 1


async def test_a_slow_client_gets_everything(store: FolderStore) -> None:
    body = some(LARGE)
    kept = await stored(store, body)

    async with connected(answering(store, kept, 0, kept.size)) as (server, connection):
        await connection.send(GET)
        await soon(lambda: only(server) in server.connections.unread)
        assert await connection.answer() == (200, body)
        assert not server.connections.unread


async def test_a_client_that_reads_nothing_is_left(store: FolderStore) -> None:
    kept = await stored(store, some(LARGE))

    async with connected(answering(store, kept, 0, kept.size), Limits(idle=0.2)) as (server, connection):
        await connection.send(GET)
        await soon(lambda: not server.connections.connections)
        assert len(await received(connection)) < kept.size


async def test_a_client_that_goes_away_ends_the_answer(store: FolderStore, caplog: pytest.LogCaptureFixture) -> None:
    kept = await stored(store, some(LARGE))
    ended = asyncio.Event()
    answer = answering(store, kept, 0, kept.size)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)
        ended.set()

    async with connected(app) as (server, connection):
        await connection.send(GET)
        await soon(lambda: only(server) in server.connections.unread)
        found: socket.socket = connection.writer.get_extra_info("socket")
        assert found.fileno() >= 0
        connection.writer.transport.abort()
        await asyncio.wait_for(ended.wait(), 20)

    assert not caplog.records
    assert not store.counts.damaged


@pytest.mark.parametrize("reading", [False, True])
async def test_what_nobody_waits_for_is_not_read(
    store: FolderStore, reading: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await stored(store, some(LARGE))
    store.sound.__init__()  # type: ignore[misc]  # as after a start
    ended, done = asyncio.Event(), 0
    answer = answering(store, kept, 0, kept.size, reading=reading)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)
        ended.set()

    def counted(read: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*given: Any) -> Any:
            nonlocal done
            done += given[-1]
            return read(*given)

        return counting

    monkeypatch.setattr(answers, "_hash", counted(answers._hash))
    monkeypatch.setattr(folder, "_read", counted(folder._read))
    async with connected(app) as (server, connection):
        await connection.send(GET)
        await connection.reader.readuntil(b"\r\n\r\n")
        await soon(lambda: only(server) in server.connections.unread)
        connection.writer.transport.abort()
        await asyncio.wait_for(ended.wait(), 20)

    assert done < kept.size - STEP


async def test_a_range_of_a_blob_whose_file_is_gone_is_an_error(store: FolderStore, root: Path) -> None:
    kept = await stored(store, some(3 * MB))
    (root / kept.place).unlink()

    async with connected(answering(store, kept, 5, kept.size)) as (_, connection):
        await connection.send(GET)
        assert (await connection.answer())[0] == 500
