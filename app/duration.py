"""Lengths of time as Go writes them, in whole seconds: `90s`, `1h30m`."""

import re

_WHOLE = re.compile(r"(?:[0-9]{1,9}[hms])+")
_PART = re.compile(r"([0-9]+)([hms])")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def seconds(text: str) -> int:
    """The seconds of a duration; ValueError says how a duration is written."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("must be a duration in hours, minutes and seconds, as in 30s, 5m or 1h30m")
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def text(length: int) -> str:
    """Seconds as such a duration, in its longest units; `0` for none."""
    parts = ((length // 3600, "h"), (length // 60 % 60, "m"), (length % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0"
