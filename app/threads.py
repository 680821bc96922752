"""Calls in threads, for what would keep the event loop waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def run(call: Callable[[*Ts], T], *arguments: *Ts, executor: Executor | None = None) -> T:
    """The result of a call in a thread. A caller that is cancelled waits until the call has ended.

    So a caller may close, after a cancel, what the call uses.
    """
    running = asyncio.get_running_loop().run_in_executor(executor, call, *arguments)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait({running})
            except asyncio.CancelledError:
                continue
        if not running.cancelled():
            running.exception()  # nobody else looks at an error
        raise
