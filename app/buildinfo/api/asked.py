"""What requests about build-info say: the repository, the name and number in the path, flags of the query."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from app.artifacts import access
from app.artifacts.access import Visitor
from app.artifacts.rights import Action
from app.buildinfo import access as rights
from app.buildinfo import names, store, times
from app.buildinfo.fields import Mask
from app.buildinfo.files import Ports
from app.buildinfo.model import Run
from app.db.tx import Tx
from app.moments import Actor
from app.web import body
from app.web.path import Path, Word
from app.web.route import Param

BUILD = Path.of("/artifactory/api/build")
NAME = Word("name", "Name of the build.", "app", rest=True)
RUN = Word("run", "Name and number of the build, with a slash between them.", "app/42", rest=True)
ANY = Word("build", "Name of the build, or name and number with a slash between them.", "app/42", rest=True)
PROJECT = Param("project", "Key of the project whose build-info is meant; without one, or `default`, the common one.")
BUILD_REPO = Param("buildRepo", "Key of the repository of build-info, instead of `project`.")
WHERE = (PROJECT, BUILD_REPO)
STARTED = Param("started", "When the run began, if the number has several runs; without it the newest is meant.")


class State(access.State):
    """The fields of a request's state that the routes of build-info need."""

    #: What hides the secrets that a caller knows in what the caller publishes; None for callers who know none.
    masks: Callable[[Actor], Awaitable[Mask | None]]


def ports(request: Request[Any]) -> Ports:
    """The objects that the verbs use."""
    state = request.state
    return Ports(state["db"], state["blobs"], state["recorders"], state["now_ms"])


def repository(request: Request[Any]) -> str:
    """The key of the repository of build-info that the query names."""
    said = body.query(request)
    return names.repository_key(said.get("project", "").strip(), said.get("buildRepo", "").strip())


def started(request: Request[Any]) -> int | None:
    """The time in the query; None without one."""
    text = body.query(request).get("started", "")
    return times.of_query(text, "started") if text.strip() else None


def address(request: Request[Any], *parts: str) -> str:
    """The address of a build or a run."""
    return "/".join([f"{request.state['public_url']}{BUILD}", *(names.escaped(part) for part in parts)])


async def found(request: Request[Any], visitor: Visitor, raw: str, *actions: Action) -> tuple[str, Run]:
    """The key of the repository, and the run that a request means; NoRun.

    Forbidden when the caller may not do all of the actions.
    """
    key, wanted, at = repository(request), names.pairs(raw), started(request)
    allowed = wanted
    for action in actions:
        allowed = rights.numbered(visitor, action, key, allowed)
    if not allowed:
        raise store.no_build(names.names(raw)[0], key)
    run = await request.state["db"].glance(_find(key, allowed, at))
    if run is None or not all(rights.may(visitor, action, key, run) for action in actions):
        name, number = allowed[0]
        raise store.no_run(name, number, key)
    return key, run


def _find(key: str, wanted: list[names.Pair], at: int | None) -> Tx[Run | None]:
    repo = yield from rights.find(key)
    if repo is None:
        return None
    return (yield from store.find_first(repo.id, wanted, at))
