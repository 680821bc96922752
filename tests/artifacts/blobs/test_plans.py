"""What looks after blobs reads no more rows at a time than a page has, however many blobs and files there are."""

import re

import pytest

from app.artifacts.blobs import collection, quota, verification
from app.db.connect import Alterable
from app.db.tx import many
from tests.acceptance.server import on_sqlite

STATEMENTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": sql
    for module in (collection, quota, verification)
    for name, sql in vars(module).items()
    if name.isupper() and isinstance(sql, str) and not name.startswith("_")
}


@on_sqlite
@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_statement_is_served_by_an_index(db: Alterable, name: str) -> None:
    sql = STATEMENTS[name]
    values = dict.fromkeys(re.findall(r"(?<!:):(?!rows|exclusive)([a-z_]+)", sql), 1)
    listed = dict.fromkeys(re.findall(r":rows\((\w+);", sql), "[]")

    steps = [row["detail"] for row in await db.read(many(f"EXPLAIN QUERY PLAN {sql}", **values, **listed))]

    assert steps
    assert not [step for step in steps if re.match(r"SCAN (items|blobs|property_sets|bundle_artifacts|file)\b", step)]


def test_all_statements_are_looked_at() -> None:
    assert len(STATEMENTS) == 16
