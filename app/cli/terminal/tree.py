"""The picture of a build that is watched: its stages and steps, and below them the newest lines of what runs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.builds.model import DONE, FAILED
from app.cli.remote.client import Json
from app.cli.terminal import output, words

#: One line in so many is kept for the newest lines of logs, and one column in so many is the most that names get.
_OF_HEIGHT, _OF_WIDTH = 3, 2
#: The least number of lines for logs, with an empty line and a header, and of a terminal that has room for them.
_LEAST, _ROOMY = 3, 8
#: What matters less than failures and what runs: a stage of such a status is shown by itself when there is no room.
_FOLDED = DONE - FAILED


class Size(NamedTuple):
    """The size of a terminal, in cells."""

    columns: int
    lines: int


class Said(NamedTuple):
    """A line that a step has written."""

    label: str
    text: str


class _Row(NamedTuple):
    name: str
    part: Json
    why: str


def picture(build: Json, said: Iterable[Said], now: float, size: Size, slug: str, lost: str = "") -> list[str]:
    """The lines of a terminal of this size, at a time (Unix seconds).

    `said`: the newest lines of all steps, the oldest first. `lost`: why the server does not answer.
    """
    head = [_title(build, now, slug)]
    if lost:
        head.append(output.line(lost))
    if waiting := words.approval(build, slug):
        head += [f"{waiting.what}:", f"  {waiting.command}"]
    newest = _newest(build, said) if size.lines >= _ROOMY else []
    kept = min(len(newest), max(size.lines // _OF_HEIGHT, _LEAST))
    rows = _fitted(build, size.lines - len(head) - kept)
    shown = [*head, *_drawn(rows, now, size.columns)]
    if hidden := _hidden(build, rows):
        shown.append(hidden)
    if newest and (room := size.lines - len(shown)) >= _LEAST:
        shown += [*newest[:2], *newest[2:][2 - room :]]
    return [output.cut(line, size.columns) for line in shown[: size.lines]]


def whole(build: Json, now: float, columns: int, slug: str) -> list[str]:
    """All stages and steps, for a terminal of so many columns that scrolls."""
    return [_title(build, now, slug), *_drawn(_rows(build), now, columns)]


def _title(build: Json, now: float, slug: str) -> str:
    took = output.took({"started": build.get("started"), "stopped": build.get("finished")}, now)
    return f"{words.title(build, slug)}: {', '.join(filter(None, [output.state(build), took, words.purpose(build)]))}"


def _rows(build: Json, folded: frozenset[str] = frozenset()) -> list[_Row]:
    """Stages and steps; of stages of a folded status, no steps; of clone steps, those that run or have failed."""
    rows = []
    for stage in build.get("stages") or []:
        rows.append(_Row(output.line(stage.get("name", "")), stage, words.waits(stage) or output.reason(stage)))
        if stage.get("status") not in folded:
            rows += [
                _Row(f"  {output.line(step.get('name', ''))}", step, output.reason(step))
                for step in stage.get("steps") or []
                if not words.is_clone(step) or step.get("status") == "running" or words.has_failed(step)
            ]
    return rows


def _fitted(build: Json, room: int) -> list[_Row]:
    """The rows that matter most, so that with a line about the others they fit."""
    for folded in (frozenset[str](), _FOLDED):
        if len(rows := _rows(build, folded)) <= room:
            return rows
    best = sorted(range(len(rows)), key=lambda at: (_rank(rows[at]), at))[: max(room - 1, 0)]
    return [rows[at] for at in sorted(best)]


def _rank(row: _Row) -> int:
    status = row.part.get("status")
    if status in ("running", "blocked"):
        return 0
    return 1 if status in FAILED else 3 if status in DONE else 2


def _hidden(build: Json, rows: Sequence[_Row]) -> str:
    """How many stages there are of which nothing is shown, by their status."""
    shown = {id(row.part) for row in rows}
    stages = [stage for stage in build.get("stages") or [] if id(stage) not in shown]
    counts = Counter(output.line(stage.get("status", "")) for stage in stages)
    return f"and {len(stages)} more: {', '.join(f'{n} {status}' for status, n in counts.items())}" if stages else ""


def _drawn(rows: Sequence[_Row], now: float, columns: int) -> list[str]:
    """The rows, aligned, of this width at most."""
    cells = [(row.name, _status(row.part), _took(row.part, now)) for row in rows]
    widths = [max(map(output.width, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row, (name, status, took) in zip(rows, cells, strict=True):
        first = output.cell(name, min(widths[0], columns // _OF_WIDTH))
        line = f"{first}  {output.cell(status, widths[1])}  {took:>{widths[2]}}  {row.why}"
        lines.append(output.cut(line.rstrip(), columns))
    return lines


def _status(part: Json) -> str:
    value = part.get("status", "")
    return "waiting" if value == "waiting_on_dependencies" else output.status(value)


def _took(part: Json, now: float) -> str:
    return output.took(part, now) if part.get("status") != "skipped" else ""


def _newest(build: Json, said: Iterable[Said]) -> list[str]:
    """An empty line, a header, and the newest lines of the steps that run; of several steps each line is named."""
    running = [words.label(stage, step) for stage, step in words.steps(build) if step.get("status") == "running"]
    lines = [one for one in said if one.label in running]
    if not lines:
        return []
    if len(running) == 1:
        return ["", f"[{running[0]}]", *(one.text for one in lines)]
    return ["", f"{len(running)} steps run", *(f"[{one.label}] {one.text}" for one in lines)]
