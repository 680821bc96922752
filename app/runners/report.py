"""Saying something to a manager that may be away for a while."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.backoff import pauses
from app.errors import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two attempts, at first and at most.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


async def until_heard(say: Callable[[], Awaitable[T]]) -> T:
    """Repeat it, ever more slowly, while the manager is Unavailable; every other error is an answer."""
    waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        try:
            return await say()
        except Unavailable as error:
            log.warning("the manager is unavailable", extra={"reason": error.message})
            await asyncio.sleep(next(waits))
