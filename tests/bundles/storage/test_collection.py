"""What is frozen in a release bundle stays, though nothing else uses it any more."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.artifacts import clearing, properties
from app.artifacts.blobs.collection import Collected, Collector
from app.artifacts.blobs.folder import FolderStore
from app.artifacts.blobs.verification import Damage, verify
from app.artifacts.repositories import find
from app.bundles import store as versions
from app.bundles.model import Artifact, Bundle
from app.db.connect import Alterable
from app.db.tx import Rows, Tx, many
from tests.artifacts.blobs.bodies import coming
from tests.artifacts.blobs.holding import DAY, NOW, drop, put, repository
from tests.bundles.storage.frozen import frozen


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FolderStore]:
    """A store in a folder."""
    made = FolderStore(tmp_path / "blobs")
    made.prepare()
    yield made
    made.close()


@pytest.fixture
async def repo(db: Alterable, store: FolderStore) -> int:
    """A repository with two files, of which one has properties."""
    made = await db.write(repository("dev"))
    await put(db, store, made, "a.in", b"a", stage="qa")
    await put(db, store, made, "b.in", b"bb")
    return made


def collector(db: Alterable, store: FolderStore) -> Collector:
    return Collector(db, store, lambda: NOW + 2 * DAY)


async def left(db: Alterable, store: FolderStore) -> tuple[int, int, int]:
    """How many blobs, bodies and sets of properties there are."""
    blobs, sets = [await db.read(many(f"SELECT id FROM {table}")) for table in ("blobs", "property_sets")]
    return len(blobs), len([place async for place in store.places()]), len(sets)


@pytest.mark.parametrize("status", ["DRAFT", "PROCESSING", "COMPLETED"])
async def test_what_a_version_has_frozen_stays_until_the_version_goes(
    db: Alterable, store: FolderStore, repo: int, status: Any
) -> None:
    manifest = await store.receive(coming(b"{}")) if status == "COMPLETED" else None
    bundle = await db.write(frozen("shop", "1.0", "dev", ["a.in"], status=status, manifest=manifest))
    await db.write(drop(repo, ""))

    assert await collector(db, store).collect() == Collected(blobs=1, bytes=2)
    kept = 2 if manifest else 1
    assert await left(db, store) == (kept, kept, 2)
    [artifact] = await db.read(versions.artifacts_of(bundle.id))
    assert b"".join([piece async for piece in store.read(await place(db, artifact.blob_id), 0, 1)]) == b"a"
    assert (await db.read(properties.of_sets([artifact.set_id])))[artifact.set_id] == {"stage": ["qa"]}

    await db.write(versions.remove(bundle.id))
    await db.write(drop(bundle.repo_id, ""))
    assert (await collector(db, store).collect()).property_sets == 1
    assert await left(db, store) == (0, 0, 1)


async def place(db: Alterable, blob_id: int) -> str:
    [row] = await db.read(many("SELECT place FROM blobs WHERE id = :id", id=blob_id))
    return str(row["place"])


class Between:
    """A database in which something happens between what a collection reads and what it writes."""

    def __init__(self, db: Alterable, happens: Callable[[], Tx[Bundle]]) -> None:
        self._db, self._happens = db, [happens]

    async def write(self, tx: Any) -> Rows:
        while self._happens:
            await self._db.write(self._happens.pop()())
        return await self._db.write(tx)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


@pytest.mark.parametrize(
    ("now", "done", "kept"),
    [
        pytest.param(NOW + 2 * DAY, Collected(blobs=1, bytes=2), (1, 1, 2), id="blobs"),
        pytest.param(NOW, Collected(), (2, 2, 2), id="sets of properties"),  # the blobs are too young to be looked at
    ],
)
async def test_a_version_that_is_made_while_a_collection_looks_keeps_its_files(
    db: Alterable, store: FolderStore, repo: int, now: int, done: Collected, kept: tuple[int, int, int]
) -> None:
    [a] = await db.read(many("SELECT blob_id, set_id FROM items WHERE name = 'a.in'"))
    await db.write(drop(repo, ""))

    def freezing() -> Tx[Bundle]:
        bundle = yield from frozen("shop", "1.0", "dev", [])
        artifact = Artifact("generic", ".", "a.in", "dev", a["blob_id"], a["set_id"], "", "", 1)
        yield from versions.add_artifacts(bundle.id, [artifact])
        return bundle

    between: Any = Between(db, freezing)

    assert await Collector(between, store, lambda: now).collect() == done
    assert await left(db, store) == kept


async def test_a_damaged_file_of_a_draft_is_named(db: Alterable, store: FolderStore, repo: int) -> None:
    bundle = await db.write(frozen("shop", "1.0", "dev", ["a.in"], status="DRAFT"))
    [artifact] = await db.read(versions.artifacts_of(bundle.id))
    await store.remove(await place(db, artifact.blob_id))

    assert await damaged(db, store) == [(("dev/a.in", "release-bundles-v2/shop/1.0: a.in"), 2)]
    await db.write(drop(repo, ""))
    assert await damaged(db, store) == [(("release-bundles-v2/shop/1.0: a.in",), 1)]


async def damaged(db: Alterable, store: FolderStore) -> list[tuple[tuple[str, ...], int]]:
    return [(one.files, one.count) async for one in verify(db, store) if isinstance(one, Damage)]


async def test_a_repository_that_files_came_from_may_go(db: Alterable, store: FolderStore, repo: int) -> None:
    bundle = await db.write(frozen("shop", "1.0", "dev", ["a.in", "b.in"]))
    await db.write(_gone())

    assert await collector(db, store).collect() == Collected()
    assert [artifact.source for artifact in await db.read(versions.artifacts_of(bundle.id))] == ["dev", "dev"]


def _gone() -> Tx[None]:
    yield from clearing.hide((yield from find("dev")), 0)
    while (yield from clearing.remove_piece()):
        pass
