"""What the usual queries look at stays as much as it is, however large the repositories grow.

SQLite counts its own instructions; of PostgreSQL the plan is asked.
"""

import itertools
import re
import sqlite3
from collections.abc import Iterator

import pytest

from app.artifacts import repositories
from app.artifacts.rights import Action, Grant, Rights
from app.artifacts.search import query
from app.artifacts.search.compile import Compiled, compiled
from app.artifacts.search.scope import Scope
from app.artifacts.search.search import _best, find
from app.artifacts.visible import visible_to
from app.db.connect import Database
from app.db.migrate import VERSIONS, versions
from app.db.statements import drive
from app.db.tx import Tx, many, run
from tests import postgres
from tests.artifacts.conftest import NOW
from tests.artifacts.search.store import BUILDS

#: Runs of 10 files each; the files of the first runs are the same in every store.
SIZES = {"small": 160, "large": 1600}
EVERYTHING = Rights(everything=True)
READ: frozenset[Action] = frozenset({"read"})
LIMITED = Rights(grants=(Grant(frozenset({"dev"}), READ, ("org/app1/**",)),))

PLACES = '"path":{"$ne":"."},"$or":[{"$and":[{"repo":"dev","path":"org/app1/1","name":{"$match":"*"}}]},' \
    '{"$and":[{"repo":"dev","path":{"$match":"org/app1/1/*"},"name":{"$match":"*"}}]}]'  # fmt: skip
RUN = '{"$or":[{"$and":[{"artifact.module.build.name":"app1","artifact.module.build.number":"1"}]}]}'
BUNDLE = '"$and":[{"release_artifact.release.name":"app1","release_artifact.release.version":"1"}]'
QUERIES = {
    "Q1": "items.find({" + PLACES + '}).include("name","repo","path","actual_sha1","property")',
    "Q1 in every repository": 'items.find({"$or":[{"$and":[{"repo":{"$match":"*"},"path":"org/app1/1",'
    '"name":{"$match":"*"}}]}]})',
    "Q1 with properties": 'items.find({"$and":[{"@build.name":"app1"}],"$and":[{"@build.number":"1"}],' + PLACES + "})",
    "Q1 with excluded properties": 'items.find({"$or":[{"@color":{"$ne":"red"}}],' + PLACES + "})",
    "Q1 with excluded patterns": 'items.find({"$or":[{"path":{"$nmatch":"*"},"name":{"$nmatch":"*9"}}],'
    + PLACES
    + "})",
    "Q2": f'items.find({RUN}).include("name","repo","path","actual_sha1","property")',
    "Q3": 'items.find({"$and":[' + RUN + ',{"$or":[{"$and":[{"repo":"dev","path":{"$match":"*"}}]}]}]})',
    "Q4": "items.find(" + RUN.replace("artifact", "dependency") + ")",
    "Q5": f'items.find({RUN}).include("name","repo","path","actual_sha1")',
    "Q6": 'items.find({"$and":[{"type":"any",' + PLACES + '},{"$or":[{"@build.name":"app1"}]}]}).include("property")',
    "Q7": f'items.find({{"type": "file","repo": "{BUILDS}","path": {{"$match": "app1"}}}})'
    '.sort({"$desc":["created"]}).limit(1)',
    "Q8": f'items.find({{"repo": "{BUILDS}","path": {{"$match": "app1"}},"name": {{"$match": "1-0.json"}}}})',
    "a release bundle": f"items.find({{{BUNDLE}}})",
    "Q1 of a release bundle": "items.find({" + BUNDLE + ',"$or":[{"$and":[{"repo":{"$match":"*"},"path":'
    '{"$match":"*"},"name":{"$match":"*"}}]}]})',
    "by checksum": 'items.find({"actual_sha1":"sha1-11"})',
    "by property": 'items.find({"@build.number":"1","@build.name":"app1"})',
    "the first of a repository": 'items.find({"repo":"dev"}).limit(5)',
}
#: What the store's tenfold growth adds where not only what is found counts: sets of properties that have a value, which
#: are few to an app's files, and runs of a build.
GROWS = {"Q1 with properties": 1.5, "Q6": 1.5, "Q7": 10.0}


def store(runs: int) -> list[str]:
    """SQL that fills a store: run n is number n / 8 of app n % 8, and so is version n of a release bundle."""

    def numbers(count: int) -> str:
        return f"WITH RECURSIVE c (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < {count})"

    def item(repo: int, path: str, name: str, depth: int, blob: str, properties: str) -> str:
        return (
            f"{repo}, {path}, {name}, FALSE, {depth}, {blob}, {properties}, '', '', {NOW} + n, 'a', {NOW}, 'a', {NOW}"
        )

    of_items = """
        INSERT INTO items (
            repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
            updated
        )
    """
    repos = ", ".join(
        f"('{key}', 'local', 'generic', '', '{system}', '', '', '**/*', '', '', '[]', FALSE, 0, '{{}}', 0, 0)"
        for key, system in (("dev", ""), (BUILDS, "buildinfo"), ("other", ""), ("release-bundles-v2", "bundles"))
    )
    app, number, file = "(n / 10) % 8", "n / 80", f"{runs * 10}"
    return [
        "INSERT INTO artifact_repos (key, kind, package_type, project, system, description, notes, includes, excludes,"
        f" layout, environments, immutable, deploy_to, settings, created, updated) VALUES {repos}",
        f"{numbers(runs * 11)} INSERT INTO blobs (sha256, sha1, md5, size, place, used)"
        " SELECT 'sha256-' || n, 'sha1-' || n, 'md5-' || n, 1, 'place-' || n, 0 FROM c",
        f"{numbers(runs)} INSERT INTO property_sets (digest) SELECT 'digest-' || n FROM c",
        f"{numbers(runs)} INSERT INTO properties (set_id, key, position, value)"
        " SELECT n + 2, 'build.name', 0, 'app' || (n % 8) FROM c",
        f"{numbers(runs)} INSERT INTO properties (set_id, key, position, value)"
        " SELECT n + 2, 'build.number', 0, CAST(n / 8 AS text) FROM c",
        f"{numbers(runs)} INSERT INTO properties (set_id, key, position, value)"
        " SELECT n + 2, 'color', 0, 'blue' FROM c",
        f"{numbers(runs * 10)} {of_items} SELECT "
        + item(1, f"'org/app' || ({app}) || '/' || ({number})", "'file-' || n", 4, "n + 1", "n / 10 + 2") + " FROM c",
        f"{numbers(runs)} {of_items} SELECT "
        + item(2, "'app' || (n % 8)", "(n / 8) || '-0.json'", 2, f"{file} + n + 1", "1") + " FROM c",
        "INSERT INTO runs (repo_id, item_id, name, number, started, started_text, published, published_by, statuses,"
        " version) SELECT repo_id, id, path, substr(name, 1, length(name) - 7), 0, '', 0, '', '[]', 1 FROM items"
        " WHERE repo_id = 2",
        f"{numbers(runs)} INSERT INTO bundles (repo_id, name, version, status, created, by_id, by_name, signing_key,"
        " sources, environment, files, size, manifest, tag, messages) SELECT 4, 'app' || (n % 8), CAST(n / 8 AS text),"
        " 'COMPLETED', 0, 1, '', '', '', '', 10, 10, '', '', '' FROM c",
        f"{numbers(runs * 10)} {of_items} SELECT "
        + item(4, f"'app' || ({app}) || '/' || ({number}) || '/artifacts/generic'", "'file-' || n", 5, "n + 1", "1")
        + " FROM c",
        f"{numbers(runs * 10)} INSERT INTO module_artifacts (run_id, position, module, name, type, path, repo, sha1,"
        " md5, sha256) SELECT n / 10 + 1, n % 10, '', '', '', '', '', 'sha1-' || n, '', '' FROM c",
        f"{numbers(runs * 10)} INSERT INTO module_dependencies (run_id, position, module, name, type, scopes, repo,"
        " sha1, md5, sha256) SELECT n / 10 + 1, n % 10, '', '', '', '', '', 'sha1-' || n, '', '' FROM c",
    ]  # fmt: skip


def counted(raw: sqlite3.Connection, text: str, rights: Rights) -> tuple[int, int]:
    """How much is found, and how many instructions SQLite ran for it."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    raw.set_progress_handler(step, 1)
    try:
        found, _ = drive(raw, find(query.read(text, NOW), rights))
    finally:
        raw.set_progress_handler(None, 1)
    return found.total, count


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, sqlite3.Connection]]:
    made = {}
    for name, runs in SIZES.items():
        raw = made[name] = sqlite3.connect(":memory:", isolation_level=None)
        raw.row_factory = sqlite3.Row
        for statement in (VERSIONS, *itertools.chain(*versions("sqlite")), *store(runs)):
            raw.execute(statement)
    yield made
    for raw in made.values():
        raw.close()


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_looks_at_no_more_in_a_larger_store(stores: dict[str, sqlite3.Connection], name: str) -> None:
    (few, small), (many_, large) = (counted(raw, QUERIES[name], EVERYTHING) for raw in stores.values())

    assert few == many_ > 0
    assert large <= small * GROWS.get(name, 1.1) + 200


def test_with_limited_rights_a_query_looks_at_no_more(stores: dict[str, sqlite3.Connection]) -> None:
    (few, small), (many_, large) = (counted(raw, QUERIES["Q1"], LIMITED) for raw in stores.values())

    assert few == many_ == 10
    assert large <= small * 1.1 + 200


def test_this_would_notice(stores: dict[str, sqlite3.Connection]) -> None:
    text = 'items.find({"repo":"dev","path":{"$match":"*app1/1"}})'

    (_, small), (_, large) = (counted(raw, text, EVERYTHING) for raw in stores.values())

    assert large > small * 5


def sql_of(text: str) -> Tx[Compiled | None]:
    known = yield from repositories.read_all()
    asked = query.read(text, NOW)
    return compiled(asked, Scope(asked.condition, known, visible_to(EVERYTHING, known)))


@pytest.mark.parametrize("name", QUERIES)
def test_sqlite_finds_items_by_an_index(stores: dict[str, sqlite3.Connection], name: str) -> None:
    raw = stores["large"]
    sql = drive(raw, sql_of(QUERIES[name]))
    assert sql is not None

    for found in (*sql.counts, *sql.found):
        plan = [row["detail"] for row in drive(raw, many(f"EXPLAIN QUERY PLAN {found}", **sql.values, few=100))]
        assert not [step for step in plan if re.match(r"SCAN (items|blobs|properties|runs|part)\b", step)], plan
        assert [step for step in plan if re.match(r"SEARCH items USING", step)], plan


def test_a_pattern_without_a_beginning_is_looked_for_in_the_index_alone(stores: dict[str, sqlite3.Connection]) -> None:
    raw = stores["large"]
    text = 'items.find({"repo":"dev","path":{"$match":"*1/1*"},"name":{"$match":"*"},"type":"any"})'
    sql = drive(raw, sql_of(text))
    assert sql is not None

    plan = [row["detail"] for row in drive(raw, many(f"EXPLAIN QUERY PLAN {sql.found[0]}", **sql.values))]

    assert "SEARCH items USING COVERING INDEX items_path (repo_id=?)" in plan


@postgres.real
@pytest.mark.parametrize("name", QUERIES)
async def test_postgresql_finds_items_by_an_index(db: Database, name: str) -> None:
    for statement in store(SIZES["large"]):
        await db.write(run(statement))
    for table in ("items", "blobs", "properties", "runs", "module_artifacts", "module_dependencies"):
        await db.write(run(f"ANALYZE {table}"))
    sql = await db.read(sql_of(QUERIES[name]))
    assert sql is not None

    found = await db.search(_best(sql), 20.0)
    steps = [row["QUERY PLAN"] for row in await db.search(many(f"EXPLAIN {found}", **sql.values), 20.0)]
    assert not [step for step in steps if re.search(r"Seq Scan on (items|blobs|module_\w+)", step)], "\n".join(steps)
