"""Who was refused for lack of a right: a row each, but only a few a minute for one account."""

from collections.abc import Callable
from dataclasses import dataclass

from app.db.connect import Database
from app.moments import Actor, Change, Recorders

REFUSAL = "refusal"
#: Rows that one account gets in MINUTE seconds at most.
MOST, MINUTE = 5, 60


@dataclass(slots=True)
class _Count:
    """The refusals of one account: since when, how many rows were written, and how many were only counted."""

    since: int
    written: int = 0
    left_out: int = 0


class Refusals:
    """Keeps the record of them. An account that asks a thousand times a second costs no more than one that does not."""

    def __init__(self, db: Database, recorders: Recorders, now: Callable[[], int]) -> None:
        self._db = db
        self._recorders = recorders
        self._now = now
        self._counts: dict[int, _Count] = {}

    async def record(self, by: Actor, method: str, path: str, code: str) -> None:
        """A known account asked for what it has no right to; to be called after the answer.

        `path` is without the query, which may hold a token; `code` is that of the error. In a transaction of its own.
        """
        count = self._of(by.id)
        if count.written >= MOST:
            count.left_out += 1
            return
        count.written += 1
        after: dict[str, object] = {"code": code}
        if count.left_out:
            after["left_out"], count.left_out = count.left_out, 0
        await self._db.write(self._recorders.record(Change(REFUSAL, by, f"{method} {path}", after=after)))

    def _of(self, account: int) -> _Count:
        """The account's count, begun anew every minute; what was left out is told of by the next row."""
        now = self._now()
        count = self._counts.get(account)
        if count is None:
            self._forget(now)
            count = self._counts[account] = _Count(now)
        elif now - count.since >= MINUTE:
            count.since, count.written = now, 0
        return count

    def _forget(self, now: int) -> None:
        """Counts that are over and have nothing to tell."""
        over = [key for key, count in self._counts.items() if now - count.since >= MINUTE and not count.left_out]
        for key in over:
            del self._counts[key]
