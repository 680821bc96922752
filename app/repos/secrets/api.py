"""Routes of the secrets of a repository and of a namespace (contract drone-rest 3.3, 3.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.requests import Request

from app.accounts.auth import SYSTEM, Caller
from app.db.tx import Tx
from app.pipeline import inline
from app.repos.access import WRITE, Access, State
from app.repos.model import SECRET, Secret
from app.repos.namespaces import MEMBER, OWNER
from app.repos.paths import NAMESPACE, REPO
from app.repos.secrets import store, uses, verbs
from app.repos.secrets.input import NewSecret, PlainSecret, SecretChanges
from app.repos.secrets.uses import Uses
from app.repos.secrets.verbs import Place, owner_of
from app.repos.secrets.wire import EncryptedJSON, SecretJSON, secret_json
from app.web import body
from app.web.needs import StoredNeeds
from app.web.path import Path, Word
from app.web.reply import JSON, Empty
from app.web.route import Endpoint, Param

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """Secrets of a place, and the steps that name them: None where nobody asks, and while no file was read."""

    found: T
    uses: Uses | None


async def list_secrets(_: Request[State], __: Place, read: Read[list[Secret]]) -> JSON[list[SecretJSON]]:
    """The names and flags of the secrets, by name; values are never shown."""
    return JSON([secret_json(secret, read.uses) for secret in read.found])


def _all(request: Request[State], place: Place) -> Tx[Read[list[Secret]]]:
    return _read(request, place, store.list_of(owner_of(place)))


def _read(request: Request[State], place: Place, tx: Tx[T]) -> Tx[Read[T]]:
    repo = place.repo if isinstance(place, Access) and body.flag(request, _USES.name) else None
    found = yield from tx
    return Read(found, (yield from uses.find(repo.id)) if repo else None)


async def list_namespace_secrets(_: Request[State], __: Caller, secrets: list[Secret]) -> JSON[list[SecretJSON]]:
    """The names and flags of the secrets of all namespaces, by name."""
    return JSON([secret_json(secret) for secret in secrets])


def _all_of_namespaces(_: Request[State], __: Caller) -> Tx[list[Secret]]:
    return store.list_of_namespaces()


async def create(request: Request[State], place: Place) -> JSON[SecretJSON]:
    """Add a secret."""
    return JSON(secret_json(await verbs.create(request.state, place, await body.parse(request, NewSecret))))


async def show(_: Request[State], __: Place, read: Read[Secret]) -> JSON[SecretJSON]:
    """The name and flags of a secret; its value is never shown."""
    return JSON(secret_json(read.found, read.uses))


def _named(request: Request[State], place: Place) -> Tx[Read[Secret]]:
    return _read(request, place, store.find(owner_of(place), request.path_params["secret"]))


async def update(request: Request[State], place: Place) -> JSON[SecretJSON]:
    """Change the value or the flags of a secret; what is left out stays."""
    said = await body.parse(request, SecretChanges)
    return JSON(secret_json(await verbs.update(request.state, place, request.path_params["secret"], said)))


async def replace(request: Request[State], place: Place) -> JSON[SecretJSON]:
    """Set the flags of a secret to exactly these, and its value if one is given.

    A flag that is left out is false from now on: some clients leave out what is false and could never clear it.
    Drone has no such call.
    """
    said = await body.parse(request, SecretChanges)
    flags = {"pull_request": said.pull_request or False, "pull_request_push": said.pull_request_push or False}
    changes = said.model_copy(update=flags)
    return JSON(secret_json(await verbs.update(request.state, place, request.path_params["secret"], changes)))


async def delete(request: Request[State], place: Place) -> Empty:
    """Remove a secret."""
    await verbs.delete(request.state, place, request.path_params["secret"])
    return Empty()


async def encrypt(request: Request[State], found: Access) -> JSON[EncryptedJSON]:
    """Encrypt a value for a `kind: secret` document of the repository's pipeline file."""
    plain = await body.parse(request, PlainSecret)
    key = request.state["seal"].open(found.repo.secret, SECRET)
    return JSON(EncryptedJSON(data=inline.encrypt(plain.data, key)))


def _rows(
    path: Path,
    *,
    reading: StoredNeeds[Place],
    writing: StoredNeeds[Place],
    query: Sequence[Param] = (),
    suffix: str = "",
) -> list[Endpoint]:
    one, listed = path / _SECRET, f"secrets.list_secrets{suffix}"
    wrong = [400] if query else []
    return [
        Endpoint("GET", path, list_secrets, operation=listed, needs=reading, reads=_all, query=query, errors=wrong),
        Endpoint(
            "POST", path, create, operation=f"secrets.create{suffix}", needs=writing, body=NewSecret, errors=[409]
        ),
        Endpoint(
            "GET", one, show, operation=f"secrets.show{suffix}", needs=reading, reads=_named, query=query, errors=wrong
        ),
        Endpoint("PATCH", one, update, operation=f"secrets.update{suffix}", needs=writing, body=SecretChanges),
        Endpoint("PUT", one, replace, operation=f"secrets.replace{suffix}", needs=writing, body=SecretChanges),
        Endpoint("DELETE", one, delete, operation=f"secrets.delete{suffix}", needs=writing),
    ]


_SECRET = Word("secret", "Name of the secret, in any letter case.", "deploy_key")
_USES = Param("uses", "`true` adds the steps that name each secret, once a build of the default branch was made.")
_ALL = Path.of("/api/secrets")
_ENCRYPT = REPO / "encrypt"
routes = [
    *_rows(REPO / "secrets", reading=WRITE, writing=WRITE, query=[_USES]),
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
