"""Times of a query: moments, and how long ago. Pure."""

import re
from datetime import UTC, datetime

from app.errors import Invalid, Problem

_MS = {
    "ms": 1, "millis": 1, "mills": 1, "milliseconds": 1,
    "s": 1000, "seconds": 1000,
    "mn": 60_000, "minutes": 60_000,
    "h": 3_600_000, "hours": 3_600_000,
    "d": 86_400_000, "days": 86_400_000,
    "w": 604_800_000, "weeks": 604_800_000,
    "mo": 2_592_000_000, "months": 2_592_000_000,
    "y": 31_536_000_000, "years": 31_536_000_000,
}  # fmt: skip
_AGO = re.compile(r"([0-9]{1,12})\s*([a-z]+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str, field: str) -> int:
    """Unix milliseconds of a time in ISO 8601, or of Unix milliseconds as text; Invalid."""
    if text.isascii() and text.isdecimal() and len(text) <= 15:
        if len(text) > 4:
            return int(text)
        text += "-01-01"
    try:
        found = datetime.fromisoformat(text)
        since = (found if found.tzinfo else found.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        words = f"{field}: {text[:100]!r} is no time: write 2026-01-31 or 2026-01-31T12:00:00.000Z"
        raise Invalid.of([Problem(field, "bad_time", words)]) from None
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def before(text: str, field: str, now: int) -> int:
    """Unix milliseconds of so long ago, such as `3d`; Invalid."""
    found = _AGO.fullmatch(text.strip().lower())
    if found is None or found[2] not in _MS:
        words = f"{field}: {text[:100]!r} is no length of time: write 90minutes, 3d, 2w, 6mo or 1y"
        raise Invalid.of([Problem(field, "bad_length_of_time", words)])
    return now - int(found[1]) * _MS[found[2]]
