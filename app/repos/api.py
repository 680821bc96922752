"""Routes of repositories and rights (`spec` drone-rest 3.3, 3.5)."""

from typing import Any

from pydantic import field_validator
from starlette.requests import Request

from app.accounts import auth
from app.accounts import store as accounts
from app.errors import NotFound
from app.repos import access, flow, store
from app.repos.access import State
from app.repos.model import Permissions, Visibility
from app.repos.wire import CollaboratorJSON, HookJSON, PermissionsJSON, RepoJSON, permissions_json, repo_json
from app.web import body, paging
from app.web.reply import JSON, Empty
from app.web.route import PAGE, Endpoint

#: Repositories on a page at most: Drone knows no bound, and clients ask for all of them at once.
LARGEST_PAGE = 2**31
#: Keys of cursors in a list of repositories.
_SLUGS = r"[^/]+/[^/]+"


class NewRepo(body.Input):
    """Body of POST /api/repos."""

    namespace: str
    name: str
    git_http_url: str
    default_branch: str = ""
    config_path: str = ".drone.yml"
    visibility: Visibility = "private"

    @field_validator("config_path")
    @classmethod
    def _config_path(cls, value: str) -> str:
        parts = value.split("/")
        if not value.isprintable() or len(value) > 500 or any(part in ("", ".", "..") for part in parts):
            raise ValueError("must be a path inside the repository, such as .drone.yml or ci/pipeline.yml")
        return value


class Rights(body.Input):
    """Body of PUT …/collaborators/{login}; a greater right brings the lesser ones."""

    read: bool = False
    write: bool = False
    admin: bool = False


async def register(request: Request[State]) -> JSON[RepoJSON]:
    """Register and enable a plain git repository."""
    owner = await auth.user(request)
    new = await body.parse(request, NewRepo)
    state = request.state
    repo = await flow.register(
        state["db"],
        state["host"],
        state["seal"],
        owner=owner,
        namespace=new.namespace,
        name=new.name,
        url=new.git_http_url,
        default_branch=new.default_branch,
        config_path=new.config_path,
        visibility=new.visibility,
        public_url=state["public_url"],
        new_key=state["new_key"],
        now=state["now"](),
    )
    return JSON(repo_json(repo))


async def list_repos(request: Request[State]) -> JSON[list[RepoJSON]]:
    """All repositories, by slug."""
    await auth.user(request)
    window = paging.window(request, _SLUGS, largest=LARGEST_PAGE)
    part = await request.state["db"].read(store.list_all(window))
    links = paging.links(request, part, lambda repo: repo.slug)
    return JSON([repo_json(repo) for repo in part.items], headers=links)


async def show(request: Request[State]) -> JSON[RepoJSON]:
    """A repository, with the caller's rights in it."""
    found = await access.granted(request)
    return JSON(repo_json(found.repo, permissions=found.permissions))


async def hook(request: Request[State]) -> JSON[HookJSON]:
    """Where a push is told and the key that signs it, for those who install the hook (ours)."""
    found = await access.granted(request)
    key = request.state["seal"].open(found.repo.signer, flow.SIGNER)
    return JSON(HookJSON(url=request.state["public_url"], key=key), headers={"Cache-Control": "no-store"})


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
    """Give an account exactly these rights (ours); none is to take them away."""
    repo = (await access.granted(request)).repo
    new = await body.parse(request, Rights)
    rights = Permissions(new.read or new.write or new.admin, new.write or new.admin, new.admin)
    user = await request.state["db"].read(accounts.find(request.path_params["login"]))
    if rights == Permissions():
        await request.state["db"].write(store.revoke(repo.id, user))
    else:
        await request.state["db"].write(store.grant(repo.id, user.id, rights, request.state["now"]()))
    return JSON(permissions_json(rights))


async def remove_collaborator(request: Request[State]) -> Empty:
    """Take all rights of an account away."""
    repo = (await access.granted(request)).repo
    user = await request.state["db"].read(accounts.find(request.path_params["login"]))
    await request.state["db"].write(store.revoke(repo.id, user))
    return Empty()


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


_REPO = "/api/repos/{owner}/{name}"
routes = [
    Endpoint("POST", "/api/repos", register, needs="system", body=NewRepo, errors=[409, 422]),
    Endpoint("GET", "/api/repos", list_repos, needs="system", query=PAGE, errors=[400]),
    Endpoint("GET", _REPO, show, needs="read"),
    Endpoint("GET", _REPO + "/hook", hook, needs="admin"),
    Endpoint("GET", _REPO + "/collaborators", list_collaborators, needs="read"),
    Endpoint("GET", _REPO + "/collaborators/{login}", show_collaborator, needs="read"),
    Endpoint("PUT", _REPO + "/collaborators/{login}", set_collaborator, needs="admin", body=Rights),
    Endpoint("DELETE", _REPO + "/collaborators/{login}", remove_collaborator, needs="admin"),
]
