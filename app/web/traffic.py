"""Tracks the requests that wait for their answers, so that work that is not urgent can let them go first."""

import asyncio
import math
from collections import deque
from itertools import count

#: Seconds for which other work waits for a request; a request that takes longer waits for something else.
PATIENCE = 0.025
#: Seconds between two checks.
LOOK = 0.001
#: While others wait, a request that is not urgent waits so many times as long as the last such request took: together
#: they take a fifth of the time.
SHARE = 4
#: Seconds for which a request that is not urgent waits for the ones before it, and then for the others.
LONGEST = 2.0


class Traffic:
    """The requests whose answers have not begun; a stream, whose answer has begun, does not count.

    Requests that are not urgent do not count either: they come one after another, each when the others leave time.
    """

    def __init__(self) -> None:
        self._numbers = count()
        #: The time when each request began, oldest first.
        self._began: dict[int, float] = {}
        #: The requests that are not urgent: when each that is served began, how long the last one took, and the turns of
        #: those that wait.
        self._late: dict[int, float] = {}
        self._took = 0.0
        self._line: deque[asyncio.Future[None]] = deque()

    def enter(self) -> int:
        """Add a request; returns its number, for `leave`."""
        number = next(self._numbers)
        self._began[number] = asyncio.get_running_loop().time()
        return number

    async def enter_late(self) -> int:
        """Add a request that is not urgent, when there is time for it; returns its number, for `leave`."""
        number, loop = next(self._numbers), asyncio.get_running_loop()
        if self._late:
            turn: asyncio.Future[None] = loop.create_future()
            self._line.append(turn)
            late = loop.call_later(LONGEST, _give, turn)
            try:
                await turn
            finally:
                late.cancel()
        self._late[number] = math.inf
        try:
            await self.calm(loop.time() + max(PATIENCE, min(SHARE * self._took, LONGEST)))
        except BaseException:  # a caller that is cancelled must not hold the turn of the others
            self.leave(number)
            raise
        self._late[number] = loop.time()
        return number

    def leave(self, number: int) -> None:
        """Remove a request, whose answer begins or will not come. May be called twice."""
        self._began.pop(number, None)
        if (began := self._late.pop(number, None)) is not None:
            self._took = max(asyncio.get_running_loop().time() - began, 0.0)
            while self._line and not _give(self._line.popleft()):
                pass

    def busy(self) -> bool:
        """Whether other work must wait: the newest of these requests began less than PATIENCE ago."""
        if not self._began:
            return False
        return asyncio.get_running_loop().time() - next(reversed(self._began.values())) < PATIENCE

    async def calm(self, deadline: float) -> None:
        """Wait while `busy`, at most until this time of the event loop."""
        while self.busy() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - time alone may end it
            await asyncio.sleep(LOOK)


def _give(turn: "asyncio.Future[None]") -> bool:
    """Let the request of a turn go on; whether it has waited for that."""
    if turn.done():
        return False
    turn.set_result(None)
    return True
