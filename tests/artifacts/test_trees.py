"""Statements about a folder look at what is in the folder, and not at the rest of the repository."""

import pytest

from app.artifacts import annotation, finding, items, listing, moving, removal, trees
from app.db.connect import Alterable
from app.db.tx import many

STATEMENTS = {
    "the properties below": annotation.SETS,
    "what may not be annotated": annotation.REFUSED,
    "what may be read": finding.VISIBLE_BELOW,
    "what goes": items.REMOVE_TREE,
    "a list": listing.BELOW,
    "the last change": listing.NEWEST,
    "what is copied or moved": moving.TREE,
    "what may not be moved": moving.REFUSED,
    "how much goes": removal.COUNT,
    "what may not go": removal.KEPT,
}
MORE = {"visible_whole": "[]", "visible_partial": "[]", "start": 1, "end": 3, "folders": 1}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=list(STATEMENTS))
async def test_a_folder_is_found_by_the_index_of_paths(db: Alterable, statement: trees.Statement) -> None:
    if db.dialect == "postgresql":
        pytest.skip("how PostgreSQL goes depends on what the tables hold")
    sql = f"EXPLAIN QUERY PLAN {statement.of('a/b')}"

    plan = [row["detail"] for row in await db.read(many(sql, **MORE, **trees.parameters(1, "a/b")))]

    ways = [step.partition("items_path ")[2] for step in plan if "items_path" in step]
    assert {way for way in ways if way} <= {
        "(repo_id=? AND path=?)",
        "(repo_id=? AND path>? AND path<?)",
        "(repo_id=? AND path=? AND name=?)",
    }
    assert len(ways) == 3
    assert "SCAN items" not in plan


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", {"", "a", "a/b", "a/b/c", "a-b", "a0"}),
        ("a", {"a", "a/b", "a/b/c"}),
        ("a/b", {"a/b", "a/b/c"}),
        ("a-b", {"a-b"}),
        ("b", set()),
    ],
)
async def test_a_tree_is_an_item_and_all_below_it(db: Alterable, path: str, found: set[str]) -> None:
    sql = trees.statement("""
        SELECT items.path, items.name FROM (
            SELECT 1 AS repo_id, entry.path AS path, entry.name AS name
            FROM :rows(entries; path text, name text) AS entry
        ) AS items WHERE {tree}
    """)
    there = [[".", "."], [".", "a"], ["a", "b"], ["a/b", "c"], [".", "a-b"], [".", "a0"]]

    rows = await db.read(many(sql.of(path), entries=str(there).replace("'", '"'), **trees.parameters(1, path)))

    wholes = {row["name"] if row["path"] == "." else f"{row['path']}/{row['name']}" for row in rows}
    assert {whole if whole != "." else "" for whole in wholes} == found
