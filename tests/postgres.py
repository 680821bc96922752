"""Databases of their own on the PostgreSQL that GANTRY_TEST_POSTGRES names, if it names one."""

import asyncio
import os
import secrets
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.db.connect import connect
from app.db.migrate import migrate

#: Address of a server and a database on it to connect to first; empty = only SQLite is tested.
SERVER = os.environ.get("GANTRY_TEST_POSTGRES", "")

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


@cache
def _migrated() -> str:
    url = create_database()
    apart(migrated(url))
    return urlsplit(url).path.removeprefix("/")


def _create(template: str) -> str:
    name = f"gantry_test_{secrets.token_hex(8)}"
    apart(_execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
    return urlsplit(SERVER)._replace(path=f"/{name}").geturl()


def apart(work: Coroutine[Any, Any, None]) -> None:
    """Do some work in an event loop of its own, also inside a running event loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


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
