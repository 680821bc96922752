"""DELETE of a repository: disabled, or deleted (contract drone-rest 3.3)."""

from starlette.requests import Request

from app.accounts import auth
from app.builds.api.request import State
from app.builds.removal import remove
from app.repos import access, moments, settings
from app.repos.wire import RepoJSON, repo_json
from app.web import body
from app.web.reply import JSON


async def disable(request: Request[State]) -> JSON[RepoJSON]:
    """Disable a repository: what is pushed is built no longer; or delete it, with all its builds, logs and secrets.

    Before it is deleted, what runs is stopped. One of its name that is registered later counts on from its last number.
    """
    found = await access.granted(request)
    repo = found.repo
    if body.query(request).get("remove") == "true":
        return JSON(repo_json(await remove(request.state["ports"], repo, auth.actor(request, found.user))))
    disabled = settings.disable(repo.id, request.state["now"]())
    by = auth.actor(request, found.user)
    recorded = moments.changing(request.state["recorders"], "repo.disable", by, repo.id, disabled)
    return JSON(repo_json(await request.state["db"].write(recorded)))
