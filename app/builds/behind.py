"""How many commits one commit is behind another: counted by the hosts, remembered, and never waited for long."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import AppError
from app.scm.host import Source
from app.scm.hosts import Hosts

#: Seconds that a caller waits for counts that are not known, and after which a count that failed is asked for again.
PATIENCE, PAUSE = 0.5, 60.0
#: Hosts' answers that are waited for at one time; counts that are under way; counts that are remembered.
AT_ONCE, MOST, REMEMBERED = 8, 200, 20_000


@dataclass(frozen=True, slots=True)
class Pair:
    """Two commits of a repository, by their whole ids: how far is `commit` behind `other`?"""

    source: Source
    commit: str
    other: str


class Behind:
    """Counts the commits that the other commit of a pair has and the commit has not, MOST_COMMITS at most.

    What is not known in time is None; it is counted all the same, so that a later call knows. At most MOST
    counts are under way; the others are left to later calls.
    """

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        #: Counts, and the time of the loop's clock until which a failure counts; commits never change.
        self._known: OrderedDict[Pair, tuple[int | None, float]] = OrderedDict()
        self._running: dict[Pair, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def counts(self, pairs: Sequence[Pair], patience: float = PATIENCE) -> list[int | None]:
        """The count of each pair, if it is known within `patience` seconds."""
        if tasks := {task for pair in pairs if (task := self._begun(pair)) is not None}:
            await asyncio.wait(tasks, timeout=patience)
        return [0 if pair.commit == pair.other else self._known.get(pair, (None, 0))[0] for pair in pairs]

    def _begun(self, pair: Pair) -> asyncio.Task[None] | None:
        """The task that counts for a pair; None where nothing is to be counted, or not now."""
        if pair.commit == pair.other or self._is_known(pair) or not self._hosts.compares(pair.source):
            return None
        if pair not in self._running and len(self._running) < MOST:
            task = self._running[pair] = asyncio.create_task(self._count(pair))
            task.add_done_callback(lambda _: self._running.pop(pair))
        return self._running.get(pair)

    def _is_known(self, pair: Pair) -> bool:
        count, until = self._known.get(pair, (None, 0.0))
        return count is not None or asyncio.get_running_loop().time() < until

    async def _count(self, pair: Pair) -> None:
        try:
            async with self._turns:
                found = await self._hosts.compare(pair.source, pair.commit, pair.other)
        except AppError:  # the host is away, or the commits are gone from there
            self._known[pair] = (None, asyncio.get_running_loop().time() + PAUSE)
        else:
            self._known[pair] = (len(found.commits), 0)
        self._known.move_to_end(pair)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
