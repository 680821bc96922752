"""Work on versions that outlives its request: creation, promotion and deletion.

Work is a row. A worker takes the row for the time of a lease, and renews the lease. So work is done once, also by
several servers of one database, and another worker takes what a killed server has left. The transaction that ends the
work deletes the row, and does so only if the worker still has it.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from app import background
from app.backoff import pauses
from app.bundles.store import OBJECT
from app.db import releases, schema
from app.db.connect import Alterable
from app.db.mapper import Mapper
from app.db.tx import Tx, one, run
from app.errors import AppError, Unavailable
from app.turns import many_objects

log = logging.getLogger(__name__)

Kind: TypeAlias = Literal["create", "promote", "delete_promotion", "delete"]

#: Milliseconds for which a worker keeps work that it does not renew, and seconds between two renewals.
LEASE, RENEWAL = 15_000, 3.0
#: Seconds between two looks for work that another server has left, and between two looks whether work has ended that
#: another server does.
LOOK, POLL = 2.0, 0.25
#: Works that are done at once.
AT_ONCE = 2
#: Attempts at work while something that it needs is away, and seconds between the first two; then twice as long.
ATTEMPTS, PAUSE = 6, 0.2
LONGEST_PAUSE = 5.0
#: Errors of ended work that are kept for those who wait.
KEPT = 1000

ADD = schema.insert_sql(releases.bundle_work, "ON CONFLICT (bundle_id, promotion_id) DO NOTHING RETURNING id")
TAKE = """
    UPDATE bundle_work SET owner = :owner, lease = :until
    WHERE lease < :now AND id = (SELECT id FROM bundle_work WHERE lease < :now ORDER BY lease, id LIMIT 1)
    RETURNING *
"""
RENEW = "UPDATE bundle_work SET lease = :until, done = :done WHERE id = :id AND owner = :owner RETURNING id"
FINISH = "DELETE FROM bundle_work WHERE id = :id AND owner = :owner RETURNING id"
RELEASE = "UPDATE bundle_work SET owner = '', lease = 0 WHERE owner = :owner"
RELEASE_ALL = "UPDATE bundle_work SET owner = '', lease = 0"
EXISTS = "SELECT id FROM bundle_work WHERE id = :id"
OF = "SELECT * FROM bundle_work WHERE bundle_id = :bundle_id AND promotion_id = :promotion_id"
UNFINISHED = "SELECT count(*) AS number, count(CASE WHEN lease < :now THEN id END) AS waiting FROM bundle_work"
OLDEST = "SELECT * FROM bundle_work ORDER BY id LIMIT 1"


@dataclass(frozen=True)
class Work:
    """Work that is not finished."""

    id: int
    bundle_id: int
    #: 0 for work on the version itself.
    promotion_id: int
    kind: Kind
    #: What the step needs to know besides the rows; `at` is when the work was asked for, Unix milliseconds.
    request: Mapping[str, Any] = field(default_factory=dict)
    #: The worker that does it, and until when others leave it alone, Unix milliseconds; empty and 0 for none.
    owner: str = ""
    lease: int = 0
    #: Files that are done, of all.
    done: int = 0
    total: int = 0


MAPPER = Mapper(Work, releases.bundle_work, codecs={"request": OBJECT})


class Lost(AppError):
    """Another worker has taken the work: nothing of this attempt may be kept."""

    code = "work_lost"


def add(bundle_id: int, kind: Kind, total: int, promotion_id: int = 0, *, at: int, **request: Any) -> Tx[int | None]:
    """Add work that is asked for at a time, Unix milliseconds; its id. None when there is work on the version (or on
    the promotion) already."""
    work = Work(0, bundle_id, promotion_id, kind, {"at": at, **request}, total=total)
    row = yield from one(ADD, **MAPPER.values(work))
    return int(row["id"]) if row is not None else None


def finish(work: Work) -> Tx[None]:
    """The work is done; Lost when another worker has it now. The step's last transaction begins with this."""
    if (yield from one(FINISH, id=work.id, owner=work.owner)) is None:
        raise Lost("another server has taken over this work")


def of(bundle_id: int, promotion_id: int = 0) -> Tx[Work | None]:
    """The work on a version, or on a promotion, that is not finished."""
    row = yield from one(OF, bundle_id=bundle_id, promotion_id=promotion_id)
    return MAPPER.make(row) if row is not None else None


class Waiting(NamedTuple):
    """Work that is not finished, and how much of it no worker has; `since` when the oldest was asked for, Unix
    milliseconds, 0 without any."""

    unfinished: int
    waiting: int
    since: int


def waiting(now: int) -> Tx[Waiting]:
    """How much work is not finished at a time, Unix milliseconds."""
    row = yield from one(UNFINISHED, now=now)
    oldest = yield from one(OLDEST)
    assert row is not None
    since = int(MAPPER.make(oldest).request.get("at", 0)) if oldest is not None else 0
    return Waiting(row["number"], row["waiting"], since)


@dataclass
class Tally:
    """How much work was done, and how much has failed, since the server started."""

    done: Counter[Kind] = field(default_factory=Counter)
    failed: Counter[Kind] = field(default_factory=Counter)
    #: Seconds that the work took which was done.
    seconds: float = 0.0


class Progress:
    """How many files a step has done."""

    def __init__(self) -> None:
        self.done = 0


class Step(Protocol):
    """What does the work of a kind."""

    async def do(self, work: Work, progress: Progress) -> None:
        """Do it to its end, with a last transaction that begins with `finish`. An AppError makes it fail.

        After Unavailable it is called again.
        """
        ...

    def failed(self, work: Work, error: AppError) -> Tx[None]:
        """Keep that it failed, and why. The worker has called `finish`."""
        ...


class Worker:
    """Does work, two at once; `owner` is a name that no other worker has."""

    def __init__(
        self, db: Alterable, steps: Mapping[Kind, Step], owner: str, now_ms: Callable[[], int], *, alone: bool
    ) -> None:
        self._db = db
        self._steps = steps
        self._owner = owner
        self._now_ms = now_ms
        #: Whether no other server uses the database: then no other server has the work that is there at the start.
        self._alone = alone
        self.tally = Tally()
        self._tasks = set[asyncio.Task[None]]()
        self._ended = dict[int, asyncio.Event]()
        self._errors = OrderedDict[int, AppError]()
        self._loop = background.Loop(
            self._round, log, "work on release bundles waits", "work on release bundles met an internal error", LOOK
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work while the block lasts. What is not finished at its end goes on with the next worker."""
        if self._alone:
            await self._db.write(run(RELEASE_ALL))
        async with background.working(self._loop, self._tasks, self._release):
            yield

    async def _release(self) -> None:
        await self._db.write(run(RELEASE, owner=self._owner))

    def wake(self) -> None:
        """Look for work now: some was added."""
        self._loop.wake()

    async def ended(self, work_id: int) -> None:
        """Wait until work has ended, by whichever server; its error, if this server has done it.

        The work goes on when the caller does not wait to the end.
        """
        event = self._ended.setdefault(work_id, asyncio.Event())
        self.wake()
        try:
            while not event.is_set() and await self._db.glance(one(EXISTS, id=work_id)) is not None:
                with suppress(TimeoutError):  # another server may have ended the work: look again
                    async with asyncio.timeout(POLL):
                        await event.wait()
        finally:
            self._ended.pop(work_id, None)
        if (error := self._errors.pop(work_id, None)) is not None:
            raise error

    async def _round(self) -> None:
        while len(self._tasks) < AT_ONCE:
            now = self._now_ms()
            row = await self._db.write(one(TAKE, owner=self._owner, now=now, until=now + LEASE))
            if row is None:
                return
            task = asyncio.create_task(self._perform(MAPPER.make(row)))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._loop.wake()

    async def _perform(self, work: Work) -> None:
        """Do work; what goes wrong is kept with it. What cannot be kept now is tried again when the lease is over."""
        progress, began = Progress(), time.monotonic()
        async with background.serving(self._renewing(work, progress)):
            try:
                await self._attempts(work, progress)
            except Lost:
                log.warning("another server has taken over work", extra={"work": work.id, "kind": work.kind})
            except AppError as error:
                await self._fail(work, error)
            except Exception:  # a bug in a step: the work ends with it, and the worker goes on
                log.exception("work met an internal error", extra={"work": work.id, "kind": work.kind})
                await self._fail(work, AppError("the server met an internal error; its log says which", code="bug"))
            else:
                self.tally.done[work.kind] += 1
                self.tally.seconds += time.monotonic() - began
        if (event := self._ended.get(work.id)) is not None:
            event.set()

    async def _attempts(self, work: Work, progress: Progress) -> None:
        """Do work, again and again while something that it needs is away; the error of the last attempt."""
        for pause in islice(pauses(PAUSE, LONGEST_PAUSE), ATTEMPTS - 1):
            try:
                return await self._attempt(work, progress)
            except Unavailable as error:
                about = {"work": work.id, "kind": work.kind, "reason": error.message}
                log.warning("work waits for what is away", extra=about)
            await asyncio.sleep(pause)
        return await self._attempt(work, progress)

    async def _attempt(self, work: Work, progress: Progress) -> None:
        with many_objects():
            await self._steps[work.kind].do(work, progress)

    async def _fail(self, work: Work, error: AppError) -> None:
        self._errors[work.id] = error  # before the row is gone: who waits looks for the error then
        while len(self._errors) > KEPT:
            self._errors.popitem(last=False)
        try:
            await self._db.write(_failed(self._steps[work.kind], work, error))
        except AppError as worse:
            self._errors.pop(work.id, None)
            log.warning("failed work could not be ended", extra={"work": work.id, "reason": worse.message})
        else:
            self.tally.failed[work.kind] += 1

    async def _renewing(self, work: Work, progress: Progress) -> None:
        while True:
            await asyncio.sleep(RENEWAL)
            until = self._now_ms() + LEASE
            with suppress(Unavailable):  # the lease lasts for more renewals than one
                await self._db.write_few(run(RENEW, id=work.id, owner=self._owner, until=until, done=progress.done))


def _failed(step: Step, work: Work, error: AppError) -> Tx[None]:
    yield from finish(work)
    yield from step.failed(work, error)
