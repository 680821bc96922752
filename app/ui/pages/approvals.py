"""What waits for an approval: first what the caller may approve, then what the caller may only see."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from app.accounts.auth import ACCOUNT, Caller
from app.builds import everywhere, lists
from app.builds.api.approvals import IDS
from app.builds.api.request import State
from app.builds.model import Build
from app.db.tx import Tx
from app.db.window import Part, Window
from app.repos.model import Repo
from app.ui import addresses, around, frame
from app.ui.around import Change
from app.ui.frame import Read
from app.ui.pages.decide import DONE
from app.web import body, paging
from app.web.paging import Neighbours
from app.web.reply import HTML
from app.web.route import PAGE, Endpoint, Param

#: Builds on a page.
ROWS = 25
Pairs = Part[tuple[Repo, Build]]
_NONE: Pairs = Part((), earlier=False, later=False)
#: What a notice may name: a build, as people write one.
_BUILD = re.compile(r"[^\s/#]{1,200}(?:/[^\s/#]{1,200}){1,9}#[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page; `before` is what ran in the targets, by ids of builds."""

    mine: Pairs
    others: Pairs
    before: Mapping[int, Build]


@dataclass(frozen=True, slots=True)
class Row:
    """A build that waits, and what it changes in its target."""

    repo: Repo
    build: Build
    change: Change | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One of the two lists."""

    rows: Sequence[Row]
    pages: Neighbours


@dataclass(frozen=True, slots=True)
class View:
    """The page. `others` alone is shown where the address says so."""

    mine: Listed
    others: Listed
    is_others: bool
    #: What was done before, and to which build; empty for nothing.
    done: str
    build: str


async def show(request: Request[State], caller: Caller, read: Read[Found]) -> HTML:
    """The page."""
    seen, query = read.found, body.query(request)
    places = [(repo, build, seen.before.get(build.id)) for repo, build in (*seen.mine.items, *seen.others.items)]
    rows = [
        Row(repo, build, change)
        for (repo, build, _), change in zip(places, await around.changes(request, places), strict=True)
    ]
    count = len(seen.mine.items)
    done, build = query.get("done", ""), query.get("build", "")
    is_told = done in DONE.values() and build.isprintable() and _BUILD.fullmatch(build)
    view = View(
        Listed(rows[:count], _pages(seen.mine, "")),
        Listed(rows[count:], _pages(seen.others, "others")),
        query.get("of") == "others",
        done if is_told else "",
        build if is_told else "",
    )
    return frame.page(request, "approvals.html", caller.user, read, view=view)


def _reads(request: Request[State], caller: Caller) -> Tx[Found]:
    user, now, window = caller.user, request.state["now"](), paging.window(request, IDS, size=ROWS)
    if body.query(request).get("of") == "others":
        mine, others = _NONE, (yield from lists.unapprovable(user, window, now))
    else:
        mine = yield from lists.approvals(user, window, now)
        others = _NONE if mine.later else (yield from lists.unapprovable(user, Window(ROWS), now))
    before = yield from everywhere.before([build for _, build in (*mine.items, *others.items)])
    return Found(mine, others, before)


def _pages(part: Pairs, of: Literal["", "others"]) -> Neighbours:
    """The pages of a list next to this one, without the notice of this one."""

    def page(way: str, pair: tuple[Repo, Build]) -> str:
        return addresses.asking({"of": of, "cursor": f"{way}:{pair[1].id}"})

    return Neighbours(
        page("before", part.items[0]) if part.earlier and part.items else "",
        page("after", part.items[-1]) if part.later and part.items else "",
    )


_CURSOR = PAGE[-1]
routes = [
    Endpoint(
        "GET",
        addresses.APPROVALS,
        show,
        needs=ACCOUNT,
        reads=frame.reading(_reads),
        query=[
            _CURSOR,
            Param("of", "`others`: only what the caller may not approve."),
            Param("done", "What was done before; the page says so."),
            Param("build", "The build to which that was done."),
        ],
    )
]
