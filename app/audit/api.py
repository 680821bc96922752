"""Routes of the audit record, for administrators of the server; the routes of one repository are in `repos/`."""

from typing import Any

from starlette.requests import Request

from app.accounts.auth import SYSTEM, Caller, State
from app.audit import chain, lists
from app.audit.canonical import EntryJSON, entry_json
from app.audit.lists import Wanted
from app.audit.model import Entry
from app.audit.wire import VerdictJSON, verdict_json
from app.db.tx import Tx
from app.db.window import Part
from app.errors import Invalid, Problem
from app.web import body, paging
from app.web.path import Path
from app.web.reply import JSON
from app.web.route import PAGE, Endpoint, Param

#: The form of the keys in cursors: of a place in a list, and of a place in the chain.
KEYS, PLACES = r"[0-9]{1,18}\.[0-9]{1,18}", r"[0-9]{1,18}"
#: Rows on a page of the chain at most.
LARGEST_PAGE = 1000
#: Without the page number: new rows come on the first page, and move the older rows to later pages.
_CURSOR = PAGE[1:]
FILTERS = (
    Param("verb", "What was done: `build.promote`; or `build.` for all that was done to builds."),
    Param("actor", "Who did it: a login, or the name of a runner or of a cron job, in any letter case."),
    Param("since", "Unix seconds of the first moment that counts."),
    Param("until", "Unix seconds of the last moment that counts."),
    *_CURSOR,
)


async def list_entries(request: Request[State], _: Caller, part: Part[Entry]) -> JSON[list[EntryJSON]]:
    """What was done on this server, newest first.

    Rows are kept when what they tell of is deleted.
    """
    return answer(request, part)


def _page(request: Request[State], _: Caller) -> Tx[Part[Entry]]:
    subject = body.query(request).get("subject")
    return page(request, **({"subject": subject} if subject else {}))


def page(request: Request[Any], **filters: Any) -> Tx[Part[Entry]]:
    """The part of the record that a request asks for, within these filters; Invalid."""
    return lists.page(_wanted(request, **filters), paging.window(request, KEYS))


def _wanted(request: Request[Any], **filters: Any) -> Wanted:
    """The rows that the query of a request asks for, within these filters; Invalid."""
    query = body.query(request)
    given = {name: query[name] for name in ("verb", "actor") if query.get(name)}
    times = {name: query[name] for name in ("since", "until") if query.get(name)}
    problems = [
        Problem(name, "bad_time", f"{name} must be a time in Unix seconds, not {text[:100]!r}")
        for name, text in times.items()
        if not (text.isascii() and text.isdecimal() and len(text) < 19)
    ]
    if problems:
        raise Invalid.of(problems)
    return Wanted({**given, **filters}, **{name: int(text) for name, text in times.items()})


def answer(request: Request[Any], part: Part[Entry]) -> JSON[list[EntryJSON]]:
    """A page of a list."""
    rows = [entry_json(entry) for entry in part.items]
    return JSON(rows, headers=paging.links(request, part, lists.key))


async def list_chain(request: Request[State], _: Caller) -> JSON[list[EntryJSON]]:
    """The sealed rows, oldest first, in the order of the chain: the whole history for an archive.

    A row is sealed within seconds. Nothing is ever put in before a row that was read.
    """
    window = paging.window(request, PLACES, largest=LARGEST_PAGE)
    after = int(window.after or 0)
    rows = await request.state["db"].read(chain.chain(after, window.reach))
    part = Part(rows[: window.limit], earlier=False, later=len(rows) > window.limit)
    links = paging.links(request, part, lambda entry: str(entry.seq))
    return JSON([entry_json(entry) for entry in part.items], headers=links)


async def verify(request: Request[State], _: Caller) -> JSON[VerdictJSON]:
    """Walk the whole chain and say whether every row is as it was sealed, and if not which one is the first.

    Takes a while for a long history. Keep the `head` elsewhere: who can write in the database can write a new chain.
    """
    return JSON(verdict_json(await chain.verify(request.state["db"])))


_AUDIT = Path.of("/api/audit")
routes = [
    Endpoint(
        "GET",
        _AUDIT,
        list_entries,
        operation="audit.list_entries",
        needs=SYSTEM,
        reads=_page,
        query=[Param("subject", "What it was done to: `octocat/hello#42`; or what that belongs to."), *FILTERS],
        errors=[400],
    ),
    Endpoint(
        "GET",
        _AUDIT / "chain",
        list_chain,
        operation="audit.list_chain",
        needs=SYSTEM,
        query=_CURSOR,
        errors=[400],
    ),
    Endpoint("GET", _AUDIT / "verify", verify, operation="audit.verify", needs=SYSTEM),
]
