"""Blobs in a folder: whole and durable, or not there."""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.artifacts.blobs.folder import PIECE, SMALL, FolderStore
from app.artifacts.blobs.store import Lost, Received, StoreAway
from app.errors import NoRoom
from tests.artifacts.blobs.bodies import blob, coming, content, files, some, stored, sums

MB = 1024 * 1024
#: Receives a body that never ends: says when the first part is written, and goes on.
RECEIVES = """
import asyncio, sys
from pathlib import Path
from app.artifacts.blobs.folder import FolderStore

async def parts():
    for number in range(1 << 30):
        yield bytes(1 << 20)
        await asyncio.sleep(0)
        if number == 3:
            print("receiving", flush=True)
        if number >= 3:
            await asyncio.sleep(0.01)

store = FolderStore(Path(sys.argv[1]))
store.prepare()
asyncio.run(store.receive(parts()))
"""


@pytest.mark.parametrize("size", [0, 1, SMALL - 1, SMALL, 3 * MB + 17])
@pytest.mark.parametrize("announced", [True, False])
async def test_what_was_received_is_read_back(store: FolderStore, size: int, announced: bool) -> None:
    body = some(size)

    received = await store.receive(coming(body), size=size if announced else None)

    assert (received.size, received.sums) == (size, sums(body))
    assert await content(store, blob(received)) == body


async def test_the_same_bytes_get_a_place_of_their_own_each_time(store: FolderStore) -> None:
    first, second = await store.receive(coming(b"x")), await store.receive(coming(b"x"))

    await store.remove(first.place)
    await store.remove(first.place)

    assert await content(store, blob(second)) == b"x"
    assert [place async for place, _ in store.places()] == [second.place]


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 5), (PIECE - 1, PIECE + 1), (10, 3 * PIECE), (3 * MB, 3 * MB)])
async def test_a_range_is_read(store: FolderStore, start: int, stop: int) -> None:
    body = some(3 * MB)
    kept = await stored(store, body)

    assert b"".join([piece async for piece in store.read(kept.place, start, stop)]) == body[start:stop]


async def test_a_reader_may_leave_early(store: FolderStore) -> None:
    kept = await stored(store, some(3 * MB))

    reading = store.read(kept.place, 0, kept.size)
    await anext(reading)
    assert isinstance(reading, AsyncGenerator)
    await reading.aclose()


async def test_bytes_that_are_missing_are_lost(store: FolderStore, root: Path) -> None:
    kept = await stored(store, some(2 * MB))
    os.truncate(root / kept.place, MB)

    with pytest.raises(Lost, match="ends after"):
        await content(store, kept)
    with pytest.raises(Lost, match="not there"):
        await content(store, blob(await gone(store)))


async def gone(store: FolderStore) -> Received:
    """What was received and removed."""
    received = await store.receive(coming(b"gone"))
    await store.remove(received.place)
    return received


@pytest.mark.parametrize("size", [0, 10, 3 * MB])
async def test_a_body_that_is_cut_off_leaves_nothing(store: FolderStore, root: Path, size: int) -> None:
    async def cut() -> AsyncIterator[bytes]:
        async for part in coming(some(size)):
            yield part
        raise ConnectionError("the client has gone")

    with pytest.raises(ConnectionError):
        await store.receive(cut())

    assert not list(files(root))


async def test_a_body_whose_request_is_cancelled_leaves_nothing(store: FolderStore, root: Path) -> None:
    begun, never = asyncio.Event(), asyncio.Event()

    async def waits() -> AsyncIterator[bytes]:
        yield some(2 * MB)
        begun.set()
        await never.wait()

    receiving = asyncio.create_task(store.receive(waits()))
    await begun.wait()
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving

    assert not list(files(root))


async def test_a_killed_server_leaves_what_the_next_start_deletes(root: Path) -> None:
    command = (sys.executable, "-c", RECEIVES, str(root))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"receiving\n"
        beside = FolderStore(root)
        beside.prepare()  # a server that shares the folder leaves what the first one receives
        assert len(list(files(root))) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        await process.communicate()

    assert {path.parts[-3] for path in files(root)} == {"tmp"}
    after = FolderStore(root)
    after.prepare()

    assert not list(files(root))
    assert not [place async for place, _ in after.places()]
    assert len(list((root / "tmp").iterdir())) == 2
    beside.close()
    after.close()


async def test_a_body_that_does_not_fit_is_refused_before_it_comes(root: Path) -> None:
    store = FolderStore(root, spare=1 << 60)
    store.prepare()

    asked = []

    async def unwanted() -> AsyncIterator[bytes]:
        asked.append(True)
        yield b"x"

    with pytest.raises(NoRoom, match="disk of the artifacts is full"):
        await store.receive(unwanted(), size=MB)
    assert not asked
    with pytest.raises(NoRoom):
        await store.receive(coming(b"small"), size=5)
    with pytest.raises(NoRoom):
        await store.receive(coming(some(3 * MB)))
    await store.check()  # what is there can be read
    assert not list(files(root))
    store.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("spare", [0, MB])
async def test_a_disk_that_fills_up_keeps_what_it_had(tiny: Path, spare: int) -> None:
    store = FolderStore(tiny / "blobs", spare=spare)
    store.prepare()
    kept = await stored(store, some(MB))

    with pytest.raises(NoRoom):
        await store.receive(coming(some(6 * MB)))
    with pytest.raises(NoRoom):
        await store.receive(coming(some(6 * MB)), size=6 * MB)

    assert len(list(files(tiny))) == 1
    assert await content(store, kept) == some(MB)
    assert (await store.receive(coming(some(MB)))).size == MB
    store.close()


async def test_a_folder_that_cannot_be_written_is_away(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)

    with pytest.raises(StoreAway, match="Input/output error"):
        await store.receive(coming(b"x"))

    assert not list(files(root))


async def test_a_disk_that_fails_while_more_comes_is_away(
    store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("app.artifacts.blobs.folder._EARLY", MB)
    monkeypatch.setattr(os, "fsync", broken)

    with pytest.raises(StoreAway, match="Input/output error"):
        await store.receive(coming(some(8 * MB)))

    assert not list(files(root))


async def test_a_folder_that_is_gone_is_away(store: FolderStore, root: Path) -> None:
    await store.check()

    shutil.rmtree(root)

    with pytest.raises(StoreAway):
        await store.check()
