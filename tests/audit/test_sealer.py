"""The sealer: rows are in the chain soon after their commit, and a server at rest does nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.audit import chain
from app.audit.sealer import Sealer
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import Recorders
from tests.audit.farside import NOW, change, entries, execute, record


async def all_sealed(db: Database, count: int) -> None:
    async with asyncio.timeout(20):
        while [row.seq for row in await entries(db) if row.seq] != list(range(1, count + 1)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def sealing(db: Database, *, soon: float = 0.02, seldom: float = 600) -> AsyncIterator[Recorders]:
    sealer = Sealer(db, lambda: NOW, soon=soon, seldom=seldom)
    async with sealer.running():
        yield Recorders(sealer.recorder(without=frozenset({"build.step"})))


async def test_what_is_recorded_is_sealed_soon(db: Database) -> None:
    async with sealing(db) as recorders:
        for count in (1, 2):
            await db.write(recorders.record(change()))
            await all_sealed(db, count)

    assert [row.at for row in await entries(db)] == [NOW, NOW]


async def test_verbs_that_are_left_out_are_not_wanted(db: Database) -> None:
    async with sealing(db) as recorders:
        assert (recorders.wants("build.promote"), recorders.wants("build.step")) == (True, False)


async def test_rows_of_another_server_are_sealed_without_being_told_of(db: Database) -> None:
    async with sealing(db, seldom=0.05):
        await record(db, change())
        await all_sealed(db, 1)


async def test_a_commit_that_takes_long_is_sealed_after_it(db: Database) -> None:
    """A moment is told of before it is committed: one look is not enough."""
    recorded = asyncio.Event()

    class Late:
        def __getattr__(self, name: str) -> Any:
            return getattr(db, name)

        async def read(self, tx: Tx[Any]) -> Any:
            result = await db.read(tx)
            if result is False and not recorded.is_set():
                recorded.set()
            return result

    sealer = Sealer(Late(), lambda: NOW, soon=0.02, seldom=600)
    async with sealer.running():
        next(sealer.recorder().record(change()))  # a transaction that has not committed
        await asyncio.wait_for(recorded.wait(), 20)
        await record(db, change())
        await all_sealed(db, 1)


async def test_what_is_left_at_the_end_is_sealed(db: Database) -> None:
    async with sealing(db, soon=600) as recorders:
        await db.write(recorders.record(change()))

    assert (await chain.verify(db)).holds == 1


async def test_it_goes_on_when_the_database_was_away(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    class Away:
        failing = True

        def __getattr__(self, name: str) -> Any:
            return getattr(db, name)

        async def write(self, tx: Tx[Any]) -> Any:
            if self.failing:
                self.failing = False
                raise Unavailable("the disk is full")
            return await db.write(tx)

    sealer = Sealer(Away(), lambda: NOW, soon=0.02, seldom=0.05)
    await record(db, change())
    async with sealer.running():
        await all_sealed(db, 1)
    assert "the audit record could not be sealed" in caplog.text


async def test_a_chain_without_its_end_is_told_in_the_log(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    await record(db, change())
    await execute(db, "DELETE FROM audit_head")

    async with sealing(db):
        pass
    assert "the audit record cannot be sealed" in caplog.text
