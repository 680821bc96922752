"""What commits have changed, as git alone tells it (contract scm-api 9.2)."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

from app.scm import refs
from app.scm.cache import Cache, weigh_comparison
from app.scm.forge import MOST_COMMITS, Comparison
from app.scm.git import objects
from app.scm.git.address import Remote
from app.scm.git.command import Refused
from app.scm.git.mirror import Mirror
from app.scm.git.mirrors import Mirrors
from app.scm.git.objects import Objects
from app.scm.host import Commit

#: Finds the remote of a repository when something is fetched.
Find: TypeAlias = Callable[[], Awaitable[Remote]]

#: Bytes of the comparisons that are kept in memory, at most.
KEPT = 8 * 1024 * 1024
#: Tells the paths of files alone: nothing of their contents is needed, so renamed files are not looked for.
_PATHS = ("--name-only", "-r", "-z")


class Comparisons:
    """Compares commits. The remote is asked for commits only that were not fetched before.

    The first comparison of a repository fetches all its commits, without their trees and files. Comparisons are kept in
    memory.
    """

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors
        self._cache = Cache(KEPT)

    async def compare(self, repo_id: int, before: str, after: str, remote: Find) -> Comparison:
        """See Compares. The paths are those that differ between `after` and the newest commit that both have."""
        before, after = refs.whole_id(before), refs.whole_id(after)
        key = repo_id, (before, after)
        return await self._cache.get(key, lambda: self._compare(repo_id, before, after, remote), weigh_comparison)

    def forget(self, repo_id: int) -> None:
        """Remove what is kept of a repository in memory."""
        self._cache.drop(lambda key: key[0] == repo_id)

    async def _compare(self, repo_id: int, before: str, after: str, remote: Find) -> Comparison:
        history = self._mirrors.history(repo_id, len(after))

        async def see(found: Objects) -> None:
            for oid in (before, after):
                await objects.read_commit(found, oid)

        await history.read(see, remote)
        commits = await _between(history, before, after)
        base = await _common(history, before, after)
        mirror = self._mirrors.of(repo_id, len(after))
        for oid in (base, after):
            await mirror.read(objects.commit_named(oid), remote)
        return Comparison(commits, await _differing(mirror, base, after))

    async def changed(self, repo_id: int, sha: str, remote: Find) -> tuple[str, ...]:
        """See Compares. A merge has changed what differs from its first parent."""
        sha = refs.whole_id(sha)
        mirror = self._mirrors.of(repo_id, len(sha))
        await mirror.read(objects.commit_named(sha), remote)
        parent = await mirror.glance(lambda found: objects.read_parent(found, sha))
        if not parent:
            return _paths(await mirror.run("ls-tree", *_PATHS, sha))
        await mirror.read(objects.commit_named(parent), remote)
        return await _differing(mirror, parent, sha)


async def _between(history: Mirror, before: str, after: str) -> tuple[Commit, ...]:
    """The commits that `after` has and `before` has not."""
    words = ("rev-list", "--topo-order", f"--max-count={MOST_COMMITS}", after, f"^{before}")
    ids = (await history.run(*words)).decode().split()

    async def read(found: Objects) -> tuple[Commit, ...]:
        return tuple([await objects.read_commit(found, oid) for oid in reversed(ids)])

    return await history.glance(read)


async def _common(history: Mirror, before: str, after: str) -> str:
    """The newest commit that both have; `before` if they have none."""
    with suppress(Refused):  # they have none
        return (await history.run("merge-base", before, after)).decode().strip()
    return before


async def _differing(mirror: Mirror, old: str, new: str) -> tuple[str, ...]:
    return _paths(await mirror.run("diff-tree", "--no-renames", *_PATHS, old, new))


def _paths(out: bytes) -> tuple[str, ...]:
    return tuple(sorted(name.decode(errors="replace") for name in out.split(b"\0") if name))
