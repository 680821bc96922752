"""Routes that copy and move items (contract artifactory-storage 6)."""

from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import errors, moving
from app.artifacts.access import ACCOUNT, State, Visitor
from app.artifacts.address import parse, plain
from app.artifacts.api import asked
from app.artifacts.errors import MessageJSON
from app.artifacts.moving import Order, Outcome, Rehearsed
from app.errors import AppError, Invalid, Problem
from app.web import body
from app.web.path import Path, Word
from app.web.reply import JSON
from app.web.route import Endpoint, Param

#: How many failures an answer lists.
SHOWN = 1000


class MovedJSON(TypedDict):
    """What was done."""

    messages: list[MessageJSON]


async def copy(request: Request[State], visitor: Visitor) -> JSON[MovedJSON]:
    """Copy a file, or a folder with all below it. The copies share the bytes with their sources."""
    return await _carry_out(request, visitor, move=False)


async def move(request: Request[State], visitor: Visitor) -> JSON[MovedJSON]:
    """Move a file, or a folder with all below it. Folders that are empty then go."""
    return await _carry_out(request, visitor, move=True)


async def _carry_out(request: Request[State], visitor: Visitor, *, move: bool) -> JSON[MovedJSON]:
    said = body.query(request)
    if not said.get("to"):
        words = "to: is missing; say to=/REPOSITORY/PATH"
        raise Invalid.of([Problem("to", "missing_to", words)])
    fail_fast = asked.is_set(said, "failFast") or asked.is_set(said, "atomic")
    order = moving.order_of(
        parse(request.path_params["path"]), plain(said["to"].removeprefix("/")), move=move, fail_fast=fail_fast
    )
    try:
        outcome = await _outcome(request, visitor, order, dry=asked.is_set(said, "dry"))
    except AppError as error:
        raise errors.telling(error) from error
    return _answer(outcome)


async def _outcome(request: Request[State], visitor: Visitor, order: Order, *, dry: bool) -> Outcome:
    recorders = request.state["recorders"]
    stamp = visitor.stamp(request.state["now_ms"]())
    carrying = moving.carry_out(visitor, order, stamp, dry=dry)
    recorded = recorders.recorded(carrying, lambda done: moving.moment(visitor.by, done))
    try:
        outcome: Outcome = await request.state["db"].alter(recorded)
    except Rehearsed as rehearsed:
        return rehearsed.outcome
    return outcome


def _answer(outcome: Outcome) -> JSON[MovedJSON]:
    said = MessageJSON(level="WARNING" if outcome.same else "INFO", message=outcome.done)
    if not outcome.failures:
        return JSON(MovedJSON(messages=[said]))
    failures = [
        MessageJSON(level="ERROR", message=f"{failure.path}: {failure.error.message}")
        for failure in outcome.failures[:SHOWN]
    ]
    if (more := len(outcome.failures) - len(failures)) > 0:
        failures.append(MessageJSON(level="ERROR", message=f"and {more} more files"))
    raise errors.telling(outcome.failures[0].error, [*failures, said])


_PATH = Word("path", "Key of a local repository, and the path in it.", "libs-dev-local/org/app.jar", rest=True)
_QUERY = [
    Param(
        "to",
        "Where to: `/REPOSITORY/PATH`; a path that ends with a slash is a folder to put it into.",
        required=True,
        example="/libs-release-local/org/",
    ),
    Param("dry", "`1` = do nothing, but say what would be done."),
    Param("failFast", "`1` = do nothing when a file cannot be done."),
    Param("atomic", "As `failFast`."),
    Param("suppressLayouts", "Means nothing: paths are never translated."),
]
_API = Path.of("/artifactory/api")
_ERRORS = [400, 409]
routes = [
    Endpoint(
        "POST", _API / "copy" / _PATH, copy, operation="artifacts.copy", needs=ACCOUNT, query=_QUERY, errors=_ERRORS
    ),
    Endpoint(
        "POST", _API / "move" / _PATH, move, operation="artifacts.move", needs=ACCOUNT, query=_QUERY, errors=_ERRORS
    ),
]
