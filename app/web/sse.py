"""Server-sent events, framed as Drone's (contract drone-rest 5; recorded: streams.json)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from starlette.requests import Request

from app.web.connected import CONNECTION
from app.web.reply import Parts, Streamed

PING = b": ping\n\n"
END = b"event: error\ndata: eof\n\n"
#: Seconds without traffic after which a ping is sent.
QUIET = 30.0
#: Seconds after which a stream ends in any case.
LONGEST = 24 * 3600.0

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "Connection": "keep-alive",
    "X-Accel-Buffering": "no",
}


class Stream(Streamed):
    """An answer of frames, each sent as soon as it comes; the first frame should be a ping."""

    media_type = "text/event-stream"

    def __init__(self, frames: Parts) -> None:
        super().__init__(frames, headers=_HEADERS)


def last_id(request: Request[Any]) -> str:
    """The id of the last frame that a reconnecting client has received; empty for a new client."""
    return str(request.headers.get("last-event-id", ""))


def abort(request: Request[Any]) -> Callable[[], None]:
    """The function that closes the connection of a request at once, even if data waits to be sent."""
    connection = request.scope.get(CONNECTION)
    return connection.drop if connection is not None else _nothing


def _nothing() -> None:
    """Stands for `abort` where there is no connection, as in a test without a network."""


async def kept_alive(frames: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """A ping at once, then each frame as it comes, and a ping after each QUIET seconds without a frame."""
    deadline = asyncio.get_running_loop().time() + LONGEST
    following = asyncio.ensure_future(anext(frames, None))
    try:
        await asyncio.sleep(0)  # lets `frames` subscribe, so that a client that has read the ping misses no frame
        yield PING
        while asyncio.get_running_loop().time() < deadline:
            done, _ = await asyncio.wait({following}, timeout=QUIET)
            if not done:
                yield PING
                continue
            if (frame := following.result()) is None:
                return
            yield frame
            following = asyncio.ensure_future(anext(frames, None))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        if hasattr(frames, "aclose"):
            await frames.aclose()
