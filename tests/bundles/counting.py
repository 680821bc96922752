"""Notes the statements of what a scene does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from app.db.connect import Alterable
from app.db.tx import Tx
from tests.bundles.farside import Scene

T = TypeVar("T")


class Counting:
    """A database that notes every statement, but for those that ask again and again whether something has ended."""

    def __init__(self, db: Alterable) -> None:
        self.db = db
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)

    async def read(self, tx: Tx[T]) -> T:
        return await self.db.read(self._noted(tx))

    async def read_many(self, tx: Tx[T]) -> T:
        return await self.db.read_many(self._noted(tx))

    async def write(self, tx: Tx[T]) -> T:
        return await self.db.write(self._noted(tx))

    async def alter(self, tx: Tx[T]) -> T:
        return await self.db.alter(self._noted(tx))

    def _noted(self, tx: Tx[T]) -> Tx[T]:
        try:
            statement = next(tx)
            while True:
                self.statements.append(statement[0])
                statement = tx.send((yield statement))
        except StopIteration as end:
            result: T = end.value
            return result


@contextmanager
def counted(scene: Scene) -> Iterator[list[str]]:
    """The statements of what the scene, and the work of its worker, do in the block."""
    db, counting = scene.db, Counting(scene.db)
    try:
        _use(scene, counting)
        yield counting.statements
    finally:
        _use(scene, db)


def _use(scene: Scene, db: Any) -> None:
    assert scene.worker is not None
    scene.db = db
    for step in scene.worker._steps.values():
        object.__setattr__(step, "ports", scene.bundle_ports)
