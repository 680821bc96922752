"""Sends what waits in the outbox.

Each host has calls of its own: a host that is slow or down keeps no other host waiting. A host that does not answer
gets one call at a time, with a pause between two, until the host answers again. An entry that fails is tried again with
growing delays, and is dead after the last one. A server that is killed leaves its entries to whoever comes next: so an
entry that was being sent at that moment may leave twice, and none is lost.

Entries of a kind that is sent in order leave one after the other, host by host: one that fails holds back all that
follow it to the same host.
"""

import asyncio
import logging
import random
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from app import background
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import AppError, Unavailable
from app.outbox import store
from app.outbox.model import Entry, Kind
from app.scm.forge import Later

log = logging.getLogger(__name__)

#: Seconds until the next attempt, after each that failed: 40 hours in all. Each is changed by a tenth at most, so that
#: what failed together is not tried together.
DELAYS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 43_200)
SPREAD = 0.1
#: Seconds after which a host is called again at the latest, whatever the host says.
LONGEST_REST = 12 * 3600
#: Calls to one host at once; and milliseconds between two calls to a host that did not answer the last one.
AT_ONCE, PACE = 16, 250
#: Entries of a host that are taken together when they leave in order.
IN_TURN = 16
#: Seconds that a call may take; and milliseconds for which an entry belongs to its server, which is longer.
CALL, LEASE = 45.0, 60_000
#: Seconds between two looks for what another server has left; and that calls under way get when the server stops.
LOOK, GRACE = 2.0, 3.0
#: Seconds before each look, so that one look serves many commits.
GATHER = 0.005
#: Seconds until the second look for what a transaction is about to add; each further one is twice as far.
EXPECTED = 0.01
#: Seconds between two removals of dead entries, milliseconds for which a dead entry is kept, and rows of one removal.
SWEEP, KEPT, ROWS = 3600.0, 30 * 24 * 3600 * 1000, 1000
#: Bytes of an error that are kept.
ERROR_LIMIT = 500

#: Sends an entry, and returns what is to be written when it has left. Unavailable when a later attempt may succeed,
#: Later when none shall be made before a time; every other AppError when none will.
Send: TypeAlias = Callable[[Entry], Awaitable[Tx[None]]]
#: What is to be written when an attempt has failed: the entry, why, and when the next attempt is due; None for never.
Fail: TypeAlias = Callable[[Entry, AppError, int | None], Tx[None]]


def nothing() -> Tx[None]:
    """Nothing is written."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Channel:
    """How entries of one kind are sent."""

    send: Send
    failed: Fail = lambda *_: nothing()
    #: Whether entries to one host leave one after the other. The names of such hosts begin with the kind and a colon,
    #: and no entries of another kind go there.
    in_order: bool = False
    #: Whether an entry that is not tried any more is kept as dead; else it is removed, as its sender has noted that.
    keeps_dead: bool = True


@dataclass
class Tally:
    """Since the server started: entries that have left, and attempts that have failed."""

    sent: Counter[Kind] = field(default_factory=Counter)
    failed: Counter[Kind] = field(default_factory=Counter)


@dataclass
class _Lane:
    """The calls to one host."""

    calls: int = 0
    #: Whether the host did not answer the last call.
    failing: bool = False
    #: When the next call may begin, Unix milliseconds.
    opens: int = 0

    @property
    def room(self) -> int:
        """How many calls may begin now. Few at a time would cost a transaction each."""
        if self.failing:
            return 1 if not self.calls else 0
        return AT_ONCE - self.calls if self.calls <= AT_ONCE // 2 else 0


class Worker:
    """Sends entries; `owner` is a name that no other worker has, `alone` that no other server uses the database."""

    def __init__(
        self,
        db: Database,
        channels: Mapping[Kind, Channel],
        owner: str,
        now_ms: Callable[[], int],
        *,
        alone: bool,
        spread: Callable[[], float] = lambda: random.uniform(1 - SPREAD, 1 + SPREAD),  # noqa: S311 - no secret
    ) -> None:
        self._db = db
        self._channels = channels
        self._in_order = tuple(f"{kind}:" for kind, channel in channels.items() if channel.in_order)
        self._owner = owner
        self._now_ms = now_ms
        self._alone = alone
        self._spread = spread
        self.tally = Tally()
        self._lanes: defaultdict[str, _Lane] = defaultdict(_Lane)
        self._calls: dict[asyncio.Task[None], deque[Entry]] = {}
        #: Seconds until the next look, if nothing is due before.
        self._pause = LOOK
        self._loop = background.Loop(self._round, log, "the outbox waits", "the outbox met an internal error", LOOK)
        self._sweeps = background.Loop(
            self._sweep, log, "the outbox was not swept", "sweeping the outbox met an internal error", SWEEP
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the block lasts. What has not left at its end is for the next worker."""
        if self._alone:
            await self._db.write(store.release_all(self._now_ms()))
        self._loop.wake()
        self._sweeps.wake()
        try:
            async with background.serving(self._loop.run(), self._sweeps.run()):
                yield
        finally:
            await self._end_calls()

    def wake(self) -> None:
        """Look for entries now: some were added."""
        self._loop.wake()

    def expect(self) -> None:
        """Look for entries now, and often for a while: a transaction is about to add some, and tells nobody when."""
        self._pause = min(EXPECTED, LOOK)
        self.wake()

    @property
    def expecting(self) -> bool:
        """Whether a transaction may be about to add entries."""
        return self._pause < LOOK

    def reopen(self) -> None:
        """Forget the pauses of all hosts, and look for entries now: some are to be tried anew."""
        for lane in self._lanes.values():
            lane.opens = 0
        self.wake()

    async def _end_calls(self) -> None:
        if self._calls:
            await asyncio.wait(self._calls, timeout=GRACE)
        left = dict(self._calls)
        for call in left:
            call.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for entry in chain.from_iterable(left.values()):
            with suppress(Unavailable):  # then the lease ends by itself
                await self._db.write(store.release(entry, self._now_ms()))

    async def _round(self) -> float:
        """Begin the calls that may begin, and return the seconds until the next round."""
        await asyncio.sleep(GATHER)
        now = self._now_ms()
        soonest = now + int(self._pause * 1000)
        self._pause = min(2 * self._pause, LOOK)
        ready = list[str]()
        for host, due in await self._db.glance(store.hosts()):
            lane = self._lanes[host]
            if (begins := max(due, lane.opens)) > now:
                soonest = min(soonest, begins)
            elif lane.room:
                ready.append(host)
        await asyncio.gather(*(self._take(host, self._lanes[host], now) for host in ready))
        return (soonest - now) / 1000

    async def _take(self, host: str, lane: _Lane, now: int) -> None:
        """Begin the calls to a host."""
        if not host.startswith(self._in_order):
            for entry in await self._db.write_few(store.take(host, self._owner, now, now + LEASE, lane.room)):
                self._begin([entry], lane)
        elif not lane.calls:
            taking = store.take_in_order(host, self._owner, now, now + LEASE, 1 if lane.failing else IN_TURN)
            if taken := await self._db.write_few(taking):
                self._begin(taken, lane)
            else:  # the oldest entry is not due, or another server sends it
                lane.opens = now + int(LOOK * 1000)

    def _begin(self, entries: Sequence[Entry], lane: _Lane) -> None:
        """Send these entries, one after the other."""
        waiting = deque(entries)
        lane.calls += 1
        call = asyncio.create_task(self._call(waiting, lane))
        self._calls[call] = waiting

        def ended(_: object) -> None:
            lane.calls -= 1
            self._calls.pop(call, None)
            if lane.room:
                self._loop.wake()

        call.add_done_callback(ended)

    async def _call(self, entries: deque[Entry], lane: _Lane) -> None:
        """Send entries one after the other, until one does not leave; other servers may take those that follow it."""
        begun = self._now_ms()
        while entries:
            if self._now_ms() - begun > LEASE - CALL * 1000 or not await self._finish(entries[0], lane):
                break
            entries.popleft()
        for entry in entries:
            await self._write(entry, store.release(entry, self._now_ms()))
        entries.clear()

    async def _finish(self, entry: Entry, lane: _Lane) -> bool:
        """Send an entry, and write what became of it: whether the next entry of its host may follow."""
        written, followed = await self._sent(entry, lane)
        return await self._write(entry, written) and followed

    async def _write(self, entry: Entry, written: Tx[None]) -> bool:
        """Write what became of an entry. If that is impossible, the entry is sent again when its lease is over."""
        try:
            await self._db.write_few(written)
        except Unavailable as error:
            log.warning("what became of a message could not be written", extra=_about(entry, error.message))
        except Exception:  # a bug: the entry is sent again when its lease is over
            log.exception("what became of a message could not be written", extra=_about(entry))
        else:
            return True
        return False

    async def _sent(self, entry: Entry, lane: _Lane) -> tuple[Tx[None], bool]:
        """Send an entry; returns what is to be written of that, and whether no other attempt follows."""
        try:
            async with asyncio.timeout(CALL):
                more = await self._channels[entry.kind].send(entry)
        except Later as later:
            rest = min(max(later.seconds, 0.0), LONGEST_REST)
            lane.opens = max(lane.opens, self._now_ms() + int(rest * 1000))
            return self._failed(entry, later, lane.opens, entry.tries), False  # the host works: no attempt is lost
        except TimeoutError:
            return self._again(entry, lane, Unavailable(f"the call took longer than {CALL:g} s"))
        except Unavailable as error:
            return self._again(entry, lane, error)
        except AppError as error:
            self._answered(entry.host, lane)
            return self._failed(entry, error, None, entry.tries + 1), True
        except Exception as error:  # a bug: a newer server may be able to send it
            log.exception("a message met an internal error", extra=_about(entry))
            reason = f"internal error ({type(error).__name__}); the server's log has more"
            return self._again(entry, lane, Unavailable(reason))
        self._answered(entry.host, lane)
        self.tally.sent[entry.kind] += 1
        return _left(entry, more, self._now_ms()), True

    def _again(self, entry: Entry, lane: _Lane, error: Unavailable) -> tuple[Tx[None], bool]:
        """The next attempt, if there is one: the host did not answer."""
        now = self._now_ms()
        if not lane.failing:
            log.warning("a host does not take messages", extra=_about(entry, error.message))
        lane.failing, lane.opens = True, max(lane.opens, now + PACE)
        if entry.tries >= len(DELAYS):
            return self._failed(entry, error, None, entry.tries + 1), True
        due = now + int(DELAYS[entry.tries] * 1000 * self._spread())
        if self._channels[entry.kind].in_order:
            lane.opens = max(lane.opens, due)
        return self._failed(entry, error, due, entry.tries + 1), False

    def _failed(self, entry: Entry, error: AppError, due: int | None, tries: int) -> Tx[None]:
        self.tally.failed[entry.kind] += 1
        if due is None:
            log.warning("a message is dead", extra=_about(entry, error.message))
        channel = self._channels[entry.kind]
        more = channel.failed(entry, error, due)
        if due is None and not channel.keeps_dead:
            return _left(entry, more, self._now_ms())
        return _stayed(entry, more, _cut(error.message), due, tries, self._now_ms())

    def _answered(self, host: str, lane: _Lane) -> None:
        if lane.failing:
            log.info("a host takes messages again", extra={"host": host})
        lane.failing = False

    async def _sweep(self) -> None:
        while await self._db.write(store.forget(self._now_ms() - KEPT, ROWS)) == ROWS:
            pass


def _left(entry: Entry, more: Tx[None], now: int) -> Tx[None]:
    """What is written when an entry is done. The rows of its sender come first, as in the transaction of its cause."""
    yield from more
    yield from store.sent(entry, now)


def _stayed(entry: Entry, more: Tx[None], error: str, due: int | None, tries: int, now: int) -> Tx[None]:
    """What is written when an attempt has failed."""
    yield from more
    yield from store.failed(entry, error, due, tries, now)


def _cut(text: str) -> str:
    """The part of an error that is kept."""
    return text.replace("\0", "\ufffd").encode()[:ERROR_LIMIT].decode("utf-8", "ignore")


def _about(entry: Entry, reason: str = "") -> dict[str, object]:
    """The fields of a line in the log."""
    about: dict[str, object] = {"entry": entry.id, "kind": entry.kind, "host": entry.host, "subject": entry.subject}
    return about | ({"reason": reason} if reason else {})
