"""Named parameters of SQL as the places that drivers know: a place is bound faster than a name is looked up."""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

_PARAMETER = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")
#: Puts named values in the order of the places.
Arguments: TypeAlias = Callable[[dict[str, Any]], Sequence[Any]]


def numbered(sql: str) -> tuple[str, Arguments]:
    """The SQL with `$1, $2, …`, one number a name."""
    names = list(dict.fromkeys(_PARAMETER.findall(sql)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql), _arguments(names)


def marked(sql: str) -> tuple[str, Arguments]:
    """The SQL with a `?` for every place where a name stood."""
    return _PARAMETER.sub("?", sql), _arguments(_PARAMETER.findall(sql))


def _arguments(names: Sequence[str]) -> Arguments:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]
