"""Waiting for somebody who may hang up meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")


async def while_connected(request: Request[Any], waiting: Coroutine[Any, Any, T]) -> T | None:
    """What it comes to; when the client hangs up first, it is cancelled, and None.

    The request's body must have been read.
    """
    task = asyncio.create_task(waiting)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.wait((task, gone))


async def _gone(request: Request[Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
