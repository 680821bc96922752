"""Pages of all repositories: their builds, and their promotions and rollbacks by day."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import TypeAlias

from starlette.requests import Request
from typing_extensions import TypedDict

from app.accounts.auth import ACCOUNT, Caller
from app.builds import everywhere, lists
from app.builds.api.request import State
from app.builds.everywhere import Filters, Stretch
from app.builds.model import Build
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos.model import Repo
from app.ui import addresses, decisions, frame, views
from app.ui.decisions import Decision, Decisions
from app.ui.frame import Read
from app.web import body
from app.web.reply import HTML, JSON, Text
from app.web.route import Endpoint, Param

#: Rows of a page, and of a file at most.
ROWS, MOST = 50, 10_000
#: A promotion or rollback, and what ran in its target before it.
Change: TypeAlias = tuple[Repo, Build, Build | None]


@dataclass(frozen=True, slots=True)
class Listed:
    """A part of the builds; for each promotion that was asked about what ran there before, by its id, and decisions.

    Where the filters are wrong, `problems` say why, and there are no builds.
    """

    stretch: Stretch
    before: Mapping[int, Build]
    decisions: Decisions
    problems: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A page of builds. `older` and `newest` are the addresses of other pages of the list; empty for none."""

    builds: Sequence[tuple[Repo, Build]]
    asked: Mapping[str, str]
    problems: Sequence[Problem]
    older: str
    newest: str
    is_short: bool
    choices: Mapping[str, Sequence[str]]
    looked_at: int = everywhere.AMONG

    @property
    def filtered(self) -> bool:
        """Whether a filter is used."""
        return any(self.asked.values())


@dataclass(frozen=True, slots=True)
class Day:
    """The promotions and rollbacks of a day, newest first."""

    name: str
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Days(View):
    """A page of promotions and rollbacks."""

    days: Sequence[Day] = ()
    decisions: Decisions = field(default_factory=dict)


async def show_builds(request: Request[State], caller: Caller, read: Read[Listed]) -> HTML:
    """The builds of all repositories that the account may read, newest first."""
    found = read.found
    view = View(found.stretch.builds, *_around(request, found), lists.VALUES)
    return _page(request, "builds.html", caller, read, view)


async def show_deployments(request: Request[State], caller: Caller, read: Read[Listed]) -> HTML:
    """The promotions and rollbacks of all repositories that the account may read, by day."""
    found = read.found
    changes = [(repo, build, found.before.get(build.id)) for repo, build in found.stretch.builds]
    zone = frame.clock(request)
    by_day = groupby(changes, lambda change: views.day(change[1].created, zone))
    days = [Day(name, [*those]) for name, those in by_day]
    view = Days(found.stretch.builds, *_around(request, found), lists.VALUES, days=days, decisions=found.decisions)
    return _page(request, "deployments.html", caller, read, view)


def _page(request: Request[State], template: str, caller: Caller, read: Read[Listed], view: View) -> HTML:
    status = 400 if view.problems else 200
    return frame.page(request, template, caller.user, read, status=status, view=view)


def _around(request: Request[State], found: Listed) -> tuple[Mapping[str, str], Sequence[Problem], str, str, bool]:
    """What was asked for, what is wrong with that, and the way to the other pages."""
    asked = _asked(request)
    path, below = request.scope["path"], found.stretch.below
    older = path + addresses.asking({**asked, "below": str(below)}) if below else ""
    newest = path + addresses.asking(asked) if body.query(request).get("below") else ""
    return asked, found.problems, older, newest, found.stretch.is_short


def _asked(request: Request[State]) -> Mapping[str, str]:
    query = body.query(request)
    return {param.name: query.get(param.name, "").strip() for param in _FILTERS if param is not _BELOW}


def _filters(asked: Mapping[str, str], caller: Caller, *, deployed: bool) -> Filters:
    """The filters of a query; Invalid for a date that is none."""
    return Filters(
        status=asked["status"],
        event=asked["event"],
        target=asked["target"],
        slug=asked["repo"],
        since=_since(asked["since"]),
        by=caller.user.login if asked["mine"] else asked["by"],
        deployed=deployed,
    )


def _since(date: str) -> int:
    """The first second of a day, in UTC; 0 for no day."""
    if not date:
        return 0
    try:
        return int(datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        words = f"since must be a day as 2026-07-31, not {date[:40]!r}"
        raise Invalid.of([Problem("since", "bad_date", words)]) from None


def _read_builds(request: Request[State], caller: Caller) -> Tx[Listed]:
    return _listed(request, caller, deployed=False)


def _read_deployments(request: Request[State], caller: Caller) -> Tx[Listed]:
    return _listed(request, caller, deployed=True)


def _listed(request: Request[State], caller: Caller, *, deployed: bool, limit: int = ROWS) -> Tx[Listed]:
    try:
        return (yield from _found(request, caller, deployed=deployed, limit=limit))
    except Invalid as wrong:
        return Listed(Stretch((), 0, is_short=False), {}, {}, wrong.problems)


def _found(request: Request[State], caller: Caller, *, deployed: bool, limit: int) -> Tx[Listed]:
    filters = _filters(_asked(request), caller, deployed=deployed)
    below = body.query(request).get("below", "")
    key = int(below) if below.isascii() and below.isdecimal() and len(below) < 19 else 0
    now = request.state["now"]()
    stretch = yield from everywhere.stretch(caller.user, filters, limit, now, key)
    builds = [build for _, build in stretch.builds] if deployed else []
    before = yield from everywhere.before(builds)
    return Listed(stretch, before, (yield from decisions.of_builds(caller.user, builds, now)))


class ChangeJSON(TypedDict):
    """A promotion or rollback in a file, and the version that ran there before. Times are Unix seconds, 0 for none.

    `decision`: `approved` or `declined`, the last time that somebody decided about it; empty where nobody did.
    """

    repo: str
    build: int
    event: str
    target: str
    status: str
    version: str
    commit: str
    before: str
    parent: int
    by: str
    decision: str
    decided_by: str
    decided: int
    reason: str
    created: int
    started: int
    finished: int
    link: str


async def export(request: Request[State], _: Caller, found: Listed) -> JSON[list[ChangeJSON]] | Text:
    """The promotions and rollbacks as a file: JSON, or with `format=csv` a table."""
    rows = [
        _row(request, repo, build, found.before.get(build.id), found.decisions.get(build.id, ()))
        for repo, build in found.stretch.builds
    ]
    kind = "csv" if body.query(request).get("format") == "csv" else "json"
    headers = {"Content-Disposition": f'attachment; filename="deployments.{kind}"'}
    if kind == "json":
        return JSON(rows, headers=headers)
    text = io.StringIO()
    table = csv.DictWriter(text, list(ChangeJSON.__annotations__))
    table.writeheader()
    table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return Text(text.getvalue(), media_type="text/csv", headers=headers)


def _read_export(request: Request[State], caller: Caller) -> Tx[Listed]:
    return _found(request, caller, deployed=True, limit=MOST)


def _row(
    request: Request[State], repo: Repo, build: Build, before: Build | None, decided: Sequence[Decision]
) -> ChangeJSON:
    last = decided[-1] if decided else None
    return ChangeJSON(
        repo=repo.slug,
        build=build.number,
        event=build.event,
        target=build.deploy_to,
        status=build.state,
        version=views.version(build),
        commit=build.after,
        before=views.version(before) if before else "",
        parent=build.parent,
        by=views.actor(build),
        decision=("approved" if last.is_approved else "declined") if last else "",
        decided_by=last.by if last else "",
        decided=last.at if last else 0,
        reason=last.reason if last else "",
        created=build.created,
        started=build.started,
        finished=build.finished,
        link=request.state["public_url"] + addresses.build(repo, build.number),
    )


def _cell(value: object) -> object:
    """A value of a table; a program for tables takes a text that begins with one of these signs for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


_BELOW = Param("below", "Where the list goes on, as the link *Older* says.")
_FILTERS = (
    Param("status", f"Only builds with this status: {', '.join(lists.VALUES['status'])}."),
    Param("event", f"Only builds of this event: {', '.join(lists.VALUES['event'])}."),
    Param("target", "Only promotions and rollbacks to this target."),
    Param("repo", "Only builds of this repository.", example="acme/web"),
    Param("since", "Only builds since this day (UTC).", example="2026-07-31"),
    Param("by", "Only builds that this account began, or whose commit is this person's.", example="ada"),
    Param("mine", "Anything: only builds that the caller's account began, or whose commit is the account's."),
    _BELOW,
)
_FORMAT = Param("format", "`csv` for a table; otherwise JSON.")
routes = [
    Endpoint("GET", addresses.BUILDS, show_builds, needs=ACCOUNT, reads=frame.reading(_read_builds), query=_FILTERS),
    Endpoint(
        "GET",
        addresses.DEPLOYMENTS,
        show_deployments,
        needs=ACCOUNT,
        reads=frame.reading(_read_deployments),
        query=_FILTERS,
    ),
    Endpoint(
        "GET",
        f"{addresses.DEPLOYMENTS}/export",
        export,
        needs=ACCOUNT,
        reads=_read_export,
        query=[*_FILTERS, _FORMAT],
    ),
]
