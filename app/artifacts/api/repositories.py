"""Routes of artifact repositories (contract artifactory-storage 8)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import RootModel
from starlette.requests import Request

from app.artifacts import clearing, environments, moments, repositories, system
from app.artifacts.access import ACCOUNT, SYSTEM, VISITOR, State, Visitor
from app.artifacts.configuration import (
    Configuration,
    ListedJSON,
    RepositoryJSON,
    Wanted,
    created,
    listed,
    shown,
    updated,
)
from app.artifacts.model import ArtifactRepository
from app.artifacts.repositories import NoRepository, Repositories
from app.artifacts.visible import may_see
from app.db.tx import Tx, each
from app.errors import Invalid, Problem
from app.moments import Recorders
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, MadeText, Text
from app.web.route import Endpoint, Param

#: The most repositories of one batch.
BATCH = 1000


class Batch(RootModel[list[Configuration]]):
    """Several repositories, each with its `key`."""


@dataclass(frozen=True, slots=True)
class Making:
    """Who makes or changes repositories, when, and who records it."""

    visitor: Visitor
    now_ms: int
    recorders: Recorders


async def list_repositories(request: Request[State], visitor: Visitor, known: Repositories) -> JSON[list[ListedJSON]]:
    """The repositories in which the caller may read something, by key."""
    query = body.query(request)
    kind, package, project = (query.get(name, "").lower() for name in ("type", "packageType", "project"))
    found = [
        repo
        for repo in known.by_key.values()
        if kind in ("", repo.kind) and package in ("", repo.package_type) and project in ("", repo.project.lower())
    ]
    return JSON([listed(repo, request.state["public_url"]) for repo in found if may_see(visitor.rights, repo, known)])


def _all(_: Request[State], __: Visitor) -> Tx[Repositories]:
    return repositories.read_all()


async def show(request: Request[State], visitor: Visitor, known: Repositories) -> JSON[RepositoryJSON]:
    """A repository with all fields that were sent. One that is not there is 400, as clients ask in this way."""
    key = _key(request)
    repo = known.by_key.get(key)
    if not may_see(visitor.rights, repo or ArtifactRepository(0, key), known):
        visitor.refuse("read", key)
    if repo is None:
        if request.method == "HEAD":
            raise NoRepository(f"there is no artifact repository {key}")
        raise Invalid.of([Problem("key", "no_repository", f"there is no artifact repository {key[:100]}")])
    by_id, wholly = known.by_id, visitor.rights.wholly("manage", repo)
    told = {found.id for found in by_id.values() if wholly or may_see(visitor.rights, found, known)}
    members = [by_id[member].key for member in known.members.get(repo.id, ()) if member in told]
    return JSON(shown(repo, members, by_id[repo.deploy_to].key if repo.deploy_to in told else ""))


async def create(request: Request[State], visitor: Visitor) -> Text:
    """Make a repository. A `remote` one is refused; a key that is taken is 400."""
    key, wanted = _key(request), await body.parse(request, Configuration)
    await request.state["db"].write(_creating(_making(request, visitor), key, wanted))
    return Text(f"Successfully created repository '{key}'\n")


async def update(request: Request[State], visitor: Visitor) -> Text:
    """Change a repository; fields that are not sent stay. Key, kind and package type cannot change."""
    key, wanted = _key(request), await body.parse(request, Configuration)
    await request.state["db"].write(_updating(_making(request, visitor), key, wanted))
    return Text(f"Repository {key} was updated\n")


async def delete(request: Request[State], visitor: Visitor) -> Text:
    """Delete a repository with all its content; virtual repositories and rights lose it."""
    key = _key(request)
    await request.state["db"].write(_deleting(_making(request, visitor), key))
    request.state["clearing"].wake()
    return Text(f"Repository {key} and all its content were removed\n")


async def create_several(request: Request[State], visitor: Visitor) -> MadeText:
    """Make several repositories, all or none."""
    await _batch(request, visitor, _creating)
    return MadeText("The repositories were created\n")


async def update_several(request: Request[State], visitor: Visitor) -> Text:
    """Change several repositories, all or none."""
    await _batch(request, visitor, _updating)
    return Text("The repositories were updated\n")


async def _batch(
    request: Request[State], visitor: Visitor, change: Callable[[Making, str, Configuration], Tx[None]]
) -> None:
    several = (await body.parse(request, Batch)).root
    if len(several) > BATCH:
        raise Invalid.of(
            [Problem("", "too_many", f"the body has {len(several)} repositories; at most {BATCH} go at once")]
        )
    missing = [f"{at}.key" for at, wanted in enumerate(several) if not wanted.key]
    if missing:
        raise Invalid.of([Problem(field, "missing_key", f"{field} is missing") for field in missing])
    making = _making(request, visitor)
    await request.state["db"].write(each(change(making, wanted.key, wanted) for wanted in several))


def _making(request: Request[State], visitor: Visitor) -> Making:
    return Making(visitor, request.state["now_ms"](), request.state["recorders"])


def _creating(making: Making, key: str, wanted: Configuration) -> Tx[None]:
    known = yield from repositories.read_all()
    new = created(key, wanted, known, making.now_ms)
    made = yield from repositories.add(new.repo, making.visitor.name)
    if made is None:  # another request was faster
        raise Invalid.of([Problem("key", "key_taken", f"key: there is a repository {key} already; choose another key")])
    yield from _keep(Wanted(made, new.members), making.now_ms)
    yield from making.recorders.record(moments.repo_created(making.visitor.by, key, moments.facts(new, known)))


def _updating(making: Making, key: str, wanted: Configuration) -> Tx[None]:
    held = _manageable(making.visitor, key, (yield from repositories.read_all()))
    yield from repositories.hold(held.id)  # two changes at once are one after the other
    known = yield from repositories.read_all()
    old = known.find(key)
    new = updated(old, wanted, known, making.now_ms)
    yield from repositories.update(new.repo)
    yield from _keep(new, making.now_ms)
    before = moments.facts(Wanted(old, known.members.get(old.id, ())), known)
    change = moments.repo_updated(making.visitor.by, key, before, moments.facts(new, known))
    if change is not None:
        yield from making.recorders.record(change)


def _keep(wanted: Wanted, now_ms: int) -> Tx[None]:
    """Store what a repository names: members, and environments, which are added when they are not there."""
    if wanted.repo.kind == "virtual":
        yield from repositories.set_members(wanted.repo.id, wanted.members)
    if wanted.repo.environments:
        yield from environments.add(wanted.repo.environments, now_ms)


def _deleting(making: Making, key: str) -> Tx[None]:
    known = yield from repositories.read_all()
    repo = _manageable(making.visitor, key, known)
    yield from clearing.hide(repo, making.now_ms // 1000)
    before = moments.facts(Wanted(repo, known.members.get(repo.id, ())), known)
    yield from making.recorders.record(moments.repo_deleted(making.visitor.by, key, before))


def _manageable(visitor: Visitor, key: str, known: Repositories) -> ArtifactRepository:
    """A repository that the caller may change; Forbidden, and for who may, NoRepository."""
    repo = known.by_key.get(key) or ArtifactRepository(0, key)
    if not visitor.rights.wholly("manage", repo):
        visitor.refuse("manage", key)
    if not repo.id:
        raise NoRepository(f"there is no artifact repository {key[:100]}")
    if repo.system:
        raise system.change_refused(repo)
    return repo


def _key(request: Request[State]) -> str:
    return decoded(request.path_params["repository"])


#: The paths of all repositories, and of one.
REPOSITORIES = Path.of("/artifactory/api/repositories")
KEY = Word("repository", "Key of the repository.", "libs-release-local")
REPOSITORY = REPOSITORIES / KEY
_BATCH = Path.of("/artifactory/api/v2/repositories/batch")
FILTERS: Sequence[Param] = (
    Param("type", "`local` or `virtual`, in any letter case."),
    Param("packageType", "The package type, in any letter case."),
    Param("project", "The key of a project."),
)
routes: Sequence[Endpoint] = [
    Endpoint(
        "GET",
        REPOSITORIES,
        list_repositories,
        operation="artifact_repositories.list",
        needs=VISITOR,
        reads=_all,
        query=FILTERS,
    ),
    Endpoint("GET", REPOSITORY, show, operation="artifact_repositories.show", needs=VISITOR, reads=_all, errors=[400]),
    Endpoint(
        "PUT",
        REPOSITORY,
        create,
        operation="artifact_repositories.create",
        needs=SYSTEM,
        body=Configuration,
        query=[Param("pos", "Not used.")],
    ),
    Endpoint("POST", REPOSITORY, update, operation="artifact_repositories.update", needs=ACCOUNT, body=Configuration),
    Endpoint("DELETE", REPOSITORY, delete, operation="artifact_repositories.delete", needs=ACCOUNT),
    Endpoint("PUT", _BATCH, create_several, operation="artifact_repositories.create_several", needs=SYSTEM, body=Batch),
    Endpoint(
        "POST",
        _BATCH,
        update_several,
        operation="artifact_repositories.update_several",
        needs=ACCOUNT,
        body=Batch,
        errors=[404],
    ),
]
