"""Hosts that are read through their API, and compare commits."""

from abc import abstractmethod
from collections.abc import Sequence

from app.scm import refs
from app.scm.cache import weigh_comparison, weigh_paths
from app.scm.forge import MOST_COMMITS, Compares, Comparison
from app.scm.host import Source
from app.scm.served import Served


class Comparing(Served, Compares):
    """A host that compares commits. Comparisons are kept in memory."""

    async def compare(self, source: Source, before: str, after: str) -> Comparison:
        """The commits that `after` has and `before` has not, and the paths that differ, as many as the host gives."""
        before, after = refs.whole_id(before), refs.whole_id(after)

        async def make() -> Comparison:
            found = await self._comparison(source, before, after)
            return Comparison(found.commits[-MOST_COMMITS:], found.paths)

        looking = self._kept(source, "compare", before, after, make=make, weigh=weigh_comparison)
        return await self._named(looking, f"commit {before} or {after} not found")

    async def changed(self, source: Source, sha: str) -> Sequence[str]:
        """The paths that one commit has changed, as many as the host gives."""
        sha = refs.whole_id(sha)
        looking = self._kept(source, "changed", sha, make=lambda: self._changes(source, sha), weigh=weigh_paths)
        return await self._named(looking, f"commit {sha} not found")

    @abstractmethod
    async def _comparison(self, source: Source, before: str, after: str) -> Comparison:
        """What lies between two commits, the oldest commit first."""

    @abstractmethod
    async def _changes(self, source: Source, sha: str) -> tuple[str, ...]:
        """The paths of one commit."""
