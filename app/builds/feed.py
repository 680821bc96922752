"""What an account sees of its repositories (`spec` drone-rest 3.1)."""

from starlette.requests import Request
from starlette.responses import Response

from app.accounts import auth
from app.accounts.model import User
from app.builds import store
from app.builds.model import Build
from app.builds.state import State
from app.builds.wire import build_json
from app.db.tx import Tx
from app.repos import store as repos
from app.repos.model import Repo
from app.repos.wire import repo_json
from app.web import body
from app.web.reply import JSON

#: Builds in the feed.
NEWEST = 25


async def repositories(request: Request[State]) -> Response:
    """GET /api/user/repos: with `latest=true` each with its newest build."""
    user = await auth.user(request)
    latest = body.query(request).get("latest") == "true"
    pairs = await request.state["db"].read(_repositories(user, latest))
    return JSON([repo_json(repo, build=build_json(build) if build else None) for repo, build in pairs])


def _repositories(user: User, latest: bool) -> Tx[list[tuple[Repo, Build | None]]]:
    mine = yield from repos.list_of(user.id)
    newest = (yield from store.newest(user.id)) if latest else {}
    return [(repo, newest.get(repo.id)) for repo in mine]


async def builds(request: Request[State]) -> Response:
    """GET /api/user/builds: the newest builds of all of them, each inside its repository."""
    user = await auth.user(request)
    pairs = await request.state["db"].read(_feed(user))
    return JSON([repo_json(repo, build=build_json(build)) for repo, build in pairs])


def _feed(user: User) -> Tx[list[tuple[Repo, Build]]]:
    mine = {repo.id: repo for repo in (yield from repos.list_of(user.id))}
    newest = yield from store.feed(user.id, NEWEST)
    return [(mine[build.repo_id], build) for build in newest if build.repo_id in mine]
