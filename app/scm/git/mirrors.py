"""The mirrors of all repositories, in one folder."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from app.scm.git.command import Command
from app.scm.git.mirror import COMMIT, HISTORY, Mirror

#: By digits of an id: the format of the objects, and the end of the names of the mirrors.
FORMATS = {40: ("sha1", ""), 64: ("sha256", ".sha256")}
_PARTS: dict[str, Sequence[str]] = {".git": COMMIT, ".history.git": HISTORY}


class Mirrors:
    """Each repository has a mirror of commits with their trees, and one of its history, as far as they are needed.

    A repository that was made anew may have ids of another width, so each has mirrors for both.
    """

    def __init__(self, directory: Path, git: Command) -> None:
        self._directory = directory
        self._git = git
        #: The mirrors in use, by their paths. One path must never have two Mirror objects in use: the lock of a Mirror
        #: is the only thing that keeps two fetches into one path apart.
        self._used: WeakValueDictionary[Path, Mirror] = WeakValueDictionary()

    def of(self, repo_id: int, width: int) -> Mirror:
        """The mirror of a repository for ids of `width` digits."""
        return self._mirror(repo_id, width, ".git")

    def history(self, repo_id: int, width: int) -> Mirror:
        """The mirror of all commits alone."""
        return self._mirror(repo_id, width, ".history.git")

    async def forget(self, repo_id: int) -> None:
        """Remove the mirrors of a repository."""
        for width in FORMATS:
            for kind in _PARTS:
                await self._mirror(repo_id, width, kind).remove()

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        """Remove the mirrors of repositories whose ids are not among these, unless they were fetched since a time."""
        for repo_id, width, kind in await asyncio.to_thread(lambda: list(self._kept())):
            if repo_id not in used and (mirror := self._mirror(repo_id, width, kind)).fetched() < since:
                await mirror.remove()

    def _kept(self) -> Iterator[tuple[int, int, str]]:
        """The repository id, the digits of an id and the kind of every mirror that is there."""
        names = {path.name for path in self._directory.iterdir()} if self._directory.is_dir() else set()
        ends = {f"{end}{kind}": (width, kind) for width, (_, end) in FORMATS.items() for kind in _PARTS}
        for name in names:
            first, dot, rest = name.partition(".")
            if first.isdecimal() and dot + rest in ends:
                yield int(first), *ends[dot + rest]

    def _mirror(self, repo_id: int, width: int, kind: str) -> Mirror:
        object_format, end = FORMATS[width]
        path = self._directory / f"{repo_id}{end}{kind}"
        if (mirror := self._used.get(path)) is None:
            mirror = self._used[path] = Mirror(path, self._git, object_format=object_format, parts=_PARTS[kind])
        return mirror
