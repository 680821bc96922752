"""Routes of the tokens of an account, each good for some things, perhaps in some repositories only.

Drone has one token an account, which `POST /api/user/token` renews.
"""

from starlette.requests import Request

from app.accounts import moments, proofs, verbs
from app.accounts import store as accounts
from app.accounts.api import USER
from app.accounts.auth import ACCOUNT, SYSTEM, Caller
from app.accounts.model import Token, User
from app.accounts.wire import TokenJSON, token_json
from app.db.tx import Tx
from app.repos import tokens
from app.repos.access import State
from app.repos.input import NewToken
from app.web import body
from app.web.path import Path, Word
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


async def list_tokens(_: Request[State], __: Caller, found: list[Token]) -> JSON[list[TokenJSON]]:
    """The tokens of the caller's account, by name; `default` is the one that the account was made with."""
    return JSON([token_json(token) for token in found])


def _mine(_: Request[State], caller: Caller) -> Tx[list[Token]]:
    return proofs.list_tokens(caller.user.id)


async def list_of_user(_: Request[State], __: Caller, found: list[Token]) -> JSON[list[TokenJSON]]:
    """The tokens of an account, by name."""
    return JSON([token_json(token) for token in found])


async def create(request: Request[State], caller: Caller) -> JSON[TokenJSON]:
    """Add a token to the caller's account; the token is in the answer, shown this once."""
    made, value = await tokens.create(request.state, caller, await body.parse(request, NewToken))
    return JSON(token_json(made, value=value), headers={"Cache-Control": "no-store"})


async def delete(request: Request[State], caller: Caller) -> Empty:
    """Remove a token of the caller's account, by its name or else its id; the sessions that it began end, too."""
    await verbs.revoke(request.state, caller, request.path_params["token"])
    return Empty()


def _of_user(request: Request[State], _: Caller) -> Tx[list[Token]]:
    user = yield from accounts.find_named(request.path_params["user"])
    return (yield from proofs.list_tokens(user.id))


async def delete_of_user(request: Request[State], caller: Caller) -> Empty:
    """Remove a token of an account, by its name or else its id; the sessions that it began end, too."""
    deleting = _deleted(request.path_params["user"], request.path_params["token"])
    await moments.write(request, caller.by, deleting, lambda by, done: moments.token_deleted(by, *done))
    return Empty()


def _deleted(login: str, name: str) -> Tx[tuple[User, Token]]:
    user = yield from accounts.find_named(login)
    return user, (yield from proofs.delete_token(user.id, name))


_TOKENS = Path.of("/api/user/tokens")
_TOKEN = Word("token", "Name of the token, or its id.", "deploy-bot")
routes = [
    Endpoint("GET", _TOKENS, list_tokens, operation="accounts.list_tokens", needs=ACCOUNT, reads=_mine),
    Endpoint(
        "POST",
        _TOKENS,
        create,
        operation="accounts.create_token",
        needs=ACCOUNT,
        body=NewToken,
        errors=[409],
        secret=True,
    ),
    Endpoint(
        "DELETE",
        _TOKENS / _TOKEN,
        delete,
        operation="accounts.delete_token",
        needs=ACCOUNT,
    ),
    Endpoint("GET", USER / "tokens", list_of_user, operation="accounts.list_tokens.user", needs=SYSTEM, reads=_of_user),
    Endpoint("DELETE", USER / "tokens" / _TOKEN, delete_of_user, operation="accounts.delete_token.user", needs=SYSTEM),
]
