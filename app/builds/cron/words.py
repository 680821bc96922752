"""What an expression means, in words, as in `every hour at :06, January to May`. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.builds.cron import expression
from app.builds.cron.expression import BadExpression, Schedule

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
#: Numbers at equal distances that are listed; more are told by their distance.
_LISTED = 4


@dataclass(frozen=True, slots=True)
class Short:
    """Five fields: what they mean as they are read, and as most people mean them; empty for no meaning."""

    read: str
    meant: str
    #: The six fields that say what most people mean.
    six: str


def short(expr: str) -> Short | None:
    """The two meanings of five fields, which are read as seconds to month, and which most people write as minute to
    weekday: whoever promotes by the clock must choose one. None for every other expression."""
    if not expression.is_short(expr):
        return None
    six = f"0 {' '.join(expr.split())}"
    return Short(words_if_any(expr), words_if_any(six), six)


def words_if_any(expr: str) -> str:
    """The meaning of an expression; empty for one that this version cannot read."""
    try:
        return words(expr)
    except BadExpression:
        return ""


def words(expr: str) -> str:
    """The meaning of an expression; BadExpression."""
    found = expression.schedule(expr)
    if isinstance(found, int):
        return f"every {_length(found)}"
    parts = (_time(found), _day(found), _spans(found.months, _month) if len(found.months) < len(_MONTHS) else "")
    return ", ".join(part for part in parts if part)


def _length(seconds: int) -> str:
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def _time(found: Schedule) -> str:
    """When in a day."""
    every_hour = len(found.hours) == 24
    if len(found.seconds) == len(found.minutes) == 1:
        end = f"{_minute(found.minutes[0])}{_minute(found.seconds[0]) if found.seconds[0] else ''}"
        return (
            f"every hour at {end}" if every_hour else _clock([f"{hour:02}{end}" for hour in found.hours], found.hours)
        )
    within = _within(found)
    if every_hour:
        return f"every hour {within}" if within.startswith("at :") else within
    if _distance(found.hours) == 1 or len(found.hours) == 1:
        return f"{within} from {found.hours[0]:02}:00 to {found.hours[-1]:02}:59"
    return f"{within} in the hours {_spans(found.hours, str)}"


def _clock(times: Sequence[str], hours: Sequence[int]) -> str:
    """Times of a day, one in each of some hours."""
    distance = _distance(hours)
    if not distance or len(hours) <= _LISTED:
        return f"at {_listed(times)}"
    return f"every {'hour' if distance == 1 else f'{distance} hours'} from {times[0]} to {times[-1]}"


def _within(found: Schedule) -> str:
    """When in an hour."""
    if found.seconds == [0]:
        return _often(found.minutes, "minute") or f"at {_spans(found.minutes, _minute)}"
    often = _often(found.seconds, "second")
    seconds = often or f"at second{'s' if len(found.seconds) > 1 else ''} {_spans(found.seconds, str)}"
    if len(found.minutes) == 60:
        return seconds if often else f"{seconds} of every minute"
    return f"{seconds} of the minutes {_spans(found.minutes, _minute)}"


def _often(numbers: Sequence[int], unit: str) -> str:
    """As in `every 15 minutes`, for numbers that divide 60 evenly; else empty."""
    distance = _distance(numbers)
    if not distance or numbers[0] != 0 or numbers[-1] + distance != 60:
        return ""
    return f"every {unit}" if distance == 1 else f"every {distance} {unit}s"


def _day(found: Schedule) -> str:
    every_day, every_weekday = len(found.days) == 31, len(found.weekdays) == 7
    days = f"{'days' if len(found.days) > 1 else 'day'} {_spans(found.days, str)} of the month"
    weekdays = _spans(found.weekdays, lambda number: _WEEKDAYS[number])
    if every_day and every_weekday:
        return "every day" if len(found.hours) < 24 and _time(found).startswith("at ") else ""
    if every_day and found.both_days:
        return weekdays
    if every_weekday and found.both_days:
        return days
    return f"{days} if it is {weekdays}" if found.both_days else f"{days} or {weekdays}"


def _distance(numbers: Sequence[int]) -> int:
    """The distance between neighbours, if that is the same for all; else 0."""
    distances = {later - earlier for earlier, later in pairwise(numbers)}
    return distances.pop() if len(distances) == 1 else 0


def _spans(numbers: Sequence[int], name: Callable[[int], str]) -> str:
    """Numbers by their names; three or more in a row as in `Monday to Friday`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts: list[str] = []
    for run in runs:
        texts += [f"{name(run[0])} to {name(run[-1])}"] if len(run) > 2 else map(name, run)
    return _listed(texts)


def _listed(texts: Sequence[str]) -> str:
    return f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else texts[0]


def _minute(number: int) -> str:
    return f":{number:02}"


def _month(number: int) -> str:
    return _MONTHS[number - 1]
