"""The page to roll a target back: to which build, and what would be undone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request

from app.builds import flow, store, targets
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.paths import NUMBER
from app.builds.ports import Ports
from app.builds.requests import Once
from app.builds.targets import Target
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos.access import READ, WRITE, Access
from app.repos.model import Repo
from app.ui import actions, addresses, frame, params, plan, views
from app.ui.actions import Form
from app.ui.addresses import OURS
from app.ui.around import build_of
from app.ui.frame import Read
from app.ui.pages.repo import PATH as REPO
from app.ui.params import Params
from app.ui.plan import Begin, Plan
from app.web import body
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint, Param

#: Builds of a target that one may choose from.
CHOICES = 5
#: Words of the query that are no parameters.
RESERVED = plan.RESERVED | {"build"}


@dataclass(frozen=True, slots=True)
class Found:
    """What is read for the page: the build of the address, and the targets in which something runs."""

    build: Build
    targets: Sequence[Target]


@dataclass(frozen=True, slots=True)
class Back:
    """Where a target may be rolled back to."""

    current: Build | None = None
    builds: Sequence[Build] = ()
    #: The build that is chosen; None for none.
    chosen: Build | None = None
    problems: Sequence[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    build: Build
    targets: Sequence[Target]
    target: str
    back: Back
    params: Params
    #: None where there is nothing to plan.
    plan: Plan | None
    command: str
    key: str
    may_write: bool
    may_admin: bool


async def show(request: Request[State], found: Access, read: Read[Found]) -> HTML:
    """The form, and what would happen."""
    return await _page(request, found, read, body.query(request), Form())


async def act(request: Request[State], found: Access, read: Read[Found]) -> HTML | SeeOther:
    """Roll back. What runs in the target must be what ran there when the plan was shown."""
    db = request.state["ports"].db

    async def roll_back(typed: Mapping[str, str]) -> str:
        target, filled = plan.chosen(typed), params.read(typed, {}, reserved=RESERVED)
        missing = [] if target else [Problem("target", "missing_target", "choose a target")]
        missing += [] if _number(typed) else [Problem("build", "missing_build", "choose a build to go back to")]
        if problems := [*missing, *filled.problems]:
            raise Invalid.of(problems)
        then = plan.seen(typed, target, typed["build"])
        old = await db.read(store.find(found.repo.id, _number(typed)))
        begin = _rollback(found, old, target, filled, lambda: targets.still_runs(found.repo.id, target, then))
        return addresses.build(found.repo, (await plan.carry_out(request, found, begin, typed)).number)

    async def again(form: Form) -> HTML:
        return await _page(request, found, read, form.typed, form)

    return await actions.carry_out(request, roll_back, again)


def _rollback(found: Access, old: Build, target: str, filled: Params, claim: Callable[[], Tx[None] | None]) -> Begin:
    async def begin(ports: Ports, once: Once | None) -> Build:
        return await flow.promote(
            ports,
            found.repo,
            old,
            event="rollback",
            target=target,
            by=found.by,
            params=filled.given,
            claim=claim(),
            once=once,
        )

    return begin


async def _page(request: Request[State], found: Access, read: Read[Found], said: Mapping[str, str], form: Form) -> HTML:
    repo, seen = found.repo, read.found
    filled = params.read(said, {}, reserved=RESERVED)
    target = plan.chosen(said) or seen.build.deploy_to or (seen.targets[0].name if len(seen.targets) == 1 else "")
    number = _number(said) if said.get(plan.SEEN_TARGET, target) == target else 0  # else chosen for another target
    back = await request.state["ports"].db.read(_back(repo, target, number, seen.build))
    problems, drawn, old = [*back.problems, *filled.problems], None, back.chosen
    may_write = found.may("write")
    if may_write and old is not None and not problems:
        drawn = await plan.draw(request, found, _rollback(found, old, target, filled, lambda: None), filled, old)
    name = str(old.number) if old else "BUILD"
    view = View(
        repo,
        seen.build,
        seen.targets,
        target,
        back,
        filled,
        drawn,
        views.command("gantry", "build", "rollback", repo.slug, name, target or "TARGET", params=filled.given),
        plan.new_key(),
        may_write,
        found.may("admin"),
    )
    told = plan.told(form, filled, ("target", "build"), problems, drawn)
    return frame.page(request, "rollback.html", found.user, read, status=form.status, view=view, form=told)


def _back(repo: Repo, target: str, number: int, of: Build) -> Tx[Back]:
    """The builds to choose from. Chosen is the one that is said, else that of the address, else the one before."""
    now, before = (yield from targets.before(repo.id, target)) if target else (None, None)
    if now is None:
        words = f"nothing runs in {target[:100]!r} that could be rolled back"
        return Back(problems=[Problem("target", "nothing_runs", words)] if target else [])
    builds = list((yield from targets.others(repo.id, target, now, CHOICES)))
    if before is not None and before.number not in [build.number for build in builds]:
        builds.append(before)
    said = (yield from store.find_numbered_if_any(repo.id, number)) if number else None
    if number and said is None:
        return Back(now, builds, None, [Problem("build", "unknown_build", f"there is no build {number} any more")])
    if said is not None and said.number not in [build.number for build in builds]:
        builds.append(said)
    first = next((build for build in builds if build.number == of.number), None)
    return Back(now, builds, said or first or before or (builds[0] if builds else None))


def _number(said: Mapping[str, str]) -> int:
    """The number of the build that is chosen; 0 for none."""
    text = said.get("build", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _reads(request: Request[State], found: Access) -> Tx[Found]:
    build = yield from build_of(request, found)
    known = yield from targets.of_repo(found.repo.id)
    return Found(build, [target for target in known if target.current is not None])


_QUERY = [
    Param("target", "The target that is rolled back; without it, that of the build."),
    Param("build", "The build to go back to; without it, the one before what runs."),
]
PATH = REPO / NUMBER / f"{OURS}/rollback"
routes = [
    Endpoint("GET", PATH, show, needs=READ, reads=frame.reading(_reads), query=_QUERY, free=True),
    Endpoint("POST", PATH, act, needs=WRITE, reads=frame.reading(_reads)),
]
