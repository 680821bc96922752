"""Routes of accounts that concern repositories: the repositories that an account may read, and the repositories of an
account that is deactivated or removed (contract drone-rest 3.1, 3.2).
"""

from starlette.requests import Request

from app.accounts import moments
from app.accounts import store as accounts
from app.accounts.api import USER
from app.accounts.artifactory import users
from app.accounts.auth import ACCOUNT, SYSTEM, Caller
from app.accounts.hosted import people
from app.accounts.input import UserChanges
from app.accounts.model import User
from app.accounts.wire import UserJSON, user_json
from app.db.tx import Tx
from app.moments import Actor, Recorders
from app.repos import settings, store
from app.repos.access import KNOWN_READ, Access, State
from app.repos.hosted.store import narrower
from app.repos.model import Permissions, Repo
from app.repos.paths import NAME, OWNER
from app.repos.wire import RepoJSON, repo_json
from app.scm.forge import Listed
from app.web import body
from app.web.path import Path, decoded
from app.web.reply import JSON, Empty, Text
from app.web.route import Endpoint, Param


async def update_user(request: Request[State], caller: Caller) -> JSON[UserJSON]:
    """Change an account; what is left out stays.

    One that is made inactive is no administrator any more, and what it owns goes to others. An active
    administrator is always left.
    """
    new = await body.parse(request, UserChanges)
    request.state["logins"].check_expected(new.host)
    recorders, name = request.state["recorders"], request.path_params["user"]
    changed = _change(recorders, caller.by, name, new, request.state["now"]())
    return JSON(user_json(await request.state["db"].write(changed)))


def _change(recorders: Recorders, by: Actor, name: str, new: UserChanges, now: int) -> Tx[User]:
    user = yield from accounts.find_named(name)
    changed = yield from moments.updating(recorders, by, user.id, _updated(user, new, now))
    if new.active is False:
        yield from settings.hand_over(user.id, now)
    return changed


def _updated(user: User, new: UserChanges, now: int) -> Tx[User]:
    changed = yield from accounts.update(user.id, email=new.email, admin=new.admin, active=new.active, now=now)
    return changed if new.host is None else (yield from people.expect(changed, new.host, now))


async def delete_user(request: Request[State], caller: Caller) -> Empty:
    """Remove an account; what it owns goes to another who administers it, or to nobody.

    An active administrator is always left.
    """
    deleting = _delete(request.path_params["user"], request.state["now"]())
    await moments.write(request, caller.by, deleting, moments.deleted)
    return Empty()


def _delete(name: str, now: int) -> Tx[User]:
    user = yield from accounts.find_named(name)
    yield from accounts.delete(user.id)
    yield from settings.hand_over(user.id, now)
    return user


async def delete_person(request: Request[State], caller: Caller) -> Text:
    """Remove an account, as `delete_user`, in the form that clients of Artifactory read."""
    deleting = _delete(decoded(request.path_params["user"]), request.state["now"]())
    user = await moments.write(request, caller.by, deleting, moments.deleted)
    return Text(f"User '{user.login}' has been removed successfully.\n")


async def list_user_repos(_: Request[State], __: Caller, repos: list[Repo]) -> JSON[list[RepoJSON]]:
    """The repositories that an account has rights in, by slug."""
    return JSON([repo_json(repo) for repo in repos])


def _repositories(request: Request[State], _: Caller) -> Tx[list[Repo]]:
    user = yield from accounts.find_named(request.path_params["user"])
    return (yield from store.list_of(user.id))


async def sync(request: Request[State], caller: Caller) -> JSON[list[RepoJSON]] | Empty:
    """Synchronise the caller's repositories with the hosts, and answer all, by slug; plain git has nothing to tell.

    An administrator who has no account at a host gets the repositories that the server's own token shows there.
    """
    syncs = request.state["syncs"]
    if body.query(request).get("async") == "true":
        syncs.begin_all(caller.user)
        return Empty()
    await syncs.sync(caller.user)
    return JSON([repo_json(repo) for repo in await request.state["db"].read(store.list_of(caller.user.id))])


async def list_remotes(request: Request[State], caller: Caller) -> JSON[list[RepoJSON]]:
    """The repositories that the caller has at hosts, as the hosts list them now, also those that are not taken.

    Their ids are 0. A plain git host keeps no such list.
    """
    listed = await request.state["syncs"].listed(caller.user)
    return JSON([_remote(host, one) for host, one in listed])


def _remote(host: str, listed: Listed) -> RepoJSON:
    namespace, _, name = listed.slug.rpartition("/")
    visibility = narrower("public", listed.visibility)
    repo = Repo(
        0,
        namespace,
        name,
        uid=listed.uid,
        scm=host,
        git_http_url=listed.http_url,
        git_ssh_url=listed.ssh_url,
        link=listed.link,
        default_branch=listed.default_branch,
        visibility=visibility,
        timeout=0,
        config_path="",
        version=0,
    )
    shown = repo_json(repo, permissions=Permissions(listed.read, listed.write, listed.admin))
    shown["archived"] = listed.archived
    return shown


async def show_remote(_: Request[State], found: Access) -> JSON[RepoJSON]:
    """A repository with the caller's rights in it, as its host tells; for a plain git host, as it is registered."""
    rights = found.permissions or Permissions(read=True, write=found.is_system, admin=found.is_system)
    return JSON(repo_json(found.repo, permissions=rights))


_REMOTES = Path.of("/api/user/remote/repos")
routes: list[Endpoint] = [
    Endpoint(
        "PATCH", USER, update_user, operation="accounts.update_user", needs=SYSTEM, body=UserChanges, errors=[409]
    ),
    Endpoint("DELETE", USER, delete_user, operation="accounts.delete_user", needs=SYSTEM, errors=[409]),
    Endpoint(
        "GET",
        USER / "repos",
        list_user_repos,
        operation="accounts.list_user_repos",
        needs=SYSTEM,
        reads=_repositories,
    ),
    Endpoint(
        "POST",
        "/api/user/repos",
        sync,
        operation="accounts.sync",
        needs=ACCOUNT,
        query=[Param("async", "`true` answers at once, with nothing.")],
        errors=[422, 503],
    ),
    Endpoint("GET", _REMOTES, list_remotes, operation="accounts.list_remotes", needs=ACCOUNT, errors=[422, 503]),
    Endpoint("GET", _REMOTES / OWNER / NAME, show_remote, operation="accounts.show_remote", needs=KNOWN_READ),
]
#: Rows that clients of Artifactory call.
artifactory_routes = [
    Endpoint("DELETE", users.USER, delete_person, operation="people.delete", needs=SYSTEM, errors=[409]),
]
