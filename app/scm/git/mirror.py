"""Mirrors: a mirror is a local copy of the commits of a repository that Gantry has read."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from app.errors import Invalid, NotFound, Problem, Unavailable, Unreadable
from app.scm.git.address import Remote
from app.scm.git.command import Command, Refused
from app.scm.git.objects import Absent, Objects

T = TypeVar("T")
Look = Callable[[Objects], Awaitable[T]]

_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
)
_NO_FILES = "--filter=blob:none"
#: What is fetched of a commit: the commit with its trees; or the commit and all commits before it, without their trees.
COMMIT = (_NO_FILES, "--depth=1")
HISTORY = ("--filter=tree:0",)
#: The kinds of refs whose commits are built: branches, tags, pull requests.
_KINDS = ("heads", "tags", "pull", "merge-requests")
#: parts of git's messages (LC_ALL=C), because its exit codes do not tell these failures from others
_NO_SUCH = ("not our ref", "couldn't find remote ref", "mismatched algorithms")
_NOT_BY_ID = ("unadvertised object", "does not support shallow")
_LEFTOVERS = ("*.lock", "refs/**/*.lock", "shallow_*", "objects/pack/tmp_*", "objects/pack/.tmp-*")


class Damaged(Unreadable):
    """The mirror is unusable and must be made anew."""

    code = "mirror_damaged"


class Mirror:
    """One bare repository, into which only this object may fetch.

    A commit is fetched with its trees, without its files and its parents, and is kept. A file is fetched when it is
    read. `parts` is COMMIT for such a mirror, or HISTORY for one of commits alone.
    """

    def __init__(self, path: Path, git: Command, *, object_format: str, parts: Sequence[str] = COMMIT) -> None:
        self._path = path
        self._git = git
        self._format = object_format
        self._parts = parts
        self._lock = asyncio.Lock()

    async def glance(self, look: Look[T]) -> T:
        """The result of `look`, from the mirror alone; Absent when the mirror lacks an object."""
        async with self._git.objects(self._path) as objects:
            return await look(objects)

    async def read(self, look: Look[T], remote: Callable[[], Awaitable[Remote]]) -> T:
        """The result of `look`. Objects that the mirror lacks are fetched; otherwise the remote is not asked.

        NotFound when the remote has no such object, Unreadable when the remote cannot be read.
        """
        with suppress(Absent):  # fetched below
            return await self.glance(look)
        async with self._lock:
            with suppress(Damaged):  # made anew below
                return await self._fill(look, await remote())
            await asyncio.to_thread(shutil.rmtree, self._path)
            return await self._fill(look, await remote())

    async def run(self, *words: str) -> bytes:
        """The output of a git command on the mirror alone; Refused when git ends with an error."""
        return await self._git.run(*words, at=self._path)

    async def expand(self, short: str, remote: Remote) -> str:
        """The id of the one commit of the remote that begins with `short`.

        git's protocols cannot ask a remote for this, so the whole history is fetched (commits alone) and then removed.
        """
        aside = self._path.with_suffix(".search")
        async with self._lock:
            try:
                await self._make(aside)
                refspecs = (f"+refs/{kind}/*:refs/{kind}/*" for kind in _KINDS)
                fetch = (*_FETCH, *HISTORY, "origin", *refspecs)
                await self._git.run(*fetch, at=aside, remote=remote)
                return await self._expand(short, aside)
            finally:
                await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    def fetched(self) -> float:
        """When a commit or a file was fetched last, in Unix seconds; 0 without a mirror."""
        changed = [self._path / name for name in ("HEAD", "objects/pack", "refs/keep", "refs/seen")]
        return max((path.stat().st_mtime for path in changed if path.exists()), default=0)

    async def remove(self) -> None:
        """Remove the mirror, and the folders that a killed server left beside it; waits for a fetch that runs."""
        async with self._lock:
            for path in (self._path, *(self._path.with_suffix(suffix) for suffix in (".new", ".search"))):
                await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def _expand(self, short: str, at: Path) -> str:
        words = ("rev-parse", "--verify", "--end-of-options", f"{short}^{{commit}}")
        try:
            return (await self._git.run(*words, at=at)).decode().strip()
        except Refused as refused:
            if "ambiguous" not in refused.reason:
                raise NotFound(f"commit {short} not found") from None
            message = f"{short} begins more than one commit: write more digits"
            raise Invalid.of([Problem("commit", "ambiguous", message)]) from None

    async def _fill(self, look: Look[T], remote: Remote) -> T:
        if not (self._path / "HEAD").exists():
            await self._create()
        fetched: set[str] = set()
        while True:
            try:
                return await self.glance(look)
            except Absent as absent:
                missing = absent
            if missing.oid in fetched:
                raise Damaged(f"{missing.message}, though {remote.url} has sent it")
            fetched.add(missing.oid)
            await self._fetch(missing, remote)

    async def _create(self) -> None:
        """Make the empty mirror under another name, then rename it: a server that dies leaves no half mirror."""
        aside = self._path.with_suffix(".new")
        await self._make(aside)
        await asyncio.to_thread(shutil.rmtree, self._path, ignore_errors=True)
        aside.rename(self._path)

    async def _make(self, path: Path) -> None:
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        options = ("--quiet", "--bare", "--template=", f"--object-format={self._format}")
        await self._git.run("init", *options, "--", str(path))

    async def _fetch(self, missing: Absent, remote: Remote) -> None:
        await asyncio.to_thread(self._sweep)
        try:
            await (self._fetch_commit if missing.peeled else self._fetch_file)(missing.oid, remote)
        except Refused as refused:
            if any(words in refused.reason for words in _NO_SUCH):
                raise NotFound(f"commit {missing.oid} not found") from None
            if not await self._is_sound():
                raise Damaged(refused.message) from None
            if missing.peeled and "bad revision" in refused.reason:
                raise NotFound(f"{missing.oid} is not a commit") from None
            if not any(words in refused.reason for words in _NOT_BY_ID):
                raise
            await self._fetch_all(missing.oid, remote)
        await self._tidy()

    def _sweep(self) -> None:
        """Remove the files that a killed git has left. No other git runs here: the caller holds the lock."""
        for pattern in _LEFTOVERS:
            for path in self._path.glob(pattern):
                path.unlink(missing_ok=True)

    async def _fetch_commit(self, oid: str, remote: Remote) -> None:
        words = (*_FETCH, *self._parts, "origin", f"+{oid}:refs/keep/{oid}")
        await self._git.run(*words, at=self._path, remote=remote)

    async def _fetch_file(self, oid: str, remote: Remote) -> None:
        """Fetch a file without naming the mirror's commits: the remote would assume that their files are here, too."""
        words = ("-c", "fetch.negotiationAlgorithm=noop", *_FETCH, _NO_FILES, "origin", oid)
        await self._git.run(*words, at=self._path, remote=remote)

    async def _fetch_all(self, oid: str, remote: Remote) -> None:
        """Fetch all refs of builds, for servers that send only what their refs lead to; then look for the commit."""
        whole = ["--unshallow"] if (self._path / "shallow").exists() else []
        refspecs = (f"+refs/{kind}/*:refs/seen/{kind}/*" for kind in _KINDS)
        words = (*_FETCH, self._parts[0], "--prune", *whole, "origin", *refspecs)
        await self._git.run(*words, at=self._path, remote=remote)
        try:
            await self._git.run("update-ref", f"refs/keep/{oid}", oid, at=self._path)
        except Refused:
            raise NotFound(f"commit {oid} not found") from None

    async def _is_sound(self) -> bool:
        words = ("fsck", "--connectivity-only", "--no-dangling", "--no-progress")
        try:
            await self._git.run(*words, at=self._path)
        except Refused:
            return False
        return True

    async def _tidy(self) -> None:
        """Let git join its packs when there are many."""
        with suppress(Refused, Unavailable):  # the fetch itself has succeeded; the next fetch tries this again
            await self._git.run("gc", "--auto", "--quiet", at=self._path)
