"""Registering a webhook at a host with an API (contract scm-api 5): which of a repository's webhooks are ours."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from app.scm.forge import Hooks, Refused
from app.scm.host import Source
from app.scm.served import Served

#: The path of a repository's webhooks, below that of the repository: all hosts have the same.
HOOKS = "hooks"


@dataclass(frozen=True, slots=True)
class Registered:
    """A webhook of a repository at a host."""

    id: str
    url: str


class Registering(Served, Hooks):
    """A host at which webhooks are registered: ours are those to the same host and path, whatever their query.

    Older servers put a secret into the query.
    """

    async def install_hook(self, source: Source, url: str, key: str) -> None:
        """Make the webhook, and then remove the older ones: when the host refuses the new one, they stay."""
        older = _ours(await self._hooks(source), url)
        made = await self._make_hook(source, url, key, older)
        await self._remove(source, [hook for hook in older if hook.id != made])

    async def remove_hook(self, source: Source, url: str) -> None:
        """Remove all our webhooks; one that is gone counts as removed."""
        await self._remove(source, _ours(await self._hooks(source), url))

    @abstractmethod
    async def _hooks(self, source: Source) -> list[Registered]:
        """All webhooks of a repository, of all pages."""

    @abstractmethod
    async def _make_hook(self, source: Source, url: str, key: str, older: Sequence[Registered]) -> str:
        """Make a webhook, or change one of the older ones; the id of the webhook."""

    async def _remove(self, source: Source, hooks: Sequence[Registered]) -> None:
        for hook in hooks:
            try:
                await self._do(source, "DELETE", f"{HOOKS}/{hook.id}")
            except Refused as error:
                if not error.absent:
                    raise


def _ours(hooks: Sequence[Registered], url: str) -> list[Registered]:
    return [hook for hook in hooks if _place(hook.url) == _place(url)]


def _place(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", url
    return parts.netloc.rpartition("@")[2].lower(), parts.path.rstrip("/")
