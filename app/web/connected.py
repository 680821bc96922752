"""The client at the other end of the line: its address, and waiting for a client that may hang up."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")


def address(request: Request[Any]) -> str:
    """The network address that the request came from; empty when there is none, as on a local socket."""
    return request.client.host if request.client else ""


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


class Polls:
    """Requests that wait for something to happen: until it does, their clients hang up, or the server stops."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Task[Any]] = set()
        self._ended = False

    async def wait(self, request: Request[Any], waiting: Coroutine[Any, Any, T]) -> T | None:
        """As `while_connected`; None also when the server stops."""
        if self._ended:
            waiting.close()
            return None
        current = asyncio.current_task()
        assert current is not None
        self._waiting.add(current)
        try:
            return await while_connected(request, waiting)
        except asyncio.CancelledError:
            if not self._has_ended() or current.uncancel():
                raise
            return None
        finally:
            self._waiting.discard(current)

    def _has_ended(self) -> bool:  # meanwhile, which a type checker does not see
        return self._ended

    def end(self) -> None:
        """The server stops: nobody waits any longer."""
        self._ended = True
        for task in self._waiting:
            task.cancel()


async def _gone(request: Request[Any], tell: Callable[[], object]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    tell()
