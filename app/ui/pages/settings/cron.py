"""The page of the cron jobs of a repository: what each means in words, and when it is due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.builds import targets
from app.builds.api.request import State
from app.builds.cron import expression, flow, store, verbs, words, zones
from app.builds.cron.input import CronChanges, NewCron
from app.builds.cron.model import Cron
from app.builds.cron.words import Short
from app.builds.targets import Target
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos.access import Access
from app.repos.model import Repo
from app.ui import addresses
from app.ui.actions import Form
from app.ui.pages.settings.subject import SETTINGS, Subject, after, word
from app.web import body

#: Times that are shown of a job.
TIMES = 5
#: What a job does, as the field has it: Drone's words.
EVENTS = ("push", "promote")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an expression says: in words, and the next times on the clock of its zone; empty for one nobody can read."""

    words: str
    times: Sequence[str]


@dataclass(frozen=True, slots=True)
class View:
    """The page. `checked` is the meaning of what was typed, once that has no fault."""

    repo: Repo
    jobs: Sequence[tuple[Cron, Meaning]]
    targets: Sequence[str]
    checked: Meaning | None
    #: Where five fields promote: the two meanings, of which one must be chosen.
    short: Short | None
    form: Form


def _reads(_: Request[State], found: Access) -> Tx[tuple[list[Cron], Sequence[Target]]]:
    jobs = yield from store.list_of(found.repo.id)
    return jobs, (yield from targets.of_repo(found.repo.id))


def _view(request: Request[State], found: Access, read: tuple[list[Cron], Sequence[Target]], form: Form) -> View:
    jobs, known = read
    now, typed = request.state["now"](), form.typed
    asked = Meaning("", ())
    if typed.get("expr"):
        asked = _meaning(typed.get("expr", ""), typed.get("zone", "").strip(), now)
    short = words.short(typed.get("expr", "")) if typed.get("event") == "promote" else None
    return View(
        found.repo,
        [(job, _meaning(job.expr, job.zone, now, first=job.next)) for job in jobs],
        [target.name for target in known],
        asked if asked.times else None,
        short,
        form,
    )


def _meaning(expr: str, zone: str, now: int, *, first: int = 0) -> Meaning:
    """`first` is when a job is due next, as stored; without it, the first moment after now."""
    try:
        zones.check(zone)
        start = [first] if first else []
        due = start + expression.upcoming(expr, first or now, TIMES - len(start), zone=zone)
        return Meaning(words.words(expr), [zones.shown(moment, zone) for moment in due])
    except (expression.BadExpression, zones.UnknownZone):
        return Meaning("", ())


async def _add(request: Request[State], found: Access, typed: Mapping[str, str]) -> str | None:
    """Add a job. Of one that promotes, the meaning must be confirmed; five fields only as one of both meanings."""
    new = body.checked(NewCron, _sent(typed))
    if typed.get("do") == "check":
        job = Cron(id=0, repo_id=found.repo.id, next=0, **new.model_dump())
        request.state["cron_pace"].admit(job, free=found.is_system)
        return None
    if new.event == "promote" and (problems := _unconfirmed(new.expr, typed)):
        raise Invalid.of(problems)
    made = await verbs.create(request.state, found, new)
    return after(found.repo, "cron", done="added", name=made.name)


def _sent(typed: Mapping[str, str]) -> dict[str, Any]:
    said = {name: typed.get(name, "").strip() for name in ("name", "expr", "zone", "branch", "event")}
    return said | {"target": typed.get("target", "").strip() if said["event"] == "promote" else ""}


def _unconfirmed(expr: str, typed: Mapping[str, str]) -> Sequence[Problem]:
    """What a person must tick before a job promotes by the clock."""
    problems = []
    if words.short(expr) and typed.get("seconds_first") != "true":
        text = "expr: five fields are read as seconds to month: write six, or tick that this is meant"
        problems.append(Problem("expr", "five_fields", text))
    if typed.get("confirmed") != "true":
        text = "a promotion by the clock asks nobody: tick that this is meant"
        problems.append(Problem("confirmed", "not_confirmed", text))
    return problems


async def _run(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    job = await request.state["db"].read(store.find(found.repo.id, request.path_params["cron"]))
    build = await flow.run(request.state["ports"], found.repo, job, by=found.by)
    return addresses.build(found.repo, build.number)


async def _switch(request: Request[State], found: Access, *, disabled: bool) -> str:
    name = request.path_params["cron"]
    await verbs.update(request.state, found, name, CronChanges(disabled=disabled))
    return after(found.repo, "cron", done="disabled" if disabled else "enabled", name=name)


async def _enable(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    return await _switch(request, found, disabled=False)


async def _disable(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    return await _switch(request, found, disabled=True)


async def _remove(request: Request[State], found: Access, _: Mapping[str, str]) -> str:
    name = request.path_params["cron"]
    await verbs.delete(request.state, found, name)
    return after(found.repo, "cron", done="removed", name=name)


_CRON = SETTINGS / "cron"
PAGE = Subject(_CRON, "settings/cron.html", _reads, _view)
_ACTIONS = {"run": _run, "enable": _enable, "disable": _disable, "remove": _remove}
routes = [*PAGE.rows({"": _add}), *PAGE.actions(_CRON / word("cron", "Name of the cron job."), _ACTIONS)]
