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
import gc
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds for which a thread may keep the event loop waiting.
SHORT = 0.0001


class _Otherwise(Generic[T]):
    """A setting of Python that is another one while any of several blocks runs."""

    def __init__(self, get: Callable[[], T], put: Callable[[T], None], other: T) -> None:
        self._get, self._put, self._other = get, put, other
        self._running = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if not self._running:
            self._usual = self._get()
            self._put(self._other)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._put(self._usual)


#: While a block waits for a thread of its own, threads change at short intervals. Not to be used in a thread.
short_turns = _Otherwise(sys.getswitchinterval, sys.setswitchinterval, SHORT)
#: While a block makes very many objects, all of which are gone at its end, Python does not look for garbage in cycles:
#: a look at them keeps all threads waiting, and finds none. Not to be used in a thread.
many_objects = _Otherwise(gc.isenabled, lambda on: gc.enable() if on else gc.disable(), False)
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="turns")


async def in_turns(function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """The result of a function that is called in the one thread; the event loop goes on meanwhile.

    For work of some milliseconds that waits for nothing, because all other such work waits for that work.
    """
    with short_turns():
        return await asyncio.get_running_loop().run_in_executor(_THREAD, partial(function, *args, **options))
