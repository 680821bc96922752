"""Routes that start a build: of a commit, once more, a promotion, a rollback (contract drone-rest 3.4)."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request

from app.builds import flow, named, paths, requests
from app.builds.api import rehearsal
from app.builds.api.rehearsal import DRY_RUN, Begun
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.paths import BUILD, BUILDS
from app.builds.ports import Ports
from app.builds.requests import Once
from app.builds.wire import build_json
from app.repos.access import WRITE, Access
from app.repos.paths import REPO
from app.web import body
from app.web.path import Path
from app.web.reply import JSON
from app.web.route import Endpoint, Param


async def create(request: Request[State], found: Access) -> Begun:
    """Start a build of a branch or a commit."""
    query, words = body.query(request), await body.words(request)
    given = _without(query, "access_token", "dry_run", "commit", "branch")
    ports, once = _how(request, found, words, given)
    build = await flow.create(
        ports,
        found.repo,
        by=found.by,
        branch=words.get("branch", ""),
        commit=words.get("commit", ""),
        message=words.get("message", ""),
        action=words.get("action", ""),
        params=given,
        once=once,
    )
    if rehearsal.is_asked(words):
        return await rehearsal.answer(request, found.repo, build, given)
    return JSON(build_json(build))


async def restart(request: Request[State], found: Access, old: Build) -> Begun:
    """Run a build once more, with its parameters and those given."""
    query, words = body.query(request), await body.words(request)
    given = _without(query, "access_token", "dry_run", "debug")
    ports, once = _how(request, found, words, given)
    debug = words.get("debug") == "true"
    build = await flow.restart(ports, found.repo, old, by=found.by, debug=debug, params=given, once=once)
    if rehearsal.is_asked(words):
        return await rehearsal.answer(request, found.repo, build, given, old)
    return JSON(build_json(build))


async def promote(request: Request[State], found: Access, old: Build) -> Begun:
    """Promote a build to a target, with its parameters and those given."""
    return await _deploy(request, found, old, "promote")


async def promote_named(request: Request[State], found: Access) -> Begun:
    """Promote the commit of a branch, a tag or an id to a target, whether the commit has a build or not."""
    words, given = await body.words(request), _given(request, *named.KINDS)
    ports, once = _how(request, found, words, given)
    name, target = named.read(words), words.get("target", "")
    build = await named.promote(ports, found.repo, name, target=target, by=found.by, params=given, once=once)
    if rehearsal.is_asked(words):
        return await rehearsal.answer(request, found.repo, build, given)
    return JSON(build_json(build, stages=True))


async def rollback(request: Request[State], found: Access, old: Build) -> Begun:
    """Roll a target back to a build."""
    return await _deploy(request, found, old, "rollback")


async def _deploy(request: Request[State], found: Access, old: Build, event: flow.Deployment) -> Begun:
    words, given = await body.words(request), _given(request)
    ports, once = _how(request, found, words, given)
    target = words.get("target", "")
    build = await flow.promote(ports, found.repo, old, event=event, target=target, by=found.by, params=given, once=once)
    if rehearsal.is_asked(words):
        return await rehearsal.answer(request, found.repo, build, given, old)
    return JSON(build_json(build, stages=True))


def _given(request: Request[State], *reserved: str) -> dict[str, str]:
    """The parameters of a promotion; the `reserved` words of the query are none."""
    return _without(body.query(request), "access_token", "dry_run", "target", *reserved)


def _how(
    request: Request[State], found: Access, words: Mapping[str, str], given: Mapping[str, str]
) -> tuple[Ports, Once | None]:
    """What the verb of a request needs, and the request's key; of a dry run, which changes nothing, no key counts.

    Invalid for a text that is no key.
    """
    ports = request.state["ports"]
    if rehearsal.is_asked(words):
        return ports.rehearsing(), None
    if not (keys := request.headers.getlist(_KEY.name)):
        return ports, None
    said = {name: value for name, value in {**given, **words}.items() if name != "access_token"}
    place = request.scope["path"].rstrip("/")
    return ports, requests.once(found.user_id, ", ".join(keys), place, sorted(said.items()), field=_KEY.name)


def _without(query: Mapping[str, str], *reserved: str) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in reserved}


_KEY = Param(
    "Idempotency-Key",
    f"A text of your own, of at most {requests.LONGEST} printable characters, that no other request of the account to "
    "the repository has. A request that is sent again with its key begins nothing, and is answered with the build that "
    "it has begun, as the build is now; 409 where the key is of another request.",
)
_TARGET = Param(
    "target", "Where to: an environment that the pipeline file names.", form=True, required=True, example="production"
)
_DEBUG = Param("debug", "`true` asks the runner for debugging.", form=True)
#: Statuses of errors at the start of a build: a bad parameter, a repository out of reach, nothing to run.
_STARTS = (400, 409, 422)


def _of_build(path: Path, handler: Callable[..., Awaitable[Begun]], name: str, param: Param) -> Endpoint:
    """A row that starts a build out of an earlier one."""
    return Endpoint(
        "POST",
        path,
        handler,
        operation=f"builds.{name}",
        needs=WRITE,
        scope="promote",
        reads=paths.build,
        quick=True,
        query=[param, DRY_RUN],
        headers=[_KEY],
        free=True,
        errors=_STARTS,
    )


routes = [
    _of_build(BUILD / "promote", promote, "promote", _TARGET),
    Endpoint(
        "POST",
        REPO / "promote",
        promote_named,
        operation="builds.promote_named",
        needs=WRITE,
        scope="promote",
        query=[
            _TARGET,
            Param(
                "branch",
                "The branch whose newest commit is promoted. Give one of branch, tag and commit.",
                form=True,
                example="main",
            ),
            Param("tag", "The tag whose commit is promoted.", form=True),
            Param("commit", "The commit that is promoted, by 7 digits of its id or more.", form=True),
            DRY_RUN,
        ],
        headers=[_KEY],
        free=True,
        errors=_STARTS,
    ),
    Endpoint(
        "POST",
        BUILDS,
        create,
        operation="builds.create",
        needs=WRITE,
        query=[
            Param("branch", "The branch; without it, the default branch.", form=True, example="main"),
            Param("commit", "The commit; without it, the newest of the branch.", form=True),
            Param("message", "What the build says of itself; without it, the commit's message.", form=True),
            Param("action", "Any word, which conditions may ask for.", form=True),
            DRY_RUN,
        ],
        headers=[_KEY],
        free=True,
        errors=_STARTS,
    ),
    _of_build(BUILD, restart, "restart", _DEBUG),
    _of_build(BUILD / "rollback", rollback, "rollback", _TARGET),
]
