"""The database as the rooms see it: hand it a transaction, get its result."""

from pathlib import Path
from typing import Protocol, TypeVar

from app.db import postgres, sqlite
from app.db.tx import Tx

T = TypeVar("T")

_SQLITE = "sqlite:///"


class Database(Protocol):
    """Drives transactions. Both verbs raise Unavailable for what may work a little later."""

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


def is_absent(url: str) -> bool:
    """Whether opening the database would make its file."""
    return url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists()


def connect(url: str) -> Database:
    """The database of a `sqlite:///path` or `postgresql://…` address, not yet opened."""
    if url.startswith(_SQLITE):
        return sqlite.Engine(url)
    return postgres.Engine(url)
