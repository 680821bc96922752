"""Server-sent events, framed as Drone's (`spec` drone-rest 5; recorded: streams.json)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import StreamingResponse

#: Whether the reader may still read.
Check = Callable[[], Awaitable[bool]]

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


class Stream(StreamingResponse):
    """An answer that sends a ping at once, then each frame as it comes, with pings in between."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncIterator[bytes]) -> None:
        super().__init__(_kept_alive(frames), headers=_HEADERS)


async def _kept_alive(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    deadline = asyncio.get_running_loop().time() + LONGEST
    following = asyncio.ensure_future(anext(frames, None))
    try:
        await asyncio.sleep(0)  # whoever reads the ping may count on being subscribed
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
