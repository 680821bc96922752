"""Leases: how long a silent runner keeps a stage, and how the stages of lost runners end (contract drone-rpc 12).

A runner gives a sign by every call that names a stage or a step: the call renews the lease of that stage. A watch
names only a build: it renews the leases of the build's stages that were accepted from the same address. Signs are kept
in memory and written at intervals, so that a batch of log lines costs no transaction. A server that dies loses the
signs of a few seconds; a lease lasts minutes.
"""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager

from app import background
from app.builds import claims, progress
from app.builds.ports import Ports

log = logging.getLogger(__name__)

#: The interval between two rounds is at most `ROUND` seconds, and at most a lease divided by `PART`.
ROUND, PART = 15.0, 4


class Leases:
    """Keeps the leases of this server's runners, and ends the stages of lost runners of every server of the database.

    `lease`: a runner that gives no sign for so many seconds is lost. `patience`: a stage that no runner accepts for so
    many seconds ends.
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
        #: Stages whose runner has an open call, with the number of its open calls.
        self._held: Counter[int] = Counter()

    def renew(self, stage_id: int) -> None:
        """Note a sign of the stage's runner."""
        self._signs.add(stage_id)

    @contextmanager
    def held(self, stage_ids: Collection[int]) -> Iterator[None]:
        """Renew the leases of these stages as long as the block lasts: their runner has an open call."""
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
        """Serve while the block lasts. All leases begin anew: while no server ran, runners could give no sign."""
        await self._ports.db.write(claims.see_all(self._ports.now()))
        async with background.serving(self._loop.run()):
            yield

    async def look(self) -> None:
        """Write the signs, end the stages of lost runners, and end the stages that no runner has accepted in time."""
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
        except BaseException:  # a cancel too: the next round must write these signs
            self._signs |= signs
            raise
