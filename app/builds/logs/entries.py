"""The lines of a log by where they begin in its file, so that a part of a log is read without the lines before it.

Lines stand in the order of their positions, and each begins with `{"pos":`, in a live log and in a log that a runner
has stored. Within a text of JSON a quote has a backslash before it, so these bytes begin a line wherever they stand. So
the line of a position is found by halving the file. Another runner may write its lines in another form; its log is
written anew to a temporary file, in this form.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any, TypeAlias, cast

import orjson

from app.builds.logs import files
from app.builds.logs.files import CHUNK, Record
from app.builds.logs.text import LONGEST, parsed
from app.errors import TooLong

#: A line: its `pos`, `out` and `time`, and whatever else the runner has written.
Entry: TypeAlias = dict[str, Any]

_BEGINNING = b'{"pos":'
#: Bytes in which the digits of a position end, and numbers that are no positions: JSON of other languages has none.
_DIGITS, _BEYOND = 20, 2**53
#: Bytes that are read at once while a beginning is looked for.
_WINDOW = 64 * 1024
#: Bytes of lines that are read at first, for often few lines are wanted; and how far before a line the reading begins.
_FEW = 16 * 1024
#: Bytes of a log that is written anew which are kept in memory, and seconds that the writing may take.
_SPOOLED, _PATIENCE = 1024 * 1024, 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line begins, in bytes, and its position."""

    at: int
    pos: int


class Entries:
    """The lines of an open log. Where the content is not that of a log, lines are left out."""

    def __init__(self, record: Record) -> None:
        """TooLong when the lines have another form, and are too many to be written anew."""
        usual = record.live or _begins_as_usual(record)
        self._file, self._end = (record.file, record.end) if usual else _written_anew(record)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def first(self) -> Place | None:
        """The first line."""
        return self.next(0)

    def last(self) -> Place | None:
        """The last line."""
        stop = self._end
        while stop > 0:
            start = max(stop - _WINDOW, 0)
            data = self._read(start, stop - start + len(_BEGINNING) + _DIGITS)
            at = data.rfind(_BEGINNING, 0, stop - start + len(_BEGINNING) - 1)
            while at >= 0:
                if (place := _place(data, at, start)) is not None:
                    return place
                at = data.rfind(_BEGINNING, 0, at)
            stop = start
        return None

    def next(self, at: int) -> Place | None:
        """The first line that begins at this byte or after it."""
        for start in range(at, min(at + LONGEST, self._end), _WINDOW):
            data = self._read(start, _WINDOW + len(_BEGINNING) + _DIGITS)
            found = data.find(_BEGINNING, 0, _WINDOW + len(_BEGINNING) - 1)
            while found >= 0:
                if (place := _place(data, found, start)) is not None:
                    return place
                found = data.find(_BEGINNING, found + 1, _WINDOW + len(_BEGINNING) - 1)
        return None

    def before(self, pos: int) -> int:
        """A byte from which the first line with this position, or a higher one, soon follows."""
        low, high = 0, self._end
        while high - low > _FEW:
            middle = (low + high) // 2
            place = self.next(middle)
            if place is None or place.pos >= pos or place.at >= high:
                high = middle
            else:
                low = place.at
        return low

    def since(self, at: int) -> Iterator[Sequence[Entry]]:
        """All lines that begin at a byte or after it, some at a time, and more with each time."""
        rest, size = b"", _FEW
        place = self.next(at)
        at = place.at if place else self._end
        while at < self._end:
            data = rest + self._read(at, size)
            at, size = at + size, min(2 * size, CHUNK)
            cut = data.rfind(_BEGINNING) if at < self._end else len(data)
            if cut > 0:
                yield list(_entries(data[:cut]))
            elif len(data) > LONGEST:  # no line of a log
                return
            rest = data[cut:]

    def _read(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(max(min(size, self._end - at), 0))


def _begins_as_usual(record: Record) -> bool:
    record.file.seek(0)
    beginning = record.file.read(1 + len(_BEGINNING))
    return beginning in (b"[" + _BEGINNING, b"[]")


def _place(data: bytes, at: int, start: int) -> Place | None:
    """The line that begins in these bytes; None when no position follows there."""
    digits = data[at + len(_BEGINNING) : at + len(_BEGINNING) + _DIGITS].partition(b",")[0]
    return Place(start + at, int(digits)) if digits.isdigit() and int(digits) < _BEYOND else None


def _entries(data: bytes) -> Iterator[Entry]:
    """The lines in bytes that begin with a line and end with one, or with the end of the log."""
    body = data.rstrip(b"],\n \r\t")
    try:
        found = orjson.loads(b"[" + body.replace(b"\n", b",") + b"]")
    except ValueError:  # somewhere is another form, or a line without its end
        found = [_entry(_BEGINNING + part) for part in data.split(_BEGINNING) if part]
    return (entry for entry in found if is_line(entry))


def _entry(data: bytes) -> object:
    try:
        return orjson.loads(data.rstrip(b"],\n \r\t"))
    except ValueError:
        return None


def is_line(entry: object) -> bool:
    """Whether this is a line of a log."""
    return (
        isinstance(entry, dict)
        and type(entry.get("pos")) is int
        and 0 <= entry["pos"] < _BEYOND
        and isinstance(entry.get("out"), str)
        and type(entry.get("time", 0)) is int
        and abs(entry.get("time", 0)) < _BEYOND
    )


def _written_anew(record: Record) -> tuple[BytesIO, int]:
    """The lines of a log of another form in the usual form, in a temporary file, and its size."""
    deadline = time.monotonic() + _PATIENCE
    file = SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 - lasts as long as its reader
    for found in parsed(record.array()):
        for entry in filter(is_line, found):
            file.write(files.usual(_writable(cast("Entry", entry))) + b"\n")
        if time.monotonic() > deadline:
            file.close()
            raise TooLong.after(_PATIENCE)
    return cast("BytesIO", file), file.tell()


def _writable(entry: Entry) -> Entry:
    """A line whose text has no halves of characters, which some runners write."""
    return {**entry, "out": entry["out"].encode("utf-8", "replace").decode()}
