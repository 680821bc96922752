"""Sends every change of a build to all readers that may read the build's repository (contract drone-rest 5, 8).

A change is made into a frame once, in a ring that all readers share. A reader has only a position in the ring, so that
a slow reader costs no more memory than its connection holds. A round reads the rights of all readers that are behind
from the database once, and gives each reader the frames that it may have. The round serves a few readers at a time,
because requests go first.

Pages, which only want to know which builds have changed, read in brief: a round for them comes at most every PACE
seconds, or every CROWDED_PACE seconds while much changes, and tells the numbers of the builds in one frame. So hundreds
of open pages cost about the same however much changes. While nobody else reads, changes are not made into frames.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Set
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain, islice

from app import background
from app.builds.live.reader import Reader
from app.builds.live.ring import Ring
from app.builds.live.round import Share
from app.builds.model import Build
from app.builds.moments import Moment
from app.builds.wire import repo_build_json
from app.db.connect import Database
from app.encoding import encode
from app.errors import Unavailable
from app.events import Events, Subscription
from app.repos.audience import Who
from app.repos.model import Repo
from app.web import sse
from app.web.traffic import PATIENCE, Traffic

log = logging.getLogger(__name__)

#: Open streams at most: of one account (all callers without an account count as one), and of all accounts.
PER_ACCOUNT, MOST = 1000, 5000
#: Readers that are served before the event loop handles requests again.
SLICE = 8
#: Seconds between two rounds when there is no change: readers may be due for a ping.
TICK = 1.0
#: Seconds between two rounds for readers in brief: after few changes, and after more than CROWD.
PACE, CROWDED_PACE, CROWD = 0.25, 1.0, 50
#: Seconds for which changes are collected, and made into frames, after the last reader of the kind came or left: a
#: reader that comes back misses nothing.
LINGER = 300.0
TOO_SLOW = b": too slow, connect again\n\n"
MISSED = b": events were missed, going on from now\n\n"


class Broadcast:
    """All open streams of changes. `now` is Unix seconds."""

    def __init__(
        self, db: Database, moments: Events[Moment], traffic: Traffic, name: str, now: Callable[[], int]
    ) -> None:
        self._db = db
        self._now = now
        self._moments = moments
        self._traffic = traffic
        self._ring = Ring(name)
        #: By whether they read in brief.
        self._readers: dict[bool, set[Reader]] = {False: set(), True: set()}
        self._accounts: Counter[int] = Counter()
        #: When such a reader last came or left.
        self._left = {False: -math.inf, True: -math.inf}
        self._subscription: Subscription[Moment] | None = None
        #: Set while changes are to be collected; set while they are collected.
        self._wanted, self._collecting = asyncio.Event(), asyncio.Event()
        self._rounds = {
            brief: background.Loop(
                partial(self._serve, brief),
                log,
                "the rights of readers could not be read",
                "the broadcast met an internal error",
                interval=TICK,
            )
            for brief in self._readers
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block lasts."""
        async with background.serving(self._collect(), *(rounds.run() for rounds in self._rounds.values())):
            yield

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._readers.values()))

    @property
    def newest(self) -> str:
        """The id of the newest frame, after which a stream can go on; empty while changes are not collected."""
        return self._ring.id(self._ring.newest) if self._collecting.is_set() else ""

    async def join(
        self,
        who: Who,
        repo_id: int | None,
        last_id: str,
        abort: Callable[[], None],
        lasts: float = math.inf,
        *,
        brief: bool = False,
    ) -> Reader:
        """A stream that goes on after the frame with the id `last_id`, else from now; Unavailable if too many are open.

        A stream begins with a ping: from then on no change is missed. It ends after `lasts` seconds at the latest.
        """
        self._left[brief] = asyncio.get_running_loop().time()  # so that this reader, once it is added, misses nothing
        self._wanted.set()
        await self._collecting.wait()
        if self._accounts[who.user_id] >= PER_ACCOUNT or self.listeners >= MOST:
            raise Unavailable("too many streams are open: close some", code="too_many_streams")
        position = self._ring.position(last_id, brief=brief)
        start = self._ring.newest if position is None else position
        wants = self._rounds[brief].wake
        reader = Reader(who, repo_id, start, brief=brief, lasts=lasts, wants=wants, left=self._leave, abort=abort)
        reader.give(sse.PING + (MISSED if last_id and position is None else b""))
        self._readers[brief].add(reader)
        self._accounts[who.user_id] += 1
        if self._moments.closed:
            reader.end(sse.END)
        return reader

    def _leave(self, reader: Reader) -> None:
        if reader in self._readers[reader.brief]:
            self._readers[reader.brief].remove(reader)
            self._accounts[reader.who.user_id] -= 1
            self._left[reader.brief] = asyncio.get_running_loop().time()

    async def _collect(self) -> None:
        """Add a frame for each change, while there is a reader or the last one has just left."""
        while not self._moments.closed:
            await self._wanted.wait()
            with self._moments.subscribe() as self._subscription:
                self._collecting.set()
                async for moment in self._subscription:
                    self._add(moment.repo, moment.build)
                if self._subscription.lost:
                    self._end(TOO_SLOW + sse.END)
            self._ring.interrupt()
        self._end(sse.END)

    def _add(self, repo: Repo, build: Build) -> None:
        data = encode(repo_build_json(repo, build, stages=True)) if self._are_expected(brief=False) else None
        self._ring.add(repo.id, repo.slug, build.number, data)
        for brief, rounds in self._rounds.items():
            if self._readers[brief]:
                rounds.wake()

    def _are_expected(self, *, brief: bool) -> bool:
        """Whether there are such readers, or the last one may come back and go on."""
        return bool(self._readers[brief]) or asyncio.get_running_loop().time() - self._left[brief] < LINGER

    def _end(self, words: bytes) -> None:
        for reader in chain(*self._readers.values()):
            reader.end(words)

    async def _serve(self, brief: bool) -> None:
        await self._wanted.wait()
        told = await self._round(self._readers[brief])
        self._rest()
        if brief and told:
            await asyncio.sleep(CROWDED_PACE if told > CROWD else PACE)

    def _rest(self) -> None:
        """Stop collecting when there was no reader for LINGER seconds."""
        if any(self._are_expected(brief=brief) for brief in self._readers):
            return
        if self._subscription is None or self._moments.closed:
            return
        self._wanted.clear()
        self._collecting.clear()
        self._subscription.end()

    async def _round(self, among: Set[Reader]) -> int:
        """Give each reader that is due the frames after its position that it may have; how many frames there were."""
        now = asyncio.get_running_loop().time()
        self._end_late_ones(among, now)
        readers = [reader for reader in among if self._is_due(reader, now)]
        if not readers:
            return 0
        share = Share(self._ring, readers, now, among=self.listeners)
        await self._traffic.calm(now + PATIENCE)
        rights = await self._db.read(share.rights(self._now()))
        rest = iter(readers)
        while some := list(islice(rest, SLICE)):
            for reader in some:
                share.give(reader, rights)
            await asyncio.sleep(0)  # lets these readers write, and requests be read
            await self._traffic.calm(now + PATIENCE)
        return share.size

    def _end_late_ones(self, readers: Set[Reader], now: float) -> None:
        for reader in readers:
            if reader.position < self._ring.oldest:
                reader.end(TOO_SLOW + sse.END)
            elif now >= reader.until:
                reader.end(sse.END)

    def _is_due(self, reader: Reader, now: float) -> bool:
        return reader.ready and (reader.position < self._ring.newest or now - reader.given >= sse.QUIET)
