"""Routes of accounts that concern repositories: what one sees, what one leaves (contract drone-rest 3.1, 3.2)."""

from starlette.requests import Request

from app.accounts import auth, moments
from app.accounts import store as accounts
from app.accounts.input import UserChanges
from app.accounts.model import User
from app.accounts.wire import UserJSON, user_json
from app.db.tx import Tx
from app.moments import Actor, Recorders
from app.repos import access, settings, store
from app.repos.access import State
from app.repos.model import Permissions, Repo
from app.repos.wire import RepoJSON, repo_json
from app.web import body
from app.web.reply import JSON, Empty
from app.web.route import Endpoint, Param


async def update_user(request: Request[State]) -> JSON[UserJSON]:
    """Change an account; what is left out stays.

    One that is made inactive is no administrator any more, and what it owns goes to others. An active
    administrator is always left.
    """
    caller = await auth.user(request)
    new = await body.parse(request, UserChanges)
    by, recorders = auth.actor(request, caller), request.state["recorders"]
    changed = _change(recorders, by, request.path_params["user"], new, request.state["now"]())
    return JSON(user_json(await request.state["db"].write(changed)))


def _change(recorders: Recorders, by: Actor, name: str, new: UserChanges, now: int) -> Tx[User]:
    user = yield from accounts.find_named(name)
    update = accounts.update(user.id, email=new.email, admin=new.admin, active=new.active, now=now)
    changed = yield from moments.updating(recorders, by, user.id, update)
    if new.active is False:
        yield from settings.hand_over(user.id, now)
    return changed


async def delete_user(request: Request[State]) -> Empty:
    """Remove an account; what it owns goes to another who administers it, or to nobody.

    An active administrator is always left.
    """
    caller = await auth.user(request)
    deleting = _delete(request.path_params["user"], request.state["now"]())
    await moments.write(request, caller, deleting, moments.deleted)
    return Empty()


def _delete(name: str, now: int) -> Tx[User]:
    user = yield from accounts.find_named(name)
    yield from accounts.delete(user.id)
    yield from settings.hand_over(user.id, now)
    return user


async def list_user_repos(request: Request[State]) -> JSON[list[RepoJSON]]:
    """The repositories that an account has rights in, by slug."""
    await auth.user(request)
    return JSON(
        [repo_json(repo) for repo in await request.state["db"].read(_repositories(request.path_params["user"]))]
    )


def _repositories(name: str) -> Tx[list[Repo]]:
    user = yield from accounts.find_named(name)
    return (yield from store.list_of(user.id))


async def sync(request: Request[State]) -> JSON[list[RepoJSON]] | Empty:
    """Renew the list of the caller's repositories and answer it, by slug; a plain git host has nothing new to tell."""
    user = await auth.user(request)
    if body.query(request).get("async") == "true":
        return Empty()
    return JSON([repo_json(repo) for repo in await request.state["db"].read(store.list_of(user.id))])


async def list_remotes(request: Request[State]) -> JSON[list[RepoJSON]]:
    """The repositories that the caller has at the host; a plain git host keeps no such list, so there are none."""
    await auth.user(request)
    return JSON([])


async def show_remote(request: Request[State]) -> JSON[RepoJSON]:
    """A repository with the caller's rights in it, as its host tells; for a plain git host, as it is registered."""
    user = await auth.user(request)
    found = await access.granted(request)
    rights = found.permissions or Permissions(read=True, write=user.admin, admin=user.admin)
    return JSON(repo_json(found.repo, permissions=rights))


_USER = "/api/users/{user}"
routes: list[Endpoint] = [
    Endpoint(
        "PATCH", _USER, update_user, operation="accounts.update_user", needs="system", body=UserChanges, errors=[409]
    ),
    Endpoint("DELETE", _USER, delete_user, operation="accounts.delete_user", needs="system", errors=[409]),
    Endpoint("GET", _USER + "/repos", list_user_repos, operation="accounts.list_user_repos", needs="system"),
    Endpoint(
        "POST",
        "/api/user/repos",
        sync,
        operation="accounts.sync",
        needs="account",
        query=[Param("async", "`true` answers at once, with nothing.")],
    ),
    Endpoint("GET", "/api/user/remote/repos", list_remotes, operation="accounts.list_remotes", needs="account"),
    Endpoint(
        "GET", "/api/user/remote/repos/{owner}/{name}", show_remote, operation="accounts.show_remote", needs="read"
    ),
]
