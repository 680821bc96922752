"""What both engines have in common."""

import asyncio

import pytest

from app.db.connect import Database
from app.db.tx import Tx, one, run
from app.errors import NotFound

CARD = "INSERT INTO cards (step_id, data) VALUES (:step_id, '{}')"
SWITCH = "INSERT INTO switches (name, since) VALUES (:name, 1)"


def both(name: str) -> Tx[None]:
    yield from run(SWITCH, name=name)
    yield from run(CARD, step_id=99)


async def test_what_belongs_to_nothing_is_not_found_and_harms_nobody_else(db: Database) -> None:
    outcomes = await asyncio.gather(
        db.write(run(SWITCH, name="a")), db.write(both("b")), db.write(run(SWITCH, name="c")), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [type(None), NotFound, type(None)]
    row = await db.read(one("SELECT count(*) AS total FROM switches"))
    assert row is not None
    assert row["total"] == 2


async def test_a_value_that_is_taken_is_still_a_bug(db: Database) -> None:
    await db.write(run(SWITCH, name="a"))

    with pytest.raises(Exception, match=r"(?i)unique") as refused:
        await db.write(run(SWITCH, name="a"))
    assert not isinstance(refused.value, NotFound)
