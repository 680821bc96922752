"""Synchronising the repositories of hosts, and the rights of an account in them, with the host (contract scm-api 6.1).

An account is synchronised when its person logs in, on demand, and hourly. A server that does so takes the account for
the time of a lease and renews the lease, so that several servers of one database share the work.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from app import background
from app.accounts import proofs
from app.accounts import store as accounts
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import AccountHost, HostAccount
from app.accounts.hosted.tokens import Tokens
from app.accounts.model import User
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import AppError, Unavailable
from app.repos.hosted.lists import Lists
from app.scm.forge import Credential, Listed

log = logging.getLogger(__name__)

#: Seconds that a host gets for the whole list.
PATIENCE = 30 * 60.0
#: Seconds between two synchronisations of an account, and after its last use from which on there are none.
HOUR, RECENT = 3600, 30 * 24 * 3600
#: Seconds for which a server keeps an account that it does not renew, between two renewals, and between two looks for
#: progress that is worth storing.
LEASE, RENEWAL, PROGRESS = 60, 15.0, 0.5
#: Accounts that a server synchronises at once because they are due, and seconds between two looks for them.
AT_ONCE, LOOK = 2, 60.0
#: Seconds between two looks whether another server is done.
POLL = 0.25
#: Characters of the reason why a synchronisation failed.
LONGEST_FAULT = 500


class Syncs:
    """Synchronises accounts at these hosts.

    `services` are what the server itself shows to hosts, by name: with one, an administrator who has no account at the
    host gets the repositories that the server may see there. `now` is Unix seconds.
    """

    def __init__(
        self,
        db: Database,
        tokens: Tokens,
        lists: Lists,
        hosts: Mapping[str, AccountHost],
        services: Mapping[str, Credential],
        now: Callable[[], int],
    ) -> None:
        self._db = db
        self._tokens = tokens
        self._lists = lists
        self._hosts = hosts
        self._services = services
        self._now = now
        #: What this server synchronises, by the id of the account at the host; and who waits for that.
        self._tasks = dict[int, asyncio.Task[None]]()
        self._waits = set[asyncio.Task[None]]()
        self._loop = background.Loop(
            self._round, log, "synchronisations wait", "synchronising with hosts met an internal error", LOOK
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Synchronise what is due while the block lasts. The next server begins anew what is under way at its end."""
        self._loop.wake()
        try:
            async with background.serving(self._loop.run()):
                yield
        finally:
            tasks = [*self._waits, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, user_id: int) -> None:
        """Synchronise what is due of an account; returns at once."""
        self._wait(self._due(user_id))

    def begin_all(self, user: User) -> None:
        """As `sync`; returns at once."""
        self._wait(self.sync(user))

    def _wait(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._waits.add(task)
        task.add_done_callback(self._waited)

    def _waited(self, task: "asyncio.Task[None]") -> None:
        self._waits.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, AppError):
            log.error("synchronising with hosts met an internal error", exc_info=error)

    async def _due(self, user_id: int) -> None:
        now = self._now()
        for account in await self._db.read(hosted.of_user(user_id)):
            if 0 < account.due <= now and account.host in self._hosts:
                await self._start(account.id)

    async def sync(self, user: User) -> None:
        """Synchronise an account with all hosts, and wait for the end, which comes also when the caller goes.

        The first error of a host is raised after all hosts were asked.
        """
        known = {account.host: account for account in await self._db.read(hosted.of_user(user.id))}
        waits = [self._own(account) for account in known.values() if account.host in self._hosts]
        served = [name for name in self._services if name in self._hosts and name not in known] if user.admin else []
        waits += [self._of_server(user, self._hosts[name]) for name in served]
        for result in await asyncio.gather(*waits, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def listed(self, user: User) -> list[tuple[str, Listed]]:
        """The repositories that an account has at hosts, with the host's name, as the hosts list them now, by slug."""
        found = list[tuple[str, Listed]]()
        for account in await self._db.read(hosted.of_user(user.id)):
            if (host := self._hosts.get(account.host)) is not None:
                asking = self._tokens.call(account, host.directory.repositories)
                found += [(account.host, one) for one in await self._in_time(asking, host)]
        return sorted(found, key=lambda pair: pair[1].slug)

    async def _own(self, account: HostAccount) -> None:
        """Synchronise an account at a host, on this server or on another one that does already."""
        task = self._tasks.get(account.id) or await self._start(account.id)
        if task is not None:
            await asyncio.shield(task)
        while task is None:
            await asyncio.sleep(POLL)
            stored = await self._db.glance(hosted.find(account.id))
            if stored is None or stored.lease <= self._now():
                if stored is not None and stored.fault:
                    raise Unavailable(stored.fault)
                return

    async def _start(self, account_id: int) -> "asyncio.Task[None] | None":
        """The task that synchronises an account; None when another server does."""
        now = self._now()
        taken = await self._db.write_few(hosted.take(account_id, now, now + LEASE, now + HOUR))
        return self._task(taken) if taken is not None else self._tasks.get(account_id)

    def _task(self, account: HostAccount) -> "asyncio.Task[None]":
        task = self._tasks[account.id] = asyncio.create_task(self._perform(account))
        task.add_done_callback(lambda done: self._ended(account.id, done))
        return task

    def _ended(self, account_id: int, task: "asyncio.Task[None]") -> None:
        del self._tasks[account_id]
        if not task.cancelled():
            task.exception()  # the account's row says what went wrong
        self._loop.wake()

    async def _round(self) -> None:
        while len(self._tasks) < AT_ONCE:
            now = self._now()
            account = await self._db.write_few(hosted.take_due(now, now + LEASE, now + HOUR))
            if account is None:
                return
            if (
                await self._db.glance(_is_busy(account.user_id, now - RECENT))
                and account.host in self._hosts
                and not account.broken
            ):
                self._task(account)
            else:
                await self._db.write_few(hosted.rest(account.id))

    async def _perform(self, account: HostAccount) -> None:
        """Synchronise a taken account; why that failed is stored with it."""
        host, found = self._hosts[account.host], [0]

        async def ask(credential: Credential) -> list[Listed]:
            return await host.directory.repositories(credential, partial(found.__setitem__, 0))

        words = {"host": account.host, "account": account.login}
        try:
            async with background.serving(self._keeping(account.id, found)):
                listed = await self._in_time(self._tokens.call(account, ask), host)
                count = await self._keep(host, account.user_id, listed)
            await self._lists.written(lambda: hosted.end(account.id, count, self._now()))
        except asyncio.CancelledError:
            with suppress(AppError):  # then the lease ends by itself
                await self._db.write_few(hosted.put_back(account.id, self._now()))
            raise
        except AppError as error:
            log.warning("repositories could not be synchronised", extra={**words, "reason": error.message})
            await self._db.write_few(hosted.fail(account.id, error.message[:LONGEST_FAULT]))
            raise
        except Exception:  # a bug: the account says so, and does not wait for ever
            log.exception("synchronising with a host met an internal error", extra=words)
            await self._db.write_few(hosted.fail(account.id, "internal error; the server's log has more"))
            raise
        log.info("repositories were synchronised", extra={**words, "repositories": count})

    async def _in_time(self, asking: Awaitable[list[Listed]], host: AccountHost) -> list[Listed]:
        try:
            async with asyncio.timeout(PATIENCE):
                return await asking
        except TimeoutError as error:
            raise Unavailable(f"{host.title} did not list its repositories within {PATIENCE / 60:g} min") from error

    async def _keeping(self, account_id: int, found: Sequence[int]) -> None:
        """Renew the lease, and store how many repositories were found so far."""
        known, written = 0, time.monotonic()
        while True:
            await asyncio.sleep(PROGRESS)
            if found[0] != known or time.monotonic() > written + RENEWAL:
                known, written = found[0], time.monotonic()
                with suppress(Unavailable):  # the lease lasts for more renewals than one
                    await self._db.write_few(hosted.go_on(account_id, known, self._now() + LEASE))

    async def _of_server(self, user: User, host: AccountHost) -> None:
        """Synchronise the repositories that the server itself may see at a host."""
        listed = await self._in_time(host.directory.repositories(self._services[host.name]), host)
        await self._keep(host, user.id, listed)

    async def _keep(self, host: AccountHost, user_id: int, listed: Sequence[Listed]) -> int:
        user = await self._db.read(accounts.find_by_id(user_id))
        return await self._lists.keep(host.name, user.id, user.login, listed, self._now()) if user else 0


def _is_busy(user_id: int, since: int) -> Tx[bool]:
    """Whether an account is active, and has logged in or has shown a token since a time."""
    user = yield from accounts.find_by_id(user_id)
    return (
        user is not None and user.active and (user.last_login > since or (yield from proofs.last_use(user_id)) > since)
    )
