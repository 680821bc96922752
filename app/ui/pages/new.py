"""The page to build a branch, a tag or a commit, or to promote it without a build of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import flow, named, targets
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.named import KINDS, Kind, Name
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
from app.ui.frame import Read
from app.ui.pages.repo import PATH as REPO
from app.ui.params import Params
from app.ui.plan import Begin, Plan
from app.web import body
from app.web.reply import HTML, SeeOther
from app.web.route import Endpoint, Param

#: Fields that say what is built.
KIND, NAME = "of-kind", "of-name"
#: Words of the query that are no parameters.
RESERVED = plan.RESERVED | set(KINDS)


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    repo: Repo
    kinds: Sequence[str]
    name: Name
    target: str
    targets: Sequence[Target]
    params: Params
    #: None where the form was not checked yet, or a field is wrong.
    plan: Plan | None
    command: str
    key: str
    may_write: bool
    may_admin: bool


async def show(request: Request[State], found: Access, read: Read[Sequence[Target]]) -> HTML:
    """The form, filled in by the query; what would happen, if the query says what is built."""
    return await _page(request, found, read, body.query(request), Form())


async def act(request: Request[State], found: Access, read: Read[Sequence[Target]]) -> HTML | SeeOther:
    """Build, or promote. A promotion needs that its plan was shown."""

    async def build(typed: Mapping[str, str]) -> str:
        name, target = _name(typed, found.repo), plan.chosen(typed)
        filled = params.read(typed, {}, reserved=RESERVED)
        if problems := [*_wrong(name), *filled.problems]:
            raise Invalid.of(problems)
        then = plan.seen(typed, target, _source(name)) if target else 0
        begin = _beginning(found, name, target, filled, lambda: targets.still_runs(found.repo.id, target, then))
        return addresses.build(found.repo, (await plan.carry_out(request, found, begin, typed)).number)

    async def again(form: Form) -> HTML:
        return await _page(request, found, read, form.typed, form)

    return await actions.carry_out(request, build, again)


def _beginning(
    found: Access, name: Name, target: str, filled: Params, claim: Callable[[], Tx[None] | None] = lambda: None
) -> Begin:
    """The verb of the form: a promotion where there is a target, else a build."""

    async def promote(ports: Ports, once: Once | None) -> Build:
        return await named.promote(
            ports, found.repo, name, target=target, by=found.by, params=filled.given, claim=claim(), once=once
        )

    async def create(ports: Ports, once: Once | None) -> Build:
        return await flow.create(
            ports,
            found.repo,
            by=found.by,
            branch={"branch": name.text, "tag": _tag(name), "commit": ""}[name.kind],
            commit=name.text if name.kind == "commit" else "",
            message="",
            action="",
            params=filled.given,
            once=once,
        )

    return promote if target else create


def _name(said: Mapping[str, str], repo: Repo) -> Name:
    """What is built: as the fields say, else as a word of the query does, else the default branch."""
    if NAME in said:
        kind: Kind = next((one for one in KINDS if one == said.get(KIND)), "branch")
        return Name(kind, said[NAME].strip())
    given = [Name(one, said[one]) for one in KINDS if said.get(one)]
    return given[0] if given else Name("branch", repo.default_branch)


def _wrong(name: Name) -> Sequence[Problem]:
    return () if name.text else [Problem(NAME, "missing_ref", f"say which {name.kind}")]


def _tag(name: Name) -> str:
    return f"refs/tags/{name.text.removeprefix('refs/tags/')}"


def _source(name: Name) -> str:
    return f"{name.kind} {name.text}"


async def _page(
    request: Request[State],
    found: Access,
    read: Read[Sequence[Target]],
    said: Mapping[str, str],
    form: Form,
) -> HTML:
    repo, name, target = found.repo, _name(said, found.repo), plan.chosen(said)
    filled = params.read(said, {}, reserved=RESERVED)
    problems, drawn, may_write = [*_wrong(name), *filled.problems], None, found.may("write")
    if may_write and not problems and (NAME in said or not said.keys().isdisjoint(KINDS)):
        drawn = await plan.draw(request, found, _beginning(found, name, target, filled), filled)
    view = View(
        repo,
        KINDS,
        name,
        target,
        read.found,
        filled,
        drawn,
        _command(repo, name, target, filled),
        plan.new_key(),
        may_write,
        found.may("admin"),
    )
    told = plan.told(form, filled, ("target", NAME), problems, drawn)
    return frame.page(request, "new.html", found.user, read, status=form.status, view=view, form=told)


def _command(repo: Repo, name: Name, target: str, filled: Params) -> str:
    if target:
        word = f"{name.kind}:{name.text}"
        return views.command("gantry", "build", "promote", repo.slug, word, target, params=filled.given)
    option = "--commit" if name.kind == "commit" else "--branch"
    text = _tag(name) if name.kind == "tag" else name.text
    return views.command("gantry", "build", "create", repo.slug, option, text, params=filled.given)


def _reads(_: Request[State], found: Access) -> Tx[Sequence[Target]]:
    return targets.of_repo(found.repo.id)


_QUERY = [
    Param("branch", "The branch that the form names."),
    Param("tag", "The tag that the form names."),
    Param("commit", "The commit that the form names."),
    Param("target", "The target of a promotion."),
]
PATH = REPO / f"{OURS}/new"
routes = [
    Endpoint("GET", PATH, show, needs=READ, reads=frame.reading(_reads), query=_QUERY, free=True),
    Endpoint("POST", PATH, act, needs=WRITE, reads=frame.reading(_reads)),
]
