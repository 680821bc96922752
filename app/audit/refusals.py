"""Refused requests: one row of the audit record for each, but only a few rows a minute for one account."""

from collections.abc import Callable
from dataclasses import dataclass

from app.db.connect import Database
from app.errors import Unavailable
from app.moments import Actor, Change, Recorders

REFUSAL = "refusal"
#: At most MOST rows are written for one account in MINUTE seconds.
MOST, MINUTE = 5, 60


@dataclass(slots=True)
class _Count:
    """The refusals of one account: when its minute began, how many rows were written in it, how many were left out."""

    since: int
    written: int = 0
    left_out: int = 0


class Refusals:
    """Records refusals. An account that is refused a thousand times a second gets at most MOST rows a minute."""

    def __init__(self, db: Database, recorders: Recorders, now: Callable[[], int]) -> None:
        self._db = db
        self._recorders = recorders
        self._now = now
        self._counts: dict[int, _Count] = {}

    async def record(self, by: Actor, method: str, path: str, code: str) -> None:
        """Record that an account lacked the right for a request; to be called after the answer.

        `path` is without the query, which may hold a token; `code` is the code of the error. The row is written in a
        transaction of its own.
        """
        count = self._of(by.id)
        if count.written >= MOST:
            count.left_out += 1
            return
        count.written += 1
        after: dict[str, object] = {"code": code}
        left_out, count.left_out = count.left_out, 0
        if left_out:
            after["left_out"] = left_out
        try:
            await self._db.write(self._recorders.record(Change(REFUSAL, by, f"{method} {path}", after=after)))
        except Unavailable:
            count.left_out += left_out + 1  # the next row tells of this refusal, too
            raise

    def _of(self, account: int) -> _Count:
        """The count of an account. Every minute `written` starts at 0 again; `left_out` stays for the next row."""
        now = self._now()
        count = self._counts.get(account)
        if count is None:
            self._forget(now)
            count = self._counts[account] = _Count(now)
        elif not 0 <= now - count.since < MINUTE:  # below 0: the clock was set back
            count.since, count.written = now, 0
        return count

    def _forget(self, now: int) -> None:
        """Drop the counts whose minute is over and that left no refusal out."""
        over = [key for key, count in self._counts.items() if not (0 <= now - count.since < MINUTE or count.left_out)]
        for key in over:
            del self._counts[key]
