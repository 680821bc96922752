"""Tracks the requests that wait for their answers, so that work that is not urgent can let them go first."""

import asyncio
import math
from itertools import count

#: Seconds for which other work waits for a request; a request that takes longer waits for something else.
PATIENCE = 0.025
#: Seconds between two checks.
LOOK = 0.001
#: While others wait, a request that is not urgent waits so many times as long as the last such request took: together
#: they take a tenth of the time, or more where the line is long.
SHARE = 9
#: Seconds that a whole line waits for the others: the longer the line is, the less does each of them wait.
LINE = 5.0
#: Seconds for which the line waits for one request; one that takes longer waits for something else.
LONGEST = 1.0


class Traffic:
    """The requests whose answers have not begun; a stream, whose answer has begun, does not count.

    Requests that are not urgent do not count either: they come one after another, each when the others leave time.
    """

    def __init__(self) -> None:
        self._numbers = count()
        #: The time when each request began, oldest first.
        self._began: dict[int, float] = {}
        #: The request that is not urgent and has its turn, when it began (infinity before), and how long the last took.
        self._late: int | None = None
        self._late_began, self._took = math.inf, 0.0
        #: Those that stand in line for a turn, and the end of the line's patience with the one that has begun.
        self._line: dict[int, asyncio.Future[None]] = {}
        self._impatience: asyncio.TimerHandle | None = None

    def enter(self) -> int:
        """Add a request; returns its number, for `leave`."""
        number = next(self._numbers)
        self._began[number] = asyncio.get_running_loop().time()
        return number

    async def enter_late(self) -> int:
        """Add a request that is not urgent, when there is time for it; returns its number, for `leave`."""
        number, loop = next(self._numbers), asyncio.get_running_loop()
        try:
            if self._late is None:
                self._late, self._late_began = number, math.inf
            else:
                turn = self._line[number] = loop.create_future()
                await turn
            patience = min(SHARE * self._took, LINE / (1 + len(self._line)))
            await self.calm(loop.time() + max(patience, PATIENCE))
        except BaseException:  # a caller that is cancelled must not hold the turn of the others
            self.leave(number)
            raise
        self._late_began = loop.time()
        self._impatience = loop.call_later(LONGEST, self._next_turn)
        return number

    def leave(self, number: int) -> None:
        """Remove a request, whose answer begins or will not come. May be called twice."""
        self._began.pop(number, None)
        self._line.pop(number, None)
        if number == self._late:
            if self._late_began < math.inf:
                self._took = asyncio.get_running_loop().time() - self._late_began
            self._next_turn()

    def _next_turn(self) -> None:
        """Let the next in line begin, also while the one before it has not ended."""
        if self._impatience is not None:
            self._impatience.cancel()
        self._late = self._impatience = None
        for number, turn in list(self._line.items()):
            del self._line[number]
            if not turn.done():  # its caller may have been cancelled
                self._late, self._late_began = number, math.inf
                turn.set_result(None)
                return

    def busy(self) -> bool:
        """Whether other work must wait: the newest of these requests began less than PATIENCE ago."""
        if not self._began:
            return False
        return asyncio.get_running_loop().time() - next(reversed(self._began.values())) < PATIENCE

    async def calm(self, deadline: float) -> None:
        """Wait while `busy`, at most until this time of the event loop."""
        while self.busy() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - time alone may end it
            await asyncio.sleep(LOOK)
