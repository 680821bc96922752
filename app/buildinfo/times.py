"""Times in build-info: Unix milliseconds and their texts. Pure.

Contract artifactory-build 1.6.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from app.errors import Invalid, Problem

#: How every answer shows a time: clients parse exactly this.
_LAYOUT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}", re.ASCII)
_TEXT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:T(?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{0,9}))?(?P<zone>Z|[+-]\d\d(?::?\d\d)?))?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last millisecond of the year 9999.
LAST = 253402300799999


def shown(at: int) -> str:
    """The text of a time."""
    moment = _EPOCH + timedelta(milliseconds=at)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def parse(text: str, field: str) -> int:
    """The time that a text says; Invalid names the field."""
    found = _TEXT.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        at = _milliseconds(found)
        if not 0 <= at <= LAST:
            raise ValueError
    except (ValueError, OverflowError):
        words = f"{field}: {text[:100]!r} is no time from 1970 to 9999; write one like 2024-03-09T14:05:06.700+0000"
        raise Invalid.of([Problem(field, "bad_time", words)]) from None
    return at


def parse_any(value: str | int, field: str) -> int:
    """The same, for a field that may be Unix milliseconds, as a number or as digits."""
    if isinstance(value, str) and not (value.isascii() and value.isdecimal() and len(value) <= 15):
        return parse(value, field)
    if 0 <= (at := int(value)) <= LAST:
        return at
    words = f"{field}: {value} are no milliseconds from 1970 to 9999"
    raise Invalid.of([Problem(field, "bad_time", words)])


def of_query(text: str, field: str) -> int:
    """The same, for a parameter of a query, in which a `+` that was not encoded has become a space."""
    return parse_any(re.sub(r" (\d\d(?::?\d\d)?)$", r"+\1", text), field)


def normalised(text: str, at: int) -> str:
    """The text that answers show for a time that was sent: the same text if it has their layout."""
    return text if _LAYOUT.fullmatch(text) else shown(at)


def _milliseconds(found: "re.Match[str]") -> int:
    date, time, fraction, zone = found.group("date", "time", "fraction", "zone")
    if time is None:
        moment = datetime.strptime(f"{date} +0000", "%Y-%m-%d %z")
    else:
        moment = datetime.strptime(f"{date} {time} +0000", "%Y-%m-%d %H:%M:%S %z")
        moment = moment.replace(tzinfo=_zone(zone))
    return (moment - _EPOCH) // timedelta(milliseconds=1) + int((fraction or "")[:3].ljust(3, "0"))


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) > 59:
        raise ValueError
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
