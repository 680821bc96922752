"""Counts of downloads: they wait in memory, and are stored together."""

import pytest

from app.artifacts import items, repositories
from app.artifacts.downloads import Downloads
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository
from app.db.connect import Database
from app.db.tx import Tx, many, run
from app.errors import Unavailable
from tests.artifacts.conftest import NOW

ALL = "SELECT item_id, downloads, last, last_by FROM item_stats ORDER BY item_id"


def _three() -> Tx[list[int]]:
    repo = yield from repositories.add(ArtifactRepository(0, "one"), "ada")
    assert repo is not None
    for name in "abc":
        yield from items.add_folders(repo.id, name, Stamp("ada", NOW))
    rows = yield from many("SELECT id FROM items WHERE depth = 1 ORDER BY name")
    return [row["id"] for row in rows]


async def stored(db: Database) -> list[tuple[int, int, int, str]]:
    return [tuple(row) for row in await db.read(many(ALL))]


async def test_counts_are_added_up(db: Database) -> None:
    a, b, c = await db.write(_three())
    counted = Downloads(db)
    for item, at, by in ((a, 1, "ada"), (b, 2, "bob"), (a, 3, "bob"), (c, 4, "ada")):
        counted.count(item, at, by)
    await counted.store()
    counted.count(a, 5, "cleo")
    counted.count(b, 1, "late")
    await db.write(run("DELETE FROM items WHERE id = :id", id=c))
    counted.count(c, 6, "ada")

    await counted.store()

    assert await stored(db) == [(a, 3, 5, "cleo"), (b, 2, 2, "bob")]


async def test_a_stop_stores_what_was_counted_last(db: Database) -> None:
    a, *_ = await db.write(_three())

    counted = Downloads(db)
    async with counted.running():
        counted.count(a, 1, "ada")

    assert await stored(db) == [(a, 1, 1, "ada")]


async def test_counts_that_could_not_be_stored_are_kept(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    a, *_ = await db.write(_three())
    counted = Downloads(db)
    counted.count(a, 1, "ada")

    async def away(_: Tx[None]) -> None:
        counted.count(a, 2, "bob")
        raise Unavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(db, "write", away)
        with pytest.raises(Unavailable):
            await counted.store()
    await counted.store()

    assert await stored(db) == [(a, 2, 2, "bob")]
