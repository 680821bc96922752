"""What is stored is summed cheaply, and a quota is judged before a body is read where its length is known."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.artifacts.blobs.folder import FolderStore
from app.artifacts.blobs.quota import FRESH, Limited, Usage
from app.db.connect import Alterable
from app.errors import TooLarge
from tests.artifacts.blobs.bodies import coming, some
from tests.artifacts.blobs.holding import drop, put, repository

KB = 1024


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def usage(db: Alterable, clock: Clock) -> Usage:
    return Usage(db, clock)


@pytest.fixture
def limited(store: FolderStore, usage: Usage) -> Limited:
    """A store that takes 100 KB."""
    return Limited(store, usage, 100 * KB)


async def test_the_same_bytes_count_once(db: Alterable, store: FolderStore, usage: Usage, clock: Clock) -> None:
    assert (await usage.stored(), await usage.items()) == ((0, 0), 0)
    repo = await db.write(repository("libs"))
    await put(db, store, repo, "a", b"12345")
    await put(db, store, repo, "b", b"12345")
    assert await usage.stored() == (0, 0)

    clock.now = FRESH
    assert await usage.stored() == (1, 5)
    await put(db, store, repo, "c", b"678")
    clock.now = 60
    assert (await usage.stored(), await usage.items()) == ((2, 8), 3)


async def test_removed_blobs_count_no_more_when_the_sum_is_forgotten(
    db: Alterable, store: FolderStore, usage: Usage
) -> None:
    repo = await db.write(repository("libs"))
    await put(db, store, repo, "a", b"12345")
    assert await usage.stored() == (1, 5)
    await db.write(drop(repo, "a"))
    from app.db.tx import run

    await db.write(run("DELETE FROM blobs"))
    usage.forget()

    assert await usage.stored() == (0, 0)


async def test_a_known_length_is_judged_before_the_body_is_read(limited: Limited) -> None:
    asked = []

    async def unwanted() -> AsyncIterator[bytes]:
        asked.append(True)
        yield b"x"

    with pytest.raises(TooLarge, match="100 KB in all") as refused:
        await limited.receive(unwanted(), size=100 * KB + 1)

    assert refused.value.code == "quota_reached"
    assert not asked
    assert (await limited.receive(coming(some(100 * KB)), size=100 * KB)).size == 100 * KB


async def test_an_unknown_length_is_refused_when_the_quota_is_reached(limited: Limited, store: FolderStore) -> None:
    parts = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            parts.append(b"x" * KB)
            yield parts[-1]

    with pytest.raises(TooLarge):
        await limited.receive(endless())

    assert len(parts) == 101
    assert [place async for place, _ in store.places()] == []
    assert (await limited.receive(coming(some(100 * KB)))).size == 100 * KB


async def test_what_was_received_a_moment_ago_counts(
    db: Alterable, limited: Limited, usage: Usage, clock: Clock
) -> None:
    repo = await db.write(repository("libs"))
    for name in "abc":
        await put(db, limited, repo, name, some(30 * KB))  # the same bytes, which count once when it matters
    assert await usage.stored() == (0, 90 * KB)
    await put(db, limited, repo, "d", some(60 * KB, 1))
    assert await usage.stored() == (1, 90 * KB)

    with pytest.raises(TooLarge):
        await limited.receive(coming(some(60 * KB, 2)), size=60 * KB)
    assert await usage.stored() == (2, 90 * KB)


async def test_what_others_are_sending_counts(limited: Limited) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        begun.set()
        await go.wait()
        yield some(60 * KB)

    first = asyncio.create_task(limited.receive(slow(), size=60 * KB))
    await begun.wait()
    with pytest.raises(TooLarge):
        await limited.receive(coming(some(60 * KB)), size=60 * KB)
    go.set()

    assert (await first).size == 60 * KB
    assert (await limited.receive(coming(some(60 * KB)), size=60 * KB)).size == 60 * KB


async def test_what_is_stored_counts(db: Alterable, limited: Limited, store: FolderStore, clock: Clock) -> None:
    repo = await db.write(repository("libs"))
    await put(db, limited, repo, "a", some(60 * KB))
    clock.now = FRESH

    with pytest.raises(TooLarge):
        await limited.receive(coming(some(60 * KB, 1)), size=60 * KB)
