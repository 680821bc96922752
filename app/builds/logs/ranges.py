"""A part of a log: lines from a position on, or those lines with a text in them, or those that look like errors.

Much of a log is read piece by piece, each in a thread. At any time one piece is in memory, and the lines of the answer.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.builds.logs import signs
from app.builds.logs.entries import Entries, Entry
from app.builds.logs.files import Record
from app.builds.logs.logs import in_thread
from app.builds.logs.text import ESCAPE, plain

#: Seconds for which a log is searched.
PATIENCE = 3.0
#: Characters of an answer: after the line that reaches them no line is added.
MOST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: at most `limit`, from a position on; a negative one counts from the end.

    With `find`, only lines with this text, in any letter case; the escape sequences of terminals are no part of a line.
    With `errors`, only lines that look like errors; that search ends when the answer has enough lines.
    """

    start: int
    limit: int
    find: str = ""
    errors: bool = False


@dataclass(slots=True)
class Range:
    """The lines, and where they are in the log."""

    lines: list[Entry] = field(default_factory=list)
    #: The position of the first line that is kept, and of the line that would follow the last one.
    first: int = 0
    end: int = 0
    #: The position that the next part begins at; None at the end.
    next: int | None = None
    #: How many lines are as wanted, of those from the start on up to `searched`; None where nothing is searched for.
    matches: int | None = None
    searched: int = 0


async def read(record: Record, wanted: Wanted, patience: float = PATIENCE) -> Range:
    """A part of an open log, which is closed at the end. TooLong for a log in another form that is very long."""
    entries: Entries | None = None
    try:
        entries = await in_thread(lambda: Entries(record))
        reading = await in_thread(lambda: _Reading(entries, wanted))
        deadline = time.monotonic() + patience
        while await in_thread(reading.advance) and time.monotonic() < deadline:
            pass
        found = reading.found
        if found.next is None and found.searched < found.end:
            found.next = found.searched
        return found
    finally:
        record.file.close()
        if entries is not None:
            entries.close()


class _Reading:
    """Reads a part of a log, one piece at a time."""

    def __init__(self, entries: Entries, wanted: Wanted) -> None:
        first, last = entries.first(), entries.last()
        end = last.pos + 1 if last else 0
        self._wanted = wanted
        self._start = wanted.start if wanted.start >= 0 else max(end + wanted.start, 0)
        self._needle = wanted.find.casefold()
        self._size = 0
        self.found = Range(first=first.pos if first else 0, end=end, searched=end)
        if self._needle or wanted.errors:
            self.found.matches, self.found.searched = 0, min(self._start, end)
        self._pieces = entries.since(entries.before(self._start))

    def advance(self) -> bool:
        """Read one more piece; whether there may be more to read."""
        piece = next(self._pieces, None)
        if piece is None:
            self.found.searched = self.found.end
            return False
        if self.found.matches is None:
            return self._take(piece)
        self._search(piece)
        return not (self._wanted.errors and self._is_full)

    def _take(self, piece: Sequence[Entry]) -> bool:
        return all(self._add(entry) for entry in piece if entry["pos"] >= self._start)

    def _search(self, piece: Sequence[Entry]) -> None:
        matching = 0
        for entry in self._matching(piece):
            if entry["pos"] >= self._start:
                matching += 1
                self._add(entry)
        self.found.matches = (self.found.matches or 0) + matching
        if piece:
            self.found.searched = max(self.found.searched, piece[-1]["pos"] + 1)

    def _matching(self, piece: Sequence[Entry]) -> Sequence[Entry]:
        found = list(_with_text(piece, self._needle)) if self._needle else piece
        return list(_wrong(found)) if self._wanted.errors else found

    @property
    def _is_full(self) -> bool:
        return len(self.found.lines) >= self._wanted.limit or self._size >= MOST

    def _add(self, entry: Entry) -> bool:
        """Add a line to the answer, if the answer has room."""
        if self._is_full:
            if self.found.next is None:
                self.found.next = entry["pos"]
            return False
        self._size += len(entry["out"])
        self.found.lines.append(entry)
        return True


def _with_text(piece: Sequence[Entry], needle: str) -> Iterator[Entry]:
    """The lines that have a text, which is in its form for comparisons."""
    whole = "\0".join(entry["out"] for entry in piece)
    if not ESCAPE.search(whole) and needle not in whole.casefold():  # so it is with most pieces of most logs
        return
    for entry in piece:
        if needle in plain(entry["out"]).casefold():
            yield entry


def _wrong(piece: Sequence[Entry]) -> Iterator[Entry]:
    """The lines that look like errors."""
    whole = "\0".join(entry["out"] for entry in piece)
    if not ESCAPE.search(whole) and not signs.has_word(whole):
        return
    for entry in piece:
        if signs.looks_wrong(entry["out"]):
            yield entry
