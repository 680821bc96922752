"""The database as the rooms see it: hand it a transaction, get its result."""

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
    """Drives transactions. All verbs raise Unavailable for what may work a little later."""

    dialect: str

    async def open(self) -> None:
        """Connect."""
        ...

    async def close(self) -> None:
        """Finish what waits and disconnect."""
        ...

    async def write(self, tx: Tx[T]) -> T:
        """Commit all of it, durably, or nothing of it."""
        ...

    async def read(self, tx: Tx[T]) -> T:
        """Only read."""
        ...

    async def glance(self, tx: Tx[T]) -> T:
        """Only read, and little: a few rows, found by an index. On SQLite everybody waits for it, but not for long."""
        ...

    def listening(self, channels: Mapping[str, Hear]) -> AbstractAsyncContextManager[Notify | None]:
        """Hear what other servers of the database say, by channel, while the block lasts.

        Gives the verb that tells them, which never waits; None where there is no other server. After a time of
        deafness every channel hears an empty text.
        """
        ...


def is_absent(url: str) -> bool:
    """Whether opening the database would make its file."""
    return url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists()


def connect(url: str) -> Database:
    """The database of a `sqlite:///path` or `postgresql://…` address, not yet opened."""
    if url.startswith(_SQLITE):
        return sqlite.Engine(url)
    return postgres.Engine(url)
