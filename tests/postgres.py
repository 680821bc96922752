"""Databases of their own on the PostgreSQL that GANTRY_TEST_POSTGRES names, if it names one."""

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
            IF one <> 'schema_versions' THEN
                EXECUTE format('DELETE FROM %I', one);
                GET DIAGNOSTICS deleted = ROW_COUNT;
                gone := gone + deleted;
            END IF;
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
#: The rows that a new database has, by table, as JSON.
_first: dict[str, str] = {}

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
    """Make a database as new; returns how many rows were deleted."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_ALONE)
        await connection.execute(_EMPTY)
        for table, rows in _first.items():
            await connection.execute(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(null::{table}, $1)",
                rows,
            )
            await connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        return int(await connection.fetchval("SELECT current_setting('gantry.gone')"))
    finally:
        await connection.close()


async def _read_first(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for (table,) in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            rows = await connection.fetchval(f"SELECT json_agg(one) FROM {table} AS one")
            if rows is not None and table != "schema_versions":
                _first[table] = rows
    finally:
        await connection.close()


@cache
def _migrated() -> str:
    url = create_database()
    apart(migrated(url))
    apart(_read_first(url))
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
