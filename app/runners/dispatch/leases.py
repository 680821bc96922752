"""Who is still there: the signs that runners give, and what becomes of stages without any (contract drone-rpc 12).

Every call that names a stage or a step renews that stage's lease, and a watch those of its build that were accepted
from the same address: a watch names no stage. Signs are kept in memory and written every so often, so that a batch
of log lines costs no transaction; a server that dies loses those of a few seconds, a lease is minutes.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager

from app import background
from app.builds import claims, progress
from app.builds.ports import Ports

log = logging.getLogger(__name__)

#: Seconds between two rounds at most, and the part of a lease that they are at most.
ROUND, PART = 15.0, 4


class Leases:
    """Keeps the leases of this server's runners and ends what is lost, whichever server's it was.

    `lease` is the seconds without a sign after which a runner is lost, `patience` those after which a stage that
    nobody has taken ends.
    """

    def __init__(self, ports: Ports, *, lease: int, patience: int) -> None:
        self._ports = ports
        self._lease = lease
        self._patience = patience
        self._loop = background.Loop(
            self.look,
            log,
            "the leases could not be kept",
            "the leases met an internal error",
            interval=min(ROUND, lease / PART),
        )
        self._signs: set[int] = set()
        #: Stages whose runner is on the line, and how often.
        self._held: Counter[int] = Counter()

    def renew(self, stage_id: int) -> None:
        """The stage's runner has given a sign."""
        self._signs.add(stage_id)

    @contextmanager
    def held(self, stage_ids: Collection[int]) -> Iterator[None]:
        """The runners of these stages are on the line as long as the block lasts."""
        self._held.update(stage_ids)
        try:
            yield
        finally:
            self._signs.update(stage_ids)
            self._held.subtract(stage_ids)
            for stage_id in stage_ids:
                if not self._held[stage_id]:
                    del self._held[stage_id]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block lasts. Nobody is lost for the time in which there was no server to hear them."""
        await self._ports.db.write(claims.see_all(self._ports.now()))
        async with background.serving(self._loop.run()):
            yield

    async def look(self) -> None:
        """Write the signs of life, end the stages of the lost, and those that nobody has taken."""
        await self._write_signs()
        now = self._ports.now()
        for stage in await progress.lose_silent(self._ports, now - self._lease):
            about = {"stage": stage.id, "build": stage.build_id, "machine": stage.machine}
            log.warning("a runner was lost", extra=about)
        for stage in await progress.give_up(self._ports, now - self._patience):
            log.warning("a stage was taken by nobody", extra={"stage": stage.id, "build": stage.build_id})

    async def _write_signs(self) -> None:
        signs = self._signs | self._held.keys()
        self._signs = set()
        try:
            await self._ports.db.write(claims.see(sorted(signs), self._ports.now()))
        except BaseException:  # a cancel too: whoever writes next must know of them
            self._signs |= signs
            raise
