"""Waiting for somebody who may hang up meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")


async def while_connected(request: Request[Any], waiting: Awaitable[T]) -> T | None:
    """What it comes to; when the client hangs up first, it is cancelled, and None.

    The request's body must have been read. Thousands wait like this: it costs one task more, not two.
    """
    current = asyncio.current_task()
    assert current is not None
    gone = asyncio.create_task(_gone(request, current.cancel))
    try:
        return await waiting
    except asyncio.CancelledError:
        if not gone.done() or current.uncancel():  # somebody else's word, or that as well
            raise
        return None
    finally:
        gone.cancel()


async def _gone(request: Request[Any], tell: Callable[[], object]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    tell()
