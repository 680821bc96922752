"""Routes of the secrets of a repository and of a namespace (contract drone-rest 3.3, 3.5)."""

from starlette.requests import Request

from app.accounts import moments as written
from app.accounts.auth import SYSTEM, Caller
from app.db.tx import Tx
from app.errors import Invalid
from app.pipeline import inline
from app.repos import moments
from app.repos.access import WRITE, Access, State
from app.repos.input import check_name
from app.repos.model import SECRET, Secret
from app.repos.namespaces import MEMBER, OWNER, Namespace
from app.repos.paths import NAMESPACE, REPO
from app.repos.secrets import store
from app.repos.secrets.input import NewSecret, PlainSecret, SecretChanges
from app.repos.secrets.store import Owner
from app.repos.secrets.wire import EncryptedJSON, SecretJSON, secret_json
from app.web import body
from app.web.needs import StoredNeeds
from app.web.path import Path, Word
from app.web.reply import JSON, Empty
from app.web.route import Endpoint

#: The owner of secrets: a repository or a namespace, with the caller's right in it.
Place = Access | Namespace


async def list_secrets(_: Request[State], __: Place, secrets: list[Secret]) -> JSON[list[SecretJSON]]:
    """The names and flags of the secrets, by name; values are never shown."""
    return JSON([secret_json(secret) for secret in secrets])


def _all(_: Request[State], place: Place) -> Tx[list[Secret]]:
    return store.list_of(_owner(place))


async def list_namespace_secrets(_: Request[State], __: Caller, secrets: list[Secret]) -> JSON[list[SecretJSON]]:
    """The names and flags of the secrets of all namespaces, by name."""
    return JSON([secret_json(secret) for secret in secrets])


def _all_of_namespaces(_: Request[State], __: Caller) -> Tx[list[Secret]]:
    return store.list_of_namespaces()


async def create(request: Request[State], place: Place) -> JSON[SecretJSON]:
    """Add a secret."""
    owner = _owner(place)
    _check_namespace(owner)
    new = await body.parse(request, NewSecret)
    sealed = request.state["seal"].seal(new.data, owner.purpose)
    flags = {"pull_request": new.pull_request, "pull_request_push": new.pull_request_push}
    creating = store.create(owner, new.name, sealed, **flags)
    made = await written.write(
        request, place.by, creating, lambda by, secret: moments.secret_created(by, _name(place), secret)
    )
    return JSON(secret_json(made))


async def show(_: Request[State], __: Place, secret: Secret) -> JSON[SecretJSON]:
    """The name and flags of a secret; its value is never shown."""
    return JSON(secret_json(secret))


def _named(request: Request[State], place: Place) -> Tx[Secret]:
    return store.find(_owner(place), request.path_params["secret"])


async def update(request: Request[State], place: Place) -> JSON[SecretJSON]:
    """Change the value or the flags of a secret; what is left out stays."""
    return await _update(request, place, await body.parse(request, SecretChanges))


async def replace(request: Request[State], place: Place) -> JSON[SecretJSON]:
    """Set the flags of a secret to exactly these, and its value if one is given.

    A flag that is left out is false from now on: some clients leave out what is false and could never clear it.
    Drone has no such call.
    """
    said = await body.parse(request, SecretChanges)
    flags = {"pull_request": said.pull_request or False, "pull_request_push": said.pull_request_push or False}
    return await _update(request, place, said.model_copy(update=flags))


async def _update(request: Request[State], place: Place, said: SecretChanges) -> JSON[SecretJSON]:
    owner, name = _owner(place), request.path_params["secret"]
    changed = store.update(
        owner,
        name,
        sealed=None if said.data is None else request.state["seal"].seal(said.data, owner.purpose),
        pull_request=said.pull_request,
        pull_request_push=said.pull_request_push,
    )
    recorded = moments.updating_secret(
        request.state["recorders"],
        place.by,
        (owner, _name(place)),
        name,
        value=said.data is not None,
        tx=changed,
    )
    return JSON(secret_json(await request.state["db"].write(recorded)))


async def delete(request: Request[State], place: Place) -> Empty:
    """Remove a secret."""
    owner, name = (_owner(place), _name(place)), request.path_params["secret"]
    deleting = moments.deleting_secret(request.state["recorders"], place.by, owner, name, store.delete(owner[0], name))
    await request.state["db"].write(deleting)
    return Empty()


async def encrypt(request: Request[State], found: Access) -> JSON[EncryptedJSON]:
    """Encrypt a value for a `kind: secret` document of the repository's pipeline file."""
    plain = await body.parse(request, PlainSecret)
    key = request.state["seal"].open(found.repo.secret, SECRET)
    return JSON(EncryptedJSON(data=inline.encrypt(plain.data, key)))


def _owner(place: Place) -> Owner:
    return store.of_repo(place.repo.id) if isinstance(place, Access) else store.of_namespace(place.name)


def _name(place: Place) -> str:
    """The slug of the repository, or the namespace."""
    return place.repo.slug if isinstance(place, Access) else place.name


def _check_namespace(owner: Owner) -> None:
    if isinstance(owner.key, str) and (problem := check_name("namespace", owner.key)):
        raise Invalid.of([problem])


def _rows(path: Path, *, reading: StoredNeeds[Place], writing: StoredNeeds[Place], suffix: str = "") -> list[Endpoint]:
    one = path / _SECRET
    return [
        Endpoint("GET", path, list_secrets, operation=f"secrets.list_secrets{suffix}", needs=reading, reads=_all),
        Endpoint(
            "POST", path, create, operation=f"secrets.create{suffix}", needs=writing, body=NewSecret, errors=[409]
        ),
        Endpoint("GET", one, show, operation=f"secrets.show{suffix}", needs=reading, reads=_named),
        Endpoint("PATCH", one, update, operation=f"secrets.update{suffix}", needs=writing, body=SecretChanges),
        Endpoint("PUT", one, replace, operation=f"secrets.replace{suffix}", needs=writing, body=SecretChanges),
        Endpoint("DELETE", one, delete, operation=f"secrets.delete{suffix}", needs=writing),
    ]


_SECRET = Word("secret", "Name of the secret, in any letter case.", "deploy_key")
_ALL = Path.of("/api/secrets")
_ENCRYPT = REPO / "encrypt"
routes = [
    *_rows(REPO / "secrets", reading=WRITE, writing=WRITE),
    Endpoint("POST", _ENCRYPT, encrypt, operation="secrets.encrypt", needs=WRITE, body=PlainSecret),
    Endpoint("POST", _ENCRYPT / "secret", encrypt, operation="secrets.encrypt.secret", needs=WRITE, body=PlainSecret),
    Endpoint(
        "GET",
        _ALL,
        list_namespace_secrets,
        operation="secrets.list_namespace_secrets",
        needs=SYSTEM,
        reads=_all_of_namespaces,
    ),
    *_rows(_ALL / NAMESPACE, reading=MEMBER, writing=OWNER, suffix=".namespace"),
    Endpoint(
        "POST",
        _ALL / NAMESPACE / _SECRET,
        update,
        operation="secrets.update.namespace.post",
        needs=OWNER,
        body=SecretChanges,
    ),
]
