"""What the database is asked for stays as much as it is, however many runs and files there are."""

import importlib
import itertools
import pkgutil
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from types import ModuleType
from typing import Any, TypeVar

import orjson
import pytest

import app.buildinfo
from app.artifacts.blobs.store import Received
from app.artifacts.items import Stamp
from app.artifacts.model import Sums
from app.artifacts.visible import Visible
from app.buildinfo import document, linking, store
from app.db.migrate import VERSIONS, versions
from app.db.parameters import marked
from app.db.tx import Statement, Tx
from tests.buildinfo.project import STARTED, artifact, module
from tests.builds.test_growth import fill

T = TypeVar("T")
SQL = re.compile(r"\s*(WITH|SELECT|UPDATE|INSERT|DELETE)\b")
MODULES = [
    importlib.import_module(found.name) for found in pkgutil.walk_packages(app.buildinfo.__path__, "app.buildinfo.")
]
#: Tables that grow with use. Parameters that are tables are small: `SCAN file` and its like are fine.
BIG = re.compile(
    r"SCAN (items|blobs|properties|number|name|place|runs|whole|part|entry|inside|module_\w+|run_parts|build_\w+)\b"
)
RUNS, FILES = 2_000, 20_000


def constants(made: ModuleType) -> Iterator[tuple[str, str]]:
    for name, value in vars(made).items():
        if name.isupper() and isinstance(value, str) and SQL.match(value) and "{" not in value:
            yield f"{made.__name__.removeprefix('app.buildinfo.')}.{name}", value


STATEMENTS = [found for made in MODULES for found in constants(made)]


@pytest.fixture(scope="module")
def raw() -> Iterator[sqlite3.Connection]:
    """A database with many runs and files."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.create_function("regexp", 2, lambda pattern, text: re.search(pattern, text) is not None)
    for statement in (VERSIONS, *itertools.chain(*versions("sqlite"))):
        connection.execute(statement)
    kind, system = "'local'", "iif(n, '', 'buildinfo')"
    fill(
        connection, "artifact_repos", 4, key="'r' || n", kind=kind, system=system, environments="'[]'", settings="'{}'"
    )
    fill(connection, "property_sets", RUNS, id="n + 2", digest="'d' || n")
    fill(connection, "properties", RUNS, set_id="n + 2", key="'build.name'", value="'b' || (n / 100)")
    fill(connection, "properties", RUNS, set_id="n + 2", key="'build.number'", value="n % 100")
    sums = {name: f"'{name}' || n" for name in ("sha1", "md5", "sha256")}
    fill(connection, "blobs", FILES, place="n", **sums)
    sets = f"n % {RUNS} + 2"
    fill(connection, "items", FILES, repo_id="n % 3 + 2", path="'p' || (n / 100)", name="'n' || n", depth="2",
         set_id=sets, blob_id="n + 1")  # fmt: skip
    fill(connection, "items", RUNS, id=f"{FILES} + n + 1", repo_id="1", path="'b' || (n / 100)", name="n", depth="2",
         set_id="1", blob_id="n + 1")  # fmt: skip
    fill(connection, "runs", RUNS, repo_id="1", item_id=f"{FILES} + n + 1", name="'b' || (n / 100)", number="n % 100",
         started="n", published="n", statuses="'[]'", version="1")  # fmt: skip
    fill(connection, "module_artifacts", FILES, run_id=f"n % {RUNS} + 1", position=f"n / {RUNS}", **sums)
    fill(connection, "run_parts", RUNS, run_id="n + 1", module="'b' || n || '/1'")
    fill(connection, "build_promotions", RUNS, repo_id="1", name="'b' || (n / 100)", number="n % 100", started="n")
    yield connection
    connection.close()


def drive(raw: sqlite3.Connection, tx: Tx[T]) -> tuple[T, int, int]:
    """The result of a transaction, how many statements it has, and how many thousand instructions they took."""
    count, thousands = 0, 0

    def tell() -> int:
        nonlocal thousands
        thousands += 1
        return 0

    raw.execute("BEGIN")
    raw.set_progress_handler(tell, 1000)
    try:
        statement: Statement = next(tx)
        while True:
            count += 1
            text, arguments = marked(statement[0])
            statement = tx.send(raw.execute(text, arguments(statement[1])).fetchall())
    except StopIteration as end:
        return end.value, count, thousands
    finally:
        raw.set_progress_handler(None, 0)
        raw.execute("ROLLBACK")


def test_the_statements_of_all_modules_are_looked_at() -> None:
    assert len(STATEMENTS) > 30


@pytest.mark.parametrize(("name", "sql"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_a_statement_is_served_by_indexes(raw: sqlite3.Connection, name: str, sql: str) -> None:
    text, arguments = marked(sql)
    values: dict[str, Any] = defaultdict(lambda: "[]")

    steps = [row["detail"] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", arguments(values))]

    assert not [step for step in steps if BIG.match(step)], steps


def published(entries: int) -> tuple[document.Document, Received]:
    listed = [artifact(f"f{at}", b"%d" % at, path=f"x/{at}") for at in range(entries)]
    body = {"name": "new", "number": "1", "started": STARTED, "modules": [module(*listed)]}
    found = document.normalised(orjson.dumps(body), "ada")
    return found, Received(Sums("s" * 64, "1" * 40, "m" * 32), len(found.data), "place")


def test_as_many_statements_publish_ten_thousand_artifacts_as_ten(raw: sqlite3.Connection) -> None:
    counts = [drive(raw, store.add(1, *published(entries), Stamp("ada", 1)))[1] for entries in (10, 10_000)]

    assert counts[0] == counts[1] < 20


def test_files_of_a_run_are_found_without_a_look_at_others(raw: sqlite3.Connection) -> None:
    found, statements, thousands = drive(raw, linking.candidates("b7", "7", "r0"))

    assert (len(found), statements) == (FILES // RUNS, 1)
    assert thousands < 10


def test_the_newest_run_of_each_name_is_found_in_a_time_that_the_runs_alone_decide(raw: sqlite3.Connection) -> None:
    found, _, thousands = drive(raw, store.newest(1, Visible(frozenset({1}))))

    assert len(found) == RUNS // 100
    assert thousands < RUNS // 10
