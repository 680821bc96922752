"""Drives transactions, statement by statement, on one connection to SQLite."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from app.db.parameters import Arguments, marked
from app.db.tx import Rows, Tx

T = TypeVar("T")
#: SQL with places, the values for the places, and whether the rows are only the id of a new row.
Compiled: TypeAlias = tuple[str, Arguments, bool]

_INSERT = re.compile(r"INSERT INTO \w+ \([^()]*\) VALUES \([^()]*\)(?P<end> RETURNING id)")


def compiled(sql: str) -> Compiled:
    """SQL for SQLite.

    SQLite knows the id of the last new row; to return the id as a row costs as much as the INSERT itself.
    """
    text, arguments = marked(sql)
    if found := _INSERT.fullmatch(text):
        return text[: found.start("end")], arguments, True
    return text, arguments, False


once: Callable[[str], Compiled] = lru_cache(maxsize=1024)(compiled)


def drive(
    raw: sqlite3.Connection, tx: Tx[T], rows: Rows | None = None, compiler: Callable[[str], Compiled] = once
) -> T:
    """The result of a transaction: of a new one, or of one that waits for `rows`."""
    try:
        sql, values = next(tx) if rows is None else tx.send(rows)
        while True:
            sql, values = tx.send(rows_of(raw, sql, values, compiler))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        tx.close()


def rows_of(
    raw: sqlite3.Connection, sql: str, values: dict[str, Any], compiler: Callable[[str], Compiled] = once
) -> Rows:
    """The rows of one statement."""
    text, arguments, only_id = compiler(sql)
    cursor = raw.execute(text, arguments(values))
    return [_NewId(cursor.lastrowid)] if only_id else cursor.fetchall()


class _NewId:
    """The row of the one column `id`."""

    __slots__ = ("_id",)

    def __init__(self, new: int | None) -> None:
        self._id = new

    def __getitem__(self, key: str | int) -> Any:
        if key not in ("id", 0):
            raise IndexError(f"the row has no column {key}")
        return self._id

    def __iter__(self) -> Iterator[Any]:
        yield self._id
