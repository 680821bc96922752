"""The clocks of jobs: time zones by their IANA name, as `Europe/Berlin`, and moments when a clock is set. Pure.

Two rules say when a job is due on a day on which its clock is set forward or back:

- A job that names hours runs once for each time that it names. A time that the clock skips counts as the first moment
  after the skipped ones. A time that the clock shows twice counts the first time.
- A job of every hour runs at each moment at which its clock shows such a time: in both of two equal hours, and at no
  skipped time.
"""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim

from app.names import meant

_DAY = 24 * 3600
#: Names in the database of a system that are no places: the zone of this machine, and the lack of a zone.
_NO_PLACES = {"localtime", "Factory"}


class UnknownZone(ValueError):
    """A name that is no time zone, and the name that is most like it."""


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_PLACES)


def check(name: str) -> None:
    """Raise UnknownZone for a name that is neither empty, which stands for UTC, nor a time zone."""
    if name and name not in _names():
        raise UnknownZone(f"must be a time zone as in Europe/Berlin, or empty for UTC{meant(name, _names())}")


@lru_cache(maxsize=1000)
def find(name: str) -> ZoneInfo | None:
    """The clock of a zone; None for a name that is no zone."""
    try:
        return ZoneInfo(name) if name.isascii() and name not in _NO_PLACES else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def shown(moment: int, name: str) -> str:
    """A moment, in Unix seconds, as the clock of a zone shows the moment, in ISO 8601."""
    if not name:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return datetime.fromtimestamp(moment, ZoneInfo(name)).isoformat()


def first_after(fields: str, now: int, name: str, *, every_hour: bool) -> int | None:
    """The first moment after `now` that six fields, as `cronsim` reads them, name on the clock of a zone.

    None if they name no moment in the next 50 years. Moments are Unix seconds. CronSimError.
    """
    if not name:
        return next((int(due.timestamp()) for due in CronSim(fields, datetime.fromtimestamp(now, UTC))), None)
    return (_of_every_hour if every_hour else _of_some_hours)(fields, now, ZoneInfo(name))


def _of_some_hours(fields: str, now: int, zone: ZoneInfo) -> int | None:
    today = datetime.fromtimestamp(now, zone).replace(tzinfo=None)
    return next((due for due in (_first(time, zone) for time in CronSim(fields, today)) if due > now), None)


def _of_every_hour(fields: str, now: int, zone: ZoneInfo) -> int | None:
    """Looks as if the clock were not set; if the clock is set before the moment found, looks again from there."""
    while True:
        offset = _offset(zone, now + 1)
        clock = datetime.fromtimestamp(now + offset, UTC).replace(tzinfo=None)
        found = next(CronSim(fields, clock), None)
        if found is None:
            return None
        due = int(found.replace(tzinfo=UTC).timestamp()) - offset
        change = _change(zone, now + 1, due)
        if change is None:
            return due
        now = change - 1


def _first(time: datetime, zone: ZoneInfo) -> int:
    """The moment when a clock first shows a time, or, if the clock skips the time, the first moment after the gap."""
    before, after = (int(time.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if before <= after:
        return before
    change = _change(zone, after, before)  # of a skipped time, the offset after the gap gives the earlier moment
    assert change is not None
    return change


def _change(zone: ZoneInfo, start: int, end: int) -> int | None:
    """The first moment after `start`, up to `end`, at which the clock is not as far from UTC as at `start`; or None.

    A clock that is set twice within a day counts as not set.
    """
    offset = _offset(zone, start)
    for day in range(start, end, _DAY):
        until = min(day + _DAY, end)
        if _offset(zone, until) != offset:
            return day + bisect_left(range(day, until), True, key=lambda moment: _offset(zone, moment) != offset)
    return None


def _offset(zone: ZoneInfo, moment: int) -> int:
    """Seconds by which the clock is ahead of UTC."""
    ahead = datetime.fromtimestamp(moment, zone).utcoffset()
    assert ahead is not None
    return ahead // timedelta(seconds=1)
