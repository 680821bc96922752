"""What no item uses is removed, and nothing that an item uses or is about to use."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.artifacts import items
from app.artifacts.blobs import collection
from app.artifacts.blobs.collection import Collected, Collector
from app.artifacts.blobs.folder import FolderStore, held
from app.artifacts.blobs.store import Held
from app.db.connect import Alterable, Database
from app.db.tx import Rows, many
from app.errors import Conflict
from tests.artifacts.blobs.bodies import coming, files, some
from tests.artifacts.blobs.holding import DAY, NOW, drop, put, repository, unused, unused_set
from tests.soon import soon


@pytest.fixture
async def repo(db: Alterable) -> int:
    return await db.write(repository("libs"))


def collector(db: Database, store: FolderStore, now: int = NOW) -> Collector:
    """A collector at a time."""
    return Collector(db, store, lambda: now)


async def places(db: Database) -> set[str]:
    """The places that rows name."""
    return {row["place"] for row in await db.read(many("SELECT place FROM blobs"))}


async def stored(store: FolderStore) -> set[str]:
    """The places that hold bytes."""
    return {place async for place, _ in store.places()}


async def test_a_blob_that_no_item_uses_goes_after_a_day(db: Alterable, store: FolderStore, repo: int) -> None:
    kept = await put(db, store, repo, "a/kept.jar", b"kept")
    await put(db, store, repo, "a/gone.jar", b"gone!")
    await db.write(drop(repo, "a/gone.jar"))

    assert await collector(db, store, NOW + DAY).collect() == Collected()
    assert await collector(db, store, NOW + DAY + 1).collect() == Collected(blobs=1, bytes=5)

    assert await places(db) == await stored(store) == {kept}


async def test_all_pages_are_looked_at(
    db: Alterable, store: FolderStore, repo: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "PAGE", 3)
    kept = {await put(db, store, repo, f"{number}", b"%d" % number) for number in range(4)}
    for number in range(10, 18):
        await db.write(unused(await store.receive(coming(b"%d" % number))))

    done = await collector(db, store, NOW + 1).collect(grace=0)

    assert done == Collected(blobs=8, bytes=16)
    assert await places(db) == await stored(store) == kept


async def test_bytes_without_a_row_go_after_a_day(
    db: Alterable, store: FolderStore, root: Path, repo: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "PAGE", 2)
    kept = await put(db, store, repo, "kept", b"kept")
    old = [(await store.receive(coming(b"%d" % number))).place for number in range(5)]
    young = (await store.receive(coming(b"young"))).place
    for place in (*old, kept):
        os.utime(root / place, (NOW - DAY - 1, NOW - DAY - 1))
    os.utime(root / young, (NOW - DAY + 1, NOW - DAY + 1))

    done = await collector(db, store).collect(grace=0)

    assert done == Collected(orphans=5)
    assert await stored(store) == {kept, young}


async def test_a_row_that_was_linked_again_keeps_its_bytes(db: Alterable, store: FolderStore, repo: int) -> None:
    await put(db, store, repo, "first", b"same")
    await db.write(drop(repo, "first"))
    place = await put(db, store, repo, "second", b"same", now=NOW + DAY)
    await db.write(drop(repo, "second"))

    assert await collector(db, store, NOW + 2 * DAY).collect() == Collected()
    assert await stored(store) == {place}


async def test_sets_of_properties_that_no_item_has_go(db: Alterable, store: FolderStore, repo: int) -> None:
    await put(db, store, repo, "kept", b"x", stage="prod")
    await put(db, store, repo, "bare", b"x")
    await db.write(unused_set("nobody's"))

    assert await collector(db, store).collect() == Collected(property_sets=1)
    assert await collector(db, store).collect() == Collected()

    found = await db.read(many("SELECT value FROM properties"))
    assert [row["value"] for row in found] == ["prod"]
    assert len(await db.read(many("SELECT id FROM property_sets"))) == 2


async def test_nothing_goes_while_a_backup_copies(db: Alterable, store: FolderStore, root: Path, repo: int) -> None:
    await db.write(unused(await store.receive(coming(b"unused"))))
    late = collector(db, store, NOW + 2 * DAY)

    with held(root), pytest.raises(Held, match="backup"):
        await late.collect()

    assert await places(db) == await stored(store) != set()
    assert await late.collect() == Collected(blobs=1, bytes=6)
    assert late.total == Collected(blobs=1, bytes=6)


class Between:
    """A database in which something happens between what a collection reads and what it writes."""

    def __init__(self, db: Database, happens: Any) -> None:
        self._db, self._happens = db, happens

    async def write(self, tx: Any) -> Rows:
        happens, self._happens = self._happens, None
        if happens:
            await happens()
        return await self._db.write(tx)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


async def test_an_upload_of_the_same_bytes_saves_the_row(db: Alterable, store: FolderStore, repo: int) -> None:
    await db.write(unused(await store.receive(coming(b"again"))))

    async def upload() -> None:
        await put(db, store, repo, "again", b"again", now=NOW - 5 * DAY)  # not its time saves it, but its item

    done = await collector(Between(db, upload), store, NOW + 2 * DAY).collect()  # type: ignore[arg-type]

    assert done == Collected()
    assert await places(db) == await stored(store) != set()


async def test_a_second_collection_waits_for_nobody(db: Alterable, store: FolderStore, repo: int) -> None:
    await db.write(unused(await store.receive(coming(b"x"))))
    reached, go = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        reached.set()
        await go.wait()

    busy = collector(Between(db, waits), store, NOW + 2 * DAY)  # type: ignore[arg-type]
    collecting = asyncio.create_task(busy.collect())
    await reached.wait()

    with pytest.raises(Conflict, match="already"):
        await busy.collect()
    go.set()

    assert await collecting == Collected(blobs=1, bytes=1)
    assert busy.rounds == 1


async def test_a_server_that_ended_between_row_and_bytes_leaves_an_orphan(
    db: Alterable, store: FolderStore, root: Path, repo: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = await store.receive(coming(b"x"))
    await db.write(unused(received))

    async def ends(_: str) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(store, "remove", ends)
        with pytest.raises(asyncio.CancelledError):
            await collector(db, store, NOW + 2 * DAY).collect()
    assert (await places(db), await stored(store)) == (set(), {received.place})
    os.utime(root / received.place, (NOW, NOW))

    assert await collector(db, store, NOW + 2 * DAY).collect() == Collected(orphans=1)
    assert not [path for path in files(root) if path.parent != root]


async def test_uploads_deletions_and_collections_at_once_keep_every_row_and_its_bytes_together(
    db: Alterable, store: FolderStore, repo: int
) -> None:
    bodies = [some(100, seed) for seed in range(4)]
    kept: dict[str, bytes] = {}
    ended = False

    async def uploads(worker: int) -> None:
        for turn in range(12):
            path, body = f"{worker}/{turn}", bodies[(worker + turn) % len(bodies)]
            await put(db, store, repo, path, body, now=NOW)
            if turn % 3:
                await db.write(drop(repo, path))
            else:
                kept[path] = body

    async def collects(one: Collector) -> None:
        while not ended:
            await one.collect(grace=0)

    collecting = [asyncio.create_task(collects(collector(db, store, NOW + DAY // 2))) for _ in range(2)]
    await asyncio.gather(*(uploads(worker) for worker in range(4)))
    ended = True
    done: Sequence[None] = await asyncio.gather(*collecting)

    assert done == [None, None]
    assert len(kept) == 16
    assert await places(db) == await stored(store)
    for path, body in kept.items():
        found = await db.read(items.find(repo, path))
        assert found is not None
        assert b"".join([piece async for piece in store.read(found.file.place, 0, found.file.size)]) == body


async def test_the_loop_collects_at_the_start(db: Alterable, store: FolderStore, repo: int) -> None:
    await db.write(unused(await store.receive(coming(b"x"))))
    late = collector(db, store, NOW + 2 * DAY)

    async with late.running():
        await soon(lambda: late.rounds)

    assert late.total == replace(Collected(), blobs=1, bytes=1)
