"""Words of SQL that both engines are given in one way: lists of rows, locks, patterns, regular expressions."""

import orjson
import pytest

from app.db.connect import Alterable
from app.db.tx import many, one

ROWS = "SELECT entry.id AS id, entry.name AS name FROM :rows(entries; id bigint, name text) AS entry"


async def test_one_parameter_is_any_number_of_rows(db: Alterable) -> None:
    entries = [[2**53 + 1, "ä'\"\\"], [-1, ""], [0, "x" * 1000]] + [[number, f"n{number}"] for number in range(1000)]

    rows = await db.read(many(ROWS, entries=orjson.dumps(entries).decode()))

    assert [[row["id"], row["name"]] for row in rows] == entries


async def test_no_rows_are_no_rows(db: Alterable) -> None:
    assert await db.read(many(ROWS, entries="[]")) == []


@pytest.mark.parametrize("lock", [":shared", ":exclusive"])
async def test_a_lock_changes_no_result(db: Alterable, lock: str) -> None:
    row = await db.write(one(f"SELECT version FROM schema_versions WHERE version = 1 {lock}"))

    assert row is not None
    assert row["version"] == 1


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("a/b.jar", r"^(.*/)?[^/]*\.jar$", True),
        ("a/b.jar", r"^[^/]*\.jar$", False),
        ("a\nb", r"\Aa.b\Z", True),
        ("a\n", r"\Aa\Z", False),
    ],
)
async def test_a_text_matches_a_regular_expression(db: Alterable, text: str, pattern: str, found: bool) -> None:
    row = await db.read(
        one("SELECT CASE WHEN :text :regexp :pattern THEN 1 ELSE 0 END AS found", text=text, pattern=pattern)
    )

    assert row is not None
    assert bool(row["found"]) is found


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("a/b.jar", "a/*.jar", True),
        ("a/b.jar", "*", True),
        ("", "*", True),
        ("", "?", False),
        ("a\nb", "a?b", True),
        ("ä", "?", True),
        ("ab", "a", False),
        ("AB", "ab", False),
        ("a%2Fb", "a%2F?", True),
        ("a2Fb", "a%b", False),
        ("axb", "a_b", False),
        ("a_b", "a_*", True),
        ("a\\b", "a\\b", True),
        ("a\\b", "a\\\\b", False),
        ("[a]", "[a]", True),
        ("a", "[a]", False),
        ("[!a]^", "[!?]^", True),
        ("a" * 60 + "b", "*a" * 30 + "*c", False),
    ],
)
async def test_a_text_matches_a_pattern(db: Alterable, text: str, pattern: str, found: bool) -> None:
    row = await db.read(
        one("SELECT CASE WHEN v.text :glob(pattern) THEN 1 ELSE 0 END AS found FROM "
            ":rows(texts; text text) AS v", texts=orjson.dumps([[text]]).decode(), pattern=pattern)
    )  # fmt: skip

    assert row is not None
    assert bool(row["found"]) is found


async def test_numbers_are_joined_in_the_order_of_their_rows(db: Alterable) -> None:
    sql = "SELECT :joined(one.id) AS ids FROM (SELECT id FROM :rows(ids; id bigint) AS x ORDER BY -id LIMIT 9) AS one"

    row, nothing = [await db.read(one(sql, ids=text)) for text in ("[[3], [11], [2]]", "[]")]

    assert row is not None
    assert row["ids"] == "11,3,2"
    assert nothing is not None
    assert nothing["ids"] is None
