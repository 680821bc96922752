"""Small bodies that wait together are stored together."""

import asyncio
from pathlib import Path

import pytest

from app.artifacts.blobs import folder
from app.artifacts.blobs.folder import FolderStore
from app.errors import NoRoom
from tests.artifacts.blobs.bodies import blob, coming, content, files, some, sums


async def test_each_of_many_bodies_gets_its_own_bytes(store: FolderStore) -> None:
    bodies = [some(size) for size in range(0, 3000, 31)]

    received = await asyncio.gather(*(store.receive(coming(body)) for body in bodies))

    assert [each.sums for each in received] == [sums(body) for body in bodies]
    assert [await content(store, blob(each)) for each in received] == bodies


async def test_bodies_that_wait_share_a_write_of_the_names(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = list[Path]()

    def sync(path: Path) -> None:
        synced.append(path)

    await store.receive(coming(b"0"))  # the threads and the first folder are made
    monkeypatch.setattr(folder, "sync", sync)

    received = await asyncio.gather(*(store.receive(coming(b"%d" % number)) for number in range(40)))

    named = [path for path in synced if len(path.name) == 2]
    assert {each.place.partition("/")[0] for each in received} == {path.name for path in named}
    assert len(named) <= 3


async def test_a_caller_who_leaves_takes_nothing_from_the_others(store: FolderStore) -> None:
    receiving = [asyncio.create_task(store.receive(coming(b"%d" % number))) for number in range(10)]
    await asyncio.sleep(0)
    for task in receiving[::2]:
        task.cancel()

    done = await asyncio.gather(*receiving, return_exceptions=True)

    assert all(isinstance(each, asyncio.CancelledError) for each in done[::2])
    assert [each.sums for each in done[1::2] if not isinstance(each, BaseException)] == [
        sums(b"%d" % number) for number in range(1, 10, 2)
    ]


async def test_a_full_disk_is_the_error_of_each_and_leaves_nothing(root: Path) -> None:
    full = FolderStore(root, spare=1 << 60)
    full.prepare()

    done = await asyncio.gather(*(full.receive(coming(b"x")) for _ in range(5)), return_exceptions=True)
    full.close()

    assert [type(each) for each in done] == [NoRoom] * 5
    assert not list(files(root))
