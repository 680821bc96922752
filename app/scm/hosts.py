"""All hosts, and which host a repository has.

A new host needs a class that satisfies `Host`, its settings, and a line in `main`, which makes the hosts.
"""

from collections.abc import Collection, Mapping, Sequence

from app.errors import Unavailable, Unreadable
from app.scm.forge import Compares, Comparison
from app.scm.hook import Delivery, Notice
from app.scm.host import Commit, Host, Source


class Hosts:
    """All hosts. `plain` is the host of the repositories whose address no other host serves."""

    def __init__(self, plain: Host, *others: Host) -> None:
        self._plain = plain
        self._others = others
        self._named = {host.name: host for host in (plain, *others)}

    def at(self, url: str) -> Host:
        """The host for a new repository of this address."""
        return next((host for host in self._others if host.serves(url)), self._plain)

    def of(self, source: Source) -> Host:
        """The host of a registered repository; Unreadable when the settings no longer name that host."""
        if (host := self._named.get(source.host)) is None:
            message = f"{source.url} is of host {source.host!r}, which the settings of the server do not name"
            raise Unreadable(message, code="unknown_host")
        return host

    def awaited(self, source: Source) -> Host:
        """As `of`, for what waits for its host; Unavailable, for the settings may name that host again."""
        try:
            return self.of(source)
        except Unreadable as error:
            raise Unavailable(error.message, code=error.code) from error

    @property
    def forges(self) -> Sequence[Host]:
        """The hosts with an API of their own."""
        return self._others

    def of_kind(self, kind: str) -> Sequence[str]:
        """The names of the hosts of a kind: `github`, `github:partners`; none for plain git."""
        return [host.name for host in self._others if host.name.partition(":")[0] == kind]

    def may(self, name: str, what: type) -> bool:
        """Whether the host of this name satisfies a Protocol; also for a name that the settings do not know (yet)."""
        host = self._named.get(name)
        return host is None or isinstance(host, what)

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        """What the headers of a webhook tell; None when it is not a webhook of any host."""
        notices = (host.notice(headers) for host in (self._plain, *self._others))
        return next((notice for notice in notices if notice is not None), None)

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Read a webhook, as a Delivery; None when it is not a webhook of any host.

        `headers` must find names in any letter case. Invalid lists the faults of a webhook of one of the hosts.
        """
        deliveries = (host.read(headers, body) for host in (self._plain, *self._others))
        return next((delivery for delivery in deliveries if delivery is not None), None)

    async def branch(self, source: Source, name: str) -> Commit:
        """See Host."""
        return await self.of(source).branch(source, name)

    async def commit(self, source: Source, name: str) -> Commit:
        """See Host."""
        return await self.of(source).commit(source, name)

    async def default_branch(self, source: Source) -> str:
        """See Host."""
        return await self.of(source).default_branch(source)

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        """See Host."""
        return await self.of(source).read_file(source, sha, path)

    def compares(self, source: Source) -> bool:
        """Whether the host of a registered repository can compare commits."""
        return isinstance(self._named.get(source.host), Compares)

    async def compare(self, source: Source, before: str, after: str) -> Comparison:
        """See Compares; Unreadable (`cannot_compare`) when the host is none of these."""
        host = self.of(source)
        if not isinstance(host, Compares):
            words = f"{host.name} cannot" if host.name else "this server cannot, for repositories of plain git,"
            raise Unreadable(f"{words} tell what lies between two commits", code="cannot_compare")
        return await host.compare(source, before, after)

    async def forget(self, source: Source) -> None:
        """See Host. Does nothing for a host that the settings no longer name."""
        if (host := self._named.get(source.host)) is not None:
            await host.forget(source)

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        """See Host."""
        for host in self._named.values():
            await host.drop_unused(used, since)
