"""The client of a request: its address, and waiting until a result is there or the client disconnects."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")

#: The key of a request's scope under which the connection is found, if there is a network.
CONNECTION = "gantry.connection"


def address(request: Request[Any]) -> str:
    """The client's network address; empty when it has none, as on a local socket."""
    return request.client.host if request.client else ""


def trust(request: Request[Any]) -> None:
    """Tell the connection that the caller has shown an account or the runners' secret: fewer limits hold for it."""
    if (connection := request.scope.get(CONNECTION)) is not None:
        connection.trust()


async def while_connected(request: Request[Any], waiting: Awaitable[T]) -> T | None:
    """The result of `waiting`; if the client disconnects first, `waiting` is cancelled and the result is None.

    The request's body must have been read. As thousands of requests wait here, each costs only one more task.
    """
    current = asyncio.current_task()
    assert current is not None
    gone = asyncio.create_task(_gone(request, current.cancel))
    try:
        return await waiting
    except asyncio.CancelledError:
        if not gone.done() or current.uncancel():  # cancelled by other code, perhaps besides the disconnection
            raise
        return None
    finally:
        gone.cancel()


class Polls:
    """Requests that wait for a result: until it is there, the client disconnects, or the server stops."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Task[Any]] = set()
        self._ended = False

    async def wait(self, request: Request[Any], waiting: Coroutine[Any, Any, T]) -> T | None:
        """The same as `while_connected`; None also when the server stops."""
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

    def _has_ended(self) -> bool:  # a method, as a type checker does not see that `end` changes the attribute
        return self._ended

    def end(self) -> None:
        """Cancel all waiting requests, as the server stops."""
        self._ended = True
        for task in self._waiting:
            task.cancel()


async def _gone(request: Request[Any], tell: Callable[[], object]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    tell()
