"""Notes the statements that a database is asked for."""

from collections.abc import Collection
from typing import Any, TypeVar

from app.db.connect import Database
from app.db.tx import Statement, Tx

T = TypeVar("T")

#: The calls of a database that drive transactions.
CALLS = ("read", "read_many", "glance", "search", "write", "write_few", "alter")


class Counting:
    """A database that notes every statement, but for those of some calls.

    Used as a database, it is passed as `Any`: the calls are found by their names.
    """

    def __init__(self, db: Database, without: Collection[str] = ()) -> None:
        self.db = db
        self.statements: list[str] = []
        #: The same statements with their values.
        self.asked: list[Statement] = []
        #: The calls, by name, one for each transaction.
        self.calls: list[str] = []
        self._without = without

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.db, name)
        if name not in CALLS or name in self._without:
            return call

        async def noted(tx: Tx[T], *more: float) -> Any:
            self.calls.append(name)
            return await call(self._noted(tx), *more)

        return noted

    def _noted(self, tx: Tx[T]) -> Tx[T]:
        try:
            statement = next(tx)
            while True:
                self.statements.append(statement[0])
                self.asked.append(statement)
                statement = tx.send((yield statement))
        except StopIteration as end:
            result: T = end.value
            return result
