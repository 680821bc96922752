"""Reads databases of other programs, on SQLite, PostgreSQL or MySQL, and never writes to them.

All that is read of a database is of one moment: one transaction that only reads. The statements are texts without
parameters that all three engines understand.
"""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import asyncpg

from app import threads
from app.db import file
from app.errors import AppError

#: Seconds that connecting may take.
PATIENCE = 10.0
_SQLITE = "sqlite:///"
#: The two bytes of an SQLite file that name the way of its journal; 2 is a write-ahead log.
_WAY, _WAL = slice(18, 20), b"\x02\x02"
#: Nobody writes to the file: SQLite makes no files beside it.
_ALONE = "&immutable=1"
_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = {schema}"
_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = {schema} AND table_name = '{table}'"


class BadSource(AppError):
    """A database of another program that cannot be read."""

    code = "bad_source"


class Reader(Protocol):
    """A database of another program, as it was when it was opened. BadSource from every method."""

    async def tables(self) -> set[str]:
        """The names of all tables."""
        ...

    async def columns(self, table: str) -> set[str]:
        """The names of the columns of a table; none when there is no such table."""
        ...

    async def rows(self, sql: str) -> list[Sequence[Any]]:
        """The rows of a query, each as its values in order."""
        ...


@contextlib.asynccontextmanager
async def reading(url: str) -> AsyncIterator[Reader]:
    """Open a database at `sqlite:///PATH`, `postgres://…` or `mysql://…`, only to read. BadSource.

    Errors never repeat the password of an address.
    """
    if url.startswith(_SQLITE):
        opened: contextlib.AbstractAsyncContextManager[Reader] = _sqlite(url)
    elif url.startswith(("postgres://", "postgresql://")):
        opened = _postgres(url)
    elif url.startswith("mysql://"):
        opened = _mysql(url)
    else:
        form = "sqlite:///PATH, postgres://USER:PASSWORD@HOST/NAME or mysql://USER:PASSWORD@HOST/NAME"
        raise BadSource(f"the address of the database must be {form}")
    async with opened as reader:
        yield reader


def shown(url: str) -> str:
    """An address without user, password and options, for people."""
    if url.startswith(_SQLITE):
        return url
    try:
        parts = _split(url)
    except BadSource:
        return url.partition("://")[0] + "://…"
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _split(url: str) -> SplitResult:
    """The parts of an address. BadSource when a part of a password stands where another part should."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("//@")
    if not parts.hostname or "@" in parts.path + parts.query + parts.fragment:
        words = "the address of the database has no usable host or port"
        raise BadSource(f"{words}; write special characters of the password as %XX") from None
    return parts


@contextlib.contextmanager
def _answering(url: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn the errors of a driver into BadSource. (The message of a driver holds no password.)"""
    try:
        yield
    except errors as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise BadSource(f"{shown(url)} cannot be read: {reason}") from error


class _SQLiteReader:
    def __init__(self, url: str, raw: sqlite3.Connection) -> None:
        self._url = url
        self._raw = raw

    async def tables(self) -> set[str]:
        return {name for (name,) in await self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}

    async def columns(self, table: str) -> set[str]:
        return {name for (name,) in await self.rows(f"SELECT name FROM pragma_table_info('{table}')")}  # noqa: S608 - names of ours

    async def rows(self, sql: str) -> list[Sequence[Any]]:
        return await threads.run(self._rows, sql)

    def _rows(self, sql: str) -> list[Sequence[Any]]:
        with _sqlite_answering(self._url):
            return self._raw.execute(sql).fetchall()


@contextlib.asynccontextmanager
async def _sqlite(url: str) -> AsyncIterator[Reader]:
    raw = await threads.run(_opened, url)
    try:
        yield _SQLiteReader(url, raw)
    finally:
        raw.close()


def _opened(url: str) -> sqlite3.Connection:
    """A connection whose snapshot has begun. A file with a write-ahead log that nobody has open is not locked."""
    path = Path(url.removeprefix(_SQLITE))
    if not path.is_file():
        words = f"there is no file {path.absolute()}: after sqlite:/// comes the path, so an absolute one has 4 slashes"
        raise BadSource(words)
    with _sqlite_answering(url):
        with path.open("rb") as opened:
            alone = opened.read(20)[_WAY] == _WAL and not file.wal(path).exists()
        address = f"{path.absolute().as_uri()}?mode=ro{_ALONE if alone else ''}"
        raw = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            raw.text_factory = _text
            raw.execute("BEGIN")
            ((found, *_),) = raw.execute("PRAGMA quick_check(1)").fetchall()
        except BaseException:  # an interrupt, too: no file stays open
            raw.close()
            raise
    if found != "ok":
        raw.close()
        raise _damaged(url, " ".join(str(found).split()))
    return raw


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@contextlib.contextmanager
def _sqlite_answering(url: str) -> Iterator[None]:
    try:
        with _answering(url, OSError):
            yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) or 0
        if code & 0xFF == sqlite3.SQLITE_NOTADB:
            raise BadSource(f"{shown(url)} is no database of SQLite") from error
        if file.is_damage(error):
            raise _damaged(url, str(error)) from error
        if code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            words = "its last program did not end cleanly: start and stop that program once"
            raise BadSource(f"{shown(url)} cannot be read: {error}; perhaps {words}") from error
        raise BadSource(f"{shown(url)} cannot be read: {error}") from error


def _damaged(url: str, reason: str) -> BadSource:
    return BadSource(f"{shown(url)} is damaged ({reason}): restore a backup of it", code="damaged_source")


class _PostgresReader:
    def __init__(self, url: str, raw: "asyncpg.Connection[Any]") -> None:
        self._url = url
        self._raw = raw

    async def tables(self) -> set[str]:
        return {name for (name,) in await self.rows(_TABLES.format(schema="current_schema()"))}

    async def columns(self, table: str) -> set[str]:
        return {name for (name,) in await self.rows(_COLUMNS.format(schema="current_schema()", table=table))}

    async def rows(self, sql: str) -> list[Sequence[Any]]:
        with _answering(self._url, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            found: list[Sequence[Any]] = await self._raw.fetch(sql)
            return found


@contextlib.asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[Reader]:
    parts = _split(url)
    ssl = next(iter(parse_qs(parts.query).get("sslmode", ())), None)
    address = parts._replace(query="").geturl()
    with _answering(url, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError):
        raw = await asyncpg.connect(address, ssl=ssl, timeout=PATIENCE)
    try:
        async with raw.transaction(isolation="repeatable_read", readonly=True):
            yield _PostgresReader(url, raw)
    finally:
        await raw.close()


class _MySQLReader:
    def __init__(self, url: str, raw: Any, errors: tuple[type[Exception], ...]) -> None:
        self._url = url
        self._raw = raw
        self._errors = errors

    async def tables(self) -> set[str]:
        return {name for (name,) in await self.rows(_TABLES.format(schema="database()"))}

    async def columns(self, table: str) -> set[str]:
        return {name for (name,) in await self.rows(_COLUMNS.format(schema="database()", table=table))}

    async def rows(self, sql: str) -> list[Sequence[Any]]:
        return await threads.run(self._rows, sql)

    def _rows(self, sql: str) -> list[Sequence[Any]]:
        with _answering(self._url, *self._errors), self._raw.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())


@contextlib.asynccontextmanager
async def _mysql(url: str) -> AsyncIterator[Reader]:
    try:
        import pymysql  # an extra: only who comes from MySQL needs the driver
    except ImportError:
        words = "reading MySQL needs one more package: pip install 'gantry-server[mysql]', and try again"
        raise BadSource(words, code="no_driver") from None
    errors = (pymysql.MySQLError, OSError, ValueError, RuntimeError)
    parts = _split(url)
    tls: dict[str, Any] = {"ssl": {}} if parse_qs(parts.query).get("tls") == ["true"] else {}
    with _answering(url, *errors):
        connect = partial(
            pymysql.connect,
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.removeprefix("/")),
            charset="utf8mb4",
            connect_timeout=int(PATIENCE),
            **tls,
        )
        raw = await threads.run(connect)
    try:
        reader = _MySQLReader(url, raw, errors)
        await reader.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        await reader.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        yield reader
    finally:
        raw.close()
