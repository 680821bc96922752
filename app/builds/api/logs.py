"""Routes of logs (contract drone-rest 3.4)."""

import re
from collections.abc import Iterable

from starlette.requests import Request

from app.builds import paths, purge
from app.builds.api.request import State
from app.builds.logs import ranges
from app.builds.logs import text as log_text
from app.builds.logs.files import Record
from app.builds.logs.logs import Pieces
from app.builds.logs.ranges import Range, Wanted
from app.builds.model import Step
from app.builds.paths import STAGE, STEP
from app.builds.wire import LineJSON, LogRangeJSON
from app.errors import Invalid, NotFound, Problem
from app.repos.access import ADMIN, READ, Access
from app.web import body
from app.web.accept import prefers_text
from app.web.reply import JSON, Empty, Piped, PipedText, Text
from app.web.route import Endpoint, Param

#: Lines of a part of a log: as many as are asked for, if nothing else is said, and at most.
LIMIT, MOST = 1000, 5000
#: Characters of a text that is searched for, and the highest position.
LONGEST_FIND, FARTHEST = 200, 2**53


async def show(
    request: Request[State], _: Access, step: Step
) -> Piped[list[LineJSON]] | PipedText | JSON[LogRangeJSON] | Text:
    """The log of a step, also while it runs; as plain text for those whose `Accept` prefers that.

    With `from`, `limit`, `find` or `errors`, a part of the log: JSON tells where the part is, and the text is that of
    its lines.
    """
    strip, wanted = _strips(request), _wanted(request)
    record = await request.state["ports"].logs.open_record(step.id)
    if record is None:
        raise NotFound(f"step {step.name}, which is {step.status}, has no log: it wrote none, or it was deleted")
    as_text = prefers_text(request.headers.get("accept", ""))
    if wanted is not None:
        found = await ranges.read(record, wanted)
        return Text(_lines(found, strip=strip)) if as_text else JSON(_range_json(found))
    if as_text:
        parts = [str(request.path_params[word.name]) for word in _LOG.words]
        headers = {"Content-Disposition": f'attachment; filename="{file_name(parts)}"'}
        return PipedText(plain(record, strip=strip), headers)
    return Piped(Pieces(record, record.array()), {"Content-Length": str(record.length)})


def _strips(request: Request[State]) -> bool:
    match body.query(request).get("ansi", ""):
        case "strip":
            return True
        case "":
            return False
    raise Invalid.of([Problem("ansi", "unknown_value", "ansi can only be strip; leave it out to get all")])


def _wanted(request: Request[State]) -> Wanted | None:
    """The part that the query asks for; None for the whole log. Invalid names all that is wrong."""
    said = body.query(request)
    if not said.keys() & {"from", "limit", "find", "errors"}:
        return None
    start, limit, find = said.get("from", "0"), said.get("limit", str(LIMIT)), said.get("find", "")
    errors = bool(body.flag(request, "errors"))
    rules = (
        ("from", _is_number(start), "from must be the position of a line; -100 is that of the 100th line from the end"),
        ("limit", _is_number(limit) and 1 <= int(limit) <= MOST, f"limit must be 1 to {MOST} lines"),
        ("find", "find" not in said or 0 < len(find) <= LONGEST_FIND, f"find must be a text of 1 to {LONGEST_FIND}"),
    )
    if problems := [Problem(name, "bad_part", words) for name, right, words in rules if not right]:
        raise Invalid.of(problems)
    return Wanted(int(start), int(limit), find, errors)


def _is_number(said: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,18}", said) is not None and abs(int(said)) <= FARTHEST


def _lines(found: Range, *, strip: bool) -> str:
    texts = [line["out"] for line in found.lines]
    return "".join(log_text.without_escapes(texts) if strip else texts).encode("utf-8", "replace").decode()


def _range_json(found: Range) -> LogRangeJSON:
    told = LogRangeJSON(
        lines=[LineJSON(pos=line["pos"], out=line["out"], time=line.get("time", 0)) for line in found.lines],
        first=found.first,
        end=found.end,
    )
    if found.next is not None:
        told["next"] = found.next
    if found.matches is not None:
        told["matches"], told["searched"] = found.matches, found.searched
    if found.first:
        lost = f"only the end of this log is kept, from line {found.first + 1:,} on"
        told["cut"] = f"{lost}: it was longer than its runner may send (GANTRY_LOG_LIMIT)"
    return told


def plain(record: Record, *, strip: bool) -> Pieces:
    """A log as plain text, with the escape sequences of terminals or without them."""
    pieces = log_text.text(record.array())
    if strip:
        pieces = log_text.without_escapes(pieces)
    return Pieces(record, (piece.encode("utf-8", "replace") for piece in pieces))


def file_name(parts: Iterable[str]) -> str:
    """A name that every file system takes: what is no letter, digit, dot or underscore becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts)) + ".log"


async def delete(request: Request[State], found: Access, step: Step) -> Empty:
    """Delete the log of a step that is not running; it may be gone already."""
    number, stage = paths.number(request), paths.stage(request)
    await purge.delete_log(request.state["ports"], found.repo, number, stage, step, found.by)
    return Empty()


_LOG = paths.BUILD / "logs" / STAGE / STEP
_ANSI = Param("ansi", "`strip` leaves the escape sequences of terminals out of the plain text.")
_PART = [
    Param(
        "from", f"Position of the first line of a part; -100 is the 100th from the end. Without `limit`, {LIMIT} lines."
    ),
    Param("limit", f"How many lines, 1 to {MOST}; fewer when they are long."),
    Param("find", "Only lines with this text, in any letter case; escape sequences of terminals do not count."),
    Param("errors", "`true`: only lines that look like errors, up to the first `limit` of them."),
]
routes = [
    Endpoint(
        "GET",
        _LOG,
        show,
        operation="logs.show",
        needs=READ,
        reads=paths.step,
        query=[_ANSI, *_PART],
        errors=[400],
    ),
    Endpoint("DELETE", _LOG, delete, operation="logs.delete", needs=ADMIN, reads=paths.step, errors=[409]),
]
