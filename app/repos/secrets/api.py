"""Routes of secrets, a repository's and a namespace's (contract drone-rest 3.3, 3.5)."""

from typing import NamedTuple

from starlette.requests import Request

from app.accounts import auth
from app.accounts import moments as written
from app.accounts.model import User
from app.errors import Invalid
from app.pipeline import inline
from app.repos import access, moments, namespaces
from app.repos.access import State
from app.repos.input import check_name
from app.repos.model import SECRET
from app.repos.secrets import store
from app.repos.secrets.input import NewSecret, PlainSecret, SecretChanges
from app.repos.secrets.store import Owner
from app.repos.secrets.wire import EncryptedJSON, SecretJSON, secret_json
from app.web import body
from app.web.needs import Needs
from app.web.reply import JSON, Empty
from app.web.route import Endpoint, row


class _Keeper(NamedTuple):
    """Whose secrets, the name of whose they are, and who asks."""

    owner: Owner
    name: str
    user: User | None


async def list_secrets(request: Request[State]) -> JSON[list[SecretJSON]]:
    """The names and flags of the secrets, by name; values are never shown."""
    owner = await _owner(request)
    return JSON([secret_json(s) for s in await request.state["db"].read(store.list_of(owner))])


async def list_namespace_secrets(request: Request[State]) -> JSON[list[SecretJSON]]:
    """The names and flags of the secrets of all namespaces, by name."""
    await auth.user(request)
    return JSON([secret_json(s) for s in await request.state["db"].read(store.list_of_namespaces())])


async def create(request: Request[State]) -> JSON[SecretJSON]:
    """Add a secret."""
    keeper = await _keeper(request)
    owner = keeper.owner
    _check_namespace(owner)
    new = await body.parse(request, NewSecret)
    sealed = request.state["seal"].seal(new.data, owner.purpose)
    flags = {"pull_request": new.pull_request, "pull_request_push": new.pull_request_push}
    creating = store.create(owner, new.name, sealed, **flags)
    made = await written.write(
        request, keeper.user, creating, lambda by, secret: moments.secret_created(by, keeper.name, secret)
    )
    return JSON(secret_json(made))


async def show(request: Request[State]) -> JSON[SecretJSON]:
    """The name and flags of a secret; its value is never shown."""
    owner = await _owner(request)
    return JSON(secret_json(await request.state["db"].read(store.find(owner, request.path_params["secret"]))))


async def update(request: Request[State]) -> JSON[SecretJSON]:
    """Change the value or the flags of a secret; what is left out stays."""
    keeper = await _keeper(request)
    return await _update(request, keeper, await body.parse(request, SecretChanges))


async def replace(request: Request[State]) -> JSON[SecretJSON]:
    """Set the flags of a secret to exactly these, and its value if one is given.

    A flag that is left out is false from now on: some clients leave out what is false and could never clear it.
    Drone has no such call.
    """
    keeper = await _keeper(request)
    said = await body.parse(request, SecretChanges)
    flags = {"pull_request": said.pull_request or False, "pull_request_push": said.pull_request_push or False}
    return await _update(request, keeper, said.model_copy(update=flags))


async def _update(request: Request[State], keeper: _Keeper, said: SecretChanges) -> JSON[SecretJSON]:
    owner, name = keeper.owner, request.path_params["secret"]
    changed = store.update(
        owner,
        name,
        sealed=None if said.data is None else request.state["seal"].seal(said.data, owner.purpose),
        pull_request=said.pull_request,
        pull_request_push=said.pull_request_push,
    )
    recorded = moments.updating_secret(
        request.state["recorders"],
        auth.actor(request, keeper.user),
        (owner, keeper.name),
        name,
        value=said.data is not None,
        tx=changed,
    )
    return JSON(secret_json(await request.state["db"].write(recorded)))


async def delete(request: Request[State]) -> Empty:
    """Remove a secret."""
    keeper, name = await _keeper(request), request.path_params["secret"]
    by, owner = auth.actor(request, keeper.user), (keeper.owner, keeper.name)
    deleting = store.delete(keeper.owner, name)
    await request.state["db"].write(moments.deleting_secret(request.state["recorders"], by, owner, name, deleting))
    return Empty()


async def encrypt(request: Request[State]) -> JSON[EncryptedJSON]:
    """Encrypt a value for a `kind: secret` document of the repository's pipeline file."""
    repo = (await access.granted(request)).repo
    plain = await body.parse(request, PlainSecret)
    key = request.state["seal"].open(repo.secret, SECRET)
    return JSON(EncryptedJSON(data=inline.encrypt(plain.data, key)))


async def _owner(request: Request[State]) -> Owner:
    """Whose secrets the path names, for somebody who has the right that the route needs."""
    return (await _keeper(request)).owner


async def _keeper(request: Request[State]) -> _Keeper:
    """The same, with the owner's name and who asks."""
    if row(request).needs in ("member", "owner"):
        namespace, user = await namespaces.entered(request)
        return _Keeper(store.of_namespace(namespace), namespace, user)
    found = await access.granted(request)
    return _Keeper(store.of_repo(found.repo.id), found.repo.slug, found.user)


def _check_namespace(owner: Owner) -> None:
    if isinstance(owner.key, str) and (problem := check_name("namespace", owner.key)):
        raise Invalid.of([problem])


def _rows(path: str, *, reading: Needs, writing: Needs, suffix: str = "") -> list[Endpoint]:
    one = path + "/{secret}"
    return [
        Endpoint("GET", path, list_secrets, operation=f"secrets.list_secrets{suffix}", needs=reading),
        Endpoint(
            "POST", path, create, operation=f"secrets.create{suffix}", needs=writing, body=NewSecret, errors=[409]
        ),
        Endpoint("GET", one, show, operation=f"secrets.show{suffix}", needs=reading),
        Endpoint("PATCH", one, update, operation=f"secrets.update{suffix}", needs=writing, body=SecretChanges),
        Endpoint("PUT", one, replace, operation=f"secrets.replace{suffix}", needs=writing, body=SecretChanges),
        Endpoint("DELETE", one, delete, operation=f"secrets.delete{suffix}", needs=writing),
    ]


_REPO = "/api/repos/{owner}/{name}"
_NAMESPACE = "/api/secrets/{namespace}"
routes = [
    *_rows(_REPO + "/secrets", reading="write", writing="write"),
    Endpoint("POST", _REPO + "/encrypt", encrypt, operation="secrets.encrypt", needs="write", body=PlainSecret),
    Endpoint(
        "POST", _REPO + "/encrypt/secret", encrypt, operation="secrets.encrypt.secret", needs="write", body=PlainSecret
    ),
    Endpoint("GET", "/api/secrets", list_namespace_secrets, operation="secrets.list_namespace_secrets", needs="system"),
    *_rows(_NAMESPACE, reading="member", writing="owner", suffix=".namespace"),
    Endpoint(
        "POST",
        _NAMESPACE + "/{secret}",
        update,
        operation="secrets.update.namespace.post",
        needs="owner",
        body=SecretChanges,
    ),
]
