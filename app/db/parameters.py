"""Replaces named parameters of SQL by positions: drivers bind positions, which is faster than names."""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

_PARAMETER = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")
#: Puts named values in the order of the positions.
Arguments: TypeAlias = Callable[[dict[str, Any]], Sequence[Any]]


def numbered(sql: str) -> tuple[str, Arguments]:
    """The SQL with `$1, $2, …`, one number for each name."""
    names = list(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql), _arguments(names)


def marked(sql: str) -> tuple[str, Arguments]:
    """The SQL with a `?` for every occurrence of a name."""
    return _PARAMETER.sub("?", sql), _arguments(_PARAMETER.findall(sql))


def _arguments(names: Sequence[str]) -> Arguments:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]
