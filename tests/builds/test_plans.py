"""Boards and queues find their rows by an index on both databases, in a history of the usual form.

PostgreSQL is told to read no table whole if an index can serve: it would read a small one.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import Boolean, Text

from app.accounts.model import User
from app.builds import goto, lists, targets
from app.db import schema
from app.db.connect import Alterable
from app.db.tx import Rows, Statement, Tx, each, many, run
from app.db.window import Window
from app.repos import store as repos
from tests.builds.farside import NOW, Scene

REPOS, TARGETS, BUILDS = 40, 6, 12_000
ADMIN, ADA = User(1, "octocat", admin=True), User(2, "ada")
#: The row `n` of the history: each second build goes to a target, two of seven failed, and one of a thousand waits.
ROW = {
    "id": "n + 1",
    "repo_id": f"n % {REPOS} + 2",
    "number": f"n / {REPOS} + 1",
    "status": "CASE WHEN n % 7 < 2 THEN 'failure' ELSE 'success' END",
    "deploy_to": f"CASE WHEN n / {REPOS} % 2 = 0 THEN '' ELSE 't' || (n / {REPOS} % {TARGETS * 2}) END",
    "finished": "n",
    "blocked": "n % 1000 = 0",
    "params": "'{}'",
}


def fill(scene: Scene) -> Tx[None]:
    """Repositories with a history."""
    drafts = [replace(scene.repo, id=0, name=f"r{number:03}", visibility="public") for number in range(REPOS)]
    yield from each(repos.create(draft) for draft in drafts)
    texts = {column.name: "''" for column in schema.builds.columns if isinstance(column.type, Text)}
    flags = {column.name: "FALSE" for column in schema.builds.columns if isinstance(column.type, Boolean)}
    values = {column.name: "0" for column in schema.builds.columns} | texts | flags | ROW
    yield from run(
        f"INSERT INTO builds ({', '.join(values)}) WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 "
        f"FROM count WHERE n + 1 < {BUILDS}) SELECT {', '.join(values.values())} FROM count"
    )
    yield from run(
        "INSERT INTO latest (repo_id, kind, name, build_id, first_number) SELECT repo_id, 'deployment', deploy_to, "
        "max(id), min(number) FROM builds WHERE deploy_to <> '' GROUP BY repo_id, deploy_to"
    )
    yield from run("ANALYZE")


async def asked(db: Alterable, tx: Tx[Any]) -> list[Statement]:
    """The statements of a transaction, with their values."""
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


async def scans(db: Alterable, sql: str, values: dict[str, Any]) -> list[str]:
    """The steps of the plan that read all builds."""
    if db.dialect == "sqlite":
        steps = [row["detail"] for row in await db.read(many(f"EXPLAIN QUERY PLAN {sql}", **values))]
        return [step for step in steps if step.startswith("SCAN builds") and "builds_blocked" not in step]
    (row,) = await db.write(_planned(sql, values))
    (said,) = row
    plan = orjson.loads(said) if isinstance(said, str) else said
    return [
        step["Node Type"]
        for step in _steps(plan[0]["Plan"])
        if step.get("Relation Name") == "builds"
        and "Index Cond" not in step
        and not step.get("Index Name", "").startswith("builds_blocked")
        and step["Node Type"] != "Bitmap Heap Scan"
    ]


def _planned(sql: str, values: dict[str, Any]) -> Tx[Rows]:
    yield from run("SET LOCAL enable_seqscan = off")
    return (yield from many(f"EXPLAIN (FORMAT JSON) {sql}", **values))


def _steps(step: Any) -> Iterator[Any]:
    yield step
    for inner in step.get("Plans", ()):
        yield from _steps(inner)


@pytest.fixture
async def filled(scene: Scene) -> Scene:
    await scene.ports.db.write(fill(scene))
    return scene


async def test_no_statement_reads_all_builds(filled: Scene) -> None:
    db: Any = filled.ports.db
    transactions = {
        "targets of all repositories": targets.page(ADA, Window(25), NOW),
        "their next page": targets.page(ADA, Window(25, after="octocat/r010"), NOW),
        "their page before": targets.page(ADMIN, Window(25, before="octocat/r030"), NOW),
        "targets of a repository": targets.of_repo(filled.repo.id + 3),
        "what runs": targets.current(filled.repo.id + 3, "t3"),
        "what ran before": targets.previous(filled.repo.id + 3, "t3", 7),
        "approvals": lists.approvals(ADA, Window(25), NOW),
        "approvals of an administrator": lists.approvals(ADMIN, Window(25), NOW),
        "older approvals": lists.approvals(ADMIN, Window(25, after="9000"), NOW),
        "newer approvals": lists.approvals(ADMIN, Window(25, before="3000"), NOW),
        "go to a build": goto.find("r01#7", ADA, NOW),
        "go to a commit": goto.find("abcdef0123", ADA, NOW),
        "go to a target": goto.find("t1", ADMIN, NOW),
        "what is blocked": lists.page(filled.repo, {"status": "blocked"}, Window(25)),
    }

    found = {name: [await scans(db, *one) for one in await asked(db, tx)] for name, tx in transactions.items()}

    assert {name: plans for name, plans in found.items() if any(plans)} == {}
    board = await db.read(targets.page(ADMIN, Window(100), NOW))
    assert [len(its) for _, its in board.items] == [TARGETS] * REPOS
    assert len((await db.read(lists.approvals(ADMIN, Window(100), NOW))).items) == BUILDS // 1000
