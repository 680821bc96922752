"""A query as SQL: which items are found, and in which order."""

from dataclasses import dataclass
from typing import Any

from app.artifacts.search.clauses import FALSE, Clauses, both
from app.artifacts.search.limits import ROWS
from app.artifacts.search.model import Query
from app.artifacts.search.scope import Scope
from app.artifacts.search.ways import Way, ways_of

#: The ids of all that is found, in their order, as one text, and their number: so much smaller than rows.
FOUND = "SELECT :joined(found.id) AS ids, count(*) AS total FROM ({found} LIMIT :limit OFFSET :offset) AS found"
_ONE = "SELECT items.id FROM items {joins} WHERE {conditions} ORDER BY {order}"
_SOME = """
    SELECT items.id FROM ({branches}) AS way CROSS JOIN items {joins}
    WHERE items.id = way.id AND {conditions} ORDER BY {order}
"""
_BRANCH = "SELECT items.id FROM items WHERE {branch}"
#: How many items a way leads to, up to a number.
_COUNT = "SELECT count(*) AS total FROM ({branches} LIMIT :few) AS way"
#: The most ways that are compared.
WAYS = 4


@dataclass(frozen=True, slots=True)
class Compiled:
    """The SQL of a query, once for each way, those first that are expected to look at the least.

    `counts`, one for each way, tell how many items the way leads to, up to the parameter `few`; none for one way.
    """

    values: dict[str, Any]
    counts: tuple[str, ...]
    found: tuple[str, ...]


def compiled(query: Query, scope: Scope) -> Compiled | None:
    """The SQL of a query; None when nothing can be found."""
    clauses = Clauses(scope)
    conditions = both([clauses.sql(query.condition), clauses.allowed()])
    ways = ways_of(query.condition, clauses, scope)
    if conditions == FALSE or any(not way.branches for way in ways):
        return None
    order = _order(query, clauses, scope)
    ways = ways[:WAYS] or [Way(0, (clauses.among("items.repo_id", scope.ids),))]
    values = clauses.values | {
        "limit": min(ROWS + 1, query.limit if query.limit is not None else ROWS + 1),
        "offset": query.offset,
    }
    parts = {"joins": clauses.joins, "conditions": conditions, "order": order}
    counts = tuple(_COUNT.format(branches=_branches(way, "UNION ALL")) for way in ways) if len(ways) > 1 else ()
    return Compiled(values, counts, tuple(FOUND.replace("{found}", _found(way, parts)) for way in ways))


def _found(way: Way, parts: dict[str, str]) -> str:
    if len(way.branches) == 1:
        return _ONE.format(**parts | {"conditions": both([way.branches[0], parts["conditions"]])})
    return _SOME.format(branches=_branches(way), **parts)


def _branches(way: Way, union: str = "UNION") -> str:
    return f" {union} ".join(_BRANCH.format(branch=branch) for branch in way.branches)


def _order(query: Query, clauses: Clauses, scope: Scope) -> str:
    fields = dict(query.order)
    if len(scope.ids) > 1:
        fields.setdefault("repo", False)
    else:
        fields.pop("repo", None)
    for field in ("path", "name"):
        fields.setdefault(field, False)
    return ", ".join(f"{clauses.column(field)}{' DESC' if last else ''}" for field, last in fields.items())
