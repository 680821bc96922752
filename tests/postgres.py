"""Databases of their own on the PostgreSQL that GANTRY_TEST_POSTGRES names, if it names one."""

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.db.connect import connect
from app.db.migrate import migrate

#: Address of a server and a database on it to connect to first; empty = only SQLite is tested.
SERVER = os.environ.get("GANTRY_TEST_POSTGRES", "")

#: Rows of a database that is used again, at most.
MOST = 300
_spare: list[str] = []
#: Ends other connections, empties the tables that have rows, lets ids begin anew, and counts what was deleted.
_EMPTY = """
    DO $$
    DECLARE one text; deleted bigint; gone bigint := 0;
    BEGIN
        SET LOCAL session_replication_role = replica;
        FOR one IN
            SELECT relname FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
        LOOP
            EXECUTE format('DELETE FROM %I', one);
            GET DIAGNOSTICS deleted = ROW_COUNT;
            gone := gone + deleted;
        END LOOP;
        FOR one IN SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL LOOP
            EXECUTE format('ALTER SEQUENCE %I RESTART', one);
        END LOOP;
        PERFORM set_config('gantry.gone', gone::text, false);
    END $$
"""
_ALONE = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
#: The names and types of all columns, as one number.
_SHAPE = """
    SELECT hashtext(string_agg(relname || attname || atttypid, ' ' ORDER BY relname, attnum))
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND attnum > 0
"""


@dataclass
class New:
    """What a new database has: rows by table, as JSON, the last ids that were given out by sequence, and its shape."""

    rows: dict[str, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    shape: int = 0


_new = New()

T = TypeVar("T")
Test = TypeVar("Test", bound=Callable[..., object])


def real(test: Test) -> Test:
    """A test that needs a PostgreSQL."""
    skipped: Test = pytest.mark.skipif(not SERVER, reason="needs GANTRY_TEST_POSTGRES")(test)
    marked: Test = pytest.mark.postgres(skipped)
    return marked


def create_database() -> str:
    """A new, empty database; its address. Also inside a running event loop."""
    return _create("template1")


def create_migrated_database() -> str:
    """A new database of the newest version; its address. The database is copied: to migrate takes longer."""
    return _create(_migrated())


@contextmanager
def lent() -> Iterator[str]:
    """The address of a migrated database that is as new, while the block lasts: to empty one takes less than a copy.

    A database that has held many rows is not used again, for its statistics would stay.
    """
    url = _spare.pop() if _spare else create_migrated_database()
    yield url
    if apart(_emptied(url)) <= MOST:
        _spare.append(url)


async def _emptied(url: str) -> int:
    """Make a database as new; returns how many rows were deleted, or more than MOST if the database was altered."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_ALONE)
        if await connection.fetchval(_SHAPE) != _new.shape:
            return MOST + 1
        await connection.execute(_EMPTY)
        for table, rows in _new.rows.items():
            await connection.execute(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(null::{table}, $1)",
                rows,
            )
        for sequence, last in _new.ids.items():
            await connection.execute("SELECT setval($1::text::regclass, $2)", sequence, last)
        return int(await connection.fetchval("SELECT current_setting('gantry.gone')"))
    finally:
        await connection.close()


async def _read_new(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for (table,) in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            rows = await connection.fetchval(f"SELECT json_agg(one) FROM {table} AS one")
            if rows is not None:
                _new.rows[table] = rows
        used = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
        _new.ids = {row[0]: row[1] for row in await connection.fetch(used)}
        _new.shape = await connection.fetchval(_SHAPE)
    finally:
        await connection.close()


@cache
def _migrated() -> str:
    url = create_database()
    apart(migrated(url))
    apart(_read_new(url))
    return urlsplit(url).path.removeprefix("/")


def _create(template: str) -> str:
    name = f"gantry_test_{secrets.token_hex(8)}"
    apart(_execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
    return urlsplit(SERVER)._replace(path=f"/{name}").geturl()


def apart(work: Coroutine[Any, Any, T]) -> T:
    """The result of some work in an event loop of its own, also inside a running event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def migrated(url: str) -> None:
    """Migrate a database, of either engine, to the newest version."""
    database = connect(url)
    await database.open()
    await migrate(database, now=1_700_000_000)
    await database.close()


async def _execute(sql: str) -> None:
    connection = await asyncpg.connect(SERVER)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
