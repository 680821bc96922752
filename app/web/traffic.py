"""Which requests wait for their answers, so that what can wait lets them go first."""

import asyncio
from itertools import count

#: Seconds for which a request is let go first; one that waits longer waits for something else.
PATIENCE = 0.025
#: Seconds between two looks.
LOOK = 0.001


class Traffic:
    """The requests that are being answered. An answer that has begun, such as a stream's, counts no more."""

    def __init__(self) -> None:
        self._numbers = count()
        #: When each began, in that order.
        self._began: dict[int, float] = {}

    def enter(self) -> int:
        """A request came; the answer is for `leave`."""
        number = next(self._numbers)
        self._began[number] = asyncio.get_running_loop().time()
        return number

    def leave(self, number: int) -> None:
        """Its answer begins, or never comes. May be said twice."""
        self._began.pop(number, None)

    def busy(self) -> bool:
        """Whether a request is to go first."""
        if not self._began:
            return False
        return asyncio.get_running_loop().time() - next(reversed(self._began.values())) < PATIENCE

    async def calm(self, deadline: float) -> None:
        """Wait while requests are to go first, until this time of the loop at most."""
        while self.busy() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - time alone may end it
            await asyncio.sleep(LOOK)
