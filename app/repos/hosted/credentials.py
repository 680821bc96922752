"""What calls about a repository show to its host."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.accounts.hosted.tokens import EARLY, TokenBroken, Tokens
from app.db.connect import Database
from app.errors import Unreadable
from app.scm.forge import Credential
from app.scm.host import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Finds the token of a repository's owner at the host, else what the server itself shows there, else nothing.

    `services` are what the server shows, by the host's name.
    """

    db: Database
    tokens: Tokens
    services: Mapping[str, Credential]

    async def __call__(self, source: Source, lasting: int = EARLY) -> Credential | None:
        """What a call about a repository shows now. Unavailable when the owner's token cannot be renewed.

        A token that is over within `lasting` seconds is renewed first.
        """
        account = await self._owners(source)
        if account is not None:
            with suppress(TokenBroken):  # the server's own takes its place
                return await self.tokens.credential(account, lasting)
        return self.services.get(source.host)

    async def call(self, source: Source, ask: Callable[[Credential | None], Awaitable[T]]) -> T:
        """Ask a host something about a repository.

        When the host does not take the owner's token (401), the token is renewed and shown once more. Then it is marked
        as broken, and what the server itself shows takes its place. Unreadable where the call is in the name of an
        account and there is neither.
        """
        account = await self._owners(source)
        if account is not None:
            with suppress(TokenBroken):  # the server's own takes its place
                return await self.tokens.call(account, ask)
        shown = self.services.get(source.host)
        if source.account and shown is None:
            words = f"your account here has no account at {source.host} whose token is good"
            way_out = "sign in at the host, or connect it with your account; or let the owner of the repository do this"
            raise Unreadable(f"{words}: {way_out}", code="no_host_account")
        return await ask(shown)

    async def _owners(self, source: Source) -> HostAccount | None:
        """What the owner of a repository, or the account that is named, has at its host, if that is good for
        something."""
        if not source.account and not source.repo_id:
            return None
        of = hosted.of(source.account, source.host) if source.account else hosted.of_owner(source.repo_id)
        account = await self.db.glance(of)
        return None if account is None or account.broken else account
