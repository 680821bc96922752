"""Moments for tests to record."""

from typing import Any

from app.audit import chain, store
from app.audit.model import Entry
from app.db.connect import Database
from app.db.tx import Tx, each, many, run
from app.moments import Actor, Change

NOW = 1_700_000_000
ADA = Actor("person", "ada", 2, "10.0.0.7", "token", "request-1")


def change(verb: str = "secret.create", subject: str = "octocat/hello#secrets/key", **fields: Any) -> Change:
    return Change(verb, fields.pop("by", ADA), subject, **fields)


async def record(db: Database, *changes: Change, at: int = NOW) -> None:
    """Each at its own second, from `at` on."""
    await db.write(each(store.record(one, at + n) for n, one in enumerate(changes)))


async def entries(db: Database) -> list[Entry]:
    """All rows, in the order of their ids."""

    def tx() -> Tx[list[Entry]]:
        return [store.MAPPER.make(row) for row in (yield from many("SELECT * FROM audit ORDER BY id"))]

    return await db.read(tx())


async def sealed(db: Database, count: int) -> None:
    """So many rows, all of them sealed."""
    await record(db, *(change(after={"n": n}) for n in range(count)))
    while await db.write(chain.seal()):
        pass


async def execute(db: Database, sql: str) -> None:
    """Change the database behind everybody's back."""
    await db.write(run(sql))
