"""Every statement on release bundles finds its rows by an index, also in lists of any order and filter.

On SQLite the plan says so. PostgreSQL plans by how many rows there are, so there are some; and it is told to read no
table whole if an index can serve, and to join no two whole tables.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import orjson
import pytest

import app.bundles
from app.artifacts import repositories
from app.artifacts.visible import Visible
from app.bundles import lists, records
from app.db.connect import Alterable
from app.db.tx import Statement, Tx, many, run

SEES_ALL = Visible(frozenset({1}))
SEES_SOME = Visible(partial=((1, ("a.*",), ()),))
SQL = re.compile(r"\s*(SELECT|UPDATE|INSERT|DELETE)\b")
PARAMETER = re.compile(r"(?<!:):(?!rows|exclusive|shared|glob|regexp)([a-z_]+)|:rows\(\s*(\w+);|:glob\((\w+)\)")
#: Tables that grow with use. Of keys, of repositories, and of work that is not finished there are few.
BIG = frozenset({
    "bundles", "bundle_artifacts", "bundle_promotions", "bundle_claims", "bundle_evidence", "items", "blobs",
    "properties", "property_sets",
})  # fmt: skip
#: Statements that read whole tables on purpose, and why.
WHOLE = {"gauges.VERSIONS": "the gauges count all versions, by an index alone"}
#: The index of unfinished promotions, which are few.
OPEN = "bundle_promotions_open"
#: Parameters that are texts; those of `:rows` are empty arrays, and all others are numbers.
TEXTS = frozenset({
    "key", "name", "version", "environment", "owner", "manifest", "status", "messages", "sources", "tag", "by",
    "signing_key", "root", "name_key", "version_key",
})  # fmt: skip


COLUMNS = """
    SELECT column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = :table_name ORDER BY ordinal_position
"""
#: An expression for a value of each column or type, in the row `n`.
EXAMPLES = {"status": "'COMPLETED'", "bigint": "n", "text": "'x' || n", "boolean": "FALSE"}


def constants(made: ModuleType) -> Iterator[tuple[str, str]]:
    for name, value in vars(made).items():
        whole = name.isupper() and not name.startswith("_") and isinstance(value, str) and SQL.match(value)
        if whole and (not value.lstrip().startswith("INSERT") or "SELECT" in value):  # others read nothing
            yield f"{made.__name__.removeprefix('app.bundles.')}.{name}", value


MODULES = [importlib.import_module(found.name) for found in pkgutil.walk_packages(app.bundles.__path__, "app.bundles.")]
STATEMENTS = dict(found for made in MODULES for found in constants(made)) | {
    "repositories.HOLD_ALL": repositories.HOLD_ALL
}


def values_of(sql: str) -> dict[str, Any]:
    """A value for each parameter of a statement."""
    found: dict[str, Any] = {}
    for name, rows, glob in PARAMETER.findall(sql):
        found[name or rows or glob] = "[]" if rows else "x" if glob or name in TEXTS else 1
    return found


async def unserved(db: Alterable, sql: str, values: Mapping[str, Any]) -> list[str]:
    """The steps of a plan that read a whole table that grows."""
    if db.dialect == "sqlite":
        steps = [row["detail"] for row in await db.read(many(f"EXPLAIN QUERY PLAN {sql}", **values))]
        scans = [found for step in steps if (found := re.match(r"SCAN (\w+)", step))]
        whole = [step for step in steps if re.search(r"\bitems\b.*\(repo_id=\?\)$", step)]  # all of a repository
        return whole + [scan.string for scan in scans if scan[1] in _aliases(sql)]
    [row] = await db.write(_planned(sql, values))
    plan = orjson.loads(row[0]) if isinstance(row[0], str) else row[0]
    return [words for step in _steps(plan[0]["Plan"]) if (words := _whole(step))]


def _aliases(sql: str) -> set[str]:
    """What a statement calls the tables that grow."""
    tables = "|".join(BIG)
    return {*BIG, *re.findall(rf"\b(?:{tables}) AS (\w+)", sql)}


def _planned(sql: str, values: Mapping[str, Any]) -> Tx[Any]:
    for setting in ("seqscan", "hashjoin", "mergejoin"):
        yield from run(f"SET LOCAL enable_{setting} = off")
    return (yield from many(f"EXPLAIN (FORMAT JSON) {sql}", **values))


def _steps(step: Any) -> Iterator[Any]:
    yield step
    for inner in step.get("Plans", ()):
        yield from _steps(inner)


def _whole(step: Any) -> str:
    """What a step of PostgreSQL's plan reads whole; empty for one that finds its rows or reads a small table."""
    table, kind = step.get("Relation Name", ""), step["Node Type"]
    reads = kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in step)
    return f"{kind} on {table}" if reads and table in BIG and step.get("Index Name") != OPEN else ""


def _filled() -> Tx[None]:
    """Some thousand rows in each table that grows, for PostgreSQL plans by how many there are."""
    yield from run("SET LOCAL session_replication_role = replica")  # rows need not fit together
    for table in sorted(BIG):
        columns = yield from many(COLUMNS, table_name=table)
        names = ", ".join(row["column_name"] for row in columns)
        values = ", ".join(EXAMPLES.get(row["column_name"], EXAMPLES[row["data_type"]]) for row in columns)
        rows = f"SELECT {values} FROM generate_series(1000, 5000) AS n"
        yield from run(f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE {rows}")
    yield from run("ANALYZE")


def test_the_statements_of_all_modules_are_looked_at() -> None:
    assert len(STATEMENTS) > 55


async def test_every_statement_finds_its_rows_by_an_index(db: Alterable) -> None:
    if db.dialect == "postgresql":
        await db.write(_filled())

    found = {name: await unserved(db, sql, values_of(sql)) for name, sql in STATEMENTS.items()}

    assert {name: steps for name, steps in found.items() if steps and name not in WHOLE} == {}


async def statements(db: Alterable, tx: Tx[Any]) -> list[Statement]:
    """The statements of a transaction."""
    seen: list[Statement] = []

    def noted() -> Tx[None]:
        try:
            statement = next(tx)
            while True:
                seen.append(statement)
                statement = tx.send((yield statement))
        except StopIteration:
            return

    await db.read(noted())
    return seen


@pytest.mark.parametrize("seen", [SEES_ALL, SEES_SOME], ids=["all", "some"])
@pytest.mark.parametrize("pattern", ["", "1.0", "1.*"])
@pytest.mark.parametrize("ascending", [False, True])
async def test_lists_are_served_by_indexes(db: Alterable, seen: Visible, pattern: str, ascending: bool) -> None:
    asked = [
        lists.Asked(10, 0, order, ascending, pattern)
        for order in ("created", "release_bundle_version", "release_bundle_name")
    ]
    found = [one for each in asked[:2] for one in await statements(db, lists.versions(1, "shop", each, seen))]
    grouped = [one for each in asked[::2] for one in await statements(db, lists.groups(1, each, seen))]

    for sql, values in (*found, *grouped):
        assert await unserved(db, sql, values) == [], sql
    for sql, values in found if db.dialect == "sqlite" else ():
        steps = [row["detail"] for row in await db.read(many(f"EXPLAIN QUERY PLAN {sql}", **values))]
        sorts = [step for step in steps if step.startswith("USE TEMP B-TREE")]
        assert len(sorts) <= 1, (sql, steps)  # the page is sorted once more, its rows only


@pytest.mark.parametrize("seen", [SEES_ALL, SEES_SOME], ids=["all", "some"])
@pytest.mark.parametrize("filters", ["", "PROD", "P*", "environment=PROD,created_by=a*,bundle_version=1,status=FAILED"])
async def test_lists_of_promotions_are_served_by_indexes(db: Alterable, seen: Visible, filters: str) -> None:
    for order in ("created", "created_by", "release_bundle_version", "environment"):
        asked = records.Asked(10, 0, order, filters=records.filters_of(filters))
        for tx in (records.of_name(1, "shop", asked, seen), records.of_version(1, asked)):
            for sql, values in await statements(db, tx):
                assert await unserved(db, sql, values) == [], sql
