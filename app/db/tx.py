"""A transaction is a generator: it yields statements, receives rows, and does no I/O itself.

Store functions compose with `yield from`; the database drives a whole transaction on one connection. A transaction
uses no I/O, no clock and no randomness (hand their values in), and never catches an error of the database; it
handles races by `ON CONFLICT` and `RETURNING`.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

import orjson

T = TypeVar("T")


class Row(Protocol):
    """A row of either engine: read by column name, or as its values in order."""

    def __getitem__(self, key: str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


#: SQL with `:name` parameters, and their values.
Statement: TypeAlias = tuple[str, dict[str, Any]]
Rows: TypeAlias = Sequence[Row]
Tx: TypeAlias = Generator[Statement, Rows, T]


def one(sql: str, /, **values: Any) -> Tx[Row | None]:
    """The first row, or None."""
    rows = yield sql, values
    return rows[0] if rows else None


def many(sql: str, /, **values: Any) -> Tx[Rows]:
    """All rows."""
    return (yield sql, values)


def run(sql: str, /, **values: Any) -> Tx[None]:
    """Execute a statement whose rows are not needed."""
    yield sql, values


def rows_of(values: Iterable[Sequence[object]]) -> str:
    """The value of a parameter that stands for rows, as in `:rows(asked; id bigint)`."""
    return orjson.dumps(list(values)).decode()


def each(transactions: Iterable[Tx[T]]) -> Tx[list[T]]:
    """Drive transactions one after another; their results in order. (A comprehension cannot `yield from`.)"""
    results: list[T] = []
    for transaction in transactions:
        results.append((yield from transaction))  # noqa: PERF401 - see above
    return results
