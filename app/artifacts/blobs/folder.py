"""Blobs in a folder of this machine, or in one that several servers of a database share.

A blob is written to a temporary file; the file is on the disk before it gets its name, and the name is on the disk
before anybody hears of the blob. What an interrupted server leaves are temporary files, which the next start deletes.
"""

import asyncio
import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from app import size as sizes
from app import threads
from app.artifacts.blobs.ahead import ahead
from app.artifacts.blobs.gathering import Gathering, sync_all
from app.artifacts.blobs.hashing import Hashing, Pieces, batches
from app.artifacts.blobs.sound import Counts, Sound
from app.artifacts.blobs.store import Held, Lost, Missing, Received, Space, StoreAway
from app.errors import NoRoom
from app.folder import FolderInUse, free, lock, sync

#: Bytes that are read together.
PIECE = 512 * 1024
#: Bytes that are hashed and written together; bodies below SMALL are stored together, by one call.
_BATCH, SMALL = 1024 * 1024, 64 * 1024
#: Bytes of a file after which the system is told to write them to the disk, while more bytes come.
_EARLY = 64 * 1024 * 1024
#: Bytes of the disk that uploads leave free: reports and the database need room when uploads do not.
SPARE = 32 * 1024 * 1024
_THREADS = 24
#: The file that a backup locks; shared locks hold those who remove bytes.
_REMOVING = "removing"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FolderStore:
    """See BlobStore. Each server has a folder for its temporary files, which is locked while the server lives."""

    def __init__(self, root: Path, *, spare: int = SPARE) -> None:
        self._root = root
        self._spare = spare
        self._threads = ThreadPoolExecutor(_THREADS, "blobs")
        self._small = Gathering(self._store, self._threads)
        self._names = count()
        self._own: Path | None = None
        self._lock: IO[str] | None = None
        self.sound, self.counts = Sound(), Counts()

    def prepare(self) -> None:
        """Make the folder, and delete what servers that live no more were receiving."""
        tmp = self._root / "tmp"
        tmp.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._root / "lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # or another server that starts now could delete our new folder
            for left in tmp.iterdir():
                _sweep(left)
            self._own = tmp / secrets.token_hex(8)
            self._own.mkdir(mode=0o700)
            self._lock = lock(self._own, "")

    def close(self) -> None:
        """Leave the folder to others."""
        self._threads.shutdown()
        if self._lock is not None and self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            self._lock.close()

    async def receive(self, parts: AsyncIterator[bytes], *, size: int | None = None) -> Received:
        """See BlobStore."""
        if size is not None and size >= SMALL:
            await threads.run(self._require_room, size)
        coming = batches(parts, SMALL, _BATCH)
        first: Pieces = await anext(coming, [])
        if sum(map(len, first)) < SMALL:
            return await self._small.store(first)
        path, hashing = self._temporary(), Hashing(self.counts)
        try:
            with await threads.run(_new, path, executor=self._threads) as file:
                writing = _Writing(file, self._require_room, self._threads)
                try:
                    await self._take(first, coming, hashing, writing)
                finally:
                    await writing.settle()
                [received] = await threads.run(self._finish, [(path, file, hashing)], executor=self._threads)
                self.sound.remember(received.place, os.fstat(file.fileno()))
                return received
        finally:
            await threads.run(_drop, path, executor=self._threads)

    async def _take(
        self, first: Pieces, coming: AsyncIterator[list[bytes]], hashing: Hashing, writing: "_Writing"
    ) -> None:
        """Hash and write what comes. One batch is worked on while the next comes, and the client waits for both."""
        working = asyncio.create_task(hashing.add_beside(self._threads, first, writing.write))
        try:
            async for pieces in coming:
                await working
                working = asyncio.create_task(hashing.add_beside(self._threads, pieces, writing.write))
            await working
        finally:
            await threads.settle(working)

    def _store(self, bodies: Sequence[Pieces]) -> list[Received]:
        """Store small bodies, all of them in one folder, so that their names get onto the disk together.

        After an error no row will name those that got their names already; they are collected like all unused bytes.
        """
        self._require_room(0)
        made = list[tuple[Path, IO[bytes], Hashing]]()
        try:
            for pieces in bodies:
                path, hashing = self._temporary(), Hashing(self.counts)
                hashing.add(pieces)
                made.append((path, _new(path), hashing))
                _write(made[-1][1], pieces)
            return self._finish(made)
        except BaseException:  # whatever it is: no file may stay that nothing names
            for path, _, _ in made:
                _drop(path)
            raise
        finally:
            for _, file, _ in made:
                file.close()

    def _temporary(self) -> Path:
        """The name of a new temporary file."""
        assert self._own is not None, "the store is prepared"
        return self._own / str(next(self._names))

    def _finish(self, made: Sequence[tuple[Path, IO[bytes], Hashing]]) -> list[Received]:
        """Put the bytes of files onto the disk, then give the files their names, then put the names onto the disk."""
        received = list[Received]()
        with _usable():
            sync_all([file for _, file, _ in made], self._threads)
            folder = self._root / made[0][2].sums.sha256[:2]
            for path, _, hashing in made:
                name = f"{hashing.sums.sha256}-{secrets.token_hex(4)}"
                try:
                    path.rename(folder / name)
                except FileNotFoundError:
                    folder.mkdir(mode=0o700, exist_ok=True)
                    sync(self._root)
                    path.rename(folder / name)
                received.append(Received(hashing.sums, hashing.size, f"{folder.name}/{name}"))
            sync(folder)
        return received

    def _require_room(self, size: int) -> None:
        with _usable():
            left = free(self._root) - self._spare
        if left < size:
            words = f"{sizes.text(size)} more do not fit" if size else "nothing more fits"
            raise NoRoom(f"the disk of the artifacts is full: {words}; delete artifacts, or make the disk larger")

    async def read(self, place: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """See BlobStore."""
        if stop - start <= PIECE:
            yield await threads.run(self._read_small, place, start, stop)
            return
        with await threads.run(self._open, place) as file:

            async def read(at: int, size: int) -> bytes:
                return await threads.run(_read, file, at, size)

            reading = ahead(read, start, stop, PIECE)
            async with aclosing(reading):
                async for piece in reading:
                    yield piece

    def _read_small(self, place: str, start: int, stop: int) -> bytes:
        with self._open(place) as file:
            return _read(file, start, stop - start)

    def _open(self, place: str) -> IO[bytes]:
        try:
            return (self._root / place).open("rb", 0)
        except FileNotFoundError:
            raise Missing(f"the bytes of {place} are not there") from None
        except OSError as error:
            raise Lost(f"the bytes of {place} cannot be read: {error.strerror}") from error

    def file(self, place: str) -> Path | None:
        """See BlobStore."""
        return self._root / place

    @contextmanager
    def removing(self) -> Iterator[None]:
        """See BlobStore."""
        with _usable():
            hold = (self._root / _REMOVING).open("a")
        with hold:
            try:
                fcntl.flock(hold, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Held("a backup copies the artifacts; nothing is removed until the backup is made") from None
            yield

    async def remove(self, place: str) -> None:
        """See BlobStore."""
        await threads.run(self._remove, place)

    def _remove(self, place: str) -> None:
        with _usable():
            (self._root / place).unlink(missing_ok=True)

    async def places(self) -> AsyncIterator[tuple[str, float]]:
        """See BlobStore."""
        for folder in await threads.run(lambda: sorted(self._root.glob("??"))):
            for found in await threads.run(_listed, folder):
                yield found

    async def space(self) -> Space:
        """See BlobStore."""
        usage = await threads.run(shutil.disk_usage, self._root)
        return Space("file-system", str(self._root), usage.total, usage.free)

    async def check(self) -> None:
        """See BlobStore."""
        await threads.run(self._check)

    def _check(self) -> None:
        if self._own is None or not os.access(self._own, os.W_OK):
            raise StoreAway("the folder of the artifacts is not there, or cannot be written")


@contextmanager
def held(root: Path) -> Iterator[None]:
    """While the block lasts, no server removes bytes that a row has named. Waits for removals and for other backups."""
    with (root / _REMOVING).open("a") as hold:
        fcntl.flock(hold, fcntl.LOCK_EX)
        yield


class _Writing:
    """Writes a file. Another thread puts onto the disk what was written, now and then, so that the end comes sooner."""

    def __init__(self, file: IO[bytes], require_room: Callable[[int], None], executor: ThreadPoolExecutor) -> None:
        self._file = file
        self._require_room = require_room
        self._executor = executor
        self._syncing: Future[None] | None = None
        self._since = 0

    async def write(self, pieces: Pieces) -> None:
        """Write all of these pieces. NoRoom, StoreAway."""
        await threads.run(self._write, pieces, executor=self._executor)

    def _write(self, pieces: Pieces) -> None:
        size = sum(map(len, pieces))
        self._require_room(size)
        _write(self._file, pieces)
        with _usable():
            self._since += size
            if self._since >= _EARLY and (self._syncing is None or self._syncing.done()):
                if self._syncing is not None:
                    self._syncing.result()  # the system tells an error only once
                self._syncing = self._executor.submit(os.fsync, self._file.fileno())
                self._since = 0

    async def settle(self) -> None:
        """Wait until no thread uses the file. StoreAway."""
        if self._syncing is not None:
            with _usable():
                await asyncio.shield(asyncio.wrap_future(self._syncing))


def _new(path: Path) -> IO[bytes]:
    """A new file without a buffer."""
    with _usable():
        return path.open("xb", buffering=0)


def _drop(path: Path) -> None:
    """Delete a temporary file that was not renamed."""
    with _usable():
        path.unlink(missing_ok=True)


def _write(file: IO[bytes], pieces: Pieces) -> None:
    """Write all of these pieces. NoRoom, StoreAway."""
    with _usable():
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]


def _read(file: IO[bytes], start: int, size: int) -> bytes:
    """Bytes of a file, all of them. Lost when the file ends before."""
    try:
        piece = os.pread(file.fileno(), size, start)
        while len(piece) < size:
            if not (more := os.pread(file.fileno(), size - len(piece), start + len(piece))):
                raise Lost(f"the file ends after {start + len(piece)} bytes")
            piece += more
    except OSError as error:
        raise Lost(f"the file cannot be read: {error.strerror}") from error
    return piece


def _listed(folder: Path) -> Sequence[tuple[str, float]]:
    """The files of a folder, with the times of their last change."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # deleted meanwhile
                found.append((f"{folder.name}/{entry.name}", entry.stat().st_mtime))
    return found


@contextmanager
def _usable() -> Iterator[None]:
    """NoRoom or StoreAway in place of an error of the system."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoom(f"the disk of the artifacts is full: {error.strerror}; delete artifacts") from error
        raise StoreAway(f"the folder of the artifacts cannot be used: {error.strerror}") from error


def _sweep(left: Path) -> None:
    """Delete the folder of a server that lives no more."""
    with suppress(FolderInUse, FileNotFoundError, NotADirectoryError), lock(left, ""):  # alive, gone, or no folder
        shutil.rmtree(left, ignore_errors=True)
