"""Replaces what SQL of both engines names in one way: named parameters, lists of rows, locks, regular expressions.

Drivers bind positions, which is faster than names.

`:rows(entries; id bigint, path text)` stands for a table with these columns: the parameter `entries` is the text of a
JSON array of arrays, one inner array a row. One statement so reads or writes any number of rows.
`:shared` and `:exclusive`, at the end of a SELECT of one table, lock the rows that are found until the transaction
ends; SQLite, which has one writer, needs no such lock. `:skipping` is `:exclusive` that leaves out rows that another
transaction has locked.
`a :regexp b` is true when the text a matches the pattern b. In a pattern, write `(?:` only for a group that may keep
the first text that it matches: on SQLite the group keeps that text, so that the time of a match stays small;
PostgreSQL's matching does not go back. Write `(` for every other group.
`a :glob(pattern)` is true when the whole text a is what the parameter `pattern` says: `*` is any run of characters, `?`
is one, and every other character is itself. `:joined(a)` aggregates a column of numbers to one text, with commas.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

_PARAMETER = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")
_ROWS = re.compile(r":rows\(\s*(\w+);([^)]*)\)")
_GLOB = re.compile(r":glob\((\w+)\)")
_JOINED = re.compile(r":joined\(([\w.]+)\)")
#: The backslash comes first, because the others get one.
_ESCAPED = r"replace(replace(replace(:\1::text, '\\', '\\\\'), '%', '\\%'), '_', '\\_')"
#: In SQLite's patterns `[` is special, too; PostgreSQL's have other special characters.
_GLOBS = {
    "sqlite": r"GLOB replace(:\1, '[', '[[]')",
    "postgresql": rf"LIKE translate({_ESCAPED}, '*?', '%_')",
}
_AGGREGATES = {"sqlite": r"group_concat(\1)", "postgresql": r"string_agg(\1::text, ',')"}
_WORDS = {
    "sqlite": {":shared": "", ":exclusive": "", ":skipping": "", ":regexp": "REGEXP"},
    "postgresql": {
        ":shared": "FOR KEY SHARE",
        ":exclusive": "FOR UPDATE",
        ":skipping": "FOR UPDATE SKIP LOCKED",
        ":regexp": "~",
    },
}
#: Puts named values in the order of the positions.
Arguments: TypeAlias = Callable[[dict[str, Any]], Sequence[Any]]


def numbered(sql: str) -> tuple[str, Arguments]:
    """The SQL for PostgreSQL, with `$1, $2, …`, one number for each name."""
    sql = _of_engine(sql, "postgresql", _rows_of_postgres)
    names = list(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql), _arguments(names)


def marked(sql: str) -> tuple[str, Arguments]:
    """The SQL for SQLite, with a `?` for every occurrence of a name."""
    sql = _of_engine(sql, "sqlite", _rows_of_sqlite)
    return _PARAMETER.sub("?", sql), _arguments(_PARAMETER.findall(sql))


def _of_engine(sql: str, dialect: str, rows: Callable[[str, Sequence[Sequence[str]]], str]) -> str:
    for word, words in _WORDS[dialect].items():
        sql = sql.replace(word, words)
    sql = _JOINED.sub(_AGGREGATES[dialect], _GLOB.sub(_GLOBS[dialect], sql))
    return _ROWS.sub(lambda found: rows(found[1], [column.split() for column in found[2].split(",")]), sql)


def _rows_of_sqlite(name: str, columns: Sequence[Sequence[str]]) -> str:
    values = ", ".join(f"json_extract(value, '$[{at}]') AS {column}" for at, (column, _) in enumerate(columns))
    return f"(SELECT {values} FROM json_each(:{name}))"  # noqa: S608 - names only


def _rows_of_postgres(name: str, columns: Sequence[Sequence[str]]) -> str:
    values = ", ".join(f"(value ->> {at})::{kind} AS {column}" for at, (column, kind) in enumerate(columns))
    return f"(SELECT {values} FROM jsonb_array_elements(:{name}::jsonb))"  # noqa: S608 - names only


def _arguments(names: Sequence[str]) -> Arguments:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]
