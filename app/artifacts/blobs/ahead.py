"""Reading ahead: the next piece is read while the caller works on one."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from app import threads


async def ahead(
    read: Callable[[int, int], Awaitable[bytes]], start: int, stop: int, piece: int
) -> AsyncGenerator[bytes, None]:
    """The bytes from `start` to before `stop`; `read` gets where a piece starts, and how many bytes the piece has."""
    if start >= stop:
        return
    reading = _begin(read, start, min(piece, stop - start))
    try:
        while start < stop:
            found = await reading
            start += len(found)
            if start < stop:
                reading = _begin(read, start, min(piece, stop - start))
            yield found
    finally:
        await threads.settle(reading)


def _begin(read: Callable[[int, int], Awaitable[bytes]], start: int, size: int) -> asyncio.Task[bytes]:
    async def reading() -> bytes:
        return await read(start, size)

    return asyncio.create_task(reading())
