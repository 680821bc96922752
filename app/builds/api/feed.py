"""Routes of the repositories of an account and their newest builds (contract drone-rest 3.1)."""

from starlette.requests import Request

from app.accounts.auth import ACCOUNT, Caller
from app.builds import lists
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.wire import RepoBuildJSON, repo_build_json
from app.db.tx import Tx
from app.repos import store as repos
from app.repos.model import Repo
from app.web import body
from app.web.reply import JSON
from app.web.route import Endpoint, Param

#: Builds in the feed.
NEWEST = 25


async def list_repos(
    _: Request[State], __: Caller, pairs: list[tuple[Repo, Build | None]]
) -> JSON[list[RepoBuildJSON]]:
    """The repositories that the caller has rights in, by slug."""
    return JSON([repo_build_json(repo, build) for repo, build in pairs])


def _repositories(request: Request[State], caller: Caller) -> Tx[list[tuple[Repo, Build | None]]]:
    """The caller's repositories, with the newest build of each if the query asks for that."""
    latest = body.query(request).get("latest") == "true"
    now = request.state["now"]()
    mine = yield from repos.list_of(caller.user.id, now)
    newest_of = (yield from lists.newest(caller.user.id, now)) if latest else {}
    return [(repo, newest_of.get(repo.id)) for repo in mine]


async def list_builds(_: Request[State], __: Caller, pairs: list[tuple[Repo, Build]]) -> JSON[list[RepoBuildJSON]]:
    """The newest builds of the caller's repositories, each inside its repository."""
    return JSON([repo_build_json(repo, build) for repo, build in pairs])


def _newest(request: Request[State], caller: Caller) -> Tx[list[tuple[Repo, Build]]]:
    """The newest builds of the caller's repositories."""
    return lists.feed(caller.user.id, NEWEST, request.state["now"]())


_BUILDS = "/api/user/builds"
routes = [
    Endpoint(
        "GET",
        "/api/user/repos",
        list_repos,
        operation="accounts.list_repos",
        needs=ACCOUNT,
        reads=_repositories,
        query=[Param("latest", "`true` adds the newest build of each.")],
    ),
    Endpoint("GET", _BUILDS, list_builds, operation="accounts.list_builds", needs=ACCOUNT, reads=_newest),
    Endpoint(
        "GET",
        f"{_BUILDS}/recent",
        list_builds,
        operation="accounts.list_builds.recent",
        needs=ACCOUNT,
        reads=_newest,
    ),
]
