"""A second host, as small as a host can be: another form of webhooks, another way of signing them."""

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import orjson

from app.errors import NotFound
from app.scm.hook import Delivery, Notice, Push
from app.scm.host import Commit, Host, Source

_NOTHING = "0" * 40


@dataclass
class SmallHost(Host):
    """Has one pipeline file, the same at every commit that it knows. Its webhooks show the key itself."""

    file: str
    commits: dict[str, str] = field(default_factory=dict)
    forgotten: list[Source] = field(default_factory=list)
    name = "small"

    def serves(self, url: str) -> bool:
        return url.startswith("https://small.example.com/")

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        return "event" if "x-small-token" in headers else None

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        if "x-small-token" not in headers:
            return None
        told, shown = orjson.loads(body), headers["x-small-token"]
        push = Push(before=_NOTHING, after=told["commit"], ref=f"refs/heads/{told['branch']}", sender=told["who"])
        signed_with = lambda key: hmac.compare_digest(key, shown)  # noqa: E731
        return Delivery(host="small", slug=told["project"], change=push, signed_with=signed_with)

    def check_url(self, url: str) -> None:
        """Every address that it serves will do."""

    async def default_branch(self, source: Source) -> str:
        return "trunk"

    async def branch(self, source: Source, name: str) -> Commit:
        return await self.commit(source, self.commits[name])

    async def commit(self, source: Source, name: str) -> Commit:
        if name not in self.commits.values():
            raise NotFound(f"commit {name} not found")
        return Commit(name, "a change", "lin", "Lin", "lin@example.com", 1_700_000_000)

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        return self.file

    async def forget(self, source: Source) -> None:
        self.forgotten.append(source)

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        raise AssertionError("nothing is kept")
