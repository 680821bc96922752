"""One open stream of changes, from the side of who feeds it."""

import asyncio
from collections.abc import AsyncIterator, Callable

from app.repos.audience import Who
from app.web import sse

#: Seconds that a reader has to take the last words before its connection is cut.
PARTING = 2.0


class Reader:
    """What is sent on a stream next. It wants more when all that it was given is on its way.

    `wants` and `left` are called when it does, and when its stream is over; `abort` cuts its connection.
    """

    def __init__(
        self,
        who: Who,
        repo_id: int | None,
        position: int,
        *,
        wants: Callable[[], None],
        left: Callable[["Reader"], None],
        abort: Callable[[], None],
    ) -> None:
        self.who = who
        #: The only repository that it listens to; None for all.
        self.repo_id = repo_id
        #: It has been given, or may not have, all changes up to here.
        self.position = position
        self._now = asyncio.get_running_loop().time
        #: When it was last given something, and when it ends in any case.
        self.given = self._now()
        self.until = self.given + sse.LONGEST
        self._wants, self._left, self._abort = wants, left, abort
        self._part = b""
        self._over = False
        self._waiting: asyncio.Future[None] | None = None
        self._cut: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> bool:
        """Whether it waits for more. One that does not take what it was given, or is over, does not."""
        return self._waiting is not None and not self._waiting.done()

    def give(self, part: bytes) -> None:
        """Let it send this, unless it is over."""
        if self._over:
            return
        self._part += part
        self.given = self._now()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def end(self, words: bytes) -> None:
        """Let it send its last words; the connection is cut when they are not taken soon. May be said twice."""
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
        """The stream is over, for whatever reason."""
        self._over = True
        if self._cut is not None:
            self._cut.cancel()
        self._left(self)
