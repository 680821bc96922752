"""Routes of rights in a repository (contract drone-rest 3.5)."""

from typing import Any

from starlette.requests import Request

from app.accounts import store as accounts
from app.accounts.model import User
from app.db.tx import Row, Tx
from app.errors import NotFound
from app.repos import store, verbs
from app.repos.access import ADMIN, GRANTED_READ, Access, State
from app.repos.input import Rights
from app.repos.model import Permissions
from app.repos.paths import REPO
from app.repos.wire import CollaboratorJSON, PermissionsJSON, permissions_json
from app.web import body
from app.web.path import Word
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


async def list_collaborators(
    _: Request[State], found: Access, rows: list[tuple[Row, Permissions]]
) -> JSON[list[CollaboratorJSON]]:
    """Everybody with rights in the repository, by login."""
    return JSON([_collaborator(found.repo.uid, row, rights) for row, rights in rows])


def _all(_: Request[State], found: Access) -> Tx[list[tuple[Row, Permissions]]]:
    return store.collaborators(found.repo.id)


async def show_collaborator(_: Request[State], __: Access, rights: Permissions) -> JSON[PermissionsJSON]:
    """The rights of one account."""
    return JSON(permissions_json(rights))


def _rights(request: Request[State], found: Access) -> Tx[Permissions]:
    user = yield from _account(request, found)
    rights = yield from store.permissions(user.id, found.repo.id)
    if rights is None:
        raise NotFound(f"{user.login} has no rights in {found.repo.slug}")
    return rights


async def set_collaborator(request: Request[State], found: Access) -> JSON[PermissionsJSON]:
    """Give an account exactly these rights; none takes all away.

    Drone has no such call.
    """
    new = await body.parse(request, Rights)
    rights = Permissions(new.read or new.write or new.admin, new.write or new.admin, new.admin)
    user = await request.state["db"].read(_account(request, found))
    await verbs.set_rights(request.state, found, user, rights)
    return JSON(permissions_json(rights))


async def delete_collaborator(request: Request[State], found: Access, user: User) -> Empty:
    """Take away all rights of an account."""
    await verbs.set_rights(request.state, found, user, Permissions())
    return Empty()


def _account(request: Request[State], _: Access) -> Tx[User]:
    return accounts.find(request.path_params["login"])


def _collaborator(repo_uid: str, row: Any, rights: Permissions) -> CollaboratorJSON:
    return CollaboratorJSON(
        user_id=row["user_id"],
        repo_id=repo_uid,
        login=row["login"],
        avatar=row["avatar"],
        **permissions_json(rights),
        synced=row["synced"],
        created=row["created"],
        updated=row["updated"],
    )


_COLLABORATORS = REPO / "collaborators"
_COLLABORATOR = _COLLABORATORS / Word("login", "Login of the account, in any letter case.", "octocat")
routes = [
    Endpoint(
        "GET",
        _COLLABORATORS,
        list_collaborators,
        operation="repos.list_collaborators",
        needs=GRANTED_READ,
        reads=_all,
    ),
    Endpoint(
        "GET",
        _COLLABORATOR,
        show_collaborator,
        operation="repos.show_collaborator",
        needs=GRANTED_READ,
        reads=_rights,
    ),
    Endpoint("PUT", _COLLABORATOR, set_collaborator, operation="repos.set_collaborator", needs=ADMIN, body=Rights),
    Endpoint(
        "DELETE",
        _COLLABORATOR,
        delete_collaborator,
        operation="repos.delete_collaborator",
        needs=ADMIN,
        reads=_account,
    ),
]
