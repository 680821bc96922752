"""How long to wait before the next attempt, and a call that is repeated until the manager answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from app.errors import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two attempts to call the manager, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


def pauses(first: float, longest: float) -> Iterator[float]:
    """Seconds to wait, without end: `first`, then each time twice as long, at most `longest`."""
    while True:
        yield first
        first = min(first * 2, longest)


async def until_heard(say: Callable[[], Awaitable[T]]) -> T:
    """Call the manager with `say`, and repeat the call with longer and longer pauses while it raises Unavailable.

    Every other error is an answer of the manager, and is raised.
    """
    waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        try:
            return await say()
        except Unavailable as error:
            log.warning("the manager is unavailable", extra={"reason": error.message})
            await asyncio.sleep(next(waits))
