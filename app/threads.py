"""Calls in threads, for what would keep the event loop waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

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
        await _end(running)
        raise


async def settle(task: "asyncio.Task[Any] | None") -> None:
    """Cancel a task, and wait until it has ended; nobody wants its result or its error any more."""
    if task is not None:
        task.cancel()
        await _end(task)


async def _end(running: "asyncio.Future[Any]") -> None:
    """Wait until something has ended, also when the caller is cancelled meanwhile; then that cancel is raised."""
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = error
    if not running.cancelled():
        running.exception()  # or asyncio would report an error as never looked at
    if cancelled is not None:
        raise cancelled
