"""By which indexes the items of a query are found.

A way is a set of branches, SQL whose items an index finds; together they hold every item for which the condition holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.artifacts.search.clauses import FALSE, Clauses, both
from app.artifacts.search.model import All, Any, Compare, Condition, Property, Release, Run, Test
from app.artifacts.search.scope import Scope

#: The most branches: SQLite takes no more than 500 parts of a compound query.
BRANCHES = 400
_SUMS = {"actual_sha1": "sha1", "original_sha1": "sha1", "actual_md5": "md5", "original_md5": "md5", "sha256": "sha256"}
#: How much a way is expected to look at, from the least.
_FILE, _SUM, _RUN, _RELEASE, _FOLDER, _VALUE, _BELOW, _PREFIX = range(8)
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Way:
    """Branches, and how much they are expected to look at."""

    cost: int
    branches: tuple[str, ...]


def ways_of(condition: Condition, clauses: Clauses, scope: Scope) -> list[Way]:
    """The ways to the items of a condition, those that are expected to look at the least first; perhaps none."""
    finder = _Finder(clauses, scope)
    return sorted(finder.ways(condition), key=lambda way: way.cost)


class _Finder:
    def __init__(self, clauses: Clauses, scope: Scope) -> None:
        self._clauses = clauses
        self._scope = scope

    def ways(self, condition: Condition) -> list[Way]:
        match condition:
            case All(members):
                found = [way for member in members if not _is_place(member) for way in self.ways(member)]
                return [*self._by_place(condition, members), *found]
            case Any(members):
                return self._of_any(members)
            case Compare(field, test) if field in _SUMS and test.of_text:
                column = _SUMS[field]
                # Made of fixed texts and names of columns alone.
                sums = f"SELECT id FROM blobs WHERE {column} = :{self._clauses.bind(test.of_text)}"  # noqa: S608 - SQL of ours
                return [Way(_SUM, (f"items.blob_id IN ({sums})",))]
            case Run(names=names) if any(test.of_text is not None for test in names):
                blobs = self._clauses.blobs_of(condition)
                return [Way(_RUN, () if blobs == FALSE else (f"items.blob_id IN ({blobs})",))]
            case Release(names=names):
                files = self._clauses.files_of(condition)
                cost = _RELEASE if any(test.of_text is not None for test in names) else _PREFIX
                return [Way(cost, () if files == FALSE else (f"items.id IN ({files})",))]
            case Property():
                return self._by_property(condition)
        return self._by_place(condition, (condition,)) if _is_place(condition) else []

    def _of_any(self, members: Sequence[Condition]) -> list[Way]:
        """The best way of each member, as one way; none when a member has none."""
        best = [min(self.ways(member), key=lambda way: way.cost, default=None) for member in members]
        known = [way for way in best if way is not None]
        branches = tuple(dict.fromkeys(branch for way in known for branch in way.branches))
        if len(known) < len(members) or len(branches) > BRANCHES:
            return []
        return [Way(max((way.cost for way in known), default=0), branches)]

    def _by_place(self, condition: Condition, members: Sequence[Condition]) -> list[Way]:
        """The way by path and name, which begin with known letters."""
        ids = self._scope.possible(condition) & self._scope.ids
        if not ids:
            return [Way(_FILE, ())]
        paths, names = _tests(members, "path"), _tests(members, "name")
        exact = any(test.of_text is not None for test in paths)
        begins = [start for test in paths if (start := prefix(test))]
        if not exact and not begins:
            return []
        named = any(test.of_text is not None for test in names)
        ranges = [self._range("items.path", start) for start in begins]
        conditions = [
            self._clauses.among("items.repo_id", ids),
            *ranges,
            *(self._clauses.test("items.path", test) for test in paths),
            *([self._range("items.name", start) for test in names if (start := prefix(test))] if exact else []),
            *(self._clauses.test("items.name", test) for test in names),
        ]
        return [Way((_FILE if named else _FOLDER) if exact else _BELOW, (both(conditions),))]

    def _by_property(self, found: Property) -> list[Way]:
        if found.lacks or not any(test.operator == "$eq" for test in found.keys):
            return []
        exact = any(test.of_text is not None for test in found.values)
        begins = [start for test in found.values if (start := prefix(test))]
        if not exact and not begins:
            return []
        ranges = [self._range("properties.value", start) for start in begins]
        tests = both([*ranges, self._clauses.properties_pass(found)])
        sets = f"SELECT properties.set_id FROM properties WHERE {tests}"  # noqa: S608 - fixed texts
        return [Way(_VALUE if exact else _PREFIX, (f"items.set_id IN ({sets})",))]

    def _range(self, column: str, start: str) -> str:
        low = f"{column} >= :{self._clauses.bind(start)}"
        end = after(start)
        return both([low, f"{column} < :{self._clauses.bind(end)}"]) if end else low


def prefix(test: Test) -> str:
    """The letters with which all texts begin that pass a pattern; empty for another test."""
    if test.operator != "$match" or test.of_text is not None:
        return ""
    text = str(test.value)
    return text[: min(at for sign in "*?" if (at := text.find(sign)) >= 0)]


def after(start: str) -> str:
    """The first text behind all texts that begin with some letters, in the order of code points; empty for none."""
    kept = start.rstrip(_LAST)
    if not kept:
        return ""
    code = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if 0xD800 <= code < 0xE000 else code)


def _is_place(condition: Condition) -> bool:
    return isinstance(condition, Compare) and condition.field in ("path", "name", "repo")


def _tests(members: Sequence[Condition], field: str) -> list[Test]:
    return [member.test for member in members if isinstance(member, Compare) and member.field == field]
