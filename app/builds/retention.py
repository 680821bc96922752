"""Keeps what grows small, in the background: builds that expire are purged, mirrors that nobody uses are dropped."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app import background
from app.builds import purge
from app.builds.ports import Ports
from app.db.tx import Tx, one
from app.errors import Unavailable
from app.repos import store as repos
from app.repos.model import Repo

log = logging.getLogger(__name__)

#: Seconds between two rounds, and between two transactions that delete builds.
INTERVAL, PAUSE = 3600.0, 0.2
#: Repositories that are read together.
PAGE = 100
DAY = 24 * 3600
#: Days without a build after which the mirrors of a repository are dropped.
UNUSED = 90
#: Numbers rise with the time of creation, so this reads no more builds than expire.
FIRST_SINCE = "SELECT number FROM builds WHERE repo_id = :repo_id AND created >= :since ORDER BY number LIMIT 1"


class Retention:
    """What is kept: builds that ended within so many days, and so many builds of a repository; 0 = all of them."""

    def __init__(self, ports: Ports, *, days: int, builds: int) -> None:
        self._ports = ports
        self._days = days
        self._builds = builds
        self._loop = background.Loop(
            self.round, log, "old builds cannot be purged now", "the purge met an internal error", INTERVAL
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block lasts."""
        self._loop.wake()
        async with background.serving(self._loop.run()):
            yield

    async def round(self) -> None:
        """Purge and drop once all that is due."""
        after = 0
        while self._days or self._builds:
            page = await self._ports.db.read(repos.list_after(after, PAGE))
            for repo in page:
                await self._try(repo)
            if len(page) < PAGE:
                break
            after = page[-1].id
        since = self._ports.now() - UNUSED * DAY
        used = await self._ports.db.read(repos.used_since(since))
        await self._ports.hosts.drop_unused(used, since)

    async def _try(self, repo: Repo) -> None:
        """Purge what is due in a repository; what cannot be purged there is left to the next round."""
        try:
            await self._expire(repo)
        except Exception as error:  # a log that cannot be deleted, or a bug, must not keep the other repositories
            about = {"repo_id": repo.id, "reason": str(error)}
            log.warning(
                "old builds of a repository cannot be purged now",
                extra=about,
                exc_info=not isinstance(error, Unavailable),
            )

    async def _expire(self, repo: Repo) -> None:
        now = self._ports.now()
        if self._builds:
            await purge.expire(self._ports, repo, repo.counter - self._builds + 1, now + 1, pause=PAUSE)
        if self._days:
            since = now - self._days * DAY
            before = await self._ports.db.read(_first_since(repo, since))
            await purge.expire(self._ports, repo, before, since, pause=PAUSE)


def _first_since(repo: Repo, since: int) -> Tx[int]:
    """The number of the first build since a time; without one, the number of the next build."""
    row = yield from one(FIRST_SINCE, repo_id=repo.id, since=since)
    return int(row["number"]) if row else repo.counter + 1
