"""The form that cancels a build, and says what that stops."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import paths, rules, stop, store
from app.builds.api.request import State
from app.builds.model import DONE, Build, Stage, Status
from app.errors import Conflict
from app.repos.access import READ, WRITE, Access
from app.repos.model import Repo
from app.ui import actions, addresses, around, frame, views
from app.ui.actions import Form
from app.ui.around import Around
from app.ui.frame import Read
from app.ui.pages.build import PATH as BUILD
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint

#: Statuses of a build after a cancel that stopped something: a declined build stays declined.
_CANCELLED: frozenset[Status] = frozenset({"killed", "declined"})


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    build: Build
    form: Form
    may_write: bool
    may_admin: bool

    @property
    def is_stoppable(self) -> bool:
        """Whether anything of the build is left to be stopped."""
        return rules.is_stoppable(self.build)

    @property
    def running(self) -> Sequence[Stage]:
        """The stages that a cancel stops."""
        return [stage for stage in self.build.stages if stage.status == "running"]

    @property
    def waiting(self) -> Sequence[Stage]:
        """The stages that do not begin any more after a cancel."""
        return [stage for stage in self.build.stages if stage.status not in DONE | {"running"}]


async def ask(request: Request[State], found: Access, read: Read[Around]) -> HTML:
    """The form."""
    return _page(request, found, read, Form())


async def act(request: Request[State], found: Access) -> HTML | SeeOther:
    """Cancel the build; Conflict for one that is over."""
    ports, repo, number = request.state["ports"], found.repo, paths.number(request)

    async def cancel(_: Mapping[str, str]) -> str:
        old = await ports.db.read(store.find(repo.id, number))
        old = await ports.db.read(store.whole(old.id))
        new = await stop.cancel(ports, repo, number, found.by) if rules.is_stoppable(old) else old
        if not rules.is_stoppable(old) or new.status not in _CANCELLED:
            word = views.mark_of(new).word
            raise Conflict(f"Build {number} is over: {word}. Nothing was stopped.", code="build_over")
        return addresses.build(repo, number)

    async def show(form: Form) -> HTML:
        return _page(request, found, await around.read_again(request, found), form)

    return await actions.carry_out(request, cancel, show)


def _page(request: Request[State], found: Access, read: Read[Around], form: Form) -> HTML:
    build = read.found.build
    view = View(found.repo, build, form, found.may("write"), found.may("admin"))
    tone = views.mark_of(build).tone
    return frame.page(request, "cancel.html", found.user, read, status=form.status, tone=tone, view=view)


_PATH = BUILD / f"{addresses.OURS}/cancel"
routes = [
    Endpoint("GET", _PATH, ask, needs=READ, reads=frame.reading(around.reads)),
    Endpoint("POST", _PATH, act, needs=WRITE),
]
