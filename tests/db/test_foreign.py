"""Databases of other programs are read as they are at one moment, and nothing is made beside them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.db.foreign import BadSource, reading, shown
from tests import postgres


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "songs.sqlite"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE songs (id INTEGER PRIMARY KEY, title TEXT)")
        raw.execute("INSERT INTO songs VALUES (1, 'one')")
        raw.commit()
    return path


@pytest.fixture
def busy(file: Path) -> Iterator[sqlite3.Connection]:
    """A program that has the database open, with a write-ahead log."""
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA journal_mode=WAL").fetchall()
        raw.execute("INSERT INTO songs VALUES (2, 'two')")
        raw.commit()
        yield raw


async def test_tables_columns_and_rows_are_read(file: Path) -> None:
    async with reading(f"sqlite:///{file}") as reader:
        assert await reader.tables() == {"songs"}
        assert await reader.columns("songs") == {"id", "title"}
        assert await reader.columns("others") == set()
        assert [tuple(row) for row in await reader.rows("SELECT * FROM songs")] == [(1, "one")]


@postgres.real
async def test_the_same_on_postgresql() -> None:
    async with reading(postgres.create_migrated_database()) as reader:
        assert {"users", "repos"} <= await reader.tables()
        assert {"login", "email"} <= await reader.columns("users")
        assert await reader.columns("others") == set()
        with pytest.raises(BadSource, match="read-only"):
            await reader.rows("DELETE FROM users")


async def test_nothing_is_written(file: Path) -> None:
    async with reading(f"sqlite:///{file}") as reader:
        with pytest.raises(BadSource, match="readonly"):
            await reader.rows("DELETE FROM songs")


async def test_all_is_of_the_moment_of_opening(file: Path, busy: sqlite3.Connection) -> None:
    async with reading(f"sqlite:///{file}") as reader:
        busy.execute("INSERT INTO songs VALUES (3, 'three')")
        busy.commit()

        assert [row[0] for row in await reader.rows("SELECT id FROM songs")] == [1, 2]


async def test_a_closed_database_with_a_write_ahead_log_gets_no_files_beside_it(file: Path) -> None:
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA journal_mode=WAL").fetchall()

    async with reading(f"sqlite:///{file}") as reader:
        assert await reader.rows("SELECT id FROM songs")

    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////var/lib/drone.sqlite", "sqlite:////var/lib/drone.sqlite"),
        ("postgres://drone:secret@db.example.com:5433/drone?sslmode=require", "postgres://db.example.com:5433/drone"),
        ("mysql://drone:secret/pass@db/drone", "mysql://…"),
        ("mysql://drone:123/secret@db/drone", "mysql://…"),
        ("mysql://drone:123#secret@db/drone", "mysql://…"),
        ("postgres://drone:secret@[::1/drone", "postgres://…"),
    ],
)
def test_addresses_are_shown_without_what_opens_them(url: str, words: str) -> None:
    assert shown(url) == words


async def test_a_password_that_is_not_escaped_is_not_repeated() -> None:
    with pytest.raises(BadSource) as refused:
        async with reading("postgres://drone:123/secret@db/drone"):
            pass

    assert "write special characters of the password as %XX" in refused.value.message
    assert "123" not in refused.value.message
