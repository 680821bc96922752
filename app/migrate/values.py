"""Values of Drone's columns, as columns of this server's tables hold them.

Drivers give the same value in different types: a text as bytes, a flag as a number. What is absent is `''`, 0 or false.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Boolean, LargeBinary, Table, Text

from app.db.mapper import MAPPING, NAMES

#: The largest number of a column.
_LARGEST = 2**63 - 1
_TRUE = frozenset({"1", "t", "true"})
#: What stands for a NUL, which no text of PostgreSQL and no environment can hold.
_NO_NUL = "\N{REPLACEMENT CHARACTER}"


def text(value: Any) -> str:
    """A text, without NUL."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return "" if value is None else str(value).replace("\0", _NO_NUL)


def number(value: Any) -> int:
    """A whole number."""
    try:
        found = int(value or 0)
    except ValueError:
        return 0
    return max(-_LARGEST, min(found, _LARGEST))


def flag(value: Any) -> bool:
    """A flag."""
    return value.lower() in _TRUE if isinstance(value, str) else bool(value)


def names(value: Any) -> str:
    """A list of names, as JSON; an empty one in place of what is no such list."""
    found = _parsed(value)
    return str(NAMES[0]([text(item) for item in found] if isinstance(found, list) else []))


def mapping(value: Any) -> str:
    """A mapping of texts, as JSON; an empty one in place of what is no such mapping."""
    found = _parsed(value)
    return str(MAPPING[0]({text(name): text(item) for name, item in found.items()} if isinstance(found, dict) else {}))


def is_mapping(value: Any) -> bool:
    """Whether a mapping can be read, or is absent."""
    said = text(value).strip()
    return said in ("", "null") or isinstance(_parsed(value), dict)


def is_json(value: str) -> bool:
    """Whether a text is JSON."""
    try:
        orjson.loads(value)
    except ValueError:
        return False
    return True


def _parsed(value: Any) -> Any:
    try:
        return orjson.loads(value) if value else None
    except ValueError:
        return None


def plain(table: Table, columns: Mapping[str, str], row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of those columns of ours that have a column of Drone; `columns` names the latter by the former."""
    return {ours: _typed(table.columns[ours].type, row[theirs]) for ours, theirs in columns.items()}


def _typed(kind: object, value: Any) -> Any:
    if isinstance(kind, (Text, LargeBinary)):  # of sealed values, the text before it is sealed
        return text(value)
    return flag(value) if isinstance(kind, Boolean) else number(value)
