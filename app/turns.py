"""Work that computes, in a thread beside the event loop.

Python changes to another thread after an interval. With Python's own interval of 5 ms the event loop would wait for
much of such work. With a short interval all work changes threads more often, and promotions take a tenth longer; so the
interval is short only while such work is done.

Python changes threads between two steps of Python code only: a call that works on much data at once, such as sorting,
keeps the event loop waiting until the call ends. Such work is done in parts.

Threads that compute at once do not end sooner, as one of them runs at a time, but the event loop would have to wait for
each of them. So one thread does all the work that comes in small parts.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds for which a thread may keep the event loop waiting.
SHORT = 0.0001


class _Turns:
    """How many threads work now, and the interval before the first of them began."""

    def __init__(self) -> None:
        self._working = 0
        self._usual = 0.0

    def begin(self) -> None:
        if not self._working:
            self._usual = sys.getswitchinterval()
            sys.setswitchinterval(SHORT)
        self._working += 1

    def end(self) -> None:
        self._working -= 1
        if not self._working:
            sys.setswitchinterval(self._usual)


_TURNS = _Turns()
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="turns")


@contextmanager
def short_turns() -> Iterator[None]:
    """While the block waits for a thread of its own, threads change at short intervals. Not to be used in a thread."""
    _TURNS.begin()
    try:
        yield
    finally:
        _TURNS.end()


async def in_turns(function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """The result of a function that is called in the one thread; the event loop goes on meanwhile.

    For work of some milliseconds that waits for nothing, because all other such work waits for that work.
    """
    with short_turns():
        return await asyncio.get_running_loop().run_in_executor(_THREAD, partial(function, *args, **options))
