"""Waiting for what happens soon and tells nobody."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

#: Seconds that a test waits for what must happen; generous, so that only what never happens fails.
PATIENCE = 60.0


async def soon(check: Callable[[], object | Awaitable[object]], what: str = "", *, within: float = PATIENCE) -> None:
    """Wait until the check holds; it fails when that takes longer than so many seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = check()
        if await answer if inspect.isawaitable(answer) else answer:
            return
        assert time.monotonic() < deadline, f"not so within {within} s: {what or check}"
        await asyncio.sleep(0.002)


def soon_sync(check: Callable[[], T], what: str = "", *, within: float = PATIENCE, about: Callable[[], str] = str) -> T:
    """Wait until the check holds and return its value; `about` adds to the words when it never does."""
    deadline = time.monotonic() + within
    while not (answer := check()):
        assert time.monotonic() < deadline, f"not so within {within} s: {what}\n{about()}"
        time.sleep(0.02)
    return answer
