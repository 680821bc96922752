"""The tokens with which the server acts at hosts for accounts: renewed before they expire, one renewal at a time.

Hosts change the refresh token with each renewal, and refuse an old one. So a renewal is one task of one server: other
tasks of the server share it, and other servers of the database wait for its lease. The new tokens are stored at once,
also when whoever asked has gone.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TypeVar

from app.accounts.hosted import store
from app.accounts.hosted.model import REFRESH, TOKEN, AccountHost, HostAccount
from app.backoff import pauses
from app.db.connect import Database
from app.errors import Unauthorized, Unavailable, Unreadable
from app.scm.forge import Credential, Directory, Granted, Rejected
from app.sealing.seal import Seal

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds before its expiry from which on a token is renewed.
EARLY = 60
#: Seconds that a host gets to renew a token, and for which other servers wait at most.
PATIENCE, LEASE = 20.0, 60
#: What hosts raise that do not take what is shown (401).
REFUSALS = (Unauthorized, Rejected)
#: Seconds between two looks whether another server has renewed a token, and for which new tokens are stored again and
#: again when the database does not answer.
POLL, KEPT = 0.2, 30.0


class TokenBroken(Unreadable):
    """A host does not take the token of an account any more. The way out is a log-in with the account at the host."""

    code = "host_token_broken"


class Tokens:
    """Credentials of accounts at hosts, by the host's name; the mapping may be filled later."""

    def __init__(
        self,
        db: Database,
        seal: Seal,
        hosts: Mapping[str, AccountHost],
        now: Callable[[], int],
        public_url: str,
    ) -> None:
        self._db = db
        self._seal = seal
        self._hosts = hosts
        self._now = now
        self._url = public_url
        self._renewals: dict[int, asyncio.Task[HostAccount]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """At the end of the block, wait for the renewals that are under way: their tokens must be stored."""
        try:
            yield
        finally:
            await asyncio.gather(*self._renewals.values(), return_exceptions=True)

    def host(self, name: str) -> AccountHost:
        """The host of a name; Unreadable when the settings no longer name it."""
        if (host := self._hosts.get(name)) is None:
            raise Unreadable(f"the settings of the server name no host {name!r}", code="unknown_host")
        return host

    def directory(self, name: str) -> Directory | None:
        """What lists accounts and repositories of a host; None when the settings do not name the host."""
        return self._hosts[name].directory if name in self._hosts else None

    def sealed(self, granted: Granted) -> tuple[bytes, bytes]:
        """Tokens as they are stored."""
        return self._seal.seal(granted.token, TOKEN), self._seal.seal(granted.refresh, REFRESH)

    async def credential(self, account: HostAccount, lasting: int = EARLY) -> Credential:
        """What to show to the host now. TokenBroken, or Unavailable when the host must renew the token and is away.

        A token that is over within `lasting` seconds is renewed first.
        """
        if account.broken:
            raise self._broken(account)
        now = self._now()
        if 0 < account.expires < now + lasting and self._refresh(account):
            try:
                account = await self._renewed(account)
            except Unavailable:
                if account.expires <= now:
                    raise
            if account.broken:
                raise self._broken(account)
        return self._shown(account)

    async def after_refusal(self, account: HostAccount, refused: Credential) -> Credential:
        """What to show once more to a host that has not taken a credential. TokenBroken when that is nothing.

        `account` may be older than the stored one: when another token is stored by now, that one is shown.
        """
        stored = await self._db.glance(store.find(account.id))
        if stored is None or stored.broken:
            raise self._broken(stored or account)
        if self._shown(stored).secret == refused.secret:
            if not self._refresh(stored):
                raise await self._break(stored, "does not take the token any more")
            stored = await self._renewed(stored)
            if stored.broken:
                raise self._broken(stored)
        return self._shown(stored)

    async def call(self, account: HostAccount, ask: Callable[[Credential], Awaitable[T]]) -> T:
        """Ask the host something with the account's token, once more with a renewed one when the host refuses it.

        TokenBroken when the host refuses both, beside what `ask` raises.
        """
        shown = await self.credential(account)
        with suppress(*REFUSALS):  # the token may be old
            return await ask(shown)
        shown = await self.after_refusal(account, shown)
        with suppress(*REFUSALS):  # the host refuses a new token, too
            return await ask(shown)
        await self.refused(account, shown)
        raise self._broken(account)

    async def refused(self, account: HostAccount, shown: Credential) -> None:
        """Mark the account's token as broken, because the host has refused the renewed one as well."""
        stored = await self._db.glance(store.find(account.id))
        if stored is not None and self._shown(stored).secret == shown.secret:
            await self._break(stored, "does not take a renewed token either")

    def _shown(self, account: HostAccount) -> Credential:
        return Credential(account.kind, self._seal.open(account.token, TOKEN))

    def _refresh(self, account: HostAccount) -> str:
        """The refresh token; empty when there is none, or the host renews nothing."""
        host = self._hosts.get(account.host)
        return self._seal.open(account.refresh, REFRESH) if host and host.logins else ""

    def _broken(self, account: HostAccount) -> TokenBroken:
        words = f"{account.host} does not take the token of {account.login} any more"
        return TokenBroken(f"{words}: log in again at {self._url}/login")

    async def _break(self, account: HostAccount, why: str) -> TokenBroken:
        reason = f"{account.host} {why}: log in again at {self._url}/login"
        await self._db.write_few(store.break_token(account, reason, self._now()))
        log.warning("a token of an account at a host is broken", extra={"host": account.host, "account": account.login})
        return self._broken(account)

    async def _renewed(self, account: HostAccount) -> HostAccount:
        """The account with renewed tokens, or broken. All tasks of this server that ask share one renewal."""
        task = self._renewals.get(account.id)
        if task is None:
            task = self._renewals[account.id] = asyncio.create_task(self._renew(account))
            task.add_done_callback(lambda done: self._ended(account.id, done))
        return await asyncio.shield(task)

    def _ended(self, account_id: int, task: "asyncio.Task[HostAccount]") -> None:
        del self._renewals[account_id]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    async def _renew(self, account: HostAccount) -> HostAccount:
        deadline = time.monotonic() + LEASE
        while True:
            now = self._now()
            if await self._db.write_few(store.lease_token(account, now, now + LEASE)):
                return await self._asked(account)
            stored = await self._db.glance(store.find(account.id))
            if stored is None:
                raise self._broken(account)
            if stored.token != account.token or stored.broken:
                return stored
            if time.monotonic() > deadline:
                raise Unavailable(f"another server still renews the token of {account.login} at {account.host}")
            await asyncio.sleep(POLL)

    async def _asked(self, account: HostAccount) -> HostAccount:
        """The account after the host was asked to renew its tokens."""
        logins, refresh = self.host(account.host).logins, self._refresh(account)
        assert logins is not None
        try:
            async with asyncio.timeout(PATIENCE):
                granted = await logins.refreshed(refresh)
        except REFUSALS:
            broken = await self._break(account, "refused to renew the token")
            return replace(account, broken=broken.message)
        except TimeoutError as error:
            await self._release(account)
            raise Unavailable(f"{account.host} did not renew the token within {PATIENCE:g} s") from error
        except BaseException:  # a cancel, too: nobody waits for a renewal that is over
            await self._release(account)
            raise
        return await self._stored(account, replace(granted, refresh=granted.refresh or refresh))

    async def _release(self, account: HostAccount) -> None:
        with suppress(Unavailable):  # then the lease ends by itself
            await self._db.write_few(store.release_token(account))

    async def _stored(self, account: HostAccount, granted: Granted) -> HostAccount:
        """Store new tokens. The host does not take the old ones any more, so a database that is away is asked again."""
        token, refresh = self.sealed(granted)
        deadline, waits = time.monotonic() + KEPT, pauses(0.1, 2.0)
        while True:
            try:
                stored = await self._db.write_few(store.renew(account, token, refresh, granted.expires, self._now()))
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(next(waits))
            else:
                return stored or replace(account, token=token, refresh=refresh, expires=granted.expires)
