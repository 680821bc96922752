"""SQLite: a few long-lived connections, each with its own thread, in which whole transactions are driven.

One connection writes. All transactions that wait for this connection are driven in one `BEGIN IMMEDIATE … COMMIT`,
each in its own savepoint: many transactions share one wait for the disk, and the failure of one does not affect the
others (group commit).

Passing statements to a thread and rows back costs more than most statements do: the two threads also take turns at
Python's lock. So another connection is for reads of a few rows, which are driven at once in the caller's thread; such
a read never waits for a lock. Likewise, transactions that write a few rows are driven in the caller's thread, and only
their commit, which waits for the disk, is done in the thread of the connection.
"""

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import databases

from app.db import file
from app.db.faults import passing, unavailable, vanished
from app.db.lanes import Lane, Outcome, Waiting
from app.db.statements import Compiled, compiled, drive, once, rows_of
from app.db.tx import Statement, Tx
from app.errors import AppError, TooLong, Unavailable
from app.turns import short_turns

T = TypeVar("T")

#: Connections for reads. The second is used only while the first is stuck: reads driven together in one thread
#: cost less.
READERS = 2
#: Connections for searches, each of which may take many seconds.
SEARCHERS = 2
#: Statements that a connection keeps prepared; searches differ, and may be large.
KEPT, KEPT_OF_SEARCHES = 512, 8
#: Seconds between two interrupts: one that comes between two statements has no effect.
_AGAIN = 0.05
BUSY_TIMEOUT_MS = 5000
_JOURNAL = ("PRAGMA journal_mode=WAL",)
#: Pages that the writer keeps in memory, KiB: a promotion changes rows all over a large table.
_WRITER = ("PRAGMA cache_size=-64000",)
_READ_ONLY = ("PRAGMA query_only=ON",)
_WAIT = f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}"
#: Must come after _PRAGMAS, which set a timeout.
_NO_WAIT = "PRAGMA busy_timeout=0"
#: Where the pages are kept that a savepoint changes, as they were: memory costs less than a temporary file, into which
#: SQLite writes them beyond 64 KiB; but a transaction that changes many rows would fill the memory.
_IN_MEMORY, _IN_FILE = "PRAGMA temp_store=MEMORY", "PRAGMA temp_store=FILE"
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    _WAIT,
    "PRAGMA cache_size=-16000",
)


class Engine:
    """One writer and a few readers on one file."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        self._url = url
        self._exits = contextlib.AsyncExitStack()
        self._lanes: list[Lane] = []
        self._searchers: list[Lane] = []
        #: Reads of many rows.
        self._many: list[Lane] = []
        self._glancing: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Connect; Unavailable when the file cannot be opened or is locked, AppError when it is no database.

        Damaged when the last server did not end cleanly and the file is damaged.
        """
        try:
            path = self._url.removeprefix("sqlite:///")
            await asyncio.to_thread(file.check_unless_closed, Path(path))
            ours = await asyncio.to_thread(_probe, path)
            always = (*_JOURNAL[:ours], *_PRAGMAS)
            read = partial(self._connect, (*always, *_READ_ONLY))
            writer = Lane(partial(self._connect, (*always, *_WRITER, _NO_WAIT)), _write)
            self._lanes = [writer, *(Lane(read, _read) for _ in range(READERS))]
            self._many = [Lane(read, _read, group=1)]
            search = partial(self._connect, (*always, *_READ_ONLY), KEPT_OF_SEARCHES)
            self._searchers = [Lane(search, _search, group=1) for _ in range(SEARCHERS)]
            await writer.connected()
            self._glancing = (await self._connect((*always, *_READ_ONLY, _NO_WAIT)))._conn
        except sqlite3.Error as error:
            await self.close()
            if reason := passing(error):
                raise Unavailable(f"{self._url} cannot be used: {reason}") from error
            code = file.Damaged.code if file.is_damage(error) else "bad_database"
            raise AppError(f"{self._url} cannot be used: {error}", code=code) from error

    async def _connect(self, pragmas: Sequence[str], kept: int = KEPT) -> aiosqlite.Connection:
        async with contextlib.AsyncExitStack() as made:
            database = databases.Database(self._url, cached_statements=kept, check_same_thread=False)
            await made.enter_async_context(database)
            connection = await made.enter_async_context(database.connection())
            raw: aiosqlite.Connection = connection.raw_connection
            await _in_its_thread(raw, lambda raw: _prepare(raw, pragmas))
            self._exits.push_async_exit(made.pop_all())
        return raw

    async def close(self) -> None:
        """Finish the transactions that wait, then disconnect."""
        for lanes in (self._lanes, self._many, self._searchers):
            for lane in lanes:
                await lane.stop()
            lanes.clear()
        self._glancing = None
        await self._exits.aclose()

    @contextlib.asynccontextmanager
    async def listening(self, _: object) -> AsyncIterator[None]:
        """Gives None: an SQLite file is used by one server only."""
        yield None

    async def write(self, tx: Tx[T]) -> T:
        """Drive a transaction that writes; durable when this returns."""
        return await self._lanes[0].drive(tx)

    async def write_few(self, tx: Tx[T]) -> T:
        """Drive a transaction that writes a few rows, in this thread; as `write` if SQLite is locked."""
        return await self._lanes[0].drive(tx, few=True)

    async def alter(self, tx: Tx[T]) -> T:
        """The same as `write`: no statement has a limit."""
        return await self.write(tx)

    async def read(self, tx: Tx[T]) -> T:
        """Drive a transaction that only reads, on one snapshot."""
        first, *others = self._lanes[1:]
        lane = first if not first.stuck else min(others, key=lambda lane: lane.load)
        return await lane.drive(tx)

    async def read_many(self, tx: Tx[T]) -> T:
        """Drive a transaction that only reads, and may read very many rows, on one snapshot."""
        with short_turns():
            return await self._many[0].drive(tx)

    async def search(self, tx: Tx[T], seconds: float) -> T:
        """Drive a transaction that only reads, on one snapshot, within some seconds; TooLong."""
        return await min(self._searchers, key=lambda lane: lane.load).drive(tx, seconds=seconds)

    async def glance(self, tx: Tx[T]) -> T:
        """Drive a transaction that reads a few rows, on one snapshot, in this thread; as `read` if SQLite is locked.

        All glances of one turn of the event loop share a snapshot: to begin one costs as much as to read a few rows. A
        caller whose transaction was committed goes on in a later turn, so its glance sees what it wrote.
        """
        assert self._glancing is not None
        try:
            first = next(tx)
        except StopIteration as end:
            nothing: T = end.value
            return nothing
        try:
            if not self._glancing.in_transaction:
                self._glancing.execute("BEGIN")
                asyncio.get_running_loop().call_soon(self._end_glances)
            rows = rows_of(self._glancing, *first)
        except sqlite3.Error:  # no snapshot yet, as a lock or another error prevents it; `read` may wait, or fail
            _end(self._glancing)
            return await self.read(_resumed(first, tx))
        try:
            return drive(self._glancing, tx, rows)
        except sqlite3.Error as error:
            _end(self._glancing)
            raise unavailable(error) or error from error

    def _end_glances(self) -> None:
        if self._glancing is not None:
            _end(self._glancing)


def _end(raw: sqlite3.Connection) -> None:
    if not raw.in_transaction:  # SQLite may have ended it itself
        return
    try:
        raw.execute("COMMIT")
    except sqlite3.Error:  # the file is damaged, as the read itself tells; the next read needs the connection
        raw.rollback()


def _resumed(statement: Statement, tx: Tx[T]) -> Tx[T]:
    """A transaction that has already yielded `statement`, as one that begins with this statement."""
    try:
        while True:
            statement = tx.send((yield statement))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        tx.close()


async def _in_its_thread(connection: aiosqlite.Connection, function: Callable[[sqlite3.Connection], Any]) -> Any:
    """Run a function in the thread of a connection.

    aiosqlite has no public method that runs several statements in one call to the thread. Its private method exists
    since its first release, and a test fails if a release removes the method.
    """
    execute: Callable[..., Awaitable[Any]] = connection._execute
    return await execute(lambda: function(connection._conn))


async def _write(connection: aiosqlite.Connection, group: Sequence[Waiting]) -> list[Outcome]:
    """Drive all transactions in one commit: it commits those that succeeded, or it raises and commits none."""
    if not all(waiting.few for waiting in group):
        return list(await _in_its_thread(connection, lambda raw: _write_group(raw, group)))
    raw = connection._conn
    try:
        raw.execute(_IN_MEMORY)
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.Error:  # another program writes, or another error: the thread may wait, or fail
        return list(await _in_its_thread(connection, lambda raw: _write_group(raw, group)))
    try:
        outcomes = _drive_all(raw, group)
    except BaseException as error:  # whatever a transaction raises reaches its caller
        return _undone(raw, group, error)
    try:
        await _in_its_thread(connection, _commit)
    except Exception as error:  # not a cancel: the thread still commits
        return _undone(raw, group, error)
    return outcomes


def _write_group(raw: sqlite3.Connection, group: Sequence[Waiting]) -> list[Outcome]:
    """The same in one thread, which may wait for the lock."""
    raw.execute(_WAIT).fetchall()
    raw.execute(_IN_FILE)
    try:
        raw.execute("BEGIN IMMEDIATE")
    finally:
        raw.execute(_NO_WAIT).fetchall()
    try:
        outcomes = _drive_all(raw, group)
        _commit(raw)
    except BaseException as error:  # whatever a transaction raises reaches its caller
        return _undone(raw, group, error)
    return outcomes


def _commit(raw: sqlite3.Connection) -> None:
    raw.execute("COMMIT")


def _undone(raw: sqlite3.Connection, group: Sequence[Waiting], error: BaseException) -> list[Outcome]:
    """Roll back: whatever failed, the connection must be free for the next group. Raises the error of a whole group."""
    if raw.in_transaction:
        raw.execute("ROLLBACK")
    if len(group) > 1:
        raise error
    return [(None, unavailable(error) or vanished(error) or error)]


def _drive_all(raw: sqlite3.Connection, group: Sequence[Waiting]) -> list[Outcome]:
    if len(group) == 1:  # no other transaction needs a savepoint's protection
        return [(drive(raw, group[0].tx), None)]
    return [_drive_in_savepoint(raw, waiting.tx) for waiting in group]


def _drive_in_savepoint(raw: sqlite3.Connection, tx: Tx[Any]) -> Outcome:
    raw.execute("SAVEPOINT one")
    try:
        result = drive(raw, tx)
    except BaseException as error:  # any error of one transaction goes to that transaction's caller
        if not raw.in_transaction or unavailable(error):
            raise  # SQLite has rolled back everything, or will: no transaction of the group succeeds
        raw.execute("ROLLBACK TO one")
        raw.execute("RELEASE one")
        return None, vanished(error) or error
    raw.execute("RELEASE one")
    return result, None


async def _read(connection: aiosqlite.Connection, group: Sequence[Waiting]) -> list[Outcome]:
    return list(await _in_its_thread(connection, lambda raw: _read_group(raw, group)))


async def _search(connection: aiosqlite.Connection, group: Sequence[Waiting]) -> list[Outcome]:
    return [await _search_in_time(connection, waiting) for waiting in group]


async def _search_in_time(connection: aiosqlite.Connection, waiting: Waiting) -> Outcome:
    """Drive one transaction, and interrupt it when it takes too long."""
    interrupts = asyncio.create_task(_interrupt(connection, waiting.seconds))
    try:
        ((result, failure),) = await _in_its_thread(connection, lambda raw: _read_group(raw, [waiting], compiled))
    finally:
        interrupts.cancel()
    late = getattr(failure, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return result, TooLong.after(waiting.seconds) if late else failure


async def _interrupt(connection: aiosqlite.Connection, seconds: float) -> None:
    await asyncio.sleep(seconds)
    while True:
        connection._conn.interrupt()
        await asyncio.sleep(_AGAIN)


def _read_group(
    raw: sqlite3.Connection, group: Sequence[Waiting], compiler: Callable[[str], Compiled] = once
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for waiting in group:
        raw.execute("BEGIN")
        try:
            outcomes.append((drive(raw, waiting.tx, compiler=compiler), None))
        except BaseException as error:  # any error goes to this transaction's caller
            outcomes.append((None, unavailable(error) or error))
        finally:
            _end(raw)
    return outcomes


def _probe(path: str) -> bool:
    """Whether the database is empty or Gantry's; the journal mode of another program's database is not changed.

    Raises the errors of opening the file here, as a connection of aiosqlite that fails to open leaves its thread.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)) as raw:
        tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return not tables or "schema_versions" in tables


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> "re.Pattern[str]":
    return re.compile(pattern.replace("(?:", "(?>"), re.DOTALL)  # as PostgreSQL reads a dot


def _regexp(pattern: str, text: str) -> bool:
    """What `text REGEXP pattern` means, which SQLite leaves to its users."""
    return _compiled(pattern).search(text) is not None


def _prepare(raw: sqlite3.Connection, pragmas: Sequence[str]) -> None:
    raw.row_factory = sqlite3.Row
    raw.create_function("regexp", 2, _regexp, deterministic=True)
    for pragma in pragmas:
        raw.execute(pragma).fetchall()
