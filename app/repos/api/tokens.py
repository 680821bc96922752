"""Routes of the tokens of an account, each good for some things, perhaps in some repositories only.

Drone has one token an account, which `POST /api/user/token` renews.
"""

from collections.abc import Sequence

from starlette.requests import Request

from app.accounts import auth, moments, proofs
from app.accounts import store as accounts
from app.accounts.api import USER
from app.accounts.auth import ACCOUNT, SYSTEM, Caller
from app.accounts.model import Token, User
from app.accounts.wire import TokenJSON, token_json
from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos import access, store
from app.repos.access import State
from app.repos.input import NewToken
from app.web import body
from app.web.path import Path, Word
from app.web.reply import JSON, Empty
from app.web.route import Endpoint


async def list_tokens(_: Request[State], __: Caller, tokens: list[Token]) -> JSON[list[TokenJSON]]:
    """The tokens of the caller's account, by name; `default` is the one that the account was made with."""
    return JSON([token_json(token) for token in tokens])


def _mine(_: Request[State], caller: Caller) -> Tx[list[Token]]:
    return proofs.list_tokens(caller.user.id)


async def list_of_user(_: Request[State], __: Caller, tokens: list[Token]) -> JSON[list[TokenJSON]]:
    """The tokens of an account, by name."""
    return JSON([token_json(token) for token in tokens])


async def create(request: Request[State], caller: Caller) -> JSON[TokenJSON]:
    """Add a token to the caller's account; the token is in the answer, shown this once."""
    new, now, value = await body.parse(request, NewToken), request.state["now"](), auth.new_token()
    if 0 < new.expires <= now:
        raise Invalid.of([Problem("expires", "in_the_past", f"expires: must be after now, which is {now}, or 0")])
    making = _make(caller, new, proofs.hash_token(value), now)
    made = await moments.write(
        request, caller.by, making, lambda by, token: moments.token_created(by, caller.user, token)
    )
    return JSON(token_json(made, value=value), headers={"Cache-Control": "no-store"})


def _make(caller: Caller, new: NewToken, token_hash: str, now: int) -> Tx[Token]:
    repos = yield from _readable(caller, new.repos)
    token = Token(0, caller.user.id, new.name, new.scope, repos, now, new.expires)
    return (yield from proofs.add_token(token, token_hash))


def _readable(caller: Caller, slugs: Sequence[str]) -> Tx[dict[int, str]]:
    """The slugs by id; Invalid names every repository that is not there, or that the caller may not read."""
    found, problems = dict[int, str](), list[Problem]()
    for slug in dict.fromkeys(slugs):
        namespace, _, name = slug.rpartition("/")
        known = yield from store.find_with_rights(namespace, name, caller.user.id)
        if known is None or access.refuse(caller.user, known.repo, known.rights, "read"):
            problems.append(Problem("repos", "unknown_repo", f"repos: {slug} is no repository that you may read"))
        else:
            found[known.repo.id] = known.repo.slug
    if problems:
        raise Invalid.of(problems)
    return found


async def delete(request: Request[State], caller: Caller) -> Empty:
    """Remove a token of the caller's account, by its name or else its id; the sessions that it began end, too."""
    deleting = proofs.delete_token(caller.user.id, request.path_params["token"])
    await moments.write(request, caller.by, deleting, lambda by, token: moments.token_deleted(by, caller.user, token))
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
