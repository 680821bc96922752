"""The lines of a log that a page has in its HTML: a script shows all lines, and links lead to those that are left out.

Of a long log these are lines from its beginning, those around the first error of a step that failed, and those at the
end; or the lines from one on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds.api.request import State
from app.builds.logs import ranges, signs
from app.builds.logs.entries import Entry
from app.builds.logs.ranges import Range, Wanted
from app.builds.model import FAILED, Step
from app.ui.ansi import Painter, Piece

#: Lines of a log that are shown; of a longer one those at its beginning, at its end, and before and after an error.
LINES, BEGINNING, END, BEFORE, AFTER = 200, 60, 100, 10, 29
#: Characters after which no line follows: of each of these parts, and of a part that a link leads to.
LONGEST, LONGEST_PART = 8_000, 16_000
#: Lines at the beginning, and at the end, that are searched for the first error of a step that failed.
SEARCHED = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a log, numbered from 1, `time` seconds after its step began."""

    number: int
    time: int
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines that are kept and not shown: the numbers of the first and of the last of them."""

    first: int
    last: int

    @property
    def amount(self) -> int:
        """How many lines these are; none at all where the next line is shown."""
        return self.last - self.first + 1

    @property
    def tail(self) -> int:
        """The number of the line from which on so many lines as a page shows lead to the last one."""
        return max(self.last - LINES + 1, self.first)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines in sequence, each with the gap before it, and the gap after all of them."""

    runs: Sequence[tuple[Gap, Sequence[Row]]]
    rest: Gap
    #: The number of the first line that is kept.
    least: int

    def shows(self, number: int) -> bool:
        """Whether a line is among those that are shown."""
        return any(rows[0].number <= number <= rows[-1].number for _, rows in self.runs)


@dataclass(frozen=True, slots=True)
class Found:
    """What was read of a log; `error` is the number of the first line that looks like an error, 0 for none."""

    excerpt: Excerpt | None
    error: int
    #: The number of the last line; 0 where no line is kept.
    most: int


async def read(request: Request[State], step: Step, start: str) -> Found | None:
    """The lines of a log that a page shows, from the line on whose number is typed, if one is. None for no log.

    Unavailable, TooLong.
    """
    ends = await _ends(request, step, SEARCHED if step.status in FAILED else LINES)
    if not ends:
        return None
    lines = _lines(ends)
    wrong = _wrong(lines) if step.status in FAILED else None
    shown = _shown(lines, wrong) if not start else await _part(request, step, _number(start))
    found = _excerpt(shown, ends[0].first + 1, ends[-1].end) if shown else None
    return Found(found, wrong + 1 if wrong is not None else 0, ends[-1].end)


async def first_error(request: Request[State], step: Step) -> int:
    """The number of the first line of a step that looks like an error; 0 for none. Unavailable, TooLong."""
    wrong = _wrong(_lines(await _ends(request, step, SEARCHED)))
    return wrong + 1 if wrong is not None else 0


async def _ends(request: Request[State], step: Step, most: int) -> Sequence[Range]:
    """The whole log or, of one of more than twice so many lines, what is at its beginning and at its end."""
    first = await _range(request, step, Wanted(0, most))
    if first is None or first.next is None:
        return [first] if first else []
    last = await _range(request, step, Wanted(-most, most))
    return [first, last] if last else [first]


async def _part(request: Request[State], step: Step, number: int) -> Sequence[Entry]:
    found = await _range(request, step, Wanted(max(number - 1, 0), LINES))
    return _fitting(found.lines, LONGEST_PART) if found else ()


async def _range(request: Request[State], step: Step, wanted: Wanted) -> Range | None:
    record = await request.state["ports"].logs.open_record(step.id)
    return await ranges.read(record, wanted) if record is not None else None


def _number(text: str) -> int:
    """The number of a line; 1 for what is no number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 1


def _lines(ends: Sequence[Range]) -> Sequence[Entry]:
    """The lines of parts that may overlap."""
    lines: list[Entry] = []
    for part in ends:
        lines += [line for line in part.lines if not lines or line["pos"] > lines[-1]["pos"]]
    return lines


def _wrong(lines: Sequence[Entry]) -> int | None:
    """The position of the first line that looks like an error."""
    return next((line["pos"] for line in lines if signs.looks_wrong(line["out"])), None)


def _shown(lines: Sequence[Entry], wrong: int | None) -> Sequence[Entry]:
    """The lines that a page shows of those at both ends of a log."""
    if len(lines) <= LINES and len(_fitting(lines, LONGEST_PART)) == len(lines):
        return lines
    parts = [lines[:BEGINNING], lines[: -END - 1 : -1]]
    if wrong is not None:
        at = next(at for at, line in enumerate(lines) if line["pos"] == wrong)
        parts += [lines[at : at + AFTER + 1], lines[max(at - BEFORE, 0) : at][::-1]]
    chosen = {line["pos"] for part in parts for line in _fitting(part, LONGEST)}
    return [line for line in lines if line["pos"] in chosen]


def _fitting(lines: Sequence[Entry], most: int) -> Sequence[Entry]:
    """The first of these lines, up to so many characters; one at least."""
    size = 0
    for at, line in enumerate(lines):
        size += len(line["out"])
        if at and size > most:
            return lines[:at]
    return lines


def _excerpt(lines: Sequence[Entry], least: int, most: int) -> Excerpt:
    runs: list[tuple[Gap, list[Row]]] = []
    number, painter = least - 1, Painter()
    for line in lines:
        if not runs or line["pos"] != number:
            painter = Painter()
            runs.append((Gap(number + 1, line["pos"]), []))
        number = line["pos"] + 1
        runs[-1][1].append(Row(number, line.get("time", 0), painter.line(line["out"])))
    return Excerpt(runs, Gap(number + 1, most), least)
