"""All blobs are read back, and those that cannot be had as they were stored are named."""

import os
from pathlib import Path

import pytest

from app.artifacts.blobs import verification
from app.artifacts.blobs.folder import FolderStore
from app.artifacts.blobs.verification import Damage, Progress, verify
from app.db.connect import Alterable
from tests.artifacts.blobs.bodies import coming, some
from tests.artifacts.blobs.holding import put, repository, unused


async def test_damaged_and_missing_blobs_are_named(
    db: Alterable, store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PAGE", 2)
    repo = await db.write(repository("libs"))
    await put(db, store, repo, "a/whole.jar", b"whole")
    flipped = await put(db, store, repo, "a/flipped.jar", some(100))
    for name in ("b/one.jar", "c/d/two.jar"):
        gone = await put(db, store, repo, name, b"gone")
    short = await store.receive(coming(some(300, 1)))
    await db.write(unused(short))
    (root / flipped).write_bytes(some(100, 2))
    (root / gone).unlink()
    os.truncate(root / short.place, 200)

    found = [one async for one in verify(db, store)]

    damages = [one for one in found if isinstance(one, Damage)]
    assert [(one.blob.place, one.missing, one.files, one.count) for one in damages] == [
        (flipped, False, ("libs/a/flipped.jar",), 1),
        (gone, True, ("libs/b/one.jar", "libs/c/d/two.jar"), 2),
        (short.place, False, (), 0),
    ]
    assert "SHA-256" in damages[0].reason
    assert [one for one in found if isinstance(one, Progress)] == [Progress(2, 105, 1), Progress(4, 409, 3)]


async def test_a_server_without_blobs_has_nothing_to_tell(db: Alterable, store: FolderStore) -> None:
    assert [one async for one in verify(db, store)] == []


async def test_a_blob_that_is_collected_meanwhile_is_not_named(
    db: Alterable, store: FolderStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await db.write(unused(await store.receive(coming(b"x"))))
    monkeypatch.setattr(verification, "STILL", "SELECT id FROM blobs WHERE id = :id AND 1 = 0")
    for place in [place async for place, _ in store.places()]:
        (root / place).unlink()

    assert [one async for one in verify(db, store)] == [Progress(1, 1, 0)]
