"""The errors of the application, in the terms of the domain.

    AppError
    ├── Invalid            the request is wrong: every problem is listed at once
    │   └── TooLong        the request asks for more than is done in the time that it may take
    ├── Unauthorized       the caller is not logged in, or the token is not known
    ├── Forbidden          the caller is logged in and lacks the right
    ├── NotFound
    ├── Conflict           another caller changed the thing first, or the name is taken
    ├── NothingToRun       no pipeline of the file wants this event
    ├── Unreadable         the git repository or the pipeline file cannot be used as it is
    ├── TooLarge           more than the server is willing to read
    ├── NoRoom             the disk is full
    ├── TooMany            the caller asks too often
    └── Unavailable        a passing state: the same call may work a little later

`web/errors.py` turns each into an HTTP answer; code outside `web/` does not know status codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a request: its field, the code of its rule, and a message that says how to correct it."""

    field: str
    code: str
    message: str


class AppError(Exception):
    """Base of all errors that become an answer and are no bug. `code` is stable; the message is for people."""

    code = "error"

    def __init__(self, message: str, *, code: str = "", **details: Any) -> None:
        super().__init__(message)
        #: The account that lacks a right, if the lack of a right is the reason and the account is known.
        self.refused: Any = None
        self.message = message
        self.code = code or type(self).code
        self.details = details


class Invalid(AppError):
    """The request breaks a rule."""

    code = "invalid"

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), code: str = "") -> None:
        super().__init__(message, code=code)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> "Invalid":
        """One error that lists all the problems; there must be at least one problem."""
        code = problems[0].code if len(problems) == 1 else ""
        return cls("; ".join(p.message for p in problems), problems=problems, code=code)


class TooLong(Invalid):
    """What is asked for takes longer than the server works on it; to ask again does not help."""

    code = "too_long"

    @classmethod
    def after(cls, seconds: float) -> "TooLong":
        """The error that names the limit."""
        return cls(f"this takes longer than {seconds:g} seconds, the most that the server works on it: ask for less")


class Unauthorized(AppError):
    """The caller is not known."""

    code = "unauthorized"

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)


class Forbidden(AppError):
    """The caller is known and lacks the right."""

    code = "forbidden"

    def __init__(self, message: str = "Forbidden", *, code: str = "") -> None:
        super().__init__(message, code=code)


class NotFound(AppError):
    """The thing does not exist, or the caller may not know that it exists."""

    code = "not_found"

    def __init__(self, message: str = "Not Found") -> None:
        super().__init__(message)


class Conflict(AppError):
    """The state of the thing does not allow it any more."""

    code = "conflict"


class NothingToRun(AppError):
    """The pipeline file has no pipeline for this event; each pipeline is a problem that says why."""

    code = "nothing_to_run"

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), **details: Any) -> None:
        super().__init__(message, **details)
        self.problems = tuple(problems)


class Unreadable(AppError):
    """A git repository, commit or file that cannot be used as it is; trying again does not help."""

    code = "unreadable"


class TooLarge(AppError):
    """The input has more bytes than the server reads."""

    code = "too_large"


class NoRoom(AppError):
    """There is no room to store what was sent."""

    code = "no_room"


class TooMany(AppError):
    """The caller asks too often; `retry_after` is in seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(AppError):
    """A passing state (database locked, disk full, host down); `retry_after` is in seconds."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 5, code: str = "") -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after
