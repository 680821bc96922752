"""When a job is due: six fields with seconds first, a word such as `@daily`, or `@every 1h30m`. Pure.

The rules are those of Drone's scheduler (contract drone-yaml 18): five fields are seconds to month; when day or
weekday is `*` or `?`, both must match, else one of them. The library `cronsim` computes the times. It gets only
expressions that this module has checked, because `cronsim` accepts more than Drone does, and its errors say less.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from cronsim import CronSimError

from app import duration
from app.builds.cron import zones

#: Characters of an expression.
LIMIT = 500
#: Seconds between two runs of `@every`.
SHORTEST, LONGEST = 1, 365 * 24 * 3600
#: Characters of a wrong part that a message repeats.
_SHOWN = 40
_EVERY = "@every "
_WORDS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}


class BadExpression(ValueError):
    """An expression that cannot be used, and which part of it is wrong."""


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    #: Three letters for each number from `low`.
    names: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        numbers = f"{self.low} to {self.high}"
        return f"{numbers} or {self.names[0]} to {self.names[-1]}" if self.names else numbers


_DAY = 24 * 3600
_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    _Field("weekday", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_HOUR = _FIELDS[2]


class Schedule(NamedTuple):
    """The numbers of each field, in order; Sunday is 0."""

    #: Whether day and weekday must both match; else one of them.
    both_days: bool
    seconds: list[int]
    minutes: list[int]
    hours: list[int]
    days: list[int]
    months: list[int]
    weekdays: list[int]


def check(expr: str) -> None:
    """Raise BadExpression for a text that is no expression, and for an expression that is never due."""
    next_after(expr, 0)


def next_after(expr: str, now: int, *, zone: str = "", since: int | None = None) -> int:
    """The first moment after `now`, in Unix seconds, on the clock of a zone (see `zones`). BadExpression.

    `@every` counts from `since`, else from `now`, and needs no clock.
    """
    parsed = _parsed(expr)
    if isinstance(parsed, int):
        start = now if since is None else since
        return start + ((now - start) // parsed + 1) * parsed
    try:
        due = zones.first_after(parsed, now, zone, every_hour=len(_numbers(_HOUR, parsed.split()[2])) == _HOUR.high + 1)
    except CronSimError:
        due = None
    if due is None:
        raise BadExpression("it is never due: no month of it has such a day")
    return due


def upcoming(expr: str, now: int, count: int, *, zone: str = "") -> list[int]:
    """The next moments after `now`, as of `next_after`. BadExpression."""
    found: list[int] = []
    for _ in range(count):
        found.append(next_after(expr, found[-1] if found else now, zone=zone))
    return found


def is_short(expr: str) -> bool:
    """Whether an expression has five fields, which other programs read as minute to weekday."""
    return len(expr.split()) == len(_FIELDS) - 1


def schedule(expr: str) -> int | Schedule:
    """Seconds between two runs of `@every`, or the numbers of each field; BadExpression."""
    parsed = _parsed(expr)
    if isinstance(parsed, int):
        return parsed
    texts = parsed.split()
    both_days = texts[3].startswith("*") or texts[5].startswith("*")
    return Schedule(both_days, *(_numbers(field, text) for field, text in zip(_FIELDS, texts, strict=True)))


def closest(expr: str) -> int:
    """The fewest seconds between two moments at which a job is due; BadExpression.

    Days are taken to follow one another, although an expression may name only some days, and to have 24 hours each.
    """
    found = schedule(expr)
    if isinstance(found, int):
        return found
    gaps, span = [], 0  # `span`: seconds between the first and the last moment of one minute, hour and day
    for numbers, unit in ((found.seconds, 1), (found.minutes, 60), (found.hours, 3600)):
        gaps += [(later - earlier) * unit - span for earlier, later in pairwise(numbers)]
        span += (numbers[-1] - numbers[0]) * unit
    return min([*gaps, _DAY - span])


def _numbers(field: _Field, text: str) -> list[int]:
    """The numbers of a field in the form that `cronsim` reads, in order."""
    found: set[int] = set()
    for item in text.split(","):
        found |= set(range(field.low, field.high + 1, int(item[2:]))) if item.startswith("*") else {int(item)}
    return sorted(found)


@lru_cache(maxsize=1024)
def _parsed(expr: str) -> str | int:
    """Seconds between two runs, or six fields in the form that `cronsim` reads."""
    if len(expr) > LIMIT:
        raise BadExpression(f"it has {len(expr)} characters; at most {LIMIT} are read")
    if not (expr.isascii() and expr.isprintable()):
        raise BadExpression("it holds a character that no expression has")
    text = " ".join(expr.lower().split())
    if text.startswith(_EVERY):
        return _interval(text.removeprefix(_EVERY))
    if text.startswith("@") and text not in _WORDS:
        raise BadExpression(f"{_shown(text)} is not known; known are {', '.join(_WORDS)} and @every 1h30m")
    return _fields(_WORDS.get(text, text))


def _interval(text: str) -> int:
    try:
        seconds = duration.seconds(text)
    except ValueError as error:
        raise BadExpression(f"@every {_shown(text)} {error}") from None
    if not SHORTEST <= seconds <= LONGEST:
        raise BadExpression(f"@every {_shown(text)} must be from {SHORTEST}s to {LONGEST // 3600}h")
    return seconds


def _fields(text: str) -> str:
    parts = text.split()
    if len(parts) == len(_FIELDS) - 1:
        parts.append("*")
    if len(parts) != len(_FIELDS):
        fields = ", ".join(field.name for field in _FIELDS)
        raise BadExpression(
            f"it has {len(parts)} fields; due are six ({fields}) or the first five, or a word as @daily"
        )
    read, wrong = [], []
    for field, part in zip(_FIELDS, parts, strict=True):
        try:
            read.append(_list(field, part))
        except BadExpression as error:
            wrong.append(str(error))
    if wrong:
        raise BadExpression("; ".join(wrong))
    return " ".join(read)


def _list(field: _Field, text: str) -> str:
    """A field in the form that `cronsim` reads. Items with `*` come first.

    `cronsim` looks at the first character of the two day fields to know whether both must match.
    """
    items = [_item(field, item) for item in text.split(",")]
    return ",".join(sorted(items, key=lambda item: not item.startswith("*")))


def _item(field: _Field, text: str) -> str:
    """One item of a list: `*` with a step, or the numbers that the item stands for."""
    span, slash, step_text = text.partition("/")
    step = _step(field, text, step_text) if slash else 1
    if span in ("*", "?"):
        return f"*/{step}"
    first, dash, last = span.partition("-")
    low = _number(field, text, first)
    high = _number(field, text, last) if dash else field.high if slash else low
    if high < low:
        raise BadExpression(f"{field.name} {_shown(text)} runs backwards: write the smaller one first")
    return ",".join(str(number) for number in range(low, high + 1, step))


def _step(field: _Field, whole: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise BadExpression(f"{field.name} {_shown(whole)} must have a number from 1 after the slash")
    return int(text)


def _number(field: _Field, whole: str, text: str) -> int:
    if text in field.names:
        return field.low + field.names.index(text)
    if text.isdecimal() and field.low <= int(text) <= field.high:
        return int(text)
    raise BadExpression(f"{field.name} {_shown(whole)} must be {field.allowed}, or * for each")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
