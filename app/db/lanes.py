"""Transactions that wait for one connection of SQLite, and are driven together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import aiosqlite

from app.db.faults import unavailable
from app.db.tx import Tx

T = TypeVar("T")
Outcome: TypeAlias = tuple[Any, BaseException | None]

#: The most transactions of one commit, so that the first of them does not wait too long.
GROUP = 64
#: Seconds after which a lane that still drives the same group counts as stuck.
STUCK = 0.02


class Waiting(NamedTuple):
    """A transaction, the future of its caller, and whether the transaction writes only a few rows.

    `seconds`: how long it may take; 0 for as long as it takes.
    """

    tx: Tx[Any]
    future: "asyncio.Future[Any]"
    few: bool
    seconds: float


Connect: TypeAlias = Callable[[], Awaitable[aiosqlite.Connection]]
Drive: TypeAlias = Callable[[aiosqlite.Connection, Sequence[Waiting]], Awaitable[list[Outcome]]]


class Lane:
    """One connection and the transactions that wait for it, of which `group` are driven together."""

    def __init__(self, connect: Connect, drive: Drive, group: int = GROUP) -> None:
        self._connect = connect
        self._connection: aiosqlite.Connection | None = None
        self._drive = drive
        self._group = group
        self._waiting: list[Waiting] = []
        self._serving: asyncio.Task[None] | None = None
        self._began = 0.0
        #: Transactions that wait or are driven.
        self.load = 0

    async def connected(self) -> aiosqlite.Connection:
        """The connection, made for the first who wants it: each costs memory, a thread, and a look at the schema."""
        if self._connection is None:
            self._connection = await self._connect()
        return self._connection

    @property
    def stuck(self) -> bool:
        """Whether the lane has been driving the same group for longer than STUCK."""
        return self._serving is not None and asyncio.get_running_loop().time() - self._began > STUCK

    async def drive(self, tx: Tx[T], *, few: bool = False, seconds: float = 0.0) -> T:
        """Wait until the transaction has been driven; its result or its error."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(Waiting(tx, future, few, seconds))
        self.load += 1
        if self._serving is None:
            self._began = loop.time()
            self._serving = loop.create_task(self._serve())
        try:
            return await future
        finally:
            self.load -= 1

    async def stop(self) -> None:
        """Wait for the last transaction."""
        while self._serving is not None:
            await self._serving

    async def _serve(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._group], self._waiting[self._group :]
                self._began = asyncio.get_running_loop().time()
                await self._serve_group([waiting for waiting in group if not waiting.future.done()])
        finally:
            self._serving = None

    async def _serve_group(self, group: Sequence[Waiting]) -> None:
        try:
            outcomes = await self._drive(await self.connected(), group)
        except Exception as error:  # after any error, every caller of the group must get an outcome
            outcomes = [(None, unavailable(error) or error)] * len(group)
        for waiting, (result, failure) in zip(group, outcomes, strict=True):
            if waiting.future.done():
                continue
            if failure is None:
                waiting.future.set_result(result)
            else:
                waiting.future.set_exception(failure)
