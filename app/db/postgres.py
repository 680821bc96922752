"""PostgreSQL: each transaction uses one connection of the pool, each statement is awaited, and none for too long."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import asyncpg

from app import background
from app.db.bus import Bus, Hear, Notify
from app.db.parameters import Arguments, numbered
from app.db.tx import Row, Rows, Tx
from app.errors import Invalid, NotFound, TooLong, Unavailable

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


#: Seconds that a statement, a commit, a connection and the wait for a free connection may take.
PATIENCE = 5.0
#: The part of it after which the server itself ends a statement: then the connection can be used again.
_SERVERS_PART = 0.9
#: Seconds for a statement without a limit.
_PATIENT = 24 * 3600.0
_LIMIT = "SELECT set_config('statement_timeout', $1, false)"
_NO_LIMIT = "SET LOCAL statement_timeout = 0"
_OTHER_LIMIT = "SELECT set_config('statement_timeout', $1, true)"
#: Connections at most that search at the same time; the others are for what must not wait.
SEARCHERS = 3


class Engine:
    """A pool of connections to one server."""

    dialect = "postgresql"

    def __init__(self, url: str, *, connections: int = 10, patience: float = PATIENCE) -> None:
        parts = urlsplit(url)
        self._address = parts._replace(query="").geturl()
        self._ssl = next(iter(parse_qs(parts.query).get("sslmode", ())), None)
        self._connections = connections
        self._patience = patience
        self._pool: asyncpg.Pool[Any] | None = None
        self._searches = asyncio.Semaphore(SEARCHERS)

    async def open(self) -> None:
        """Connect; Unavailable when the server does not answer."""
        try:
            self._pool = await asyncpg.create_pool(
                self._address,
                ssl=self._ssl,
                timeout=self._patience,
                command_timeout=self._patience,
                min_size=1,
                max_size=self._connections,
                statement_cache_size=512,
                init=self._limit,
                reset=_as_it_is,
            )
        except (*_PASSING, asyncpg.PostgresError) as error:
            raise Unavailable(f"the database cannot be reached: {type(error).__name__}") from error

    async def _limit(self, connection: "asyncpg.Connection[Any]") -> None:
        milliseconds = str(round(self._patience * _SERVERS_PART * 1000))
        await connection.fetch(_LIMIT, milliseconds)

    async def close(self) -> None:
        """Finish the transactions that run, and disconnect."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

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
            timeout=self._patience,
            server_settings={"synchronous_commit": "off"},  # notifications do not survive a crash anyway
        )
        return connection

    async def write(self, tx: Tx[T]) -> T:
        """Drive a transaction that writes; durable when this returns."""
        async with self._connection() as raw, raw.transaction():
            return await _drive(raw, tx)

    async def alter(self, tx: Tx[T]) -> T:
        """The same as `write`; each statement may take as long as it takes."""
        async with self._connection() as raw, raw.transaction():
            await raw.execute(_NO_LIMIT)
            return await _drive(raw, tx, _PATIENT)

    async def read(self, tx: Tx[T]) -> T:
        """Drive a transaction that only reads; each statement sees all changes that are committed before it."""
        async with self._connection() as raw:
            return await _drive(raw, tx)

    async def read_many(self, tx: Tx[T]) -> T:
        """Drive a transaction that only reads, on one snapshot; each statement may take as long as it takes."""
        async with self._connection() as raw, raw.transaction(isolation="repeatable_read", readonly=True):
            await raw.execute(_NO_LIMIT)
            return await _drive(raw, tx, _PATIENT)

    async def write_few(self, tx: Tx[T]) -> T:
        """The same as `write`: each statement is awaited anyway."""
        return await self.write(tx)

    async def glance(self, tx: Tx[T]) -> T:
        """The same as `read`: each statement is awaited anyway."""
        return await self.read(tx)

    async def search(self, tx: Tx[T], seconds: float) -> T:
        """Drive a transaction that only reads, on one snapshot, within some seconds; TooLong."""
        async with self._searches, self._connection() as raw:
            try:
                async with asyncio.timeout(seconds), raw.transaction(isolation="repeatable_read", readonly=True):
                    await raw.fetch(_OTHER_LIMIT, str(round(seconds * 1000)))
                    return await _drive(raw, tx, seconds + self._patience, compiler=numbered)
            except (TimeoutError, asyncpg.QueryCanceledError) as error:
                raise TooLong.after(seconds) from error

    @asynccontextmanager
    async def _connection(self) -> "AsyncIterator[asyncpg.Connection[Any]]":
        """A connection of the pool. Errors after which the same call may succeed become Unavailable."""
        if self._pool is None:
            raise Unavailable("the database is closed")
        try:
            async with self._pool.acquire(timeout=self._patience) as raw:
                try:
                    yield raw
                except TimeoutError:  # of a commit; the pool would wait for the server once more
                    raw.terminate()
                    raise
        except _PASSING as error:
            raise _unavailable(error) from error


async def _as_it_is(_: "asyncpg.Connection[Any]") -> None:
    """Resets nothing between two transactions: a transaction leaves nothing behind."""


async def _drive(
    raw: "asyncpg.Connection[Any]",
    tx: Tx[T],
    seconds: float | None = None,
    compiler: Callable[[str], tuple[str, Arguments]] = _compiled,
) -> T:
    try:
        sql, values = next(tx)
        while True:
            text, arguments = compiler(sql)
            rows: Rows = await _fetch(raw, text, arguments(values), seconds)
            sql, values = tx.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        tx.close()


async def _fetch(raw: "asyncpg.Connection[Any]", text: str, values: Sequence[Any], seconds: float | None) -> list[Row]:
    """The rows of a statement. A connection whose server does not answer is given up: the rollback would wait, too."""
    try:
        rows: list[Row] = await raw.fetch(text, *values, timeout=seconds)
    except TimeoutError:
        raw.terminate()
        raise
    except (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError) as error:  # alone, in JSON
        raise Invalid("a value holds a NUL, which no text of the database can") from error
    except asyncpg.ProgramLimitExceededError as error:
        words = "a path or a value is too long for PostgreSQL: an index holds some 2,700 bytes of what was compressed"
        raise Invalid(f"{words}; shorten it", code="too_long") from error
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound("what this belongs to was deleted meanwhile") from error
    return rows


def _unavailable(error: BaseException) -> BaseException:
    if isinstance(error, ValueError):
        return error  # an argument of a wrong type, which is a bug; asyncpg makes it an InterfaceError
    return Unavailable(f"the database did not answer ({type(error).__name__}); try again")
