"""Finds what lost deliveries would have built, and lets it be built.

The default branch and the tags of each enabled repository are compared with what was built: when the server starts,
hourly, and once a host that was away answers again. What nobody has told of is stored as a delivery that the server
itself has found, so that a delivery of it that comes in after all makes no second build. Several servers of one
database share the looks: a server takes a look for the time of a lease.
"""

import asyncio
import logging
import math
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from secrets import token_hex

from app import background
from app.builds.deliveries import store as deliveries
from app.builds.deliveries.keeper import Keeper
from app.builds.deliveries.model import Delivery
from app.builds.missed import store
from app.builds.missed.model import BRANCHES, Difference, Found, Look, compared, server_of
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import AppError, NotFound, Unavailable
from app.moments import Actor, Change, Recorder
from app.repos import store as repos
from app.repos.model import Repo, source
from app.scm import hook
from app.scm.forge import Later
from app.scm.hook import Push
from app.scm.host import Commit, Tips, passes

log = logging.getLogger(__name__)

#: Seconds between two looks at a repository, and by how much less the pause may be: looks that were made together are
#: spread so.
HOUR, SPREAD = 3600, 600
#: Seconds for which a look counts as a recent one: a start, or a host that comes back, makes no other one.
RECENT = 300
#: Looks at one server at once; and at a host with an API, which counts calls, so many quickly, and in an hour.
AT_ONCE, QUICKLY, HOURLY = 4, 200, 1000
#: Seconds that a delivery has to come in after all, from the look that has missed the delivery.
GRACE = 20.0
#: Seconds that a look may take, and for which the look belongs to its server: longer than a look and its GRACE.
PATIENCE, LEASE = 120.0, 300
#: Seconds until the next attempt at a server that does not answer, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 30, 900
#: Seconds between two looks for what is due, at most: another server may have enabled a repository.
LOOK = 5.0
#: Tags of one look that are built; later looks build the others. Hosts send no webhook of a push of very many tags.
MOST = 20


@dataclass
class _Lane:
    """The looks at one server."""

    under_way: int = 0
    #: Whether the server did not answer the last look.
    failing: bool = False
    #: Looks that a host with an API may get, as it was at a time in Unix seconds.
    left: float = QUICKLY
    at: int = 0

    def room(self, now: int, *, counted: bool) -> int:
        """How many looks may begin now."""
        free = (1 if self.failing else AT_ONCE) - self.under_way
        if not counted:
            return free
        self.left = min(QUICKLY, self.left + max(0, now - self.at) * HOURLY / HOUR)
        self.at = now
        return min(free, int(self.left))

    def begin(self) -> None:
        """Count a look that begins."""
        self.under_way += 1
        self.left -= 1


class Looks:
    """Makes all looks that are due. `grace` is in seconds; `spread` gives a random number from 0 to 1."""

    def __init__(
        self,
        ports: Ports,
        keeper: Keeper,
        *,
        grace: float = GRACE,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._ports = ports
        self._keeper = keeper
        self._grace = grace
        self._spread = spread
        self._lanes = defaultdict[str, _Lane](_Lane)
        self._tasks = set[asyncio.Task[None]]()
        self._loop = background.Loop(
            self.round, log, "missed changes are not looked for", "looking for missed changes met an internal error"
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look while the block lasts. Looks that are under way at its end are made anew later."""
        await self._begin()
        self._loop.wake()
        try:
            async with background.serving(self._loop.run()):
                yield
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self) -> None:
        """Compare all enabled repositories, also those that were enabled before there were looks."""
        now, last = self._ports.now(), 0
        while unknown := await self._ports.db.read(store.unknown(last)):
            looks = [Look(repo.id, server_of(repo), 0, 0, now, 0) for repo in unknown]
            await self._ports.db.write(store.add(looks))
            last = unknown[-1].id
        await self._ports.db.write(store.hasten(now, now - RECENT))

    async def back(self, server: str) -> None:
        """Compare the repositories of a server that was away, and answers again."""
        now = self._ports.now()
        await self._ports.db.write(store.hasten(now, now - RECENT, server))
        self._loop.wake()

    def answers(self, server: str) -> None:
        """As `back`; returns at once."""
        self._start(self._guarded(self.back(server), Look(0, server, 0, 0, 0, 0)))

    async def round(self) -> float:
        """Begin the looks that may begin, and return the seconds until the next round."""
        now = self._ports.now()
        counted = {host.name for host in self._ports.hosts.forges}
        for server in await self._ports.db.read(store.due_servers(now)):
            lane = self._lanes[server]
            if (room := lane.room(now, counted=server in counted)) > 0:
                for look in await self._ports.db.write_few(store.take(server, now, now + LEASE, room)):
                    lane.begin()
                    self._start(self._guarded(self._make(look, lane), look))
        soonest = await self._ports.db.read(store.soonest())
        return LOOK if soonest is None else min(max(soonest - now, 1.0), LOOK)

    async def settled(self) -> None:
        """Wait until no look is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Awaitable[None], look: Look) -> None:
        """Do work of a look; whatever goes wrong, a later look follows."""
        try:
            await work
        except Unavailable as error:  # the database: the lease ends by itself
            log.warning("a look for missed changes could not be written", extra=_about(look, error.message))
        except Exception:  # a bug: the other repositories are still looked at
            log.exception("a look for missed changes met an internal error", extra=_about(look))

    async def _make(self, look: Look, lane: _Lane) -> None:
        try:
            await self._attempt(look, lane)
        finally:
            lane.under_way -= 1
            self._loop.wake()  # there is room for another

    async def _attempt(self, look: Look, lane: _Lane) -> None:
        try:
            repo = await self._ports.db.read(repos.find(look.repo_id))
        except NotFound:  # and its look with it
            return
        if not repo.active:
            await self._ports.db.write_few(store.drop(repo.id))
            return
        asked = self._ports.now()
        try:
            async with asyncio.timeout(PATIENCE):
                missed = await self._compare(look, repo, asked)
        except Later as later:  # the server works
            await self._again(look, max(later.seconds, FIRST_PAUSE), look.tries)
        except NotFound as error:  # an empty repository has no default branch
            log.info("a repository has no refs to look at", extra=_about(look, error.message))
            await self._again(look, self._hour(), 0)
        except TimeoutError:
            await self._failed(look, repo, lane, f"no answer within {PATIENCE:g} s", away=True)
        except AppError as error:
            await self._failed(look, repo, lane, error.message, away=passes(error))
        else:
            was_away, lane.failing = lane.failing or look.tries > 0, False
            if was_away:
                await self.back(look.server)
            if missed:
                self._start(self._guarded(self._build(look, repo, missed, asked), look))

    async def _compare(self, look: Look, repo: Repo, asked: int) -> list[Found]:
        """What may have been missed."""
        host = self._ports.hosts.of(source(repo))
        listed = await host.tips(source(repo), repo.default_branch) if isinstance(host, Tips) else {}
        seen = await self._ports.db.read(store.seen(repo.id))
        difference = compared(look, repo.default_branch, listed, seen)
        judged = _judged(look, difference, asked, asked + self._hour())
        missed, later = await self._ports.db.write_few(judged)
        if later:
            about = _about(look) | {"tags": later}
            log.warning("more tags are new than one look builds: later looks build the others", extra=about)
        return missed

    async def _build(self, look: Look, repo: Repo, missed: Sequence[Found], asked: int) -> None:
        """Store what no delivery has told of within the GRACE; what cannot be read, a later look finds again."""
        await asyncio.sleep(self._grace)
        await self._keeper.idle(repo.id)
        try:
            for one in missed:
                await self._store(look, repo, one, asked)
        except AppError as error:
            log.warning("a missed change could not be read", extra=_about(look, error.message))
            if passes(error):
                await self._again(look, _pause(look), look.tries + 1)

    async def _store(self, look: Look, repo: Repo, found: Found, asked: int) -> None:
        try:
            commit = await self._commit(repo, found)
        except NotFound:  # the ref has moved meanwhile, as the next look sees; or the tag names no commit
            if not found.ref.startswith(BRANCHES):
                await self._ports.db.write_few(store.see(repo.id, {found.ref: found.oid}))
            return
        if 0 < commit.timestamp < found.oldest:
            await self._ports.db.write_few(store.see(repo.id, {found.ref: found.oid}))
            return
        change, now = _change(repo, found, commit), self._ports.now()
        told = hook.Delivery(host=repo.scm.partition(":")[0], uid=repo.uid, slug=repo.slug)
        given = Delivery.of(repo.id, told, change, Actor("hook"), now, name=token_hex(16))
        if await self._ports.db.write_few(_added(given, found, min(found.since, asked))):
            about = _about(look) | {"ref": found.ref, "commit": change.after, "delivery": given.name}
            log.warning("a change that no webhook has told of is built", extra=about)
            self._keeper.wake()

    async def _commit(self, repo: Repo, found: Found) -> Commit:
        """The commit of a ref; plain git also reads a tag's object, and hosts with an API read the tag itself."""
        by_name = repo.scm and not found.ref.startswith(BRANCHES)
        return await self._ports.hosts.commit(source(repo), found.ref if by_name else found.oid)

    async def _failed(self, look: Look, repo: Repo, lane: _Lane, reason: str, *, away: bool) -> None:
        """A look was not made. While a host with an API is away, one look at a time asks whether the host is back.

        Of plain git nobody knows whether the whole server is away, or one repository.
        """
        if not look.tries:
            log.warning("a repository cannot be looked at", extra=_about(look, reason))
        await self._again(look, _pause(look) if away else self._hour(), look.tries + 1)
        if away and repo.scm:
            lane.failing = True
            await self._ports.db.write(store.put_off(look.server, self._ports.now() + _pause(look)))

    async def _again(self, look: Look, seconds: float, tries: int) -> None:
        await self._ports.db.write_few(store.later(look.repo_id, self._ports.now() + math.ceil(seconds), tries))

    def _hour(self) -> int:
        return HOUR - int(SPREAD * self._spread())


def recorder(now: Callable[[], int]) -> Recorder:
    """Lets a repository be compared from its enabling on, and not while it is disabled."""
    return Recorder(partial(_switch, now), verbs=("repo.create", "repo.enable", "repo.disable"))


def _switch(now: Callable[[], int], change: Change) -> Tx[None]:
    yield from store.drop(change.repo_id)
    if change.verb != "repo.disable":
        repo = yield from repos.find(change.repo_id)
        yield from store.add([Look(repo.id, server_of(repo), now(), 0, now(), 0)])


def _judged(look: Look, difference: Difference, asked: int, due: int) -> Tx[tuple[list[Found], int]]:
    """What was neither built nor told of, and how many tags are left to later looks; all else is seen from now on.

    What is left was not compared: so the look counts as none, and the next one asks what was built since the last.
    """
    missed, later, room = list[Found](), list[Found](), MOST
    for one in difference.found:
        is_tag = not one.ref.startswith(BRANCHES)
        if is_tag and not room:
            later.append(one)
        elif not (yield from store.is_built(look.repo_id, one.ref, one.oid, one.since)):
            missed.append(one)
            room -= is_tag
    unseen = {one.ref for one in (*missed, *later)}
    known = {one.ref: one.oid for one in difference.found if one.ref not in unseen}
    looked = look.looked if later else asked
    yield from store.end(look.repo_id, looked, due, {**difference.known, **known}, difference.gone)
    return missed, len(later)


def _added(given: Delivery, found: Found, since: int) -> Tx[bool]:
    added = yield from deliveries.add_found(given, since)
    if added:
        yield from store.see(given.repo_id, {found.ref: found.oid})
    return added


def _change(repo: Repo, found: Found, commit: Commit) -> Push:
    """What a webhook would have told. The hook of plain git tells the ids alone, and that of a tag's object."""
    if not repo.scm:
        return Push(before=found.before, after=found.oid, ref=found.ref)
    return Push(
        before=found.before,
        after=commit.sha,
        ref=found.ref,
        message=commit.message,
        timestamp=commit.timestamp,
        author_login=commit.author_login,
        author_name=commit.author_name,
        author_email=commit.author_email,
        sender=commit.author_login,
    )


def _pause(look: Look) -> int:
    """Seconds until the next attempt."""
    return min(FIRST_PAUSE << min(look.tries, 10), LONGEST_PAUSE)


def _about(look: Look, reason: str = "") -> dict[str, object]:
    """The fields of a line in the log."""
    about: dict[str, object] = {"repo_id": look.repo_id, "server": look.server}
    return about | ({"reason": reason} if reason else {})
