"""Plain git repositories, read through mirrors (contract scm-api 9)."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from app.errors import NotFound, Unreadable
from app.scm import files, refs
from app.scm.forge import Compares, Comparison
from app.scm.git import address, objects, payload, writing
from app.scm.git.command import Command
from app.scm.git.comparisons import Comparisons
from app.scm.git.mirrors import FORMATS, Mirrors
from app.scm.git.objects import Absent, Objects
from app.scm.hook import Delivery, Notice
from app.scm.host import Access, Account, Commit, Host, Source, Tips
from app.scm.plain import Author, Listing, Marks

#: Finds what the host of a repository wants to see; None for nothing of the repository's own.
AccessOf: TypeAlias = Callable[[Source], Awaitable[Access | None]]
#: Where the refs are that builds follow from: branches, tags, and the heads of pull requests of a mirrored host.
_LISTED = ("refs/heads/", "refs/tags/", "refs/pull/", "refs/merge-requests/")


async def _nothing(_: Source) -> None:
    """No repository has credentials of its own."""


class Git(Host, Tips, Compares, Listing, Marks):
    """Repositories that are read by git alone, without a host's API: `file://` below `roots`, `https://` and `ssh://`.

    `environ` are the variables that git gets from the server's own environment: PATH, to find git and ssh, and proxies.
    git is let in by what `access` finds for a repository, else by `account`, if there is one, at https hosts that ask
    for a login. `mirrors` is the folder of the mirrors; no other server may use it. `timeout` is in seconds and holds
    for each call of git, `max_file` is in bytes. `known_hosts` is a file with the only accepted keys of ssh hosts;
    without it, the files of ssh's own settings count, unless a repository has keys of its own.
    """

    def __init__(
        self,
        mirrors: Path,
        roots: Sequence[Path],
        *,
        timeout: float = 30,
        max_file: int = 8 * 1024 * 1024,
        known_hosts: Path | None = None,
        environ: Mapping[str, str] = MappingProxyType({}),
        account: Account | None = None,
        access: AccessOf = _nothing,
    ) -> None:
        directory = mirrors.resolve()
        self._roots = tuple(roots)
        self._max_file = max_file
        self._git = Command(directory, timeout=timeout, known_hosts=known_hosts, environ=environ)
        self._account = account
        self._access = access
        self._mirrors = Mirrors(directory, self._git)
        self._comparisons = Comparisons(self._mirrors)

    #: `scm` of a repository is empty for plain git.
    name = ""

    def serves(self, url: str) -> bool:
        """True: any address may be of plain git. `check_url` refuses those that git must not read from."""
        return True

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        """What the headers of a post-receive hook tell; None when the request is not from such a hook."""
        return payload.notice(headers)

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """The delivery of a repository's post-receive hook; None when it is not from such a hook."""
        return payload.read(headers, body)

    def check_url(self, url: str) -> None:
        """Raise Invalid (field `git_http_url`) when git must not read from `url`."""
        address.check(url, self._roots)

    async def default_branch(self, source: Source) -> str:
        """The branch that HEAD names; Unreadable (`no_default_branch`) when it names none."""
        prefix = "ref: refs/heads/"
        listed = await self._list(source, "--symref", "--", "origin", "HEAD")
        for target, name in listed:
            if name == "HEAD" and target.startswith(prefix):
                return target.removeprefix(prefix)
        message = f"HEAD of {source.url} leads to no branch: push a first commit, or set the branch yourself"
        raise Unreadable(message, code="no_default_branch")

    async def branch(self, source: Source, name: str) -> Commit:
        """The newest commit of a branch; the remote is asked each time."""
        refs.check("branch", name)
        ref = f"refs/heads/{name}"
        ids = await self._ids(source, ref)
        if ref not in ids:
            raise NotFound(f"branch {name} not found")
        return await self._commit(source, ids[ref])

    async def commit(self, source: Source, name: str) -> Commit:
        """A commit by id, abbreviated id (7 digits or more), full ref, branch or tag.

        The kinds of names are tried in this order. For an abbreviated id, the commits that were read before are tried
        first, then the refs, then all commits of the repository.
        """
        if refs.is_full_id(name.lower()):
            return await self._commit(source, name.lower())
        refs.check("commit", name)
        if refs.is_short_id(name):
            for width in FORMATS:
                with suppress(Absent):  # the remote may have it
                    return await self._mirrors.of(source.repo_id, width).glance(objects.commit_named(name))
        return await self._commit(source, await self._resolve(source, name))

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        """The text of a regular file at a commit; without the remote if the file was read before.

        Unreadable has the code config_not_found, config_symlink, config_not_a_file,
        config_too_large or config_not_utf8, or repository_unreachable.
        """
        sha = refs.whole_id(sha)
        files.check_path(path)

        async def look(found: Objects) -> str:
            return await objects.read_text(found, sha, path, most=self._max_file)

        return await self._mirrors.of(source.repo_id, len(sha)).read(look, lambda: self._remote(source))

    async def refs(self, source: Source) -> Mapping[str, str]:
        """See Listing."""
        listed = await self._list(source, "--refs", "--", "origin", *(f"{place}*" for place in _LISTED))
        return {name: oid for oid, name in listed if refs.is_full_id(oid) and name.startswith(_LISTED)}

    async def tips(self, source: Source, branch: str) -> Mapping[str, str]:
        """See Tips."""
        head = f"refs/heads/{branch}"
        listed = await self.refs(source)
        if head not in listed:
            raise NotFound(f"branch {branch} not found")
        return {ref: oid for ref, oid in listed.items() if ref == head or ref.startswith("refs/tags/")}

    async def compare(self, source: Source, before: str, after: str) -> Comparison:
        """See Compares."""
        return await self._comparisons.compare(source.repo_id, before, after, lambda: self._remote(source))

    async def changed(self, source: Source, sha: str) -> Sequence[str]:
        """See Compares."""
        return await self._comparisons.changed(source.repo_id, sha, lambda: self._remote(source))

    async def put_note(self, source: Source, sha: str, text: str, author: Author) -> None:
        """See Marks."""
        await writing.put_note(self._git, await self._remote(source), sha, text, author)

    async def put_tag(self, source: Source, sha: str, name: str, text: str, author: Author) -> None:
        """See Marks."""
        await writing.put_tag(self._git, await self._remote(source), sha, name, text, author)

    async def forget(self, source: Source) -> None:
        """Remove the mirrors of a repository, and what is kept of the repository in memory."""
        self._comparisons.forget(source.repo_id)
        await self._mirrors.forget(source.repo_id)

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        """Remove the mirrors of repositories whose ids are not among these, unless they were fetched since a time."""
        await self._mirrors.drop_unused(used, since)

    async def _commit(self, source: Source, oid: str) -> Commit:
        mirror = self._mirrors.of(source.repo_id, len(oid))
        return await mirror.read(objects.commit_named(oid), lambda: self._remote(source))

    async def _resolve(self, source: Source, name: str) -> str:
        """The id of the commit that a ref or an abbreviated id names at the remote."""
        names = [name] if name == "HEAD" or name.startswith("refs/") else []
        names += [f"refs/heads/{name}", f"refs/tags/{name}"]
        ids = await self._ids(source, *names)
        for candidate in names:
            if candidate in ids:
                return ids[candidate]
        if not refs.is_short_id(name):
            raise NotFound(f"commit {name} not found: there is no such branch, tag or commit id")
        heads = await self._ids(source)
        if not heads:
            raise NotFound(f"commit {name} not found: the repository is empty")
        width = len(next(iter(heads.values())))
        return await self._mirrors.of(source.repo_id, width).expand(name, await self._remote(source))

    async def _ids(self, source: Source, *names: str) -> dict[str, str]:
        """The ids of the refs of these names, or of all refs. git also lists refs whose names end with these names."""
        listed = await self._list(source, "--", "origin", *names)
        return {name: oid for oid, name in listed if refs.is_full_id(oid)}

    async def _list(self, source: Source, *args: str) -> list[tuple[str, str]]:
        out = await self._git.run("ls-remote", "--quiet", *args, remote=await self._remote(source))
        lines = (line.partition("\t") for line in out.decode(errors="replace").splitlines())
        return [(left, right) for left, _, right in lines]

    async def _remote(self, source: Source) -> address.Remote:
        access = await self._access(source) if source.repo_id and not source.url.startswith("file:") else None
        if access is None and source.url.startswith("https:"):
            access = self._account
        return address.resolve(source.url, self._roots, access)
