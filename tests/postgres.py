"""Databases of their own on the PostgreSQL that GANTRY_TEST_POSTGRES names, if it names one."""

import asyncio
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

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
    name = f"gantry_test_{secrets.token_hex(8)}"
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, _execute(f"CREATE DATABASE {name}")).result()
    return urlsplit(SERVER)._replace(path=f"/{name}").geturl()


async def _execute(sql: str) -> None:
    connection = await asyncpg.connect(SERVER)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
