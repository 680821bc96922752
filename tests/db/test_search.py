"""Searches: what takes too long is ended, and nobody else waits."""

import asyncio
import threading

import pytest

from app.db.connect import Alterable
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, TooLong

ENDLESS = """
    WITH RECURSIVE c (n) AS (SELECT 1::bigint UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000000)
    SELECT count(*) AS total FROM c
"""


def endless(db: Alterable) -> Tx[object]:
    return one(ENDLESS if db.dialect == "postgresql" else ENDLESS.replace("::bigint", ""))


def number() -> Tx[int]:
    row = yield from one("SELECT 1 AS one")
    assert row is not None
    return int(row["one"])


async def test_a_search_gives_its_result(db: Alterable) -> None:
    assert await db.search(number(), 5.0) == 1


async def test_a_search_that_takes_too_long_is_ended_and_the_next_is_not(db: Alterable) -> None:
    for _ in range(4):
        with pytest.raises(TooLong, match=r"longer than 0\.1 seconds"):
            await db.search(endless(db), 0.1)

    assert await db.search(number(), 5.0) == 1


async def test_many_statements_may_take_no_longer_than_one(db: Alterable) -> None:
    def unending() -> Tx[None]:
        while True:
            yield from number()

    with pytest.raises(TooLong):
        await db.search(unending(), 0.1)


async def test_others_do_not_wait_for_searches(db: Alterable) -> None:
    searches = [asyncio.create_task(db.search(endless(db), 0.5)) for _ in range(8)]
    await asyncio.sleep(0)

    assert await db.read(number()) == await db.glance(number()) == 1
    await db.write(run("CREATE TABLE more (id INTEGER)"))
    assert not any(search.done() for search in searches)
    for search in searches:
        search.cancel()
    await asyncio.gather(*searches, return_exceptions=True)


async def test_a_search_writes_nothing_and_its_errors_are_its_own(db: Alterable) -> None:
    def failing() -> Tx[None]:
        yield from number()
        raise Conflict("changed my mind")

    with pytest.raises(Conflict):
        await db.search(failing(), 5.0)
    with pytest.raises(Exception, match=r"read-?only|cannot be written"):
        await db.search(run("CREATE TABLE more (id INTEGER)"), 5.0)
    assert await db.search(number(), 5.0) == 1


async def test_a_read_of_many_rows_is_one_snapshot_that_nobody_waits_for(db: Alterable) -> None:
    await db.write(run("CREATE TABLE numbers (id INTEGER)"))
    began, go_on = threading.Event(), threading.Event()

    def long() -> Tx[tuple[int, int]]:
        before = yield from many("SELECT id FROM numbers")
        began.set()
        assert db.dialect == "postgresql" or go_on.wait(30)
        after = yield from many("SELECT id FROM numbers")
        return len(before), len(after)

    reading = asyncio.create_task(db.read_many(long()))
    await asyncio.to_thread(began.wait, 30)
    await db.write(run("INSERT INTO numbers (id) VALUES (1)"))
    for _ in range(3):
        assert await db.read(number()) == await db.glance(number()) == 1
    go_on.set()

    assert await reading == (0, 0)
    with pytest.raises(Exception, match=r"read-?only|cannot be written"):
        await db.read_many(run("INSERT INTO numbers (id) VALUES (2)"))
