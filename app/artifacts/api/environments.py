"""Routes of environments (contract artifactory-storage 9)."""

from collections.abc import Iterable, Sequence

from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts import environments, projects, repositories
from app.artifacts.access import ACCOUNT, SYSTEM, State, Visitor
from app.artifacts.lax import Lax, Storable
from app.artifacts.projects import Project
from app.db.tx import Tx
from app.errors import Conflict, Invalid, NotFound, Problem
from app.moments import Change, Recorders
from app.web import body
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, Empty, Made
from app.web.route import Endpoint


class NewEnvironment(Lax):
    """An environment."""

    name: Storable = Field("", description="At most 32 characters; of a project, with its key and a dash before.")


class NewName(Lax):
    """Another name for an environment."""

    new_name: Storable = ""


class EnvironmentJSON(TypedDict):
    """An environment."""

    name: str


async def list_environments(request: Request[State], _: Visitor) -> JSON[list[EnvironmentJSON]]:
    """The environments that belong to no project; DEV and PROD are always there."""
    names, known = await request.state["db"].read(_both())
    keys = tuple(f"{project.key}-" for project in known)
    return JSON([EnvironmentJSON(name=name) for name in names if not name.startswith(keys)])


def _both() -> Tx[tuple[list[str], list[Project]]]:
    return (yield from environments.all_names()), (yield from projects.list_all())


async def add_environment(request: Request[State], visitor: Visitor) -> Made[EnvironmentJSON]:
    """Add an environment."""
    name = (await body.parse(request, NewEnvironment)).name
    _check(environments.check(name, "name", environments.LONGEST))
    return await _added(request, visitor, name)


async def _added(request: Request[State], visitor: Visitor, name: str) -> Made[EnvironmentJSON]:
    adding = _adding(request.state["recorders"], visitor, name, request.state["now"]())
    await request.state["db"].write(adding)
    return Made(EnvironmentJSON(name=name))


def _adding(recorders: Recorders, visitor: Visitor, name: str, now: int) -> Tx[None]:
    if not (yield from environments.add([name], now)):
        raise Conflict(f"name: there is an environment {name} already; choose another name", code="environment_taken")
    yield from recorders.record(Change("environment.create", visitor.by, name))


async def rename_environment(request: Request[State], visitor: Visitor) -> JSON[EnvironmentJSON]:
    """Give an environment another name, also in the order of environments and in rights. One that repositories belong
    to, DEV and PROD keep theirs."""
    name, new = decoded(request.path_params["environment"]), (await body.parse(request, NewName)).new_name
    _check(environments.check(new, "new_name"))
    await request.state["db"].write(_renaming(request.state["recorders"], visitor, name, new))
    return JSON(EnvironmentJSON(name=new))


def _renaming(recorders: Recorders, visitor: Visitor, name: str, new: str) -> Tx[None]:
    yield from _unused(name)
    if new in environments.ALWAYS or not (yield from environments.rename(name, new)):
        raise Conflict(f"new_name: there is an environment {new} already; choose another", code="environment_taken")
    yield from recorders.record(
        Change("environment.update", visitor.by, name, before={"name": name}, after={"name": new})
    )


async def remove_environment(request: Request[State], visitor: Visitor) -> Empty:
    """Remove an environment. One that repositories belong to, or that is in the order of environments or in rights, DEV
    and PROD stay."""
    name = decoded(request.path_params["environment"])
    await request.state["db"].write(_removing(request.state["recorders"], visitor, name))
    return Empty()


def _removing(recorders: Recorders, visitor: Visitor, name: str) -> Tx[None]:
    yield from _unused(name)
    if name in (yield from environments.order()):
        words = f"{name} is in the order of environments; take it out there first: PUT /api/environments/order"
        raise Invalid(words, code="environment_used")
    if targets := (yield from environments.named_by(name)):
        words = (
            f"the right to promote to {name} is given by {', '.join(targets)}; change these permission targets first"
        )
        raise Invalid(words, code="environment_used")
    yield from environments.remove(name)
    yield from recorders.record(Change("environment.delete", visitor.by, name))


def _unused(name: str) -> Tx[None]:
    """NotFound without such an environment; Invalid when it must stay."""
    if not (yield from environments.hold(name)):
        raise NotFound(f"there is no environment {name[:100]}")
    if name in environments.ALWAYS:
        raise Invalid(f"{name} is always there; it can be neither renamed nor removed", code="fixed_environment")
    known = yield from repositories.read_all()
    if used := [key for key, repo in known.by_key.items() if name in repo.environments]:
        words = f"{name} is in use by {', '.join(used[:10])}; give these repositories another environment first"
        raise Invalid(words, code="environment_used")


async def list_project_environments(request: Request[State], _: Visitor) -> JSON[list[EnvironmentJSON]]:
    """The environments of a project."""
    key = decoded(request.path_params["project"])
    await request.state["db"].read(projects.find(key))
    names = await request.state["db"].read(environments.all_names())
    return JSON([EnvironmentJSON(name=name) for name in names if name.startswith(f"{key}-")])


async def add_project_environment(request: Request[State], visitor: Visitor) -> Made[EnvironmentJSON]:
    """Add an environment of a project; its name begins with the project's key and a dash."""
    key, name = decoded(request.path_params["project"]), (await body.parse(request, NewEnvironment)).name
    await request.state["db"].read(projects.find(key))
    if not name.startswith(f"{key}-"):
        words = f"name: an environment of this project begins with {key}-: say {key}-{name[:32]}"
        raise Invalid.of([Problem("name", "bad_environment", words)])
    _check(environments.check(name.removeprefix(f"{key}-"), "name", environments.LONGEST))
    return await _added(request, visitor, name)


async def remove_project_environment(request: Request[State], visitor: Visitor) -> Empty:
    """Remove an environment of a project, unless repositories belong to it."""
    key, name = (decoded(request.path_params[word]) for word in ("project", "environment"))
    await request.state["db"].read(projects.find(key))
    if not name.startswith(f"{key}-"):
        raise NotFound(f"the project {key[:100]} has no environment {name[:100]}")
    await request.state["db"].write(_removing(request.state["recorders"], visitor, name))
    return Empty()


def _check(problems: Iterable[Problem]) -> None:
    if found := list(problems):
        raise Invalid.of(found)


_ACCESS = Path.of("/access/api/v1")
ENVIRONMENTS = _ACCESS / "environments"
ENVIRONMENT = Word("environment", "Name of the environment.", "STAGING")
_OF_PROJECT = _ACCESS / "projects" / Word("project", "Key of the project.", "apps") / "environments"
routes: Sequence[Endpoint] = [
    Endpoint("GET", ENVIRONMENTS, list_environments, operation="platform.list_environments", needs=ACCOUNT),
    Endpoint(
        "POST",
        ENVIRONMENTS,
        add_environment,
        operation="platform.add_environment",
        needs=SYSTEM,
        body=NewEnvironment,
        errors=[409],
    ),
    Endpoint(
        "POST",
        ENVIRONMENTS / ENVIRONMENT / "rename",
        rename_environment,
        operation="platform.rename_environment",
        needs=SYSTEM,
        body=NewName,
        errors=[409],
    ),
    Endpoint(
        "DELETE",
        ENVIRONMENTS / ENVIRONMENT,
        remove_environment,
        operation="platform.remove_environment",
        needs=SYSTEM,
        errors=[400],
    ),
    Endpoint(
        "GET",
        _OF_PROJECT,
        list_project_environments,
        operation="platform.list_project_environments",
        needs=SYSTEM,
    ),
    Endpoint(
        "POST",
        _OF_PROJECT,
        add_project_environment,
        operation="platform.add_project_environment",
        needs=SYSTEM,
        body=NewEnvironment,
        errors=[409],
    ),
    Endpoint(
        "DELETE",
        _OF_PROJECT / ENVIRONMENT,
        remove_project_environment,
        operation="platform.remove_project_environment",
        needs=SYSTEM,
        errors=[400],
    ),
]
