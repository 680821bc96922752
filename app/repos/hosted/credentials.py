"""What calls about a repository show to its host."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.accounts.hosted.tokens import TokenBroken, Tokens
from app.db.connect import Database
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

    async def __call__(self, source: Source) -> Credential | None:
        """What a call about a repository shows now. Unavailable when the owner's token cannot be renewed."""
        account = await self._owners(source)
        if account is not None:
            with suppress(TokenBroken):
                return await self.tokens.credential(account)
        return self.services.get(source.host)

    async def call(self, source: Source, ask: Callable[[Credential | None], Awaitable[T]]) -> T:
        """Ask a host something about a repository.

        When the host does not take the owner's token (401), the token is renewed and shown once more. Then it is marked
        as broken, and what the server itself shows takes its place.
        """
        account = await self._owners(source)
        if account is not None:
            with suppress(TokenBroken):
                return await self.tokens.call(account, ask)
        return await ask(self.services.get(source.host))

    async def _owners(self, source: Source) -> HostAccount | None:
        """What the owner of a repository has at its host, if that is good for something."""
        account = await self.db.glance(hosted.of_owner(source.repo_id)) if source.repo_id else None
        return None if account is None or account.broken else account
