"""The data folder: its lock, its keys, and the paths of its subfolders."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.errors import AppError


class FolderInUse(AppError):
    """Another process works in this folder."""

    code = "folder_in_use"


class BadFolder(AppError):
    """The data folder cannot be used."""

    code = "bad_folder"


@contextmanager
def private() -> Iterator[int]:
    """Whatever this process makes while the block runs can be read by its own account only. Gives the umask before."""
    before = os.umask(0o077)
    try:
        yield before
    finally:
        os.umask(before)


class Folder:
    """A data folder; created if absent. Only the owner can read the folders made here. BadFolder from every method.

    The output of steps may be kept in another folder, `logs`.
    """

    def __init__(self, path: Path, logs: Path | None = None) -> None:
        self.path = path
        #: The folder of the output of steps.
        self.logs = logs or path / "logs"
        with self._usable():
            for folder in (path, self._keys, self.logs, self.mirrors, self.work):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def _keys(self) -> Path:
        return self.path / "keys"

    @property
    def mirrors(self) -> Path:
        """The folder of the mirrors of git repositories."""
        return self.path / "mirrors"

    @property
    def work(self) -> Path:
        """The folder of the workspaces of the built-in runner."""
        return self.path / "work"

    @property
    def restoring(self) -> Path:
        """A file that is there while a backup is put into the folder, also after the restore was interrupted."""
        return self.path / "restoring"

    @property
    def reserve(self) -> Path:
        """The file that is deleted to make room when the disk is full."""
        return self.path / "reserve"

    def open_to_others(self, *files: Path) -> list[Path]:
        """Which of the data folder, the folder of logs and the given files other accounts of the machine may read.

        What lies in the data folder is not named if nobody passes the folder. The account of steps may pass the folder,
        but list nothing in it.
        """
        with self._usable():
            closed = not self.path.stat().st_mode & 0o077
            others = [path for path in (self.logs, *files) if not (closed and path.is_relative_to(self.path))]
            return [path for path in (self.path, *others) if path.exists() and path.stat().st_mode & 0o066]

    @property
    def private(self) -> tuple[Path, ...]:
        """The subfolders of which a step never sees anything but its own workspace."""
        return (self._keys, self.logs, self.mirrors, self.work)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder while the block runs; FolderInUse if another server has locked it.

        The lock ends with the process, however the process ends.
        """
        with self._lock():
            yield

    def _lock(self) -> IO[str]:
        with self._usable():
            words = f"a server runs on {self.path}; stop it first, or name another folder in GANTRY_DATA"
            return lock(self.path, words)

    def key(self, name: str) -> str:
        """The secret of this name; made and stored by the first call, readable by the owner only."""
        if (known := self.kept(name)) is not None:
            return known
        self.keep(name, made := secrets.token_urlsafe(32))
        return made

    def keep(self, name: str, text: str) -> None:
        """Store a secret, readable by the owner only, and replace an earlier one; on the disk when this returns."""
        path = self._keys / name
        temporary = path.with_suffix(".new")
        with self._usable():
            temporary.unlink(missing_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync(self._keys)

    def rename(self, name: str, new: str) -> None:
        """Rename a secret, and replace a secret that has the new name; on the disk when this returns."""
        with self._usable():
            (self._keys / name).replace(self._keys / new)
            sync(self._keys)

    def kept(self, name: str) -> str | None:
        """The stored secret of this name, or None."""
        path = self._keys / name
        with self._usable():
            return path.read_text() if path.exists() else None

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = error.filename or self.path
            raise BadFolder(f"the data folder {self.path} cannot be used: {place}: {error.strerror}") from error


def lock(folder: Path, in_use: str) -> IO[str]:
    """Lock a folder until the returned file is closed or the process ends.

    Raises FolderInUse with the message `in_use` if another process has locked the folder, and OSError.
    """
    file = (folder / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if not isinstance(error, BlockingIOError):
            raise
        raise FolderInUse(in_use) from error
    return file


def free(folder: Path) -> int:
    """The bytes that are free on the disk of a folder. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def sync(folder: Path) -> None:
    """Write a folder's list of names to the disk, so that a rename survives a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
