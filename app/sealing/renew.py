"""Sealing anew: checking that the keys of all sealed values are known, and sealing every value with the newest key.

The packages that seal values declare the columns, each by its name `table.column`. This name is also the purpose that
the values of the column are sealed for. The key of the table is `id`.
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from app.db.tx import Row, Tx, each, many, one, run
from app.sealing.seal import HEAD, CannotOpen, Seal


class Statements(NamedTuple):
    """The SQL for one column of sealed values."""

    heads: str
    after: str
    update: str


@cache
def statements(column: str) -> Statements:
    """The SQL for a column `table.column`."""
    table, name = column.split(".")
    return Statements(
        heads=f"SELECT DISTINCT substr({name}, 1, {HEAD}) AS head FROM {table}",  # noqa: S608 - names only
        after=f"SELECT id, {name} AS value FROM {table} WHERE id > :id ORDER BY id LIMIT 1",  # noqa: S608 - names of ours
        update=f"UPDATE {table} SET {name} = :value WHERE id = :id AND {name} = :old",  # noqa: S608 - names of ours
    )


def check(seal: Seal, columns: Iterable[str]) -> Tx[None]:
    """Raise CannotOpen when a value was sealed with a key that the seal does not have. The values are not opened."""
    for column in columns:
        for row in (yield from many(statements(column).heads)):
            seal.check(row["head"], column)


def renew(seal: Seal, columns: Iterable[str]) -> Tx[int]:
    """Seal every value of an older key with the newest key; returns the number of these values.

    CannotOpen names the row of a damaged value.
    """
    return sum((yield from each(_renew_column(column, seal) for column in columns)))


def _renew_column(column: str, seal: Seal) -> Tx[int]:
    sql, renewed = statements(column), 0
    row = yield from one(sql.after, id=0)
    while row is not None:
        if not seal.is_newest(row["value"]):
            yield from run(sql.update, id=row["id"], old=row["value"], value=_renewed(row, column, seal))
            renewed += 1
        row = yield from one(sql.after, id=row["id"])
    return renewed


def _renewed(row: Row, column: str, seal: Seal) -> bytes:
    try:
        return seal.renew(row["value"], column)
    except CannotOpen as error:
        raise CannotOpen(f"{error.message}: the value is in the row with id {row['id']}") from error
