"""Routes of repositories, rights and secrets (`spec` drone-rest 3.3, 3.5)."""

import re
from typing import Any

from pydantic import field_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.accounts import auth
from app.accounts import store as accounts
from app.errors import NotFound
from app.repos import access, flow, secrets, store
from app.repos.access import State
from app.repos.model import Permissions, Visibility
from app.repos.wire import permissions_json, repo_json
from app.web import body
from app.web.reply import JSON, Empty

#: Repositories on a page at most: Drone knows no bound, and clients ask for all of them at once.
LARGEST_PAGE = 2**31
_SECRET_NAME = re.compile(r"[a-zA-Z0-9._-]{1,200}")


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


class NewSecret(body.Input):
    """Body of POST …/secrets."""

    name: str = ""
    data: str = ""
    pull_request: bool = False
    pull_request_push: bool = False

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not _SECRET_NAME.fullmatch(value):
            raise ValueError("Invalid Secret Name: 1 to 200 of letters, digits, dot, dash, underscore")
        return value

    @field_validator("data")
    @classmethod
    def _data(cls, value: str) -> str:
        if not value or "\0" in value:
            raise ValueError("Invalid Secret Value: it must not be empty nor hold a NUL")
        return value

    model_config = body.Input.model_config | {"validate_default": True}


class Rights(body.Input):
    """Body of PUT …/collaborators/{login}; a greater right brings the lesser ones."""

    read: bool = False
    write: bool = False
    admin: bool = False


async def register(request: Request[State]) -> Response:
    """POST /api/repos: register and enable a plain git repository."""
    owner = await auth.administrator(request)
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


async def list_repos(request: Request[State]) -> Response:
    """GET /api/repos: all of them, for an administrator."""
    await auth.administrator(request)
    limit, offset = body.page(request, largest=LARGEST_PAGE)
    return JSON([repo_json(repo) for repo in await request.state["db"].read(store.list_all(limit, offset))])


async def show(request: Request[State]) -> Response:
    """GET /api/repos/{owner}/{name}"""
    found = await access.reader(request)
    return JSON(repo_json(found.repo, permissions=found.permissions))


async def hook(request: Request[State]) -> Response:
    """GET …/hook: where a push is told and the key that signs it, for those who install the hook (ours)."""
    found = await access.administrator(request)
    key = request.state["seal"].open(found.repo.signer, flow.SIGNER)
    return JSON({"url": request.state["public_url"], "key": key}, headers={"Cache-Control": "no-store"})


async def list_collaborators(request: Request[State]) -> Response:
    """GET …/collaborators"""
    repo = (await access.reader(request)).repo
    rows = await request.state["db"].read(store.collaborators(repo.id))
    return JSON([_collaborator(repo.uid, row, rights) for row, rights in rows])


async def show_collaborator(request: Request[State]) -> Response:
    """GET …/collaborators/{login}: the rights alone."""
    repo = (await access.reader(request)).repo
    user = await request.state["db"].read(accounts.find(request.path_params["login"]))
    rights = await request.state["db"].read(store.permissions(user.id, repo.id))
    if rights is None:
        raise NotFound(f"{user.login} has no rights in {repo.slug}")
    return JSON(permissions_json(rights))


async def set_collaborator(request: Request[State]) -> Response:
    """PUT …/collaborators/{login}: give exactly these rights (ours); none is to take them away."""
    repo = (await access.administrator(request)).repo
    new = await body.parse(request, Rights)
    rights = Permissions(new.read or new.write or new.admin, new.write or new.admin, new.admin)
    user = await request.state["db"].read(accounts.find(request.path_params["login"]))
    if rights == Permissions():
        await request.state["db"].write(store.revoke(repo.id, user))
    else:
        await request.state["db"].write(store.grant(repo.id, user.id, rights, request.state["now"]()))
    return JSON(permissions_json(rights))


async def remove_collaborator(request: Request[State]) -> Response:
    """DELETE …/collaborators/{login}"""
    repo = (await access.administrator(request)).repo
    user = await request.state["db"].read(accounts.find(request.path_params["login"]))
    await request.state["db"].write(store.revoke(repo.id, user))
    return Empty()


async def list_secrets(request: Request[State]) -> Response:
    """GET …/secrets: names and flags."""
    repo = (await access.writer(request)).repo
    return JSON([secrets.as_json(s) for s in await request.state["db"].read(secrets.list_of(repo.id))])


async def create_secret(request: Request[State]) -> Response:
    """POST …/secrets"""
    repo = (await access.writer(request)).repo
    new = await body.parse(request, NewSecret)
    sealed = request.state["seal"].seal(new.data, secrets.PURPOSE)
    made = secrets.create(
        repo.id, new.name, sealed, pull_request=new.pull_request, pull_request_push=new.pull_request_push
    )
    return JSON(secrets.as_json(await request.state["db"].write(made)))


async def show_secret(request: Request[State]) -> Response:
    """GET …/secrets/{secret}"""
    repo = (await access.writer(request)).repo
    return JSON(secrets.as_json(await request.state["db"].read(secrets.find(repo.id, request.path_params["secret"]))))


async def delete_secret(request: Request[State]) -> Response:
    """DELETE …/secrets/{secret}"""
    repo = (await access.writer(request)).repo
    await request.state["db"].write(secrets.delete(repo.id, request.path_params["secret"]))
    return Empty()


def _collaborator(repo_uid: str, row: Any, rights: Permissions) -> dict[str, Any]:
    return {
        "user_id": row["user_id"],
        "repo_id": repo_uid,
        "login": row["login"],
        "avatar": row["avatar"],
        **permissions_json(rights),
        "synced": 0,
        "created": row["created"],
        "updated": row["updated"],
    }


_REPO = "/api/repos/{owner}/{name}"
routes = [
    Route("/api/repos", register, methods=["POST"]),
    Route("/api/repos", list_repos),
    Route(_REPO, show),
    Route(_REPO + "/hook", hook),
    Route(_REPO + "/collaborators", list_collaborators),
    Route(_REPO + "/collaborators/{login}", show_collaborator),
    Route(_REPO + "/collaborators/{login}", set_collaborator, methods=["PUT"]),
    Route(_REPO + "/collaborators/{login}", remove_collaborator, methods=["DELETE"]),
    Route(_REPO + "/secrets", list_secrets),
    Route(_REPO + "/secrets", create_secret, methods=["POST"]),
    Route(_REPO + "/secrets/{secret}", show_secret),
    Route(_REPO + "/secrets/{secret}", delete_secret, methods=["DELETE"]),
]
