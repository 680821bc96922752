"""Routes of grants in one repository (ours)."""

from collections.abc import Iterator, Sequence
from typing import NotRequired

from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import grants, permissions, repositories
from app.artifacts.access import ACCOUNT, State, Visitor
from app.artifacts.configuration import check_patterns
from app.artifacts.grants import Granted
from app.artifacts.lax import Lax, Storable
from app.artifacts.model import ArtifactRepository
from app.artifacts.permissions import ANONYMOUS, SUBJECTS, Part, Subject, SubjectKind
from app.artifacts.repositories import NoRepository
from app.artifacts.targets import Action, check_version_patterns
from app.db.tx import Tx
from app.errors import Invalid, NotFound, Problem
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


class GrantInput(Lax):
    """What somebody may do in a repository, at which paths."""

    actions: list[Action] = Field(
        default_factory=list,
        description="Of `read`, `annotate`, `deploy`, `delete`, `manage`, `promote`; `deploy` includes `promote`, but"
        " not on release bundles.",
    )
    includes: list[Storable] = Field(default_factory=lambda: ["**"], description="Patterns of paths.")
    excludes: list[Storable] = Field(default_factory=list, description="Patterns of paths that are not meant.")


class GrantJSON(TypedDict):
    """What somebody may do in a repository, and the permission target that says so.

    `environments`: those that *promote* of release bundles is for, if not all.
    """

    kind: str
    name: str
    actions: list[str]
    includes: list[str]
    excludes: list[str]
    environments: NotRequired[list[str]]
    target: str


async def list_grants(request: Request[State], visitor: Visitor) -> JSON[list[GrantJSON]]:
    """What everybody may do in a repository, by all permission targets."""
    return JSON([_shown(granted) for granted in await request.state["db"].read(_listed(request, visitor))])


async def show(request: Request[State], visitor: Visitor) -> JSON[list[GrantJSON]]:
    """What somebody may do in a repository, by all permission targets."""
    kind, name = _who(request)
    found = await request.state["db"].read(_listed(request, visitor))
    mine = [_shown(one) for one in found if one.subject.kind == kind and one.subject.name.lower() == name.lower()]
    if not mine:
        raise NotFound(f"{kind} {name[:100]} is granted nothing there")
    return JSON(mine)


def _listed(request: Request[State], visitor: Visitor) -> Tx[list[Granted]]:
    repo = yield from _managed(request, visitor)
    return grants.in_repository(repo, (yield from permissions.list_all()))


async def grant(request: Request[State], visitor: Visitor) -> Empty:
    """Let somebody do exactly this in a repository. Other permission targets stay as they are."""
    wanted = await body.parse(request, GrantInput)
    problems = list(_wrong(wanted))
    if problems:
        raise Invalid.of(problems)
    await request.state["db"].write(_granting(request, visitor, wanted))
    return Empty()


async def revoke(request: Request[State], visitor: Visitor) -> Empty:
    """Take from somebody what was granted in a repository. Other permission targets stay as they are."""
    if not await request.state["db"].write(_granting(request, visitor, None)):
        kind, name = _who(request)
        raise NotFound(
            f"{kind} {name[:100]} is granted nothing there; other permission targets are changed by themselves"
        )
    return Empty()


def _wrong(wanted: GrantInput) -> Iterator[Problem]:
    if not wanted.actions:
        words = "actions: name at least one action; send DELETE to take all away"
        yield Problem("actions", "no_actions", words)
    if not any(wanted.includes):
        yield Problem("includes", "no_pattern", "includes: name at least one pattern; ** is every path")
    yield from check_patterns(wanted.includes, "includes")
    yield from check_patterns(wanted.excludes, "excludes")


def _granting(request: Request[State], visitor: Visitor, wanted: GrantInput | None) -> Tx[bool]:
    repo = yield from _managed(request, visitor)
    yield from repositories.hold(repo.id)  # grants at once are one after the other
    if wanted is not None and repo.system == "bundles":
        problems = [
            *check_version_patterns(wanted.includes, "includes"),
            *check_version_patterns(wanted.excludes, "excludes"),
        ]
        if problems:
            raise Invalid.of(problems)
    subject = yield from _subject(*_who(request))
    part = Part((repo.key,))
    if wanted is not None:
        lists = (tuple(filter(None, wanted.includes)), tuple(filter(None, wanted.excludes)))
        part = Part((repo.key,), *lists, {subject: tuple(wanted.actions)})
    now, recorders = request.state["now"](), request.state["recorders"]
    return (yield from grants.grant(recorders, visitor.by, repo, subject, part, now))


def _managed(request: Request[State], visitor: Visitor) -> Tx[ArtifactRepository]:
    """The repository of the path, which the caller may manage; Forbidden, and for who may, NoRepository."""
    key = decoded(request.path_params["repository"])
    known = yield from repositories.read_all()
    repo = known.by_key.get(key)
    if not visitor.rights.wholly("manage", repo or ArtifactRepository(0, key)):
        visitor.refuse("manage", key)
    if repo is None:
        raise NoRepository(f"there is no artifact repository {key[:100]}")
    return repo


def _subject(kind: SubjectKind, name: str) -> Tx[Subject]:
    found = (yield from permissions.subjects(kind, [name])).get(name)
    if found is None or (kind == "anonymous" and name != ANONYMOUS):
        words = {"user": "account", "group": "group", "repo": "git repository", "anonymous": "name of everybody but"}
        more = f" {ANONYMOUS}, not {name[:100]!r}" if kind == "anonymous" else f" {name[:100]}"
        raise Invalid.of([Problem("name", f"no_{kind}", f"name: there is no {words[kind]}{more}")])
    return found


def _who(request: Request[State]) -> tuple[SubjectKind, str]:
    kind = decoded(request.path_params["kind"])
    if kind not in SUBJECTS:
        words = f"kind: say {', '.join(SUBJECTS)}, not {kind[:100]!r}"
        raise Invalid.of([Problem("kind", "bad_kind", words)])
    return kind, decoded(request.path_params["name"]).strip("/")


def _shown(granted: Granted) -> GrantJSON:
    shown = GrantJSON(
        kind=granted.subject.kind,
        name=granted.subject.name,
        actions=list(granted.actions),
        includes=list(granted.includes),
        excludes=list(granted.excludes),
        target=granted.target,
    )
    if granted.environments:
        shown["environments"] = list(granted.environments)
    return shown


_GRANTS = Path.of("/artifactory/api/repositories") / Word("repository", "Key of the repository.", "libs") / "grants"
_WHO = (
    _GRANTS
    / Word("kind", "`user`, `group`, `repo` (the steps of a git repository) or `anonymous`.", "user")
    / Word("name", "Login, name of a group, slug of a git repository, or `anonymous`.", "octocat", rest=True)
)
routes: Sequence[Endpoint] = [
    Endpoint("GET", _GRANTS, list_grants, operation="permissions.list_grants", needs=ACCOUNT),
    Endpoint("GET", _WHO, show, operation="permissions.show_grants", needs=ACCOUNT, errors=[400]),
    Endpoint("PUT", _WHO, grant, operation="permissions.grant", needs=ACCOUNT, body=GrantInput, errors=[409]),
    Endpoint("DELETE", _WHO, revoke, operation="permissions.revoke", needs=ACCOUNT, errors=[400]),
]
