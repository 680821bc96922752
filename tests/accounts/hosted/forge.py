"""A host in memory: people, tokens that it renews once, repositories, and faults that can be switched on."""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from app.accounts.hosted.model import AccountHost
from app.errors import NotFound, Unauthorized
from app.scm.forge import Credential, Directory, Granted, Listed, Logins, Passwords, Person, Rejected


@dataclass
class FakeForge(Directory, Logins, Passwords):
    """Every code and every refresh token is good once."""

    name: str = "github"
    people: dict[str, Person] = field(default_factory=dict)
    organisations_of: dict[str, list[str]] = field(default_factory=dict)
    repositories_of: dict[str, list[Listed]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    refreshes: dict[str, str] = field(default_factory=dict)
    #: Whether the host can be asked for a repository by its id.
    by_ids: bool = True
    #: When new tokens expire; 0 for never, and without a refresh token then.
    expires: int = 0
    #: Raised by every call, while there is one.
    failure: Exception | None = None
    #: Every call waits for it.
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[str] = field(default_factory=list)
    _codes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.gate.set()

    def add(self, login: str, *listed: Listed, uid: str = "", **more: str) -> str:
        """A person, and a token of theirs."""
        self.people[login] = Person(uid or f"uid-{login}", login, **more)
        self.repositories_of[login] = list(listed)
        return self._token(login)

    def approve(self, url: str, login: str) -> str:
        """What a person's browser is sent back with from the host's page."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = login, query["code_challenge"]
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def as_host(self, *, oauth: bool = True, passwords: bool = False) -> AccountHost:
        return AccountHost(self.name, self.name.title(), self, self if oauth else None, self if passwords else None)

    def authorize_url(self, state: str, challenge: str, redirect: str) -> str:
        query = {"state": state, "code_challenge": challenge, "redirect_uri": redirect}
        return f"https://{self.name}.test/authorize?{urlencode(query)}"

    async def exchange(self, code: str, verifier: str, redirect: str) -> Granted:
        await self._called("exchange")
        login, challenge = self._codes.pop(code, ("", ""))
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not login or digest != challenge:
            raise Unauthorized("the code is not good")
        return self.granted(login)

    async def refreshed(self, refresh: str) -> Granted:
        await self._called("refreshed")
        if refresh not in self.refreshes:
            raise Unauthorized("the refresh token is not good")
        return self.granted(self.refreshes.pop(refresh))

    async def token(self, login: str, password: str) -> Granted:
        await self._called("token")
        self._check(login, password)
        return Granted(self._token(login))

    async def person(self, credential: Credential) -> Person:
        await self._called("person")
        if credential.kind == "basic":
            self._check(credential.login, credential.secret)
            return self.people[credential.login]
        if credential.secret not in self.tokens:
            raise Unauthorized("bad credentials")
        return self.people[self.tokens[credential.secret]]

    async def organisations(self, credential: Credential) -> Sequence[str]:
        await self._called("organisations")
        return self.organisations_of.get(self._whose(credential), [])

    async def repositories(self, credential: Credential, tell: Callable[[int], None] = lambda _: None) -> list[Listed]:
        found = self.repositories_of[self._whose(credential)]
        tell(len(found))
        await self._called("repositories")
        return list(found)

    async def repository(self, credential: Credential, slug: str, uid: str = "") -> Listed:
        await self._called(f"repository {slug}")
        uid = uid if self.by_ids else ""
        known = self.repositories_of[self._whose(credential)]
        found = [one for one in known if (one.uid == uid if uid else one.slug == slug)]
        if not found:
            raise NotFound
        return found[0]

    def granted(self, login: str) -> Granted:
        refresh = f"refresh-{login}-{len(self.tokens)}" if self.expires else ""
        if refresh:
            self.refreshes[refresh] = login
        return Granted(self._token(login), refresh, self.expires)

    def _token(self, login: str) -> str:
        token = f"token-{login}-{len(self.tokens)}"
        self.tokens[token] = login
        return token

    def _check(self, login: str, password: str) -> None:
        if not password or self.passwords.get(login) != password:
            raise Unauthorized("the password is wrong")

    def _whose(self, credential: Credential) -> str:
        if credential.secret not in self.tokens:
            raise Rejected("bad credentials")
        return self.tokens[credential.secret]

    async def _called(self, what: str) -> None:
        self.calls.append(what)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure


def listed(slug: str, uid: str = "", right: str = "admin", **more: object) -> Listed:
    """A repository as a host lists it for whoever has this right."""
    link = f"https://github.test/{slug}"
    rights = {"read": True, "write": right in ("write", "admin"), "admin": right == "admin"}
    fields: dict[str, object] = {
        "uid": uid or f"uid-{slug}",
        "slug": slug,
        "http_url": f"{link}.git",
        "ssh_url": f"git@github.test:{slug}.git",
        "link": link,
        "default_branch": "main",
        "visibility": "private",
        **rights,
    }
    return Listed(**(fields | more))  # type: ignore[arg-type]
