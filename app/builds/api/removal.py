"""DELETE of a repository: disabled, or deleted (contract drone-rest 3.3)."""

from starlette.requests import Request

from app.builds.api.request import State
from app.builds.removal import remove
from app.repos import hooks, verbs
from app.repos.access import ADMIN, Access
from app.repos.model import Repo
from app.repos.paths import REPO
from app.repos.wire import RepoJSON, repo_json
from app.web import body
from app.web.reply import JSON
from app.web.route import Endpoint, Param


async def disable(request: Request[State], found: Access) -> JSON[RepoJSON]:
    """Disable a repository: what is pushed is built no longer; or delete it, with all its builds, logs and secrets.
    The webhook at its host is removed.

    Before it is deleted, what runs is stopped. One of its name that is registered later counts on from its last number.
    """
    if body.query(request).get("remove") == "true":
        return JSON(repo_json(await delete(request.state, found)))
    return JSON(repo_json(await verbs.disable(request.state, found)))


async def delete(state: State, found: Access) -> Repo:
    """Delete a repository, as `remove`; the webhook at its host is removed first."""
    await hooks.remove(state["hosts"], found.repo, state["public_url"], found.user_id)
    return await remove(state["ports"], found.repo, found.by)


routes = [
    Endpoint(
        "DELETE",
        REPO,
        disable,
        operation="repos.disable",
        needs=ADMIN,
        query=[Param("remove", "`true` deletes it, with all its builds, logs and secrets.")],
    )
]
