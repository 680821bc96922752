"""An SQLite file that is damaged is told from one that is whole, before anything is written to it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.db import file
from app.db.connect import Database, connect
from app.db.migrate import migrate
from app.db.tx import Tx, many, run
from app.errors import AppError, Unavailable
from tests.acceptance.server import on_sqlite

pytestmark = on_sqlite
PAGE = 4096


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A database of some hundred pages, closed."""
    made = tmp_path / "gantry.sqlite"
    db = connect(f"sqlite:///{made}")
    await db.open()
    await migrate(db, now=0)
    await db.write(fill("a"))
    await db.close()
    return made


def fill(word: str) -> Tx[None]:
    for number in range(500):
        yield from run(
            "INSERT INTO templates VALUES (:id, 'a', :name, :data, 0, 0)", id=number, name=str(number), data=word * 2000
        )


def spoil(path: Path, first: int = 8) -> None:
    """Overwrite most pages, as a bad disk or a copy of a file in use does."""
    with path.open("r+b") as raw:
        raw.seek(first * PAGE)
        raw.write(b"\x55" * (path.stat().st_size - first * PAGE))


def contents(path: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in path.parent.iterdir() if not one.name.endswith("-shm")}


async def opened(path: Path) -> Database:
    db = connect(f"sqlite:///{path}")
    await db.open()
    return db


async def test_after_a_clean_end_nothing_is_checked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "check", lambda _: pytest.fail("checked"))

    await (await opened(path)).close()


async def test_after_an_unclean_end_a_damaged_database_is_refused_by_name_and_left_as_it_is(path: Path) -> None:
    spoil(path)
    file.wal(path).touch()
    before = contents(path)

    with pytest.raises(file.Damaged) as refused:
        await opened(path)

    assert f"the database {path} is damaged" in refused.value.message
    assert "docs/backup.md" in refused.value.message
    assert contents(path) == before


async def test_after_an_unclean_end_a_whole_database_is_checked_and_used(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed = sqlite3.connect(path, isolation_level=None)
    killed.execute("DELETE FROM templates")
    for name in ("", "-wal"):
        source = path.with_name(f"{path.name}{name}")
        (path.parent / f"copy.sqlite{name}").write_bytes(source.read_bytes())
    killed.close()

    with caplog.at_level("WARNING"):
        db = await opened(path.parent / "copy.sqlite")

    assert await db.read(many("SELECT * FROM templates")) == []
    assert "did not end cleanly" in caplog.text
    await db.close()


@pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_what_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "gantry.sqlite"
    path.write_bytes(content)

    with pytest.raises(AppError, match=str(path)):
        await opened(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("way", ["write", "read", "glance"])
async def test_damage_while_it_is_used_is_an_error_that_says_so(path: Path, way: str) -> None:
    db = await opened(path)
    spoil(path)

    with pytest.raises(Unavailable) as refused:
        await getattr(db, way)(many("SELECT data FROM templates"))

    assert refused.value.code == "damaged_database"
    assert "damaged" in refused.value.message
    assert "try again" not in refused.value.message
    await db.close()


async def test_one_damaged_text_is_told_as_damage_too(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("UPDATE templates SET data = CAST(x'ff41' AS TEXT) WHERE id = 7")
    db = await opened(path)

    with pytest.raises(Unavailable, match="damaged"):
        await db.read(many("SELECT data FROM templates"))
    await db.close()


async def test_a_copy_under_writes_is_whole(path: Path, tmp_path: Path) -> None:
    db = await opened(path)

    async def write() -> None:
        for letter in "bcdefghijklmnopqrstuvwxyz":
            await db.write(run("UPDATE templates SET data = :data", data=letter * 2000))

    writing = asyncio.create_task(write())
    for number in range(5):
        copied = tmp_path / f"copy-{number}.sqlite"
        await asyncio.to_thread(file.copy, path, copied)
        file.check(copied, thorough=True)
        with closing(sqlite3.connect(copied)) as raw:
            assert len(raw.execute("SELECT DISTINCT data FROM templates").fetchall()) == 1
    await writing
    await db.close()


async def test_a_copy_of_the_database_of_a_stopped_server_leaves_nothing_beside_it(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "copy.sqlite"
    target.parent.mkdir()

    file.copy(path, target)

    assert [one.name for one in path.parent.glob("gantry*")] == ["gantry.sqlite"]
    assert [one.name for one in target.parent.iterdir()] == ["copy.sqlite"]
    file.check(target, thorough=True)


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "runs on"])
async def test_a_server_that_starts_during_the_copy_is_copied_as_it_is_at_one_moment(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    started: list[sqlite3.Connection] = []

    def reading(path: Path, options: str = "") -> sqlite3.Connection:
        opened = open_to_read(path, options)
        if not started:
            opened.execute("SELECT * FROM templates").fetchone()
            started.append(server := sqlite3.connect(path, isolation_level=None))
            server.execute("UPDATE templates SET data = 'new'")
            if ends:
                server.close()
        return opened

    open_to_read = file._reading
    monkeypatch.setattr(file, "_reading", reading)

    file.copy(path, tmp_path / "copy.sqlite")

    file.check(tmp_path / "copy.sqlite", thorough=True)
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as raw:
        assert raw.execute("SELECT DISTINCT data FROM templates").fetchall() == [("new",)]
    started[0].close()


async def test_a_copy_of_a_damaged_database_is_refused(path: Path, tmp_path: Path) -> None:
    spoil(path, first=0)

    with pytest.raises(file.Damaged, match=str(path)):
        file.copy(path, tmp_path / "copy.sqlite")


async def test_an_index_that_lacks_a_row_is_found_by_the_thorough_check(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        index = raw.execute("SELECT * FROM sqlite_master WHERE name = 'templates_name'").fetchone()
        raw.execute("PRAGMA writable_schema=ON")
        raw.execute("DELETE FROM sqlite_master WHERE name = 'templates_name'")
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("INSERT INTO templates VALUES (1000, 'a', 'b', 'c', 0, 0)")
        raw.execute("PRAGMA writable_schema=ON")
        raw.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index)

    file.check(path)
    with pytest.raises(file.Damaged, match="templates_name"):
        file.check(path, thorough=True)


async def test_what_an_older_database_left_beside_its_place_goes(path: Path, tmp_path: Path) -> None:
    place = tmp_path / "place" / "gantry.sqlite"
    place.parent.mkdir()
    file.wal(place).write_bytes(b"stale")

    file.put(path, place)

    assert [one.name for one in place.parent.iterdir()] == ["gantry.sqlite"]
