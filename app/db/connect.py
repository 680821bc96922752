"""The database's interface: a caller hands over a transaction and gets its result."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from app.db import postgres, sqlite
from app.db.bus import Hear, Notify
from app.db.tx import Tx

T = TypeVar("T")

_SQLITE = "sqlite:///"


class Database(Protocol):
    """Drives transactions. All methods raise Unavailable for passing errors, after which the call may be repeated."""

    dialect: str

    async def open(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Finish the transactions that wait, and disconnect."""
        ...

    async def write(self, tx: Tx[T]) -> T:
        """Drive a transaction that writes; all its changes are committed, durably, or none."""
        ...

    async def write_few(self, tx: Tx[T]) -> T:
        """Drive a transaction that writes only a few rows, found by an index; all are committed, durably, or none.

        On SQLite its statements run in the event loop's thread, and all other tasks wait for them.
        """
        ...

    async def read(self, tx: Tx[T]) -> T:
        """Drive a transaction that only reads."""
        ...

    async def glance(self, tx: Tx[T]) -> T:
        """Drive a transaction that reads only a few rows, found by an index.

        On SQLite it runs in the event loop's thread, and all other tasks wait for it.
        """
        ...

    async def read_many(self, tx: Tx[T]) -> T:
        """Drive a transaction that only reads, and may read very many rows, on one snapshot.

        No other kind of transaction waits for it.
        """
        ...

    async def search(self, tx: Tx[T], seconds: float) -> T:
        """Drive a transaction that only reads, whose SQL differs from call to call and may look at very many rows.

        No other kind of transaction waits for it. TooLong when it takes longer than so many seconds.
        """
        ...

    def listening(self, channels: Mapping[str, Hear]) -> AbstractAsyncContextManager[Notify | None]:
        """Receive the texts of other servers of the database, by channel, while the block runs.

        Gives the function that sends texts to the other servers and never waits; None for a database of one server.
        After an interrupted connection every channel gets an empty text.
        """
        ...


def file_of(url: str) -> Path | None:
    """The file of an SQLite database; None for a database that another server keeps."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


class Alterable(Database, Protocol):
    """A database whose schema may be changed."""

    async def alter(self, tx: Tx[T]) -> T:
        """The same as `write`, without limits of time."""
        ...


def is_absent(url: str) -> bool:
    """Whether the database is an SQLite file that does not exist: opening the database would create the file."""
    file = file_of(url)
    return file is not None and not file.exists()


def sqlite_files(url: str) -> tuple[Path, ...]:
    """The files in which SQLite keeps the database, whether they exist or not; none for another database."""
    if (file := file_of(url)) is None:
        return ()
    file = file.resolve()
    return tuple(file.with_name(file.name + end) for end in ("", "-wal", "-shm", "-journal"))


def connect(url: str) -> Alterable:
    """The database at a `sqlite:///path` or `postgresql://…` address, not yet opened."""
    if url.startswith(_SQLITE):
        return sqlite.Engine(url)
    return postgres.Engine(url)
