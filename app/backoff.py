"""How long to wait before something is tried again, and saying something until it is heard."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from app.errors import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two attempts to be heard, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


def pauses(first: float, longest: float) -> Iterator[float]:
    """Doubling, up to the longest, without end."""
    while True:
        yield first
        first = min(first * 2, longest)


async def until_heard(say: Callable[[], Awaitable[T]]) -> T:
    """Say something to a manager, again and again and ever more slowly, while the manager is Unavailable.

    Every other error is an answer.
    """
    waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        try:
            return await say()
        except Unavailable as error:
            log.warning("the manager is unavailable", extra={"reason": error.message})
            await asyncio.sleep(next(waits))
