"""The form that runs a build once more."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import flow, paths, requests, rules, store
from app.builds.api.request import State
from app.builds.model import Build
from app.repos.access import READ, WRITE, Access
from app.repos.model import Repo
from app.ui import actions, addresses, around, frame, views
from app.ui.actions import Form
from app.ui.around import Around, Parameter
from app.ui.frame import Read
from app.ui.pages.build import PATH as BUILD
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    build: Build
    parameters: Sequence[Parameter]
    form: Form
    #: The key of the request, so that a form that is sent twice begins one build.
    key: str
    may_write: bool
    may_admin: bool

    @property
    def is_startable(self) -> bool:
        """Whether the build may be run once more."""
        return rules.is_startable(self.build)


async def ask(request: Request[State], found: Access, read: Read[Around]) -> HTML:
    """The form."""
    return _page(request, found, read, Form())


async def act(request: Request[State], found: Access) -> HTML | SeeOther:
    """Run the build once more, with its own parameters; the page of the new build follows."""
    state, repo = request.state, found.repo

    async def restart(typed: Mapping[str, str]) -> str:
        old = await state["db"].read(store.find(repo.id, paths.number(request)))
        debug, key = typed.get("debug") == "true", typed.get("key", "")
        once = requests.once(found.user_id, key, "restart", old.number, debug, field="key") if key else None
        made = await flow.restart(state["ports"], repo, old, by=found.by, debug=debug, params={}, once=once)
        return addresses.build(repo, made.number)

    async def show(form: Form) -> HTML:
        return _page(request, found, await around.read_again(request, found), form)

    return await actions.carry_out(request, restart, show)


def _page(request: Request[State], found: Access, read: Read[Around], form: Form) -> HTML:
    build = read.found.build
    parameters, key = around.parameters(read.found), secrets.token_urlsafe()
    view = View(found.repo, build, parameters, form, key, found.may("write"), found.may("admin"))
    tone = views.mark_of(build).tone
    return frame.page(request, "again.html", found.user, read, status=form.status, tone=tone, view=view)


_PATH = BUILD / f"{addresses.OURS}/again"
routes = [
    Endpoint("GET", _PATH, ask, needs=READ, reads=frame.reading(around.reads)),
    Endpoint("POST", _PATH, act, needs=WRITE),
]
