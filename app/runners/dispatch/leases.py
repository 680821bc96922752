"""Leases: how long a silent runner keeps a stage, and how the stages of lost runners end (contract drone-rpc 12).

A runner gives a sign by every call that names a stage or a step: the call renews the lease of that stage. A watch
names only a build: when it is asked, it renews the leases of the build's stages that were accepted from the same
address. A watch that waits is no sign: the connection of a runner that stands still stays open. Therefore a watch waits
for a part of a lease at most. The built-in runner makes no calls that could be missed: it tells which stages it runs.

Signs are kept in memory and written at intervals, so that a batch of log lines costs no transaction. A server that dies
loses the signs of a few seconds; a lease lasts minutes.
"""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager

from app import background
from app.builds import claims, progress
from app.builds.ports import Ports
from app.db.tx import Tx

log = logging.getLogger(__name__)

#: The interval between two rounds is at most `ROUND` seconds, and at most a lease divided by `PART`.
ROUND, PART = 3.0, 4
#: Seconds after which a request or a watch ends without a result (contract drone-rpc 2).
POLL = 30.0
#: Of so many watches during a lease, the last one is heard in time.
WATCHES = 3


class Leases:
    """Keeps the leases of this server's runners, and ends the stages of lost runners of every server of the database.

    `lease`: a runner that gives no sign for so many seconds is lost. `patience`: a stage that no runner accepts for so
    many seconds ends.
    """

    def __init__(self, ports: Ports, *, lease: int, patience: int) -> None:
        self._ports = ports
        self._lease = lease
        self._patience = patience
        interval = min(ROUND, lease / PART)
        self._loop = background.Loop(
            self.look,
            log,
            "the leases could not be kept",
            "the leases met an internal error",
            interval=interval,
        )
        #: Seconds for which a watch waits at most, so that the runner asks again before its lease ends.
        self.watch = min(POLL, lease / WATCHES)
        #: When the runner of each stage has last given a sign that is not written yet.
        self._signs: dict[int, int] = {}
        #: The stages that the built-in runner runs.
        self._running: Callable[[], Collection[int]] = tuple
        #: When the last round began, and the seconds after which the next one begins too late to trust the clock.
        self._looked = ports.now()
        self._late = interval + lease / 2

    def renew(self, *stage_ids: int) -> None:
        """Note a sign of the runner of these stages."""
        self._signs.update(dict.fromkeys(stage_ids, self._ports.now()))

    @contextmanager
    def renewing(self, running: Callable[[], Collection[int]]) -> Iterator[None]:
        """Renew the leases of the stages that the built-in runner runs, while the block lasts."""
        self._running = running
        try:
            yield
        finally:
            self._running = tuple

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block lasts. All leases begin anew: while no server ran, runners could give no sign."""
        await self._ports.db.write(claims.see_all(self._ports.now()))
        async with background.serving(self._loop.run()):
            yield

    async def look(self) -> None:
        """Write the signs, end the stages of lost runners, and end the stages that no runner has accepted in time.

        After a round that comes too late, all leases and all waiting times begin anew: the server stood still and could
        hear no runner, or the clock was set.
        """
        now = self._ports.now()
        self.renew(*self._running())
        if 0 <= now - self._looked <= self._late:
            await self._write_signs()
        else:
            await self._begin_anew(now)
        self._looked = now
        for stage in await progress.lose_silent(self._ports, now - self._lease):
            about = {"stage": stage.id, "build": stage.build_id, "machine": stage.machine}
            log.warning("a runner was lost", extra=about)
        for stage in await progress.give_up(self._ports, now - self._patience):
            log.warning("a stage was taken by nobody", extra={"stage": stage.id, "build": stage.build_id})

    async def _begin_anew(self, now: int) -> None:
        log.warning("the leases begin anew", extra={"seconds": now - self._looked})
        await self._ports.db.write(_begin_anew(now))
        self._signs = {}  # their times are of a clock that was wrong

    async def _write_signs(self) -> None:
        if not self._signs:
            return
        signs, self._signs = self._signs, {}
        try:
            await self._ports.db.write(claims.see(signs))
        except BaseException:  # a cancel too: the next round must write these signs
            self._signs = signs | self._signs
            raise


def _begin_anew(now: int) -> Tx[None]:
    yield from claims.see_all(now)
    yield from claims.wait_anew(now)
