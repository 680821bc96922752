"""One open stream of changes, as the broadcast feeds it."""

import asyncio
from collections.abc import AsyncIterator, Callable

from app.repos.audience import Who
from app.web import sse

#: Seconds that a reader has to send its last words before its connection is cut.
PARTING = 2.0


class Reader:
    """One stream, and the bytes to send on it next. The reader wants more when all its bytes were taken for sending.

    The stream ends after `lasts` seconds at the latest.

    `wants` is called when the reader wants more, `left` when its stream is over; `abort` cuts its connection.
    """

    def __init__(
        self,
        who: Who,
        repo_id: int | None,
        position: int,
        *,
        brief: bool,
        lasts: float,
        wants: Callable[[], None],
        left: Callable[["Reader"], None],
        abort: Callable[[], None],
    ) -> None:
        self.who = who
        #: The only repository whose changes the reader gets; None for all.
        self.repo_id = repo_id
        #: Whether the reader only wants to know which builds have changed.
        self.brief = brief
        #: A position in the ring: up to it, the reader has been given all frames that it may have.
        self.position = position
        self._now = asyncio.get_running_loop().time
        #: When the reader was last given bytes, and when its stream ends at the latest.
        self.given = self._now()
        self.until = self.given + min(lasts, sse.LONGEST)
        self._wants, self._left, self._abort = wants, left, abort
        self._part = b""
        self._over = False
        self._waiting: asyncio.Future[None] | None = None
        self._cut: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> bool:
        """Whether the reader waits for more. It does not while its bytes are not taken, or when its stream is over."""
        return self._waiting is not None and not self._waiting.done()

    def give(self, part: bytes) -> None:
        """Let the reader send these bytes, unless its stream is over."""
        if self._over:
            return
        self._part += part
        self.given = self._now()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def end(self, words: bytes) -> None:
        """Let the reader send its last words; cut the connection when PARTING seconds are over. May be called twice."""
        if not self._over:
            self.give(words)
            self._over = True
            self._cut = asyncio.get_running_loop().call_later(PARTING, self._abort)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._part:
            await self._more()
        part, self._part = self._part, b""
        return part

    async def _more(self) -> None:
        if self._over:
            raise StopAsyncIteration
        self._waiting = asyncio.get_running_loop().create_future()
        self._wants()
        await self._waiting

    async def aclose(self) -> None:
        """The stream is over: it has ended, or its connection was closed."""
        self._over = True
        if self._cut is not None:
            self._cut.cancel()
        self._left(self)
