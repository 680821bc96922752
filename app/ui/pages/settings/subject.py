"""What the pages of all subjects have in common: their addresses, their rights, and what follows an action."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from starlette.requests import Request

from app import names
from app.builds.api.request import State
from app.db.tx import Tx
from app.db.window import Part
from app.repos.access import ADMIN, Access
from app.repos.model import Repo
from app.repos.paths import NAME, OWNER
from app.ui import actions, addresses, frame
from app.ui.actions import Form
from app.ui.frame import Read
from app.web import body, paging
from app.web.paging import Neighbours
from app.web.path import Path, Word
from app.web.reply import HTML, SeeOther
from app.web.route import PAGE, Endpoint, Param

T = TypeVar("T")

#: What an action does with the fields that were sent; gives what an `actions.Act` gives.
Act: TypeAlias = Callable[[Request[State], Access, Mapping[str, str]], Awaitable[str | None]]
#: Characters of a name in the query, and names there.
_LONGEST, _MOST = 200, 40
_DONE = [
    Param("done", "What was done before this page; the page says so."),
    Param("name", "What that was done to: names, separated by commas."),
]


@dataclass(frozen=True, slots=True)
class Done:
    """What an action has done, as the query of the page says; both are empty where it says nothing well-formed."""

    what: str = ""
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Subject(Generic[T]):
    """One page. `reads` is its transaction, `view` makes the value of its template out of what was read and the form.

    `path` follows `/-/settings`.
    """

    path: Path
    template: str
    reads: Callable[[Request[State], Access], Tx[T]]
    view: Callable[[Request[State], Access, T, Form], Any]

    def rows(self, acts: Mapping[str, Act]) -> list[Endpoint]:
        """The rows of the page and of its actions, by the words that follow the address of the page."""
        reads = frame.reading(self.reads)
        shown = Endpoint("GET", self.path, self._show, needs=ADMIN, reads=reads, query=[*PAGE, *_DONE])
        return [shown, *self.actions(self.path, acts)]

    def actions(self, path: Path, acts: Mapping[str, Act]) -> list[Endpoint]:
        """The rows of actions at a path; the page shows their forms."""
        return [self._action(path / words if words else path, act) for words, act in acts.items()]

    def _action(self, path: Path, act: Act) -> Endpoint:
        async def acted(request: Request[State], found: Access) -> HTML | SeeOther:
            async def acting(typed: Mapping[str, str]) -> str | None:
                return await act(request, found, typed)

            async def again(form: Form) -> HTML:
                return await self.again(request, found, form)

            return await actions.carry_out(request, acting, again)

        return Endpoint("POST", path, acted, needs=ADMIN)

    async def _show(self, request: Request[State], found: Access, read: Read[T]) -> HTML:
        return self._page(request, found, read, Form())

    async def again(self, request: Request[State], found: Access, form: Form) -> HTML:
        """The page with a form that comes back, as everything is now."""
        reads = frame.reading(self.reads)(request, found)
        return self._page(request, found, await request.state["db"].read(reads), form)

    def _page(self, request: Request[State], found: Access, read: Read[T], form: Form) -> HTML:
        view, done = self.view(request, found, read.found, form), _done(request)
        return frame.page(request, self.template, found.user, read, status=form.status, view=view, done=done)


#: The address of all settings of a repository.
SETTINGS = Path() / OWNER / NAME / addresses.OURS / "settings"


def word(name: str, means: str) -> Word:
    """A word of the path of a page: what is changed there."""
    return Word(name, means, "name")


def after(repo: Repo, *words: str, done: str, name: str = "") -> str:
    """The page of a subject, which says what was done."""
    return addresses.ours(repo, "settings", *words, done=done, name=name)


def pages(request: Request[State], repo: Repo, subject: str, part: Part[T], key: Callable[[T], str]) -> Neighbours:
    """The pages of a list next to the one that is shown, by their whole addresses: a form comes back at another one."""
    here, found = addresses.ours(repo, "settings", subject), paging.neighbours(request, part, key)
    return Neighbours(*(here + query if query else "" for query in (found.earlier, found.later)))


def _done(request: Request[State]) -> Done:
    said = body.query(request)
    what, text = said.get("done", ""), said.get("name", "")
    found = text.split(",") if text else []
    if not names.is_name(what, _LONGEST) or len(found) > _MOST:
        return Done()
    return Done(what, found) if all(names.is_name(one, _LONGEST) for one in found) else Done()
