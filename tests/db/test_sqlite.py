"""SQLite: whole transactions, group commit, one failure harms nobody else."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest

from app.db import sqlite
from app.db.tx import Tx, each, many, one, run
from app.errors import AppError, Conflict, Unavailable
from tests.soon import soon

Write: TypeAlias = Callable[[Tx[Any]], Coroutine[Any, Any, Any]]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[sqlite.Engine]:
    engine = sqlite.Engine(f"sqlite:///{tmp_path / 'test.sqlite'}")
    await engine.open()
    await engine.write(run("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)"))
    yield engine
    await engine.close()


@pytest.fixture(params=["write", "write_few"])
def write(request: pytest.FixtureRequest, db: sqlite.Engine) -> Write:
    return cast(Write, getattr(db, request.param))


def add(name: str) -> Tx[int]:
    row = yield from one("INSERT INTO things (name) VALUES (:name) RETURNING id", name=name)
    assert row is not None
    return int(row["id"])


def names() -> Tx[list[str]]:
    return [row["name"] for row in (yield from many("SELECT name FROM things ORDER BY name"))]


def add_then_fail(name: str) -> Tx[None]:
    yield from add(name)
    raise Conflict("changed my mind")


async def test_a_transaction_returns_its_result_and_is_seen_by_readers(db: sqlite.Engine, write: Write) -> None:
    assert await write(add("a")) == 1

    assert await db.read(names()) == ["a"]


async def test_transactions_that_wait_together_all_commit(db: sqlite.Engine, write: Write) -> None:
    ids = await asyncio.gather(*(write(add(f"thing {number:03}")) for number in range(300)))

    assert sorted(ids) == list(range(1, 301))
    assert len(await db.read(names())) == 300


async def test_one_that_fails_undoes_only_itself(db: sqlite.Engine, write: Write) -> None:
    outcomes = await asyncio.gather(
        write(add("before")), write(add_then_fail("undone")), write(add("after")), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [int, Conflict, int]
    assert await db.read(names()) == ["after", "before"]


async def test_a_broken_constraint_undoes_only_itself(db: sqlite.Engine, write: Write) -> None:
    outcomes = await asyncio.gather(write(add("same")), write(add("same")), write(add("other")), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [int, sqlite3.IntegrityError, int]
    assert await db.read(names()) == ["other", "same"]


async def test_sql_that_is_wrong_harms_nobody_else(db: sqlite.Engine, write: Write) -> None:
    outcomes = await asyncio.gather(write(run("SELEKT 1")), write(add("fine")), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [sqlite3.OperationalError, int]


async def test_steps_of_one_transaction_see_each_other_and_compose(db: sqlite.Engine, write: Write) -> None:
    def both() -> Tx[list[str]]:
        yield from each([add("x"), add("y")])
        return (yield from names())

    assert await write(both()) == ["x", "y"]


async def test_a_reader_keeps_its_snapshot_for_the_whole_transaction(db: sqlite.Engine) -> None:
    def twice() -> Tx[tuple[list[str], list[str]]]:
        first = yield from names()
        with sqlite3.connect(db._url.removeprefix("sqlite:///")) as other:
            other.execute("INSERT INTO things (name) VALUES ('meanwhile')")
        return first, (yield from names())

    first, second = await db.read(twice())

    assert first == second == []
    assert await db.read(names()) == ["meanwhile"]


async def test_a_connection_that_cannot_be_made_fails_those_who_wait_and_is_made_later(
    db: sqlite.Engine, tmp_path: Path
) -> None:
    threads = threading.active_count()
    file, away = tmp_path / "test.sqlite", tmp_path / "away"
    file.rename(away)
    file.mkdir()
    outcomes = await asyncio.gather(db.read(names()), db.read(names()), return_exceptions=True)
    file.rmdir()
    away.rename(file)

    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
    assert await db.read(names()) == []
    await soon(lambda: threading.active_count() == threads + 1)


async def test_readers_cannot_write(db: sqlite.Engine) -> None:
    with pytest.raises(Unavailable, match="cannot be written"):
        await db.read(add("no"))


async def test_a_caller_that_gives_up_neither_blocks_nor_breaks_the_others(db: sqlite.Engine, write: Write) -> None:
    doomed = [asyncio.create_task(write(add(f"doomed {number}"))) for number in range(5)]
    await asyncio.sleep(0)
    for task in doomed:
        task.cancel()
    await asyncio.gather(*doomed, return_exceptions=True)

    assert isinstance(await write(add("alive")), int)


async def on_writer(db: sqlite.Engine, function: Callable[[sqlite3.Connection], Any]) -> Any:
    return await sqlite._in_its_thread(await db._lanes[0].connected(), function)


async def test_a_glance_reads_what_was_committed_in_the_thread_of_its_caller(db: sqlite.Engine) -> None:
    await db.write(add("a"))

    def tx() -> Tx[tuple[list[str], int]]:
        return (yield from names()), threading.get_ident()

    assert await db.glance(tx()) == (["a"], threading.get_ident())


async def test_a_transaction_of_a_few_rows_is_driven_in_the_thread_of_its_caller(db: sqlite.Engine) -> None:
    def adds(name: str) -> Tx[int]:
        yield from add(name)
        return threading.get_ident()

    here = {threading.get_ident()}
    assert set(await asyncio.gather(db.write_few(adds("a")), db.write_few(adds("b")))) == here
    assert not here & set(await asyncio.gather(db.write_few(adds("c")), db.write(adds("d"))))
    assert await db.read(names()) == ["a", "b", "c", "d"]


async def test_a_transaction_of_a_few_rows_waits_for_a_lock_where_nobody_else_waits(db: sqlite.Engine) -> None:
    other = sqlite3.connect(db._url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    writing = asyncio.create_task(db.write_few(add("a")))
    assert await db.read(names()) == []
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()

    assert await writing == 1


def temporary_files() -> list[str]:
    """The temporary files of SQLite that this process has open."""
    links = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [name for path in links if "etilqs" in (name := str(path.readlink()))]


def change_many_pages() -> Tx[list[str]]:
    yield from run("UPDATE things SET name = name || :more", more="more")
    return temporary_files()


async def test_only_transactions_of_many_rows_keep_changed_pages_in_a_file(db: sqlite.Engine) -> None:
    await db.write(each(add(f"{number} {'long ' * 1000}") for number in range(50)))

    assert not any(await asyncio.gather(db.write_few(change_many_pages()), db.write_few(change_many_pages())))
    assert all(await asyncio.gather(db.write(change_many_pages()), db.write(change_many_pages())))
    assert not any(await asyncio.gather(db.write_few(change_many_pages()), db.write_few(change_many_pages())))


async def test_a_new_row_has_its_own_id_whatever_other_rows_are_added(db: sqlite.Engine) -> None:
    def adds() -> Tx[list[Any]]:
        first = yield from one("INSERT INTO things (name) VALUES (:name) RETURNING id", name="a")
        yield from run("INSERT INTO things (id, name) VALUES (7, 'b')")
        again = "INSERT INTO things (name) VALUES (:name) ON CONFLICT (name) DO NOTHING RETURNING id"
        return [first and first["id"], first and list(first), (yield from many(again, name="a"))]

    assert await db.write(adds()) == [1, [1], []]


async def test_glances_of_one_turn_share_a_snapshot_and_later_ones_see_what_was_written(db: sqlite.Engine) -> None:
    assert await db.glance(names()) == []
    with sqlite3.connect(db._url.removeprefix("sqlite:///")) as other:
        other.execute("INSERT INTO things (name) VALUES ('meanwhile')")
    other.close()
    assert await db.glance(names()) == []

    await db.write_few(add("a"))
    assert await db.glance(names()) == ["a", "meanwhile"]
    await db.write(add("b"))
    assert await db.glance(names()) == ["a", "b", "meanwhile"]


async def test_a_glance_that_asks_nothing_or_fails_leaves_the_next_one_alone(db: sqlite.Engine) -> None:
    def fails(sql: str) -> Tx[None]:
        yield from run("SELECT 1")
        yield from run(sql)
        raise Conflict("no")

    assert await db.glance(each([])) == []
    with pytest.raises(Conflict):
        await db.glance(fails("SELECT 2"))
    with pytest.raises(sqlite3.OperationalError):
        await db.glance(fails("SELECT nothing"))
    with pytest.raises(Unavailable, match="cannot be written"):
        await db.glance(run("DELETE FROM things"))
    assert await db.glance(names()) == []


async def test_a_glance_behind_a_lock_waits_where_nobody_else_waits(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    engine = sqlite.Engine(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE theirs (id)")  # the journal of another program's database stays as it is
    await engine.open()
    other.execute("BEGIN EXCLUSIVE")

    glance = asyncio.create_task(engine.glance(one("SELECT count(*) AS total FROM sqlite_master")))
    await asyncio.sleep(0)
    assert not glance.done()
    other.execute("ROLLBACK")
    other.close()

    row = await glance
    assert row is not None
    assert row["total"] == 1
    await engine.close()


async def test_a_locked_database_is_unavailable_and_recovers(
    db: sqlite.Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WAIT", "PRAGMA busy_timeout=50")
    other = sqlite3.connect(db._url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    outcomes = await asyncio.gather(write(add("a")), write(add("b")), return_exceptions=True)
    other.execute("ROLLBACK")
    other.close()

    assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
    assert await write(add("a")) == 1


async def test_a_full_disk_is_unavailable_undoes_all_of_it_and_recovers(db: sqlite.Engine, write: Write) -> None:
    pages = await on_writer(db, lambda raw: raw.execute("PRAGMA page_count").fetchone()[0])
    await on_writer(db, lambda raw: raw.execute(f"PRAGMA max_page_count={pages}").fetchall())

    outcomes = await asyncio.gather(write(add("small")), write(add("x" * 100_000)), return_exceptions=True)
    await on_writer(db, lambda raw: raw.execute("PRAGMA max_page_count=100000").fetchall())

    assert Unavailable in [type(outcome) for outcome in outcomes]
    assert "x" * 100_000 not in await db.read(names())
    assert isinstance(await write(add("y" * 100_000)), int)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test.sqlite").write_text("this is not a database, " * 100)
    engine = sqlite.Engine(f"sqlite:///{tmp_path / 'test.sqlite'}")

    with pytest.raises(AppError, match="not a database"):
        await engine.open()


async def test_a_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = sqlite.Engine(f"sqlite:///{tmp_path / 'nowhere' / 'test.sqlite'}")

    with pytest.raises(Unavailable, match="cannot be opened"):
        await engine.open()


@pytest.mark.parametrize("others", [0, 3])
async def test_whatever_a_transaction_raises_reaches_its_caller_and_frees_the_writer(
    db: sqlite.Engine, write: Write, others: int
) -> None:
    def stops() -> Tx[None]:
        yield from add("undone")
        raise asyncio.CancelledError

    outcomes = await asyncio.gather(
        write(stops()), *(write(add(f"kept {number}")) for number in range(others)), return_exceptions=True
    )

    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert await db.read(names()) == [f"kept {number}" for number in range(others)]
    assert isinstance(await write(add("next")), int)
