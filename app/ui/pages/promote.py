"""The page to promote a build: where to, with which parameters, and what would happen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import flow, targets
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.paths import NUMBER
from app.builds.ports import Ports
from app.builds.requests import Once
from app.builds.targets import Target
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.evolve import evolve
from app.repos.access import READ, WRITE, Access
from app.repos.model import Repo
from app.ui import actions, addresses, frame, params, plan, views
from app.ui.actions import Form
from app.ui.addresses import OURS
from app.ui.around import build_of
from app.ui.frame import Read
from app.ui.pages.repo import PATH as REPO
from app.ui.params import Params
from app.ui.plan import Begin, File, Plan
from app.web import body
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint, Param


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page."""

    build: Build
    targets: Sequence[Target]


@dataclass(frozen=True, slots=True)
class Choice:
    """A target that one may choose; `current` is what runs there."""

    name: str
    current: Build | None
    #: Whether the commit of the build runs there.
    is_here: bool
    #: Whether the pipeline file of the commit names the target; true where the file is not known.
    is_named: bool


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    build: Build
    choices: Sequence[Choice]
    #: The chosen target; empty for none.
    target: str
    #: Whether a target may be typed.
    takes_others: bool
    #: Why the pipeline file is not known; empty where it is.
    fault: str
    params: Params
    #: None where there is nothing to plan: no target is chosen, or a field is wrong.
    plan: Plan | None
    command: str
    key: str
    may_write: bool
    may_admin: bool


async def show(request: Request[State], found: Access, read: Read[Found]) -> HTML:
    """The form, filled in by the query, and what would happen."""
    return await _page(request, found, read, body.query(request), Form())


async def act(request: Request[State], found: Access, read: Read[Found]) -> HTML | SeeOther:
    """Promote. What runs in the target must be what ran there when the plan was shown."""
    old = read.found.build

    async def promote(typed: Mapping[str, str]) -> str:
        target, given = _asked(typed, old)
        then = plan.seen(typed, target, str(old.number))
        begin = _promotion(found, old, target, given, lambda: targets.still_runs(found.repo.id, target, then))
        return addresses.build(found.repo, (await plan.carry_out(request, found, begin, typed)).number)

    async def again(form: Form) -> HTML:
        return await _page(request, found, read, form.typed, form)

    return await actions.carry_out(request, promote, again)


def _promotion(
    found: Access, old: Build, target: str, given: Mapping[str, str], claim: Callable[[], Tx[None] | None]
) -> Begin:
    async def begin(ports: Ports, once: Once | None) -> Build:
        return await flow.promote(
            ports, found.repo, old, target=target, by=found.by, params=given, claim=claim(), once=once
        )

    return begin


def _asked(typed: Mapping[str, str], old: Build) -> tuple[str, Mapping[str, str]]:
    """The target and the parameters of the form that was sent; Invalid names every problem."""
    filled, target = params.read(typed, old.params, reserved=plan.RESERVED), plan.chosen(typed)
    missing = [] if target else [Problem("target", "missing_target", "choose a target")]
    if problems := [*missing, *filled.problems]:
        raise Invalid.of(problems)
    return target, filled.given


async def _page(request: Request[State], found: Access, read: Read[Found], said: Mapping[str, str], form: Form) -> HTML:
    repo, old = found.repo, read.found.build
    filled = params.read(said, old.params, f"build {old.number}", plan.RESERVED)
    may_write = found.may("write")
    file = await plan.file_of(request, repo, evolve(old, event="promote")) if may_write else File()
    choices = _choices(old, read.found.targets, file)
    target = plan.chosen(said) or (choices[0].name if len(choices) == 1 and not form.is_sent else "")
    problems = [*_unknown(target, choices, file), *filled.problems]
    drawn = None
    if may_write and target and not problems:
        drawn = await plan.draw(request, found, _promotion(found, old, target, filled.given, lambda: None), filled, old)
    view = View(
        repo,
        old,
        choices,
        target,
        file.takes_others,
        file.fault,
        filled,
        drawn,
        views.command(
            "gantry", "build", "promote", repo.slug, str(old.number), target or "TARGET", params=filled.given
        ),
        plan.new_key(),
        may_write,
        found.may("admin"),
    )
    told = plan.told(form, filled, ("target", plan.OTHER), problems, drawn)
    return frame.page(request, "promote.html", found.user, read, status=form.status, view=view, form=told)


def _unknown(target: str, choices: Sequence[Choice], file: File) -> Sequence[Problem]:
    if not target or file.takes_others or target in [choice.name for choice in choices]:
        return ()
    words = f"the pipeline file of this commit has no target {target[:100]!r}: choose one of these"
    return [Problem("target", "unknown_target", words)]


def _choices(old: Build, known: Sequence[Target], file: File) -> Sequence[Choice]:
    """The targets of the file, in its order, then those that were promoted to before."""
    currents = {target.name: target.current for target in known}
    names = dict.fromkeys([*file.targets, *currents])
    return [_choice(name, old, currents.get(name), file) for name in names]


def _choice(name: str, old: Build, current: Build | None, file: File) -> Choice:
    is_here = current is not None and bool(old.after) and current.after == old.after
    return Choice(name, current, is_here, name in file.targets or file.takes_others)


def _reads(request: Request[State], found: Access) -> Tx[Found]:
    build = yield from build_of(request, found)
    return Found(build, (yield from targets.of_repo(found.repo.id)))


_TARGET = Param("target", "The target that the form chooses.")
PATH = REPO / NUMBER / f"{OURS}/promote"
routes = [
    Endpoint("GET", PATH, show, needs=READ, reads=frame.reading(_reads), query=[_TARGET], free=True),
    Endpoint("POST", PATH, act, needs=WRITE, reads=frame.reading(_reads)),
]
