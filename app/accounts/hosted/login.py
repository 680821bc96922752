"""Logging in with an account at a host: by the host's own pages (OAuth 2), or with a password that the host checks
(contract scm-api 7).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.accounts.hosted import store
from app.accounts.hosted.model import AccountHost, HostAccount, Kind
from app.accounts.hosted.people import Entry, LoginRefused, Rules
from app.accounts.hosted.started import Started
from app.accounts.hosted.tokens import REFUSALS, Tokens
from app.db.connect import Database
from app.errors import Invalid, NotFound, Problem, Unavailable
from app.scm.forge import Credential, Granted, Person

#: What is wrong with every host where the settings name none.
NONE = "must be left out, because the settings name no host at which people log in"
#: Seconds that a host gets for all calls of one log-in.
PATIENCE = 30.0


class StartAgain(LoginRefused):
    """The browser has not begun this log-in, or has begun it too long ago."""

    code = "login_over"


@dataclass(frozen=True, slots=True)
class HostLogins:
    """The hosts at which people log in, in the order of the settings, and who may."""

    db: Database
    tokens: Tokens
    hosts: Sequence[AccountHost]
    rules: Rules
    #: The key of cookies.
    key: bytes
    #: The address to which a host sends browsers back.
    redirect: str
    now: Callable[[], int]
    #: Called after each log-in with the id of the account here.
    entered: Callable[[int], None]

    def begin(self, name: str, user_id: int = 0, back: str = "") -> tuple[str, Started]:
        """The page of a host that asks the person, and what the browser must keep until it comes back. NotFound.

        `user_id` is the account that shall get the account at the host, 0 for a log-in. `back` is the path that the
        browser is sent to in the end.
        """
        host = self.host(name)
        if host.logins is None:
            raise NotFound(f"nobody logs in at {host.title} by its own pages")
        started = Started.now(host.name, self.now(), user_id, back)
        return host.logins.authorize_url(started.state, started.challenge, self.redirect), started

    def started(self, cookie: str, state: str) -> Started | None:
        """The log-in that a browser has begun; None when the browser has not, or when that is too long ago."""
        return Started.read(cookie, state, self.key, self.now())

    async def finish(self, started: Started | None, code: str) -> Entry:
        """Who has come back from a host with this code. LoginRefused, or an error of the host."""
        if started is None:
            raise StartAgain("this log-in was not begun in this browser, or over half an hour ago: log in again")
        host = self.host(started.host)
        if host.logins is None:
            raise NotFound(f"nobody logs in at {host.title} by its own pages any more")
        async with self._asking(host, "does not take this log-in, which can be used once"):
            granted = await host.logins.exchange(code, started.verifier, self.redirect)
            return await self._entry(host, granted, "bearer", started.user_id)

    async def with_password(self, name: str, login: str, password: str, user_id: int = 0) -> Entry:
        """Who has this password at a host. The password is shown to the host and kept nowhere. LoginRefused.

        `user_id` as in `begin`.
        """
        host = self.host(name)
        if host.passwords is None:
            raise NotFound(f"nobody logs in at {host.title} with a password")
        async with self._asking(host, f"does not take this password of {login}"):
            person = await host.directory.person(Credential("basic", password, login))
            granted = await self._working(host, person) or await host.passwords.token(login, password)
            await self.rules.check(host, person, Credential("token", granted.token))
            return self._made(host, person, granted, "token", user_id)

    def host(self, name: str) -> AccountHost:
        """The host of a name; NotFound when nobody logs in there."""
        for host in self.hosts:
            if host.name == name and host.admits:
                return host
        raise NotFound(f"no host {name!r} is set up for log-ins")

    def check_expected(self, name: str | None) -> None:
        """Invalid for a host from which nobody can be expected: nobody logs in there."""
        names = [host.name for host in self.hosts if host.admits]
        if name and name not in names:
            rule = f"must be a host at which people log in here: {', '.join(names)}" if names else NONE
            raise Invalid.of([Problem("host", "unknown_host", f"host: {rule}")])

    async def _working(self, host: AccountHost, person: Person) -> Granted | None:
        """The stored token, if the host still takes it: the host keeps each token that it makes for ever."""
        known = await self.db.read(store.by_uid(host.name, person.uid))
        if known is None or known.broken:
            return None
        shown = await self.tokens.credential(known)
        try:
            await host.directory.person(shown)
        except REFUSALS:
            return None
        return Granted(shown.secret)

    async def _entry(self, host: AccountHost, granted: Granted, kind: Kind, user_id: int) -> Entry:
        credential = Credential(kind, granted.token)
        person = await host.directory.person(credential)
        await self.rules.check(host, person, credential)
        return self._made(host, person, granted, kind, user_id)

    def _made(self, host: AccountHost, person: Person, granted: Granted, kind: Kind, user_id: int) -> Entry:
        now, (token, refresh) = self.now(), self.tokens.sealed(granted)
        expires, login = granted.expires, person.login
        account = HostAccount(
            0, user_id, host.name, person.uid, login, kind, token, refresh, expires, created=now, updated=now, due=now
        )
        return Entry(host, person, account, user_id)

    @asynccontextmanager
    async def _asking(self, host: AccountHost, refusal: str) -> AsyncIterator[None]:
        """Calls of the host: LoginRefused when the host does not take what is shown, Unavailable when it is slow."""
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        except TimeoutError as error:
            raise Unavailable(f"{host.title} did not answer within {PATIENCE:g} s: try again a little later") from error
        except REFUSALS as error:
            raise LoginRefused(f"{host.title} {refusal}") from error
