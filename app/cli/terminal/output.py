"""Prints answers, as text for people or as the server's JSON for programs."""

import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from app.cli.remote.client import Json
from app.errors import Invalid

COLOURS = {
    "success": "green",
    "failure": "red",
    "error": "red",
    "killed": "red",
    "declined": "red",
    "running": "yellow",
    "blocked": "magenta",
    "COMPLETED": "green",
    "FAILED": "red",
    "PENDING": "yellow",
    "PROCESSING": "yellow",
}
#: The columns of prose, and those of names that may be long, in the order in which they are shortened.
PROSE = (
    "MESSAGE",
    "",
    "WHY IT WAITS",
    "CHANGE",
    "DESCRIPTION",
    "BROWSER",
    "IN DETAIL",
    "SUBJECT",
    "EXPRESSION",
    "BRANCH",
    "SINCE",
)
#: The least width of a column that is shortened, in cells.
LEAST = 10
_CONTROLS = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
_CONTROL = re.compile(_CONTROLS)
#: What a terminal acts on, in one alternative each: a colour; a line end; a command; a command with a text, such as a
#: title or the clipboard; a short command; any other control character. A command may be cut off.
_ACTED_ON = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|(?P<end>\r+\n?)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\n\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
    rf"|(?P<other>{_CONTROLS})"
)
_STYLE = re.compile(r"(\x1b\[[0-9;:]*m)")
_UNSTYLED = "\x1b[0m"


def write(text: str, *, err: bool = False) -> None:
    """Print a text and a line end; colours are removed where they are not wanted."""
    click.echo(harmless(text, err=err), err=err)


def raw(text: str, *, err: bool = False) -> None:
    """Print a step's output or a script with its colours: unchanged into a file or a pipe, harmless on a terminal."""
    click.echo(harmless(text, err=err).encode(errors="replace"), nl=False, err=err)


def harmless(text: str, *, err: bool = False) -> str:
    """The text itself if it goes to a file or a pipe. For a terminal: of what terminals act on, colours and line ends.

    Other commands would let a step's output write the clipboard, change the title, or hide what it printed before.
    """
    return _ACTED_ON.sub(_shown, text) if (sys.stderr if err else sys.stdout).isatty() else text


def _shown(found: "re.Match[str]") -> str:
    kinds = {"colour": found[0], "end": "\n", "other": "\N{REPLACEMENT CHARACTER}"}
    return kinds.get(found.lastgroup or "", "")


def as_json(value: Any) -> str:
    """The server's JSON, indented, with the server's order of keys; what controls a terminal is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def queried(value: Any, expression: str) -> str:
    """What an expression of jq makes of the JSON: texts as they are, other values as JSON, one a line; Invalid."""
    import jq

    try:
        found = list(jq.compile(expression).input_value(value))
    except ValueError as error:
        raise Invalid(f"--jq {expression}: {error}") from error
    return "\n".join(
        one if isinstance(one, str) else json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in found
    )


def printable(text: str) -> str:
    """An untrusted text without the characters that control a terminal; line ends and tabs stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def line(text: Any, limit: int = 0) -> str:
    """The first line of a text, at most `limit` characters if that is not 0."""
    first = printable(str(text).strip().partition("\n")[0]).expandtabs(1)
    return first if not limit or len(first) <= limit else first[: limit - 1] + "…"


def status(value: str) -> str:
    """A status in its colour."""
    colour = COLOURS.get(value)
    return click.style(value, fg=colour) if colour else line(value)


def standing(build: Json) -> str:
    """The status of a build; `blocked` for one of which nothing runs before an approval."""
    value = build.get("status", "")
    return "blocked" if build.get("blocked") and value == "pending" else line(value)


def state(build: Json) -> str:
    """The same in its colour."""
    return status(standing(build))


def commit(build: Json) -> str:
    """The id of a build's commit, as `short`."""
    return short(build.get("after", ""), 8)


def by(build: Json) -> str:
    """Who began a build: an account, or for a push and the like the author of the commit."""
    trigger = build.get("trigger", "")
    return line(build.get("author_login", "") if trigger.startswith("@") else trigger)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "") -> str:
    """A list: for people aligned columns that fit the terminal; for programs a row a line, cells separated by tabs.

    Without rows, people read the sentence `empty`, if there is one.
    """
    if for_people():
        return grid(headers, rows) if rows or not empty else empty
    return "\n".join("\t".join(row) for row in rows)


def grid(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned columns, two spaces apart; on a terminal, columns of prose are shortened until the widest row fits."""
    lines = [tuple(headers), *(tuple(row) for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    if for_people():
        widths = _fitted(headers, widths, shutil.get_terminal_size().columns)
    return "\n".join("  ".join(map(cell, cells, widths)).rstrip() for cells in lines)


def _fitted(headers: Sequence[str], widths: Sequence[int], room: int) -> list[int]:
    """The widths, those of columns of prose smaller, in the order of PROSE, so that all fit if that is possible."""
    fitted = list(widths)
    over = sum(fitted) + 2 * (len(fitted) - 1) - room
    for name in PROSE:
        for at, header in enumerate(headers):
            if header == name and over > 0:
                less = min(over, max(fitted[at] - max(LEAST, len(header)), 0))
                fitted[at] -= less
                over -= less
    return fitted


def for_people() -> bool:
    """Whether standard output is a terminal; otherwise a program reads it."""
    return sys.stdout.isatty()


def short(identity: Any, length: int) -> str:
    """An id by its first characters, which are enough for people; whole for programs."""
    text = line(identity)
    return text[:length] if for_people() else text


def block(pairs: Iterable[tuple[str, str]]) -> str:
    """Labels and values, one a line; empty values are left out."""
    shown = [(f"{label}:", value) for label, value in pairs if value]
    widest = max((len(label) for label, _ in shown), default=0)
    return "\n".join(f"{label:<{widest}}  {value}" for label, value in shown)


def ago(then: int, now: float) -> str:
    """How long ago, up to a month; then, and for programs, the time (UTC). Both in Unix seconds, 0 = never."""
    if not then:
        return "-"
    if not for_people():
        return moment(then)
    past = max(0, int(now) - then)
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (30 * 86400, 86400, "d")):
        if past < limit:
            return f"{past // unit} {name} ago"
    return moment(then)


def moment(then: int) -> str:
    """A time as ISO 8601 (UTC); the number itself if it is outside the calendar's range."""
    try:
        return datetime.fromtimestamp(then, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(then)


def yes(value: Any) -> str:
    """A flag as a cell of a table."""
    return "yes" if value else "-"


def build_block(build: Json, server: str, slug: str) -> str:
    """One build: Drone's lines (contract drone-rest 4.4), then its target and its source."""
    text = {key: line(value) for key, value in build.items() if isinstance(value, str)}
    params = build.get("params") or {}
    author = f"{text.get('author_login', '')} <{text.get('author_email', '')}>"
    return block(
        [
            ("Number", str(build.get("number", ""))),
            ("Status", state(build)),
            ("Error", text.get("error", "")),
            ("Event", text.get("event", "")),
            ("Found late", "no webhook told of the commit in time" if build.get("found_late") else ""),
            ("Commit", text.get("after", "")),
            ("Branch", text.get("target", "")),
            ("Ref", text.get("ref", "")),
            ("Author", author.removesuffix(" <>")),
            ("Message", text.get("message", "")),
            ("Target", text.get("deploy_to", "")),
            ("Begun through", text.get("via", "")),
            ("Parent", str(build.get("parent") or "")),
            ("Params", ", ".join(f"{line(k)}={line(v)}" for k, v in params.items())),
            ("Link", f"{server}/{slug}/{build.get('number', '')}"),
        ]
    )


def stages(build: Json) -> str:
    """The stages and steps of a build; those that wait or have failed with the reason."""
    rows: list[list[str]] = []
    for stage in build.get("stages") or []:
        rows.append(_part(stage, line(stage.get("name", "")), ""))
        rows.extend(_part(step, "", line(step.get("name", ""))) for step in stage.get("steps") or [])
    return grid(["STAGE", "STEP", "STATUS", "TOOK", ""], rows) if rows else ""


def _part(part: Json, stage: str, step: str) -> list[str]:
    return [stage, step, status(part.get("status", "")), took(part), reason(part)]


def took(part: Json, now: float = 0) -> str:
    """How long a stage or step took, or has been running until `now` (Unix seconds); empty for neither."""
    started, until = part.get("started") or 0, part.get("stopped") or int(now)
    return lasted(until - started) if started and until else ""


def lasted(seconds: int) -> str:
    """A length of time in its two largest units; a negative one, of clocks that differ, is none."""
    hours, rest = divmod(max(0, seconds), 3600)
    parts = (hours, "h"), (rest // 60, "min"), (rest % 60, "s")
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2]) or "0 s"


def reason(part: Json) -> str:
    """Why a stage or step waits, or how it failed; empty for neither."""
    code = part.get("exit_code")
    said = line(part.get("error") or part.get("pending_reason") or "")
    return said or (f"exit code {code}" if code else "")


def width(text: str) -> int:
    """The number of a terminal's cells that a text fills."""
    return sum(map(_cells, unstyled(text)))


def unstyled(text: str) -> str:
    """The text without its colours."""
    return _STYLE.sub("", text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cell(text: str, cells: int) -> str:
    """The text in exactly so many of a terminal's cells."""
    text = cut(text, cells)
    return text + " " * (cells - width(text))


def cut(text: str, cells: int) -> str:
    """The text in at most so many of a terminal's cells; what is too long ends with a mark, and with its colours."""
    if width(text) <= cells:
        return text
    kept, used = "", 1
    for piece in _STYLE.split(text):
        if _STYLE.fullmatch(piece):
            kept += piece
            continue
        for char in piece:
            if (used := used + _cells(char)) > cells:
                mark = "…" if cells > 0 else ""
                return kept + mark + (_UNSTYLED if _STYLE.search(kept) else "")
            kept += char
    return kept
