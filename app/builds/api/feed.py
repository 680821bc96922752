"""What an account sees of its repositories (contract drone-rest 3.1)."""

from starlette.requests import Request

from app.accounts import auth
from app.accounts.model import User
from app.builds import lists
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.wire import RepoBuildJSON, repo_build_json
from app.db.tx import Tx
from app.repos import store as repos
from app.repos.model import Repo
from app.web import body
from app.web.reply import JSON

#: Builds in the feed.
NEWEST = 25


async def list_repos(request: Request[State]) -> JSON[list[RepoBuildJSON]]:
    """The repositories that the caller has rights in, by slug."""
    user = await auth.user(request)
    latest = body.query(request).get("latest") == "true"
    pairs = await request.state["db"].read(_repositories(user, latest))
    return JSON([repo_build_json(repo, build) for repo, build in pairs])


def _repositories(user: User, latest: bool) -> Tx[list[tuple[Repo, Build | None]]]:
    mine = yield from repos.list_of(user.id)
    newest = (yield from lists.newest(user.id)) if latest else {}
    return [(repo, newest.get(repo.id)) for repo in mine]


async def list_builds(request: Request[State]) -> JSON[list[RepoBuildJSON]]:
    """The newest builds of the caller's repositories, each inside its repository."""
    user = await auth.user(request)
    pairs = await request.state["db"].read(lists.feed(user.id, NEWEST))
    return JSON([repo_build_json(repo, build) for repo, build in pairs])
