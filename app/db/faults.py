"""What the errors of SQLite mean for a caller."""

import sqlite3

from app.db import file
from app.errors import NotFound, Unavailable

#: The codes of SQLite's errors after which the same call may work later, and the words for them.
_REASONS = {
    sqlite3.SQLITE_BUSY: "the database is locked by another program",
    sqlite3.SQLITE_LOCKED: "the database is locked by another program",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk does not answer",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_READONLY: "the database file cannot be written",
    sqlite3.SQLITE_NOMEM: "out of memory",
}
#: What is to be done about a damaged database.
_MEND = "the server's administrator has to restore a backup, see docs/backup.md"


def passing(error: BaseException) -> str | None:
    """Why a call failed that may work later; None for other errors."""
    code = getattr(error, "sqlite_errorcode", None)
    return _REASONS.get(code & 0xFF) if isinstance(code, int) else None


def unavailable(error: BaseException) -> Unavailable | None:
    """Unavailable if the same call may work later, or the database is damaged."""
    if file.is_damage(error):
        return Unavailable(f"the database is damaged ({error}): {_MEND}", code=file.Damaged.code)
    reason = passing(error)
    return Unavailable(f"{reason}; nothing was changed, try again") if reason else None


def vanished(error: BaseException) -> NotFound | None:
    """NotFound if the error is a foreign key's: the row that a new row refers to was deleted just before."""
    gone = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
    return NotFound("what this belongs to was deleted meanwhile") if gone else None
