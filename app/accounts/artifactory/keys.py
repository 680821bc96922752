"""Routes of API keys: the one token of an account that the account may see again."""

import secrets
import string

from starlette.requests import Request
from typing_extensions import TypedDict

from app.accounts import moments, proofs, store
from app.accounts.auth import ACCOUNT, SYSTEM, Caller, State
from app.accounts.model import Token, User
from app.db.tx import Tx, one, run
from app.errors import Conflict, NotFound
from app.moments import Actor, Recorders
from app.sealing.seal import Seal
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, Text
from app.web.route import Endpoint

#: The column of the sealed keys; the name is also the purpose of its values.
DATA = "api_keys.data"
#: The name of the token of an API key.
NAME = "api-key"
#: How a key begins, and how long it is: by this, clients tell keys from other tokens.
_BEGINNING, _LENGTH = "AKCp8", 73

ADD = "INSERT INTO api_keys (user_id, data) VALUES (:user_id, :data)"
FIND = "SELECT data FROM api_keys WHERE user_id = :user_id"
DELETE = "DELETE FROM api_keys WHERE user_id = :user_id RETURNING user_id"


class KeyJSON(TypedDict):
    """An API key."""

    apiKey: str


class Sealing(State):
    """The fields of a request's state that these routes need."""

    seal: Seal


def new_key() -> str:
    """A new API key."""
    alphabet = string.ascii_letters + string.digits
    return _BEGINNING + "".join(secrets.choice(alphabet) for _ in range(_LENGTH - len(_BEGINNING)))


async def show(request: Request[Sealing], _: Caller, sealed: bytes) -> JSON[KeyJSON]:
    """The API key of the caller's account."""
    return _shown(request.state["seal"].open(sealed, DATA))


def _shown(key: str) -> JSON[KeyJSON]:
    return JSON(KeyJSON(apiKey=key), headers={"Cache-Control": "no-store"})


def _mine(_: Request[Sealing], caller: Caller) -> Tx[bytes]:
    row = yield from one(FIND, user_id=caller.user.id)
    if row is None:
        raise NotFound("the account has no API key; make one with POST")
    return bytes(row["data"])


async def create(request: Request[Sealing], caller: Caller) -> JSON[KeyJSON]:
    """Make the API key of the caller's account."""
    return await _made(request, caller, replaces=False)


async def replace(request: Request[Sealing], caller: Caller) -> JSON[KeyJSON]:
    """Make a new API key of the caller's account; the old one opens nothing any more."""
    return await _made(request, caller, replaces=True)


async def _made(request: Request[Sealing], caller: Caller, *, replaces: bool) -> JSON[KeyJSON]:
    key, user = new_key(), caller.user
    sealed, now = request.state["seal"].seal(key, DATA), request.state["now"]()
    storing = _store(request.state["recorders"], caller.by, user, key, sealed, now, replaces=replaces)
    await moments.write(request, caller.by, storing, lambda by, token: moments.token_created(by, user, token))
    return _shown(key)


def _store(
    recorders: Recorders, by: Actor, user: User, key: str, sealed: bytes, now: int, *, replaces: bool
) -> Tx[Token]:
    yield from run(proofs.LOCK, user_id=user.id)
    if (yield from one(FIND, user_id=user.id)) is not None:
        if not replaces:
            raise Conflict("the account has an API key already; replace it with PUT", code="key_exists")
        yield from recorders.recorded(_remove(user), lambda done: moments.token_deleted(by, *done))
    yield from run(ADD, user_id=user.id, data=sealed)
    return (yield from proofs.add_token(Token(0, user.id, NAME, created=now), proofs.hash_token(key)))


def _remove(user: User) -> Tx[tuple[User, Token]]:
    if (yield from one(DELETE, user_id=user.id)) is None:
        raise NotFound(f"{user.login} has no API key")
    return user, (yield from proofs.delete_token(user.id, NAME))


async def delete(request: Request[Sealing], caller: Caller) -> Text:
    """Remove the API key of the caller's account."""
    removing = _remove(caller.user)
    await moments.write(request, caller.by, removing, lambda by, done: moments.token_deleted(by, *done))
    return Text("API key revoked\n")


async def delete_of_user(request: Request[Sealing], caller: Caller) -> Text:
    """Remove the API key of an account."""
    removing = _removed_of(decoded(request.path_params["user"]))
    await moments.write(request, caller.by, removing, lambda by, done: moments.token_deleted(by, *done))
    return Text("API key revoked\n")


def _removed_of(login: str) -> Tx[tuple[User, Token]]:
    user = yield from store.find(login)
    return (yield from _remove(user))


_KEY = Path.of("/artifactory/api/security/apiKey")
_USER = Word("user", "Login of the account.", "octocat")
routes = [
    Endpoint("GET", _KEY, show, operation="api_keys.show", needs=ACCOUNT, reads=_mine, scope="admin", errors=[404]),
    Endpoint("POST", _KEY, create, operation="api_keys.create", needs=ACCOUNT, errors=[409], secret=True),
    Endpoint("PUT", _KEY, replace, operation="api_keys.replace", needs=ACCOUNT, secret=True),
    Endpoint("DELETE", _KEY, delete, operation="api_keys.delete", needs=ACCOUNT, errors=[404]),
    Endpoint("DELETE", _KEY / _USER, delete_of_user, operation="api_keys.delete.user", needs=SYSTEM),
]
