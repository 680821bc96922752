"""The forms that decide about a build that waits for approval: approve, and reject, which the API calls decline.

Of two people who decide at one moment the second one sees who was first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from starlette.requests import Request

from app.builds import approval, paths
from app.builds.api.request import State
from app.builds.model import Build
from app.errors import Conflict, Invalid
from app.repos.access import ADMIN, READ, Access
from app.repos.model import Repo
from app.ui import actions, addresses, around, frame, views
from app.ui.actions import Form
from app.ui.around import Around, Change, Parameter
from app.ui.decisions import Decision
from app.ui.frame import Read
from app.ui.pages.build import CHANGE
from app.ui.pages.build import PATH as BUILD
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint

Verb = Literal["approve", "reject"]
#: What a notice calls what was done.
DONE: Mapping[Verb, str] = {"approve": "approved", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    verb: Verb
    repo: Repo
    around: Around
    change: Change | None
    #: Why stages wait, each reason once.
    approvals: Sequence[str]
    form: Form
    #: The page that follows; empty for that of the build.
    back: str
    may_admin: bool

    @property
    def build(self) -> Build:
        """The build, with its stages."""
        return self.around.build

    @property
    def decision(self) -> Decision | None:
        """Who has decided, if the build does not wait any more."""
        return self.around.decisions[-1] if self.around.decisions and not self.around.blocked else None

    @property
    def parameters(self) -> Sequence[Parameter]:
        """The parameters of the build."""
        return around.parameters(self.around)


class _Page:
    """The two rows of one of the forms."""

    def __init__(self, verb: Verb) -> None:
        path = BUILD / f"{addresses.OURS}/{verb}"
        self._verb: Verb = verb
        self.routes = [
            Endpoint("GET", path, self.ask, needs=READ, reads=frame.reading(around.reads)),
            Endpoint("POST", path, self.act, needs=ADMIN),
        ]

    async def ask(self, request: Request[State], found: Access, read: Read[Around]) -> HTML:
        """The form; where nothing waits any more, who has decided."""
        return await self._page(request, found, read, Form())

    async def act(self, request: Request[State], found: Access) -> HTML | SeeOther:
        """Decide about all stages that wait; Conflict where none does."""

        async def decide(typed: Mapping[str, str]) -> str:
            try:
                await self._decide(request, found, typed.get("reason", ""))
            except Invalid as refusal:
                if refusal.code != "not_blocked":
                    raise
                words = f"Nothing of build {paths.number(request)} waits for an approval any more. Nothing was done."
                raise Conflict(words, code="decided_before") from None
            return self._next(request, found, typed)

        async def show(form: Form) -> HTML:
            read = await request.state["db"].read(frame.reading(around.reads)(request, found))
            return await self._page(request, found, read, form)

        return await actions.carry_out(request, decide, show)

    async def _decide(self, request: Request[State], found: Access, reason: str) -> None:
        ports, number = request.state["ports"], paths.number(request)
        if self._verb == "approve":
            await approval.approve(ports, found.repo, number, found.by)
        else:
            await approval.decline(ports, found.repo, number, found.by, reason=reason)

    def _next(self, request: Request[State], found: Access, typed: Mapping[str, str]) -> str:
        """The page that the form came from, which tells what was done; else that of the build."""
        number, back = paths.number(request), _back(typed)
        if not back:
            return addresses.build(found.repo, number)
        told = urlencode({"done": DONE[self._verb], "build": f"{found.repo.slug}#{number}"})
        return f"{back}{'&' if '?' in back else '?'}{told}"

    async def _page(self, request: Request[State], found: Access, read: Read[Around], form: Form) -> HTML:
        seen, build = read.found, read.found.build
        (change,) = await around.changes(request, [(found.repo, build, seen.before)], CHANGE)
        reasons = await request.state["why_pending"](seen.blocked)
        approvals = list(dict.fromkeys(reasons.values()))
        may, back = found.may("admin"), _back(form.typed)
        view = View(self._verb, found.repo, seen, change, approvals, form, back, may)
        tone = views.mark_of(build).tone
        return frame.page(request, "decide.html", found.user, read, status=form.status, tone=tone, view=view)


def _back(typed: Mapping[str, str]) -> str:
    """The page of this server that a form names as the one that follows; empty for none."""
    back = typed.get("back", "")
    return back if addresses.is_own(back) else ""


routes = [*_Page("approve").routes, *_Page("reject").routes]
