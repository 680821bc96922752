"""An SQLite database as one file: whether it is whole, and a copy of it while a server writes to it."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from app.errors import AppError

log = logging.getLogger(__name__)

#: Seconds to wait for a lock of another process.
PATIENCE = 60
#: Nobody writes to the file: SQLite makes no files beside it.
_ALONE = "&immutable=1"
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Damaged(AppError):
    """The file of the database is damaged."""

    code = "damaged_database"


def is_damage(error: BaseException) -> bool:
    """Whether an error of SQLite says that the file is damaged; a text that is no text any more has no code."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF in _DAMAGE
    return isinstance(error, sqlite3.OperationalError) and "decode" in str(error)


def check_unless_closed(path: Path) -> None:
    """Check the database if its last server did not end cleanly; Damaged. Nothing is written, not even by SQLite.

    A server that ends cleanly removes the file of what is not yet in the database.
    """
    if wal(path).exists() and path.exists():
        log.warning("the last server did not end cleanly: the database is checked", extra={"file": str(path)})
        check(path)


def check(path: Path, *, thorough: bool = False) -> None:
    """Raise Damaged when the database is damaged; `thorough` also compares every index with its table. Blocking.

    No server may use the database.
    """
    try:
        with closing(_reading(path, "" if wal(path).exists() else _ALONE)) as raw:
            (found,) = raw.execute(f"PRAGMA {'integrity' if thorough else 'quick'}_check(1)").fetchone()
    except sqlite3.Error as error:
        if not is_damage(error):
            raise AppError(f"{path} cannot be read: {error}", code="bad_database") from error
        found = str(error)
    if found != "ok":
        first = " ".join(str(found).split())
        raise Damaged(
            f"the database {path} is damaged ({first}): move it away and restore a backup, see docs/backup.md"
        )


def copy(path: Path, target: Path) -> None:
    """Copy the database as it is at one moment, also while servers write to it; the copy is one file. Blocking.

    No file is made beside the database of a server that has ended: SQLite would leave the files there.
    """
    if wal(path).exists() or not _copied_alone(path, target):
        target.unlink(missing_ok=True)
        _copy(path, target)


def _copied_alone(path: Path, target: Path) -> bool:
    """Copy the database as a file that nobody writes to; False when a server has written to it meanwhile."""
    before, refused = _state(path), None
    try:
        _copy(path, target, _ALONE)
    except AppError as error:  # only if nobody has written to it, the database is to blame
        refused = error
    if wal(path).exists() or _state(path) != before:
        return False
    if refused is not None:
        raise refused
    return True


def _copy(path: Path, target: Path, options: str = "") -> None:
    try:
        with closing(_reading(path, options)) as raw, closing(sqlite3.connect(target)) as copied:
            raw.backup(copied)
    except sqlite3.Error as error:
        if is_damage(error):
            raise Damaged(f"the database {path} is damaged: {error}") from error
        raise AppError(f"{path} cannot be copied: {error}", code="bad_database") from error


def _state(path: Path) -> tuple[int, int, int]:
    """What every write to a file changes."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def wal(path: Path) -> Path:
    """The file beside a database that holds what was written last."""
    return path.with_name(f"{path.name}-wal")


def put(copied: Path, path: Path) -> None:
    """Put a copy into the place of an absent database, and remove what an earlier database left beside it."""
    for left in (wal(path), path.with_name(f"{path.name}-shm"), path.with_name(f"{path.name}-journal")):
        left.unlink(missing_ok=True)
    copied.replace(path)


def _reading(path: Path, options: str = "") -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{options}", uri=True, timeout=PATIENCE)
