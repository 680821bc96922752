"""Limits each caller's requests per minute, whether they come all at once or evenly."""

from collections import OrderedDict
from collections.abc import Callable

from app.errors import TooMany

_MINUTE = 60_000_000_000
_SECOND = 1_000_000_000
#: The most callers that are remembered; beyond it, the caller whose last request is the oldest is forgotten.
CALLERS = 10_000


class Limiter:
    """Counts by the generic cell rate algorithm, which stores one moment for each caller.

    Each request moves the caller's moment forward by `1 / per_minute` of a minute. A request is refused while that
    moment is more than a minute minus this share ahead. `clock` counts nanoseconds and never goes back.
    """

    def __init__(self, per_minute: int, clock: Callable[[], int]) -> None:
        self._share = _MINUTE // per_minute
        self._ahead = self._share * (per_minute - 1)
        self._clock = clock
        self._moments: OrderedDict[str, int] = OrderedDict()

    def wait(self, caller: str) -> int:
        """Count a request and return 0; or refuse it without counting, and return the seconds to wait, rounded up."""
        now = self._clock()
        self._forget(now)
        moment = max(self._moments.get(caller, 0), now)
        if (excess := moment - now - self._ahead) > 0:
            return -(-excess // _SECOND)
        self._moments[caller] = moment + self._share
        self._moments.move_to_end(caller)
        return 0

    def is_used_up(self, caller: str) -> bool:
        """Whether the caller must wait. Counts nothing."""
        return self._moments.get(caller, 0) - self._clock() > self._ahead

    def spend(self, caller: str) -> None:
        """Count a request; TooMany when the caller must wait."""
        if wait := self.wait(caller):
            raise TooMany(f"too many requests; try again in {wait} s", retry_after=wait)

    def _forget(self, now: int) -> None:
        """Forget callers, oldest request first: those whose moment has passed, and those beyond CALLERS."""
        while self._moments:
            caller, moment = next(iter(self._moments.items()))
            if moment > now and len(self._moments) < CALLERS:
                return
            del self._moments[caller]


class Remembered:
    """The accounts of tokens and sessions, each for a minute: then somebody must look whether it is still good."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        #: The id of the account, and when it is forgotten; the oldest first.
        self._accounts: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def get(self, shown: str) -> int:
        """The id of the account; 0 when none is remembered."""
        account, until = self._accounts.get(shown, (0, 0))
        return account if self._clock() < until else 0

    def keep(self, shown: str, account: int) -> None:
        """Remember an account, and forget those whose minute is over and those beyond CALLERS, oldest first."""
        now = self._clock()
        self._accounts[shown] = account, now + _MINUTE
        self._accounts.move_to_end(shown)
        while len(self._accounts) > CALLERS or next(iter(self._accounts.values()))[1] <= now:
            self._accounts.popitem(last=False)


class Budgets:
    """So many requests a minute for each account, for all strangers of an address, and for the pushes of a repository.

    Nobody can use up the budget of others: what an account sends must show a token or a session of the account, and a
    push counts once its signature is verified; what is neither is a stranger's.
    """

    def __init__(self, per_minute: int, clock: Callable[[], int]) -> None:
        self.accounts = Limiter(per_minute, clock)
        self.remembered = Remembered(clock)
        self.strangers = Limiter(per_minute, clock)
        self.repositories = Limiter(per_minute, clock)
