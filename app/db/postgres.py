"""PostgreSQL: each transaction uses one connection of the pool, each statement is awaited."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import asyncpg
import databases

from app import background
from app.db.bus import Bus, Hear, Notify
from app.db.parameters import numbered
from app.db.tx import Row, Rows, Tx
from app.errors import Invalid, NotFound, Unavailable

T = TypeVar("T")

_compiled = lru_cache(maxsize=1024)(numbered)
#: Errors after which the same call may succeed: the server is gone or full, or has ended a deadlock.
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InternalClientError,  # raised by a connection that the server closed while the connection was idle
    OSError,
    TimeoutError,
)


class Engine:
    """A pool of connections to one server.

    Each transaction runs in a task of its own: `databases` ties a connection to the task that uses it, and a task
    whose connection broke would never get another.
    """

    dialect = "postgresql"

    def __init__(self, url: str, *, connections: int = 10) -> None:
        parts = urlsplit(url)
        options: dict[str, Any] = {"statement_cache_size": 512, "command_timeout": 60}
        if mode := parse_qs(parts.query).get("sslmode"):
            options["ssl"] = mode[0]  # `databases` ignores sslmode
        address = parts._replace(query="").geturl()
        self._address, self._ssl = address, options.get("ssl")
        self._database = databases.Database(address, min_size=1, max_size=connections, **options)

    async def open(self) -> None:
        """Connect; Unavailable when the server does not answer."""
        try:
            await self._database.connect()
        except (*_PASSING, asyncpg.PostgresError) as error:
            raise Unavailable(f"the database cannot be reached: {type(error).__name__}") from error

    async def close(self) -> None:
        """Disconnect."""
        await self._database.disconnect()

    @asynccontextmanager
    async def listening(self, channels: Mapping[str, Hear]) -> AsyncIterator[Notify]:
        """See Database.listening; uses a connection outside the pool."""
        bus, ready = Bus(self._connect, channels, (*_PASSING, asyncpg.PostgresError)), asyncio.Event()
        async with background.serving(bus.run(ready)):
            await ready.wait()
            yield bus.tell

    async def _connect(self) -> "asyncpg.Connection[Any]":
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            self._address,
            ssl=self._ssl,
            timeout=10,
            server_settings={"synchronous_commit": "off"},  # notifications do not survive a crash anyway
        )
        return connection

    async def write(self, tx: Tx[T]) -> T:
        """Drive a transaction that writes; durable when this returns."""
        return await asyncio.create_task(self._write(tx))

    async def read(self, tx: Tx[T]) -> T:
        """Drive a transaction that only reads; each statement sees all changes that are committed before it."""
        return await asyncio.create_task(self._read(tx))

    async def _write(self, tx: Tx[T]) -> T:
        try:
            async with self._database.connection() as connection:
                raw: asyncpg.Connection[Any] = connection.raw_connection
                async with raw.transaction():
                    return await _drive(raw, tx)
        except _PASSING as error:
            raise _unavailable(error) from error

    async def write_few(self, tx: Tx[T]) -> T:
        """The same as `write`: each statement is awaited anyway."""
        return await self.write(tx)

    async def glance(self, tx: Tx[T]) -> T:
        """The same as `read`: each statement is awaited anyway."""
        return await self.read(tx)

    async def _read(self, tx: Tx[T]) -> T:
        try:
            async with self._database.connection() as connection:
                return await _drive(connection.raw_connection, tx)
        except _PASSING as error:
            raise _unavailable(error) from error


async def _drive(raw: "asyncpg.Connection[Any]", tx: Tx[T]) -> T:
    try:
        sql, values = next(tx)
        while True:
            rows: Rows = await _fetch(raw, sql, values)
            sql, values = tx.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        tx.close()


async def _fetch(raw: "asyncpg.Connection[Any]", sql: str, values: dict[str, Any]) -> list[Row]:
    text, arguments = _compiled(sql)
    try:
        rows: list[Row] = await raw.fetch(text, *arguments(values))
    except asyncpg.CharacterNotInRepertoireError as error:
        raise Invalid("a value holds a NUL, which no text of the database can") from error
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound("what this belongs to was deleted meanwhile") from error
    return rows


def _unavailable(error: BaseException) -> BaseException:
    if isinstance(error, ValueError):
        return error  # an argument of a wrong type, which is a bug; asyncpg makes it an InterfaceError
    return Unavailable(f"the database did not answer ({type(error).__name__}); try again")
