"""How many statements a request costs, which is the same however long the history is."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TypeVar

from app.builds import flow, lists
from app.builds.api.rendered import Rendered
from app.builds.moments import Moments
from app.db.bus import Hear, Notify
from app.db.connect import Database
from app.db.tx import Tx
from app.db.window import Window
from app.moments import Recorders
from tests.builds.farside import OCTOCAT, Scene, pipeline

T = TypeVar("T")


class Counting:
    """A database that notes every statement."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.dialect = db.dialect
        self.statements: list[str] = []

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """It stays open."""

    def listening(self, channels: Mapping[str, Hear]) -> AbstractAsyncContextManager[Notify | None]:
        return self._db.listening(channels)

    async def write(self, tx: Tx[T]) -> T:
        return await self._db.write(self._noted(tx))

    async def write_few(self, tx: Tx[T]) -> T:
        return await self._db.write_few(self._noted(tx))

    async def read(self, tx: Tx[T]) -> T:
        return await self._db.read(self._noted(tx))

    async def read_many(self, tx: Tx[T]) -> T:
        return await self._db.read_many(self._noted(tx))

    async def search(self, tx: Tx[T], seconds: float) -> T:
        return await self._db.search(self._noted(tx), seconds)

    async def glance(self, tx: Tx[T]) -> T:
        return await self._db.glance(self._noted(tx))

    def _noted(self, tx: Tx[T]) -> Tx[T]:
        try:
            statement = next(tx)
            while True:
                self.statements.append(statement[0])
                statement = tx.send((yield statement))
        except StopIteration as end:
            result: T = end.value
            return result


async def test_a_list_that_was_rendered_asks_for_its_heads_alone(scene: Scene) -> None:
    for _ in range(30):
        await scene.push()
    counting = Counting(scene.ports.db)
    rendered = Rendered(counting)

    first = await rendered.array((await counting.read(lists.page(scene.repo, {}, Window(25)))).items)
    assert len(counting.statements) == 26
    counting.statements.clear()
    second = await rendered.array((await counting.read(lists.page(scene.repo, {}, Window(25)))).items)

    assert first == second
    assert len(counting.statements) == 1


async def test_a_promotion_writes_once_and_reads_nothing_more(scene: Scene) -> None:
    await scene.push(pipeline("a"), pipeline("b"))
    counting = Counting(scene.ports.db)
    ports = replace(scene.ports, db=counting, moments=Moments(counting, scene.ports.logs, Recorders()))

    old = await scene.build(1)
    await flow.promote(ports, scene.repo, old, target="production", by=OCTOCAT, params={})

    verbs = [statement.split()[0] for statement in counting.statements]
    assert verbs == ["UPDATE", "INSERT", "INSERT", "INSERT", "INSERT"]
