"""The end of the output of one step, up to a limit (contract drone-rpc 13).

The text is kept as encoded pieces, not as one object for each line: a step that prints two bytes a line must not take
more memory than its log.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from app.builds.wire import LineJSON
from app.encoding import encode
from app.settings.values import LOG_LIMIT

#: The most characters of an entry; a longer line is split into several entries.
LONGEST = 64 * 1024

#: Bytes reserved for the note that says how much was dropped.
_NOTE = 512
#: Entries that are encoded at once.
_SLICE = 500
_ENTRY = re.compile(rf"[^\n]{{0,{LONGEST - 1}}}+\n|[^\n]{{1,{LONGEST}}}+")
_OVERHEAD = len('{"pos":,"out":"","time":},')


@dataclass(frozen=True, slots=True)
class Piece:
    """Some consecutive entries that came in the same second."""

    pos: int
    time: int
    text: bytes
    #: How many entries, and at most how many bytes they make as JSON.
    count: int
    size: int

    @classmethod
    def of(cls, pos: int, time: int, text: str) -> "Piece":
        """Make a piece of a text, which is a whole number of entries; counts and measures the entries."""
        count = _count(text)
        overhead = _OVERHEAD + len(str(pos + count)) + len(str(time))
        return cls(pos, time, text.encode(), count, len(orjson.dumps(text)) - 2 + count * overhead)

    @property
    def end(self) -> int:
        """Position after the last entry."""
        return self.pos + self.count

    def lines(self) -> list[LineJSON]:
        """The entries as lines of JSON."""
        found = enumerate(entries(self.text.decode()), start=self.pos)
        return [{"pos": pos, "out": out, "time": self.time} for pos, out in found]


class Transcript:
    """The end of a step's output that fits the limit, and the number of bytes that were dropped before that end."""

    def __init__(self, limit: int = LOG_LIMIT) -> None:
        """`limit`: bytes of the stored log, as JSON."""
        self._limit = limit
        self._pieces: deque[Piece] = deque()
        #: At most how many bytes the kept pieces make as JSON.
        self.size = 0
        self._dropped_bytes = 0

    def add(self, piece: Piece) -> None:
        """Keep a piece. The oldest pieces are dropped while the other pieces fill the limit."""
        self._pieces.append(piece)
        self.size += piece.size
        while self.size - self._pieces[0].size >= self._limit:
            oldest = self._pieces.popleft()
            self.size -= oldest.size
            self._dropped_bytes += len(oldest.text)

    def dump(self) -> bytes:
        """The log as a JSON array of lines, of at most `limit` bytes. The first line of a cut log is a note."""
        batches: Iterator[list[LineJSON]] = (piece.lines() for piece in self._pieces)
        if self.size + 2 > self._limit or self._dropped_bytes:
            batches = self._cut(batches)
        return _encode(batches)

    def _cut(self, batches: Iterator[list[LineJSON]]) -> Iterator[list[LineJSON]]:
        excess = self.size + _NOTE - self._limit
        dropped = self._dropped_bytes
        for lines in batches:
            for at, line in enumerate(lines):
                pos = line["pos"]
                if excess <= 0 and pos:
                    note = f"[{pos:,} lines ({dropped:,} bytes) came before: only the end of a long log is kept]\n"
                    yield [{"pos": pos - 1, "out": note, "time": line["time"]}, *lines[at:]]
                    yield from batches
                    return
                excess -= len(orjson.dumps(line)) + 1
                dropped += len(line["out"].encode())


def entries(text: str) -> Iterator[str]:
    """The lines of a text with their line ends. A line longer than `LONGEST` is split."""
    return (found.group() for found in _ENTRY.finditer(text))


def _count(text: str) -> int:
    if len(text) > LONGEST:
        return sum(1 for _ in entries(text))
    return text.count("\n") + (not text.endswith("\n"))


def _encode(batches: Iterable[list[LineJSON]]) -> bytes:
    """The batches as one array. The parts are joined once: each copy of a large log would halt all other threads."""
    slices = (lines[at : at + _SLICE] for lines in batches for at in range(0, len(lines), _SLICE))
    parts = [encode(some)[1:-1] for some in slices] or [b""]
    parts[0] = b"[" + parts[0]
    parts[-1] += b"]"
    return b",".join(parts)
