"""Every statement on release bundles finds its rows by an index, also in lists of any order and filter."""

from typing import Any

import pytest

from app.artifacts.visible import Visible
from app.bundles import evidence, lists, promotions, store, work
from app.bundles.lists import Asked
from app.db.connect import Database
from app.db.tx import Statement, Tx, many

SEES_ALL = Visible(frozenset({1}))
SEES_SOME = Visible(partial=((1, ("a.*",), ()),))


async def statements(db: Database, tx: Tx[Any]) -> list[Statement]:
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


async def plan(db: Database, sql: str, values: dict[str, Any]) -> list[str]:
    """How SQLite finds the rows of a statement."""
    return [row["detail"] for row in await db.read(many(f"EXPLAIN QUERY PLAN {sql}", **values))]


@pytest.mark.parametrize("seen", [SEES_ALL, SEES_SOME], ids=["all", "some"])
@pytest.mark.parametrize("pattern", ["", "1.0", "1.*"])
@pytest.mark.parametrize("ascending", [False, True])
async def test_lists_are_served_by_indexes(db: Database, seen: Visible, pattern: str, ascending: bool) -> None:
    if db.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by the contents of the tables")
    asked = [Asked(10, 0, order, ascending, pattern) for order in ("created", "release_bundle_version")]
    found = [one for each in asked for one in await statements(db, lists.versions(1, "shop", each, seen))]
    names = [Asked(10, 0, order, ascending, pattern) for order in ("created", "release_bundle_name")]
    grouped = [one for each in names for one in await statements(db, lists.groups(1, each, seen))]

    for sql, values in (*found, *grouped):
        steps = await plan(db, sql, values)
        scanned = [step for step in steps if step.startswith("SCAN") and "json_each" not in step]
        assert [step for step in scanned if step not in ("SCAN page", "SCAN wanted")] == [], (sql, steps)
    for sql, values in found:
        steps = await plan(db, sql, values)
        sorts = [step for step in steps if step.startswith("USE TEMP B-TREE")]
        assert len(sorts) <= 1, (sql, steps)  # the page is sorted once more, its rows only


@pytest.mark.parametrize(
    "sql",
    [
        *(store.FIND, store.EVERYWHERE, store.ARTIFACTS, store.SIGNED, store.BY_ID),
        *(promotions.FIND, promotions.COMPLETED, promotions.OPEN, promotions.LAST),
        *(evidence.HEAD, evidence.ALL),
        *(work.TAKE, work.RENEW, work.FINISH, work.EXISTS, work.OF),
        *(lists.RELEASED, lists.LATEST),
    ],
)
async def test_every_statement_uses_an_index(db: Database, sql: str) -> None:
    if db.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by the contents of the tables")
    numbers = ("id", "repo_id", "bundle_id", "promotion_id", "created", "now", "until", "done")
    texts = ("key", "name", "version", "environment", "owner", "manifest")
    values = dict.fromkeys(numbers, 1) | dict.fromkeys(texts, "x") | dict.fromkeys(("ids", "wanted"), "[]")

    steps = await plan(db, sql, values)

    scanned = [step for step in steps if step.startswith("SCAN") and "json_each" not in step]
    assert [step for step in scanned if not step.startswith("SCAN artifact_repos")] == [], steps  # of these are few
