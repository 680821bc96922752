"""Routes of rights in a repository (contract drone-rest 3.5)."""

from typing import Any

from starlette.requests import Request

from app.accounts import auth
from app.accounts import store as accounts
from app.accounts.model import User
from app.errors import NotFound
from app.repos import access, moments, store
from app.repos.access import Access, State
from app.repos.input import Rights
from app.repos.model import Permissions
from app.repos.wire import CollaboratorJSON, PermissionsJSON, permissions_json
from app.web import body
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


async def list_collaborators(request: Request[State]) -> JSON[list[CollaboratorJSON]]:
    """Everybody with rights in the repository, by login."""
    repo = (await access.granted(request)).repo
    rows = await request.state["db"].read(store.collaborators(repo.id))
    return JSON([_collaborator(repo.uid, row, rights) for row, rights in rows])


async def show_collaborator(request: Request[State]) -> JSON[PermissionsJSON]:
    """The rights of one account."""
    repo = (await access.granted(request)).repo
    user = await request.state["db"].read(accounts.find(request.path_params["login"]))
    rights = await request.state["db"].read(store.permissions(user.id, repo.id))
    if rights is None:
        raise NotFound(f"{user.login} has no rights in {repo.slug}")
    return JSON(permissions_json(rights))


async def set_collaborator(request: Request[State]) -> JSON[PermissionsJSON]:
    """Give an account exactly these rights; none takes all away.

    Drone has no such call.
    """
    found = await access.granted(request)
    new = await body.parse(request, Rights)
    rights = Permissions(new.read or new.write or new.admin, new.write or new.admin, new.admin)
    user = await request.state["db"].read(accounts.find(request.path_params["login"]))
    await _set(request, found, user, rights)
    return JSON(permissions_json(rights))


async def delete_collaborator(request: Request[State]) -> Empty:
    """Take away all rights of an account."""
    found = await access.granted(request)
    user = await request.state["db"].read(accounts.find(request.path_params["login"]))
    await _set(request, found, user, Permissions())
    return Empty()


async def _set(request: Request[State], found: Access, user: User, rights: Permissions) -> None:
    """Give exactly these rights; none takes all away."""
    state, repo, by = request.state, found.repo, auth.actor(request, found.user)
    if rights == Permissions():
        tx = store.revoke(repo.id, user)
    else:
        tx = store.grant(repo.id, user.id, rights, state["now"]())
    await state["db"].write(moments.setting_rights(state["recorders"], by, repo, user.id, user.login, rights, tx))


def _collaborator(repo_uid: str, row: Any, rights: Permissions) -> CollaboratorJSON:
    return CollaboratorJSON(
        user_id=row["user_id"],
        repo_id=repo_uid,
        login=row["login"],
        avatar=row["avatar"],
        **permissions_json(rights),
        synced=0,
        created=row["created"],
        updated=row["updated"],
    )


_COLLABORATORS = "/api/repos/{owner}/{name}/collaborators"
routes = [
    Endpoint("GET", _COLLABORATORS, list_collaborators, operation="repos.list_collaborators", needs="read"),
    Endpoint("GET", _COLLABORATORS + "/{login}", show_collaborator, operation="repos.show_collaborator", needs="read"),
    Endpoint(
        "PUT",
        _COLLABORATORS + "/{login}",
        set_collaborator,
        operation="repos.set_collaborator",
        needs="admin",
        body=Rights,
    ),
    Endpoint(
        "DELETE", _COLLABORATORS + "/{login}", delete_collaborator, operation="repos.delete_collaborator", needs="admin"
    ),
]
