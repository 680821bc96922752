"""Points in time, read and written by Go's layouts: the form of the time 2006-01-02 15:04:05.

A layout is cut into elements, and text between them that stands for itself.
"""

import re
from calendar import day_name, month_name
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

from app.convert.fault import Fault

_ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|3|4|5|PM|pm"
    r"|[-Z]07:00:00|[-Z]070000|[-Z]07:00|[-Z]0700|[-Z]07|[.,](?:0+|9+)(?!\d)"
)
#: The layouts in which a text may give a time, tried in this order.
LAYOUTS = (
    "2006-01-02T15:04:05Z07:00",
    "2006-01-02T15:04:05",
    "Mon, 02 Jan 2006 15:04:05 -0700",
    "Mon, 02 Jan 2006 15:04:05 MST",
    "02 Jan 06 15:04 -0700",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon Jan _2 15:04:05 2006",
    "Mon Jan _2 15:04:05 MST 2006",
    "Mon Jan 02 15:04:05 -0700 2006",
    "2006-01-02 15:04:05.999999999 -0700 MST",
    "2006-01-02",
    "02 Jan 2006",
    "2006-01-02 15:04:05 -07:00",
    "2006-01-02 15:04:05 -0700",
    "2006-01-02 15:04:05Z07:00",
    "2006-01-02 15:04:05",
)
_SHOWN = "2006-01-02 15:04:05.999999999 -0700 MST"
_MONTHS, _DAYS = tuple(month_name)[1:], tuple(day_name)
#: Elements in texts that are read: Go wants two digits where the layout begins with 0.
_READ = {
    "January": rf"(?P<month_name>{'|'.join(_MONTHS)})",
    "Jan": rf"(?P<month_name>{'|'.join(name[:3] for name in _MONTHS)})",
    "Monday": rf"(?:{'|'.join(_DAYS)})",
    "Mon": rf"(?:{'|'.join(name[:3] for name in _DAYS)})",
    "2006": r"(?P<year>\d{4})",
    "06": r"(?P<short_year>\d\d)",
    "01": r"(?P<month>\d\d)",
    "02": r"(?P<day>\d\d)",
    "_2": r" ?(?P<day>\d{1,2})",
    "15": r"(?P<hour>\d{1,2})",
    "04": r"(?P<minute>\d\d)",
    "05": r"(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9})\d*)?",
    ".999999999": "",
    "MST": r"(?P<zone>[A-Z]{3,4}|GMT[-+]\d{1,2})",
    "-0700": r"(?P<offset>[-+]\d{4})",
    "-07:00": r"(?P<offset>[-+]\d\d:\d\d)",
    "Z07:00": r"(?P<offset>Z|[-+]\d\d:\d\d)",
}


@dataclass(frozen=True, slots=True)
class Time:
    """A point in time with its zone; `nanoseconds` are those of its second."""

    second: datetime
    nanoseconds: int = 0

    @property
    def zone(self) -> str:
        """The zone's name; empty for one that is only an offset."""
        name = self.second.tzname() or ""
        return "" if name.startswith("UTC") and name != "UTC" else name

    @property
    def offset(self) -> int:
        """Seconds before UTC."""
        return int((self.second.utcoffset() or timedelta()).total_seconds())

    def __str__(self) -> str:
        return self.format(_SHOWN)

    def format(self, layout: str) -> str:
        """The time in the form of the layout."""
        return _ELEMENT.sub(lambda found: _written(self, found[0]), layout)


def at(seconds: int, nanoseconds: int = 0) -> Time:
    """The time of Unix seconds, in UTC. Raises Fault."""
    try:
        return Time(datetime.fromtimestamp(seconds, UTC), nanoseconds)
    except (ValueError, OverflowError, OSError):
        raise Fault(f"{seconds} seconds are no time from the year 1 to 9999") from None


def read(text: str) -> Time:
    """The time of a text in one of LAYOUTS. Raises Fault."""
    for layout in LAYOUTS:
        if (found := _pattern(layout).fullmatch(text)) and (made := _made(found.groupdict())):
            return made
    raise Fault("unable to parse date: " + text[:40])


@cache
def _pattern(layout: str) -> re.Pattern[str]:
    return re.compile("".join(_patterns(layout)), re.IGNORECASE | re.ASCII)


def _patterns(layout: str) -> Iterator[str]:
    end = 0
    for found in _ELEMENT.finditer(layout):
        yield re.escape(layout[end : found.start()]) + _READ[found[0]]
        end = found.end()
    yield re.escape(layout[end:])


def _made(found: dict[str, str | None]) -> Time | None:
    """The time of the elements that were read; None if there is no such time."""

    def number(name: str) -> int:
        return int(found.get(name) or 0)

    month = number("month")
    if name := found.get("month_name"):
        month = 1 + next(n for n, one in enumerate(_MONTHS) if one[:3].lower() == name[:3].lower())
    year = number("year")
    if found.get("short_year"):
        year = number("short_year") + (1900 if number("short_year") >= 69 else 2000)
    try:
        zone = _zone(found.get("offset") or "", (found.get("zone") or "").upper())
        second = datetime(year, month, number("day"), number("hour"), number("minute"), number("second"), tzinfo=zone)
    except ValueError:
        return None
    return Time(second, int((found.get("fraction") or "").ljust(9, "0")))


def _zone(offset: str, name: str) -> timezone:
    """The zone; a name alone says no offset, but for GMT+1 and its like. ValueError for an impossible one."""
    if offset in ("", "Z") and name in ("", "UTC"):
        return UTC
    hours, minutes = name[3:] if name.startswith("GMT") and not offset else offset[:3], offset[-2:]
    if offset and int(minutes) >= 60:
        raise ValueError(offset)
    delta = timedelta(hours=int(hours or 0))
    if offset:
        delta += timedelta(minutes=int(minutes)) * (-1 if offset[0] == "-" else 1)
    if not delta and name in ("", "UTC"):
        return UTC
    return timezone(delta, name) if name else timezone(delta)


def _written(time: Time, element: str) -> str:
    if element[0] in ".,":
        return _fraction(time.nanoseconds, element)
    if element[0] in "-Z" and element[1:].startswith("07"):
        return "Z" if element[0] == "Z" and not time.offset else _signed(time.offset, element[1:])
    return _WRITTEN[element](time)


def _fraction(nanoseconds: int, element: str) -> str:
    digits = f"{nanoseconds:09}"[: len(element) - 1].ljust(len(element) - 1, "0")
    if element[1] == "0":
        return element[0] + digits
    digits = digits.rstrip("0")
    return element[0] + digits if digits else ""


def _signed(offset: int, form: str) -> str:
    """An offset in the form 07, 0700, 07:00, 070000 or 07:00:00."""
    minutes, seconds = divmod(abs(offset), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{part:02}" for part in (hours, minutes, seconds)]
    count = len(form.replace(":", "")) // 2
    return ("-" if offset < 0 else "+") + (":" if ":" in form else "").join(parts[:count])


def _named_zone(time: Time) -> str:
    return time.zone or _signed(time.offset, "0700")


_WRITTEN: dict[str, Callable[[Time], str]] = {
    "January": lambda time: _MONTHS[time.second.month - 1],
    "Jan": lambda time: _MONTHS[time.second.month - 1][:3],
    "Monday": lambda time: _DAYS[time.second.weekday()],
    "Mon": lambda time: _DAYS[time.second.weekday()][:3],
    "MST": _named_zone,
    "002": lambda time: f"{time.second.timetuple().tm_yday:03}",
    "__2": lambda time: f"{time.second.timetuple().tm_yday:3}",
    "2006": lambda time: f"{time.second.year:04}",
    "06": lambda time: f"{time.second.year % 100:02}",
    "01": lambda time: f"{time.second.month:02}",
    "1": lambda time: str(time.second.month),
    "02": lambda time: f"{time.second.day:02}",
    "_2": lambda time: f"{time.second.day:2}",
    "2": lambda time: str(time.second.day),
    "15": lambda time: f"{time.second.hour:02}",
    "03": lambda time: f"{(time.second.hour - 1) % 12 + 1:02}",
    "3": lambda time: str((time.second.hour - 1) % 12 + 1),
    "04": lambda time: f"{time.second.minute:02}",
    "4": lambda time: str(time.second.minute),
    "05": lambda time: f"{time.second.second:02}",
    "5": lambda time: str(time.second.second),
    "PM": lambda time: "PM" if time.second.hour >= 12 else "AM",
    "pm": lambda time: "pm" if time.second.hour >= 12 else "am",
}


def _utc(time: Time) -> Time:
    """The same time in UTC. Raises Fault."""
    try:
        return Time(time.second.astimezone(UTC), time.nanoseconds)
    except OverflowError:
        raise Fault(f"{time} in UTC is no time from the year 1 to 9999") from None


#: What a template may read of a time, by the names of Go's methods.
METHODS: dict[str, Callable[[Time], object]] = {
    "Year": lambda time: time.second.year,
    "Month": lambda time: _MONTHS[time.second.month - 1],
    "Day": lambda time: time.second.day,
    "Hour": lambda time: time.second.hour,
    "Minute": lambda time: time.second.minute,
    "Second": lambda time: time.second.second,
    "Nanosecond": lambda time: time.nanoseconds,
    "Weekday": lambda time: _DAYS[time.second.weekday()],
    "YearDay": lambda time: time.second.timetuple().tm_yday,
    "Unix": lambda time: int(time.second.timestamp()),
    "UnixMilli": lambda time: int(time.second.timestamp()) * 1000 + time.nanoseconds // 1_000_000,
    "UnixNano": lambda time: int(time.second.timestamp()) * 1_000_000_000 + time.nanoseconds,
    "UTC": _utc,
    "String": str,
}
