"""Loops in the background: each lives as long as a block, and goes on whatever one of its rounds meets."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from app.errors import Unavailable

#: Seconds after which a round that failed is tried again.
PAUSE = 1.0


@asynccontextmanager
async def serving(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run these loops while the block lasts. At its end the loops are cancelled, and have ended when it returns."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(eq=False, slots=True)
class Loop:
    """Carries out a round whenever somebody wakes the loop, and after `interval` seconds in any case.

    A round may return the seconds until the next one, in place of `interval`; None waits for a wake alone. A round that
    meets Unavailable is told to `log` as a warning in the words `unavailable`, any other error as a bug in the words
    `broken`; after either the loop pauses, whoever wakes it meanwhile, and tries again.
    """

    round: Callable[[], Awaitable[float | None]]
    log: logging.Logger
    unavailable: str
    broken: str
    interval: float | None = None
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def wake(self) -> None:
        """Carry out a round now, or after the one that is under way."""
        self._wake.set()

    async def run(self) -> None:
        """Serve until cancelled. The first round waits, too: for a wake or the interval."""
        seconds = self.interval
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            self._wake.clear()
            try:
                following = await self.round()
            except Unavailable as error:
                self.log.warning(self.unavailable, extra={"reason": error.message})
            except Exception:  # a bug must not end what others depend on
                self.log.exception(self.broken)
            else:
                seconds = self.interval if following is None else following
                continue
            await asyncio.sleep(PAUSE)
            self._wake.set()
