"""Converts rows to frozen dataclasses and back, by position: names are looked up once, not for every row.

For speed, objects are made without their `__init__`, which sets each field of a frozen dataclass by a separate call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from operator import itemgetter
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import Boolean, Table

from app.db.tx import Row

T = TypeVar("T")
Codec = tuple[Callable[[Any], Any], Callable[[str], Any]]


class Mapper(Generic[T]):
    """Makes objects of one class from whole rows of one table, and rows from objects. The class has no slots.

    The columns must have the order of the fields; columns without a field come last. `renamed` gives the column of
    a field whose name is reserved in SQL, `codecs` the functions that write a field to its column and read the
    field back, `without` the fields that have no column. Booleans need no codec: numbers of SQLite become booleans.
    """

    def __init__(
        self,
        kind: type[T],
        table: Table,
        *,
        renamed: Mapping[str, str] | None = None,
        codecs: Mapping[str, Codec] | None = None,
        without: Sequence[str] = (),
    ) -> None:
        codecs, renamed = codecs or {}, renamed or {}
        known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # no type says "a dataclass"
        names = [name for name in known if name not in without]
        columns = [column.name for column in table.columns]
        if hasattr(kind, "__slots__"):
            raise TypeError(f"{kind.__name__} has slots; its objects are made by their dictionary")
        if columns[: len(names)] != [renamed.get(name, name) for name in names]:
            raise TypeError(f"the columns of {table.name} do not stand in the order of {names}")
        if any(known[name].default is MISSING for name in without):
            raise TypeError(f"fields of {kind.__name__} that are in no column must have defaults: {without}")
        self._kind = kind
        self._names = names
        self._rest = {name: known[name].default for name in without}
        self._width = len(names)
        written = [(name, column) for name, column in zip(names, columns, strict=False) if name != "id"]
        self._fields = itemgetter(*(name for name, _ in written))
        self._columns = [column for _, column in written]
        self._encode = [(renamed.get(name, name), codec[0]) for name, codec in codecs.items()]
        self._decode: list[tuple[int, Callable[[Any], Any]]] = [
            (position, codecs[name][1] if name in codecs else bool)
            for position, name in enumerate(names)
            if name in codecs or isinstance(table.columns[columns[position]].type, Boolean)
        ]

    def make(self, row: Row, skip: int = 0) -> T:
        """The object of a whole row; the first `skip` columns of the row belong to other tables."""
        values = list(row)[skip : skip + self._width]
        for position, decode in self._decode:
            values[position] = decode(values[position])
        made = object.__new__(self._kind)
        object.__setattr__(made, "__dict__", dict(zip(self._names, values, strict=True), **self._rest))
        return made

    def values(self, item: T) -> dict[str, Any]:
        """The values of an object's columns, by column, without the id."""
        values = dict(zip(self._columns, self._fields(item.__dict__), strict=True))
        for column, encode in self._encode:
            values[column] = encode(values[column])
        return values


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def _names(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text)) if text != "[]" else ()


def _mapping(text: str) -> dict[str, str]:
    return dict(orjson.loads(text)) if text != "{}" else {}


#: A tuple of strings, as JSON.
NAMES: Codec = (_dump, _names)
#: A mapping of strings, as JSON.
MAPPING: Codec = (lambda value: _dump(dict(value)), _mapping)
