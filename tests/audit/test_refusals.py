"""Refusals: a row each, a few a minute for one account, and the rest counted."""

from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from app.audit import store
from app.audit.refusals import MINUTE, MOST, Refusals
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import Actor, Recorder, Recorders
from tests.audit.farside import ADA, NOW, entries

PATH = "/api/users"


@dataclass
class Clock:
    time: int = NOW

    def __call__(self) -> int:
        return self.time


def refusals(db: Database, clock: Clock) -> Refusals:
    return Refusals(db, Recorders(Recorder(lambda moment: store.record(moment, clock()))), clock)


async def refuse(kept: Refusals, by: Actor, times: int) -> None:
    for _ in range(times):
        await kept.record(by, "GET", PATH, "forbidden")


async def test_a_refusal_is_a_row(db: Database) -> None:
    await refuse(refusals(db, Clock()), ADA, 1)

    (row,) = await entries(db)
    assert (row.verb, row.subject, row.actor_name, row.after) == (
        "refusal",
        "GET /api/users",
        "ada",
        '{"code":"forbidden"}',
    )


async def test_an_account_gets_a_few_rows_a_minute_and_the_rest_is_counted(db: Database) -> None:
    clock = Clock()
    kept = refusals(db, clock)

    await refuse(kept, ADA, 100)
    await refuse(kept, replace(ADA, id=3, name="bob"), 1)
    clock.time += MINUTE
    await refuse(kept, ADA, 2)

    rows = await entries(db)
    assert [row.actor_name for row in rows] == ["ada"] * MOST + ["bob", "ada", "ada"]
    assert [orjson.loads(row.after).get("left_out") for row in rows[-2:]] == [100 - MOST, None]


async def test_accounts_that_ask_no_more_are_forgotten(db: Database) -> None:
    clock = Clock()
    kept = refusals(db, clock)
    for number in range(1, 50):
        await refuse(kept, replace(ADA, id=number), 1)
    clock.time += MINUTE

    await refuse(kept, ADA, 1)
    await refuse(kept, replace(ADA, id=99), 1)

    assert set(kept._counts) == {ADA.id, 99}


async def test_a_path_of_any_length_and_with_any_character_is_kept_as_far_as_it_goes(db: Database) -> None:
    await refusals(db, Clock()).record(ADA, "GET", "/api/\0" + "x" * 9000, "forbidden")

    (row,) = await entries(db)
    assert row.subject.startswith("GET /api/\ufffdxxx")
    assert len(row.subject) == store.LONGEST


async def test_a_refusal_that_could_not_be_written_is_told_of_by_the_next_row(db: Database) -> None:
    class Away:
        failing = True

        def __getattr__(self, name: str) -> Any:
            return getattr(db, name)

        async def write(self, tx: Tx[Any]) -> Any:
            if not self.failing:
                return await db.write(tx)
            tx.close()
            raise Unavailable("the database is away")

    away, kept = Away(), refusals(db, Clock())
    kept._db = away
    with pytest.raises(Unavailable):
        await refuse(kept, ADA, 1)
    away.failing = False

    await refuse(kept, ADA, 1)

    (row,) = await entries(db)
    assert orjson.loads(row.after) == {"code": "forbidden", "left_out": 1}


async def test_a_clock_that_was_ahead_once_hides_no_later_refusal(db: Database) -> None:
    clock = Clock()
    kept = refusals(db, clock)
    clock.time += 730 * 24 * 3600
    await refuse(kept, ADA, 1000)
    many = len(await entries(db))
    clock.time -= 730 * 24 * 3600

    await refuse(kept, ADA, 1)

    assert len(await entries(db)) == many + 1
