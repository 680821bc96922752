"""Looks at the refs of the repositories that are polled, and lets the keeper of deliveries build what has changed.

A look is a row with a lease, so several servers share the work, and what a killed server has taken is taken anew when
its lease is over. The refs and the deliveries of what has changed are written in one transaction: none is told twice.
A change that the hook has told meanwhile is not told again.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from secrets import token_hex

import orjson

from app import background
from app.builds import lists, triggers
from app.builds.deliveries import store as deliveries
from app.builds.model import cut
from app.builds.polling.changes import changes
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import AppError, NotFound, Unavailable, Unreadable
from app.repos import polls, settings
from app.repos import store as repos
from app.repos.input import LONGEST_POLL
from app.repos.model import Repo, source
from app.repos.polls import Poll
from app.scm.hook import Push
from app.scm.plain import Listing

log = logging.getLogger(__name__)

#: Repositories that one server looks at together, and seconds between two looks for those that are due.
AT_ONCE, LOOK = 4, 2.0
#: Seconds for which a repository belongs to its server: longer than any call of git.
LEASE = 120
#: Seconds between two attempts at a repository that cannot be read, at most, unless it is polled less often.
LONGEST_PAUSE = 3600
#: Seconds before a look in which the hook may have told of what the look has missed.
SLACK = 60
#: Why a repository could not be looked at that met an exception which nobody foresaw.
BUG = "internal error; the server's log has more"


class Poller:
    """Polls; `owner` is a name that no other poller has, `alone` says that no other server uses the database.

    `wake` is called after deliveries were written.
    """

    def __init__(self, ports: Ports, owner: str, wake: Callable[[], None], *, alone: bool) -> None:
        self._ports = ports
        self._owner = owner
        self._wake = wake
        self._alone = alone
        self._tasks = set[asyncio.Task[None]]()
        self._loop = background.Loop(
            self.look, log, "the polls could not be read", "the poller met an internal error", LOOK
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll while the block lasts."""
        if self._alone:
            await self._ports.db.write(polls.release_all())
        async with background.working(self._loop, self._tasks, self._release):
            yield

    async def _release(self) -> None:
        await self._ports.db.write(polls.release(self._owner))

    async def look(self) -> None:
        """Begin to look at the repositories that are due."""
        if room := AT_ONCE - len(self._tasks):
            now = self._ports.now()
            taking = polls.take(self._owner, now, now + LEASE, now + 2 * LONGEST_POLL, room)
            for poll in await self._ports.db.write_few(taking):
                self._begin(poll)

    async def idle(self) -> None:
        """Wait until this server looks at no repository."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, poll: Poll) -> None:
        def ended(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            self._loop.wake()

        task = asyncio.create_task(self._attempt(poll))
        self._tasks.add(task)
        task.add_done_callback(ended)

    async def _attempt(self, poll: Poll) -> None:
        """Look at one repository; a bug in one must not end the others."""
        try:
            await self._poll(await self._ports.db.read(repos.find(poll.repo_id)), poll)
        except NotFound:  # the repository was deleted, and its row with it
            return
        except Unavailable as error:  # the database: the repository is looked at when its lease is over
            log.warning("a poll could not be written", extra={"repo_id": poll.repo_id, "reason": error.message})
        except Exception:  # a bug: the other repositories are still looked at
            log.exception("a poll met an internal error", extra={"repo_id": poll.repo_id})
            with suppress(Unavailable):  # then the lease ends by itself
                await self._ports.db.write_few(polls.failed(poll, BUG, self._ports.now() + LONGEST_PAUSE))

    async def _poll(self, repo: Repo, poll: Poll) -> None:
        began = self._ports.now()
        try:
            host = self._ports.hosts.of(source(repo))
            if not (repo.active and repo.poll and isinstance(host, Listing)):
                forgetting = polls.forget(poll, began + (repo.poll or LONGEST_POLL))
                await self._ports.db.write_few(forgetting)
                return
            found = await host.refs(source(repo))
            if poll.number and not found:
                raise Unreadable("the repository lists no refs any more; those that were known are kept")
        except AppError as error:
            await self._fail(repo, poll, error.message)
            return
        if poll.error:
            log.info("a repository can be polled again", extra={"repo": repo.slug})
        await self._compare(repo, poll, found, began)

    async def _fail(self, repo: Repo, poll: Poll, reason: str) -> None:
        """Try again later and later."""
        if not poll.error:
            log.warning("a repository cannot be polled", extra={"repo": repo.slug, "reason": reason})
        pause = min(repo.poll << min(poll.tries, 20), max(repo.poll, LONGEST_PAUSE))
        await self._ports.db.write_few(polls.failed(poll, cut(reason), self._ports.now() + pause))

    async def _compare(self, repo: Repo, poll: Poll, found: Mapping[str, str], began: int) -> None:
        digest, due = _digest(found), self._ports.now() + repo.poll
        if digest == poll.digest:
            await self._ports.db.write_few(polls.seen(poll, began, due))
            return
        old = await self._ports.db.read(polls.refs(poll))
        moves = changes(old, found) if poll.seen else ()  # the first look only learns
        pushes = {f"{deliveries.POLLED}{token_hex(16)}": push for push in moves}
        about = {"repo": repo.slug, "refs": len(found), "changed": len(pushes)}
        if await self._ports.db.write(_told(repo, poll, found, digest, pushes, began, due)):
            log.info("refs were polled", extra=about)
            self._wake()


def _told(
    repo: Repo, poll: Poll, found: Mapping[str, str], digest: str, pushes: Mapping[str, Push], began: int, due: int
) -> Tx[bool]:
    """Keep the refs, and the deliveries of what has changed; false when another server has the repository now."""
    yield from settings.lock(repo.id)
    if not (yield from polls.learn(poll, found, digest)):
        return False
    moved = {name: push for name, push in pushes.items() if triggers.build_event(push, repo.default_branch)}
    yield from deliveries.add_polled(repo.id, moved, began, since=poll.seen - SLACK)
    for push in pushes.values():
        if gone := triggers.ended(push):
            yield from lists.forget(repo.id, gone.kind, gone.name)
    yield from polls.seen(poll, began, due)
    return True


def _digest(found: Mapping[str, str]) -> str:
    return hashlib.sha256(orjson.dumps(dict(found), option=orjson.OPT_SORT_KEYS)).hexdigest()
