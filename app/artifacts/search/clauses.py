"""Conditions as SQL, with a parameter for every value.

`TRUE` and `FALSE` are left out of what is joined, so that the SQL holds only what decides. A `+` before a column keeps
SQLite from choosing an index of the column: `ways` decides by which index items are found.
"""

import re
from collections.abc import Sequence
from typing import Any as Anything

import orjson

from app.artifacts.model import parted
from app.artifacts.search.model import All, Any, Compare, Condition, Operator, Property, Release, Run, Test, is_pattern
from app.artifacts.search.scope import Scope
from app.artifacts.visible import WHOLE_PATH

TRUE, FALSE = "TRUE", "FALSE"
#: The columns of fields.
COLUMNS = {
    "path": "items.path",
    "name": "items.name",
    "depth": "items.depth",
    "created": "items.created",
    "modified": "items.modified",
    "updated": "items.updated",
    "created_by": "items.created_by",
    "modified_by": "items.modified_by",
    "type": "CASE WHEN items.folder THEN 'folder' ELSE 'file' END",
    "size": "COALESCE(blobs.size, 0)",
    "actual_sha1": "COALESCE(blobs.sha1, '')",
    "actual_md5": "COALESCE(blobs.md5, '')",
    "original_sha1": "COALESCE(blobs.sha1, '')",
    "original_md5": "COALESCE(blobs.md5, '')",
    "sha256": "COALESCE(blobs.sha256, '')",
    "stat.downloads": "COALESCE(item_stats.downloads, 0)",
    "stat.downloaded": "COALESCE(item_stats.last, 0)",
    "stat.downloaded_by": "COALESCE(item_stats.last_by, '')",
    "repo": "artifact_repos.key",
}
#: The tables of columns, and how they belong to an item.
JOINS = {
    "blobs": "LEFT JOIN blobs ON blobs.id = items.blob_id",
    "item_stats": "LEFT JOIN item_stats ON item_stats.item_id = items.id",
    "artifact_repos": "JOIN artifact_repos ON artifact_repos.id = items.repo_id",
}
#: The most ids that are parameters of their own: PostgreSQL finds such by an index more often than rows of JSON.
_LISTED = 16
#: The regular expression of a folder and all below it; the path has no special characters but escaped ones.
_BELOW = re.compile(r"\\A((?:[^\\.\[\](){}*+?^$|]|\\[^A-Za-z0-9])+)\(/\.\*\)\?\\Z", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SIGNS: dict[Operator, str] = {"$eq": "=", "$ne": "<>", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_PARTS = {"artifact": "module_artifacts", "dependency": "module_dependencies"}
#: The bytes of the files of runs that pass; each table is entered by an index, in this order.
_OF_RUNS = """
    SELECT file.id FROM runs CROSS JOIN items CROSS JOIN {parts} AS part CROSS JOIN blobs AS file
    WHERE items.id = runs.item_id AND part.run_id = runs.id AND file.sha1 = part.sha1 AND {conditions}
"""
#: The files of versions of release bundles that pass, without the manifests: each version has a folder of artifacts.
#: "0" is the character behind "/".
_OF_RELEASES = """
    SELECT file.id FROM bundles CROSS JOIN items AS file
    WHERE file.repo_id = bundles.repo_id AND NOT file.folder
        AND file.path >= bundles.name || '/' || bundles.version || '/artifacts/'
        AND file.path < bundles.name || '/' || bundles.version || '/artifacts0' AND {conditions}
"""


class Clauses:
    """The SQL of conditions, and the values of its parameters."""

    def __init__(self, scope: Scope) -> None:
        self.values: dict[str, Anything] = {}
        self._scope = scope
        self._names: dict[tuple[type, str | int], str] = {}
        self._rows: dict[str, str] = {}
        self._used = set[str]()

    @property
    def joins(self) -> str:
        """The joins of what was named, but those inside of subqueries."""
        return " ".join(join for table, join in JOINS.items() if table in self._used)

    def column(self, field: str) -> str:
        """The SQL of a field."""
        column = COLUMNS[field]
        self._used.update(table for table in JOINS if f"{table}." in column)
        return column

    def bind(self, value: str | int) -> str:
        """The name of the parameter that has a value."""
        name = self._names.setdefault((type(value), value), f"p{len(self._names)}")
        self.values[name] = value
        return name

    def sql(self, condition: Condition) -> str:
        """The SQL that is true where a condition holds."""
        match condition:
            case All(members):
                return both(list(map(self.sql, members)))
            case Any(members):
                return either(list(map(self.sql, members)))
            case Compare(field, test):
                return self._compare(field, test)
            case Property():
                return self._property(condition)
            case Run():
                blobs = self.blobs_of(condition)
                return FALSE if blobs == FALSE else f"+items.blob_id IN ({blobs})"
            case Release():
                files = self.files_of(condition)
                return FALSE if files == FALSE else f"+items.id IN ({files})"

    def allowed(self) -> str:
        """The SQL that is true for items that the caller may read, in repositories that are searched."""
        return self._readable(self._scope.ids)

    def among(self, column: str, ids: frozenset[int]) -> str:
        """The SQL that is true when a column has one of these ids."""
        if not ids:
            return FALSE
        if len(ids) == 1:
            return f"{column} = :{self.bind(min(ids))}"
        if len(ids) <= _LISTED:
            return f"{column} IN ({', '.join(f':{self.bind(found)}' for found in sorted(ids))})"
        rows = orjson.dumps([[found] for found in sorted(ids)]).decode()
        name = self._rows.setdefault(rows, f"rows{len(self._rows)}")
        self.values[name] = rows
        return f"{column} IN (SELECT id FROM :rows({name}; id bigint) AS known)"  # noqa: S608 - names only

    def test(self, column: str, test: Test) -> str:
        """The SQL that is true when the value of a column passes a test."""
        if test.operator in ("$match", "$nmatch"):
            if test.negative:
                return negated(self.test(column, test.opposite))
            pattern = str(test.value)
            if pattern and not pattern.strip("*"):
                return TRUE
            return f"{column} :glob({self.bind(pattern)})" if is_pattern(pattern) else self._equal(column, pattern)
        assert test.value is not None
        return f"{column} {_SIGNS[test.operator]} :{self.bind(test.value)}"

    def _equal(self, column: str, value: str) -> str:
        return f"{column} = :{self.bind(value)}"

    def _compare(self, field: str, test: Test) -> str:
        if field == "repo":
            ids = self._scope.passing(test)
            if self._scope.ids <= ids:
                return TRUE
            return self.among("+items.repo_id", ids & self._scope.ids)
        if field == "type":
            return self._type(test)
        return self.test(self.column(field), test)

    def _type(self, test: Test) -> str:
        if test.of_text == "any":
            return TRUE
        if test.negative and test.opposite.of_text == "any":
            return FALSE
        if test.of_text == "file":  # the usual test
            return "NOT items.folder"
        return self.test(self.column("type"), test)

    def _property(self, found: Property) -> str:
        tests = both([self.properties_pass(found)])
        if tests == TRUE:
            return f"+items.set_id {'=' if found.lacks else '<>'} 1"
        # Made of fixed texts and names of columns alone.
        exists = f"EXISTS (SELECT 1 FROM properties WHERE properties.set_id = items.set_id AND {tests})"  # noqa: S608 - SQL of ours
        return f"NOT {exists}" if found.lacks else exists

    def properties_pass(self, found: Property) -> str:
        """The SQL that is true for a property whose key and value pass."""
        keys = [self.test("properties.key", test) for test in found.keys]
        return both([*keys, *(self.test("properties.value", test) for test in found.values)])

    def blobs_of(self, found: Run) -> str:
        """A query of the ids of the bytes of runs that pass and that the caller may read; FALSE for none."""
        scope = self._scope
        conditions = [
            self.among("runs.repo_id", scope.of_runs),
            *(self.test("runs.name", test) for test in found.names),
            *(self.test("runs.number", test) for test in found.numbers),
            self._readable(scope.of_runs),
        ]
        tests = both(conditions)
        return FALSE if tests == FALSE else _OF_RUNS.format(parts=_PARTS[found.side], conditions=tests)

    def files_of(self, found: Release) -> str:
        """A query of the ids of the files of release bundles that pass; FALSE for none."""
        conditions = [
            self.among("bundles.repo_id", self._scope.of_releases),
            *(self.test("bundles.name", test) for test in found.names),
            *(self.test("bundles.version", test) for test in found.versions),
        ]
        tests = both(conditions)
        return FALSE if tests == FALSE else _OF_RELEASES.format(conditions=tests)

    def _readable(self, ids: frozenset[int]) -> str:
        """The SQL that is true for items of these repositories that the caller may read."""
        whole = self.among("+items.repo_id", ids & self._scope.visible.whole)
        repositories: dict[tuple[tuple[str, ...], tuple[str, ...]], set[int]] = {}
        for repo_id, includes, excludes in self._scope.visible.partial:
            repositories.setdefault((includes, excludes), set()).add(repo_id)
        partial = [
            both(
                [
                    self.among("+items.repo_id", ids & found),
                    either(list(map(self._path_matches, includes))),
                    negated(either(list(map(self._path_matches, excludes)))),
                ]
            )
            for (includes, excludes), found in repositories.items()
        ]
        return either([whole, *partial])

    def _path_matches(self, regex: str) -> str:
        folder = _BELOW.fullmatch(regex)
        if folder is None:
            return f"{WHOLE_PATH} :regexp :{self.bind(regex)}"
        # All of a folder, the usual pattern: regular expressions are slow, as SQLite asks Python for each.
        path = _ESCAPED.sub(r"\1", folder[1])
        parent, name = parted(path)
        below = f"items.path >= :{self.bind(f'{path}/')} AND items.path < :{self.bind(f'{path}0')}"
        itself = f"items.path = :{self.bind(parent)} AND items.name = :{self.bind(name)}"
        return f"(({below}) OR items.path = :{self.bind(path)} OR ({itself}))"


def both(parts: Sequence[str]) -> str:
    """The SQL that is true when all parts are."""
    return _joined(parts, " AND ", TRUE, FALSE)


def either(parts: Sequence[str]) -> str:
    """The SQL that is true when any part is."""
    return _joined(parts, " OR ", FALSE, TRUE)


def negated(part: str) -> str:
    """The SQL that is true when the part is not."""
    return {TRUE: FALSE, FALSE: TRUE}.get(part, f"NOT ({part})")


def _joined(parts: Sequence[str], word: str, nothing: str, decides: str) -> str:
    if decides in parts:
        return decides
    return _tree(list(dict.fromkeys(part for part in parts if part != nothing)), word) or nothing


def _tree(parts: Sequence[str], word: str) -> str:
    """The parts in brackets, as a tree that is not deep: SQLite limits the depth of expressions."""
    if len(parts) <= 8:
        return f"({word.join(parts)})" if len(parts) > 1 else "".join(parts)
    middle = len(parts) // 2
    return f"({_tree(parts[:middle], word)}{word}{_tree(parts[middle:], word)})"
