"""Routes of logs (contract drone-rest 3.4)."""

import re

from starlette.requests import Request

from app.builds import paths
from app.builds.api.request import State
from app.builds.logs import text as log_text
from app.builds.logs.files import Record
from app.builds.logs.logs import Pieces
from app.builds.model import Step
from app.builds.paths import STAGE, STEP
from app.builds.wire import LineJSON
from app.errors import Conflict, Invalid, NotFound, Problem
from app.repos.access import ADMIN, READ, Access
from app.web import body
from app.web.accept import prefers_text
from app.web.reply import Empty, Piped, PipedText
from app.web.route import Endpoint, Param


async def show(request: Request[State], _: Access, step: Step) -> Piped[list[LineJSON]] | PipedText:
    """The log of a step, also while it runs; as plain text for those whose `Accept` prefers that."""
    strip = _strips(request)
    record = await request.state["ports"].logs.open_record(step.id)
    if record is None:
        raise NotFound(f"step {step.name}, which is {step.status}, has no log: it wrote none, or it was deleted")
    if prefers_text(request.headers.get("accept", "")):
        headers = {"Content-Disposition": f'attachment; filename="{_file_name(request)}"'}
        return PipedText(_text(record, strip=strip), headers)
    return Piped(Pieces(record, record.array()), {"Content-Length": str(record.length)})


def _strips(request: Request[State]) -> bool:
    match body.query(request).get("ansi", ""):
        case "strip":
            return True
        case "":
            return False
    raise Invalid.of([Problem("ansi", "unknown_value", "ansi can only be strip; leave it out to get all")])


def _text(record: Record, *, strip: bool) -> Pieces:
    pieces = log_text.text(record.array())
    if strip:
        pieces = log_text.without_escapes(pieces)
    return Pieces(record, (piece.encode("utf-8", "replace") for piece in pieces))


def _file_name(request: Request[State]) -> str:
    """A name that every file system takes: what is no letter, digit, dot or underscore becomes a dash."""
    parts = (str(request.path_params[word.name]) for word in _LOG.words)
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts)) + ".log"


async def delete(request: Request[State], _: Access, step: Step) -> Empty:
    """Delete the log of a step that is not running; it may be gone already."""
    if step.status == "running":
        words = f"step {step.name} is running: wait until it is over, or cancel its build, then delete its log"
        raise Conflict(words, code="step_running")
    await request.state["ports"].logs.remove([step.id])
    return Empty()


_LOG = paths.BUILD / "logs" / STAGE / STEP
_ANSI = Param("ansi", "`strip` leaves the escape sequences of terminals out of the plain text.")
routes = [
    Endpoint("GET", _LOG, show, operation="logs.show", needs=READ, reads=paths.step, query=[_ANSI]),
    Endpoint("DELETE", _LOG, delete, operation="logs.delete", needs=ADMIN, reads=paths.step, errors=[409]),
]
