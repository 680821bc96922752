"""Adds years of builds to the database of a server that does not run."""

import asyncio

from sqlalchemy import Table

from app.db import schema
from app.db.connect import connect
from app.db.tx import Tx, one, run

NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :copies)"
COUNTED = "UPDATE repos SET counter = counter + :copies WHERE id = (SELECT repo_id FROM builds WHERE id = :id)"


def copy(table: Table, **changed: str) -> str:
    """INSERT of every column but the id, copied from the row `old` unless changed."""
    names = [column.name for column in table.columns if column.name != "id"]
    values = ", ".join(changed.get(name, f"old.{name}") for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {values}"


COPY_BUILDS = f"""{NUMBERS}
    {copy(schema.builds, number="repos.counter + n")}
    FROM numbers CROSS JOIN builds old JOIN repos ON repos.id = old.repo_id WHERE old.id = :id ORDER BY n
"""
COPY_STAGES = f"""
    {copy(schema.stages, build_id="builds.id", repo_id="builds.repo_id")}
    FROM builds CROSS JOIN stages old WHERE builds.id > :last AND old.build_id = :id ORDER BY builds.id, old.number
"""
COPY_STEPS = f"""
    {copy(schema.steps, stage_id="stages.id")}
    FROM stages JOIN stages model ON model.build_id = :id AND model.number = stages.number
        JOIN steps old ON old.stage_id = model.id
    WHERE stages.build_id > :last ORDER BY stages.id, old.number
"""
LAST = "SELECT max(id) AS id FROM builds"


def grow(url: str, build_id: int, copies: int) -> None:
    """Add copies of a build, with its stages and steps, to the history of its repository."""
    asyncio.run(_grow(url, build_id, copies))


async def _grow(url: str, build_id: int, copies: int) -> None:
    db = connect(url)
    await db.open()
    try:
        await db.write(_copies(build_id, copies))
    finally:
        await db.close()


def _copies(build_id: int, copies: int) -> Tx[None]:
    row = yield from one(LAST)
    assert row is not None
    last = row["id"]
    yield from run(COPY_BUILDS, id=build_id, copies=copies)
    yield from run(COUNTED, id=build_id, copies=copies)
    yield from run(COPY_STAGES, id=build_id, last=last)
    yield from run(COPY_STEPS, id=build_id, last=last)
