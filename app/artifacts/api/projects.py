"""Routes of projects (contract artifactory-storage 10)."""

import re
from collections.abc import Sequence
from typing import cast

from pydantic import ConfigDict, Field, with_config
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import moments, projects, repositories
from app.artifacts.access import SYSTEM, State, Visitor
from app.artifacts.api import asked
from app.artifacts.lax import Lax, Storable
from app.artifacts.projects import Project
from app.db.tx import Tx
from app.errors import Conflict, Invalid, Problem
from app.moments import Change, Recorders
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, Empty, Made
from app.web.route import Endpoint, Param

#: The rule for keys of projects: environments and repositories of a project begin with its key and a dash.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")


class ProjectInput(Lax):
    """A project. Fields that are not named here are stored and given back."""

    key: Storable | None = Field(None, alias="project_key", description="Letters, digits and dashes, at most 32.")
    name: Storable | None = Field(None, alias="display_name")


@with_config(ConfigDict(extra="allow"))
class ProjectJSON(TypedDict):
    """A project, with every other field that was sent."""

    project_key: str
    display_name: str
    description: str
    admin_privileges: dict[str, bool]


async def list_projects(request: Request[State], _: Visitor) -> JSON[list[ProjectJSON]]:
    """All projects, by key."""
    return JSON([_shown(project) for project in await request.state["db"].read(projects.list_all())])


async def show_project(request: Request[State], _: Visitor) -> JSON[ProjectJSON]:
    """A project."""
    return JSON(_shown(await request.state["db"].read(projects.find(decoded(request.path_params["project"])))))


async def create_project(request: Request[State], visitor: Visitor) -> Made[ProjectJSON]:
    """Add a project."""
    wanted = await body.parse(request, ProjectInput)
    key = wanted.key or ""
    if not _KEY.fullmatch(key):
        words = f"project_key: {key[:100]!r} is no key; a key is 1 to 32 letters, digits and dashes"
        raise Invalid.of([Problem("project_key", "bad_project", words)])
    project = Project(key, wanted.name or key, dict(wanted.model_extra or {}))
    now, recorders = request.state["now"](), request.state["recorders"]
    await request.state["db"].write(_creating(recorders, visitor, project, now))
    return Made(_shown(project))


def _creating(recorders: Recorders, visitor: Visitor, project: Project, now: int) -> Tx[None]:
    if not (yield from projects.add(project, now)):
        words = f"project_key: there is a project {project.key} already; choose another key"
        raise Conflict(words, code="project_taken")
    yield from recorders.record(Change("project.create", visitor.by, project.key, after={"name": project.name}))


async def update_project(request: Request[State], visitor: Visitor) -> JSON[ProjectJSON]:
    """Change a project; fields that are not sent stay. Its key cannot change."""
    key, wanted = decoded(request.path_params["project"]), await body.parse(request, ProjectInput)
    if wanted.key not in (None, "", key):
        raise Invalid.of([Problem("project_key", "fixed", f"project_key: the key {key[:100]} cannot change")])
    return JSON(_shown(await request.state["db"].write(_updating(request.state["recorders"], visitor, key, wanted))))


def _updating(recorders: Recorders, visitor: Visitor, key: str, wanted: ProjectInput) -> Tx[Project]:
    old = yield from projects.find(key)
    new = Project(key, wanted.name or old.name, {**old.settings, **(wanted.model_extra or {})})
    yield from projects.update(new)
    was, now = moments.differing({"name": old.name}, {"name": new.name})
    if now:
        yield from recorders.record(Change("project.update", visitor.by, key, before=was, after=now))
    return new


async def remove_project(request: Request[State], visitor: Visitor) -> Empty:
    """Remove a project. Its repositories stay, and belong to no project; so do the builds that were published."""
    key = decoded(request.path_params["project"])
    await request.state["db"].write(_removing_project(request.state["recorders"], visitor, key))
    return Empty()


def _removing_project(recorders: Recorders, visitor: Visitor, key: str) -> Tx[None]:
    old = yield from projects.find(key)
    known = yield from repositories.read_all()
    yield from projects.remove(key)
    held = [repo.key for repo in known.by_key.values() if repo.project == key and not repo.system]
    before = {"name": old.name, **({"repositories": held} if held else {})}
    yield from recorders.record(Change("project.delete", visitor.by, key, before=before))


async def attach(request: Request[State], visitor: Visitor) -> Empty:
    """Let a repository belong to a project; with `force`, also one that belongs to another project."""
    forced = asked.is_set(body.query(request), "force")
    key = decoded(request.path_params["project"])
    await request.state["db"].write(_attaching(request, visitor, key, forced=forced))
    return Empty()


async def detach(request: Request[State], visitor: Visitor) -> Empty:
    """Let a repository belong to no project."""
    await request.state["db"].write(_attaching(request, visitor, "", forced=True))
    return Empty()


def _attaching(request: Request[State], visitor: Visitor, key: str, *, forced: bool) -> Tx[None]:
    repo = yield from repositories.find(decoded(request.path_params["repository"]))
    if key:
        yield from projects.find(key)
    if repo.system:
        raise Invalid(f"the server keeps {repo.key} for itself; it stays where it is", code="system_repository")
    if repo.project not in ("", key) and not forced:
        words = f"{repo.key} belongs to the project {repo.project}; say ?force=true to move it"
        raise Conflict(words, code="attached_elsewhere")
    yield from projects.attach(repo.id, key, request.state["now_ms"]())
    change = moments.repo_updated(visitor.by, repo.key, {"project": repo.project}, {"project": key})
    if change is not None:
        yield from request.state["recorders"].record(change)


def _shown(project: Project) -> ProjectJSON:
    own = {"project_key": project.key, "display_name": project.name}
    return cast("ProjectJSON", {"description": "", "admin_privileges": {}, **project.settings, **own})


PROJECTS = Path.of("/access/api/v1/projects")
PROJECT = PROJECTS / Word("project", "Key of the project.", "apps")
_ATTACH = PROJECTS / "_/attach/repositories" / Word("repository", "Key of the repository.", "apps-dev-local")
_FORCE = (Param("force", "`true`: also from another project."),)
routes: Sequence[Endpoint] = [
    Endpoint("GET", PROJECTS, list_projects, operation="platform.list_projects", needs=SYSTEM),
    Endpoint(
        "POST",
        PROJECTS,
        create_project,
        operation="platform.create_project",
        needs=SYSTEM,
        body=ProjectInput,
        errors=[409],
    ),
    Endpoint("GET", PROJECT, show_project, operation="platform.show_project", needs=SYSTEM),
    Endpoint("PUT", PROJECT, update_project, operation="platform.update_project", needs=SYSTEM, body=ProjectInput),
    Endpoint("DELETE", PROJECT, remove_project, operation="platform.remove_project", needs=SYSTEM),
    Endpoint(
        "PUT",
        _ATTACH / Word("project", "Key of the project.", "apps"),
        attach,
        operation="platform.attach_repository",
        needs=SYSTEM,
        query=_FORCE,
        errors=[409],
    ),
    Endpoint("DELETE", _ATTACH, detach, operation="platform.detach_repository", needs=SYSTEM, errors=[400]),
]
