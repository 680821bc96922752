"""Loops in the background: each runs while a block lasts, and goes on after a round that fails."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.errors import Unavailable

T = TypeVar("T")

#: Seconds after which a round that failed is tried again.
PAUSE = 1.0


@asynccontextmanager
async def serving(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run these loops while the block lasts. At its end, cancel the loops and wait until all of them have ended."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Unhurried:
    """Work that is done to its end even if its caller is cancelled meanwhile."""

    def __init__(self) -> None:
        self._tasks = set[asyncio.Task[Any]]()

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a caller who is gone does not ask for it

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Wait at the end of the block until all work is done."""
        try:
            yield
        finally:
            await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(eq=False, slots=True)
class Loop:
    """Calls `round` after each call of `wake`, and after `interval` seconds without one.

    A round may return the seconds until the next round, in place of `interval`. If `interval` is None, the loop waits
    for `wake` alone. When a round raises Unavailable, the loop logs a warning with the text `unavailable`; for any
    other exception, an error with the text `broken`. After both, the loop pauses for PAUSE seconds, also if `wake` is
    called meanwhile, and then calls `round` again.
    """

    round: Callable[[], Awaitable[float | None]]
    log: logging.Logger
    unavailable: str
    broken: str
    interval: float | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def wake(self) -> None:
        """Call `round` now, or after the round that is under way."""
        self._wake.set()

    async def run(self) -> None:
        """Serve until cancelled. The first round, too, waits for a wake or for the interval."""
        seconds = self.interval
        while True:
            with suppress(TimeoutError):  # the interval is over
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            self._wake.clear()
            try:
                following = await self.round()
            except Unavailable as error:
                self.log.warning(self.unavailable, extra={"reason": error.message})
            except Exception:  # a bug in one round must not end the loop
                self.log.exception(self.broken)
            else:
                seconds = self.interval if following is None else following
                continue
            await asyncio.sleep(PAUSE)
            self._wake.set()


@asynccontextmanager
async def working(
    loop: Loop, tasks: Collection["asyncio.Task[None]"], leave: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Serve a loop whose rounds begin `tasks`, from now on while the block lasts.

    At the end of the block the tasks that are left are cancelled; then `leave` gives back what they had taken, so that
    another server may take it at once. If `leave` raises Unavailable, others must wait until the leases are over.
    """
    loop.wake()
    try:
        async with serving(loop.run()):
            yield
    finally:
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        with suppress(Unavailable):  # see above: the leases end by themselves
            await leave()
