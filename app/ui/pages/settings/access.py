"""The page of who may do what in a repository, and where each right comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds.api.request import State
from app.db.tx import Tx
from app.db.window import Part
from app.errors import Invalid, Problem
from app.repos import aged, store, verbs
from app.repos.access import Access
from app.repos.model import Permissions, Repo
from app.repos.store import Collaborator
from app.ui.actions import Form
from app.ui.pages.settings.subject import SETTINGS, Subject, after, pages
from app.web import paging
from app.web.paging import Neighbours

#: People on a page, and administrators of the server that are named.
ROWS, ADMINISTRATORS = 100, 20
_LOGINS = r"[^\x00]{1,200}"
#: The rights that may be given, by the word that stands for each; a greater one brings the lesser ones.
RIGHTS: Mapping[str, Permissions] = {
    "read": Permissions(True),
    "write": Permissions(True, True),
    "admin": Permissions(True, True, True),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page."""

    people: Part[Collaborator]
    administrators: Sequence[User]


@dataclass(frozen=True, slots=True)
class View:
    """The page; rights that the host has told before `since` do not count any more."""

    repo: Repo
    people: Sequence[Collaborator]
    pages: Neighbours
    administrators: Sequence[User]
    #: Whether there are more administrators of the server than are named.
    has_more: bool
    since: int
    me: int
    rights: Sequence[str]
    form: Form


def _reads(request: Request[State], found: Access) -> Tx[Found]:
    people = yield from store.page_of_collaborators(found.repo.id, paging.window(request, _LOGINS, size=ROWS))
    return Found(people, (yield from accounts.list_administrators(ADMINISTRATORS + 1)))


def _view(request: Request[State], found: Access, read: Found, form: Form) -> View:
    return View(
        found.repo,
        read.people.items,
        pages(request, found.repo, "access", read.people, lambda one: one.login),
        read.administrators[:ADMINISTRATORS],
        len(read.administrators) > ADMINISTRATORS,
        aged.since(request.state["now"]()),
        found.user_id,
        list(RIGHTS),
        form,
    )


async def _set(request: Request[State], found: Access, typed: Mapping[str, str]) -> str:
    """Give an account exactly one right."""
    login, right = typed.get("login", "").strip(), typed.get("right", "")
    problems = [] if login else [Problem("login", "missing_login", "login: say whose right it is")]
    if right not in RIGHTS:
        problems.append(Problem("right", "unknown_right", f"right: must be one of {', '.join(RIGHTS)}"))
    if problems:
        raise Invalid.of(problems)
    user = await request.state["db"].read(accounts.find(login))
    await verbs.set_rights(request.state, found, user, RIGHTS[right], _seen(typed))
    return after(found.repo, "access", done="set", name=f"{user.login},{right}")


async def _remove(request: Request[State], found: Access, typed: Mapping[str, str]) -> str:
    """Take all rights of an account away."""
    user = await request.state["db"].read(accounts.find(typed.get("login", "")))
    await verbs.set_rights(request.state, found, user, Permissions(), _seen(typed))
    return after(found.repo, "access", done="removed", name=user.login)


def _seen(typed: Mapping[str, str]) -> Permissions | None:
    """The rights that the form was drawn with; None for a form that names an account itself."""
    return RIGHTS.get(typed.get("seen", ""))


PAGE = Subject(SETTINGS / "access", "settings/access.html", _reads, _view)
routes = PAGE.rows({"": _set, "remove": _remove})
