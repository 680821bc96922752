"""How often somebody may ask: so many requests a minute, all at once or evenly."""

from collections import OrderedDict
from collections.abc import Callable

_MINUTE = 60_000_000_000
_SECOND = 1_000_000_000
#: Callers that are remembered; of more, those who asked the longest ago begin anew.
CALLERS = 10_000


class Limiter:
    """Counts by the generic cell rate algorithm, of which one moment a caller is kept.

    Each request moves the caller's moment on by its share of a minute; a request is refused while that moment is
    more than the rest of a minute ahead. `clock` counts nanoseconds and never goes back.
    """

    def __init__(self, per_minute: int, clock: Callable[[], int]) -> None:
        self._share = _MINUTE // per_minute
        self._ahead = self._share * (per_minute - 1)
        self._clock = clock
        self._moments: OrderedDict[str, int] = OrderedDict()

    def knows(self, caller: str) -> bool:
        """Whether the caller has asked within the last minute."""
        return caller in self._moments

    def wait(self, caller: str) -> int:
        """Count a request; 0, or the whole seconds after which the next will be served: then it did not count."""
        now = self._clock()
        self._forget(now)
        moment = max(self._moments.get(caller, 0), now)
        if (excess := moment - now - self._ahead) > 0:
            return -(-excess // _SECOND)
        self._moments[caller] = moment + self._share
        self._moments.move_to_end(caller)
        return 0

    def _forget(self, now: int) -> None:
        """Drop whoever may ask as much as a stranger, from those who asked the longest ago on."""
        while self._moments:
            caller, moment = next(iter(self._moments.items()))
            if moment > now and len(self._moments) < CALLERS:
                return
            del self._moments[caller]
