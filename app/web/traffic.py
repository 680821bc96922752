"""Tracks the requests that wait for their answers, so that work that is not urgent can let them go first."""

import asyncio
from itertools import count

#: Seconds for which other work waits for a request; a request that takes longer waits for something else.
PATIENCE = 0.025
#: Seconds between two checks.
LOOK = 0.001


class Traffic:
    """The requests whose answers have not begun; a stream, whose answer has begun, does not count."""

    def __init__(self) -> None:
        self._numbers = count()
        #: The time when each request began, oldest first.
        self._began: dict[int, float] = {}

    def enter(self) -> int:
        """Add a request; returns its number, for `leave`."""
        number = next(self._numbers)
        self._began[number] = asyncio.get_running_loop().time()
        return number

    def leave(self, number: int) -> None:
        """Remove a request, whose answer begins or will not come. May be called twice."""
        self._began.pop(number, None)

    def busy(self) -> bool:
        """Whether other work must wait: the newest of these requests began less than PATIENCE ago."""
        if not self._began:
            return False
        return asyncio.get_running_loop().time() - next(reversed(self._began.values())) < PATIENCE

    async def calm(self, deadline: float) -> None:
        """Wait while `busy`, at most until this time of the event loop."""
        while self.busy() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - time alone may end it
            await asyncio.sleep(LOOK)
