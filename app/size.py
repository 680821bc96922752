"""Numbers of bytes as people write them: `500MB`, `1.5 GB`. A kilobyte has 1,024 bytes."""

import re

_UNITS = ("B", "KB", "MB", "GB", "TB")
_WRITTEN = re.compile(r"([0-9]{1,15}) ?(B|KB|MB|GB|TB)")


def of(text: str) -> int:
    """The bytes of a size; ValueError says how a size is written."""
    if not (found := _WRITTEN.fullmatch(text.upper())):
        raise ValueError("must be a number of bytes with its unit, as in 500MB or 10GB")
    return int(found[1]) << 10 * _UNITS.index(found[2])


def text(count: int) -> str:
    """A number of bytes in words: two digits or more, and the unit."""
    number, unit = float(count), 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    digits = 1 if unit and number < 10 else 0
    return f"{number:,.{digits}f} {_UNITS[unit]}"
