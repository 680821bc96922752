"""Who is calling: by header, by `access_token`, by cookie; the first that is there decides.

Contract drone-rest 1.1.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Scope

from app.accounts import store
from app.accounts.model import User
from app.db.tx import Tx
from app.errors import AppError, Forbidden, Invalid, Unauthorized
from app.extensions.client import Extension
from app.log import request_id
from app.moments import Actor, Recorders
from app.web import body
from app.web.connected import address
from app.web.route import row
from app.web.state import State as Shared

E = TypeVar("E", bound=AppError)

COOKIE = "_session_"
_ALPHABET = string.ascii_letters + string.digits


class State(Shared):
    """What this room needs of a request's state."""

    cookie_key: bytes
    now: Callable[[], int]
    public_url: str
    #: Who is asked whether somebody may log in with a browser.
    admission: Extension | None
    #: Who writes down what happens.
    recorders: Recorders


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request shows: a token (explicit) or a cookie's login. Empty: anonymous."""

    token_hash: str = ""
    login: str = ""


def new_token() -> str:
    """32 random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


async def claim(request: Request[Any]) -> Claim:
    """What the request shows of its caller, not yet looked up."""
    if request.headers.get("authorization") or request.method not in ("POST", "PUT", "PATCH"):
        return _of_head(request)
    token = (await body.form(request)).get("access_token")
    return _of_token(token) if token else _of_head(request)


def _of_head(request: Request[Any]) -> Claim:
    """What the request shows without its body."""
    if token := request.headers.get("authorization") or body.whole_query(request).get("access_token"):
        return _of_token(token)
    return Claim(login=session(request))


def session(request: Request[Any]) -> str:
    """The login that the session cookie shows; empty without a cookie that holds."""
    if not (cookie := request.cookies.get(COOKIE)):
        return ""
    state: State = request.state
    return read_cookie(cookie, state["cookie_key"], state["now"]())


def _of_token(text: str) -> Claim:
    return Claim(token_hash=store.hash_token(text.removeprefix("Bearer ")))


def who(scope: Scope) -> str:
    """One name for each caller, as far as the head of a request tells, which nobody has looked up; empty = anybody."""
    try:
        shown = _of_head(Request(scope))
    except Invalid:
        return ""
    return shown.token_hash or shown.login


def caller(shown: Claim) -> Tx[User | None]:
    """The account behind a claim, None for nobody.

    Unauthorized for a token that is not known (contract drone-rest 8), Forbidden for an inactive account.
    """
    user = yield from _look_up(shown)
    if user is not None and not user.active:
        raise refused(Forbidden("this account is not active"), user)
    return user


def _look_up(shown: Claim) -> Tx[User | None]:
    if shown.token_hash:
        found = yield from store.find_by_token_hash(shown.token_hash)
        if found is None or not hmac.compare_digest(found[1], shown.token_hash):
            raise Unauthorized
        return found[0]
    if shown.login:
        return (yield from store.find_if_any(shown.login))
    return None


async def user(request: Request[Any]) -> User:
    """The caller; Unauthorized when anonymous, Forbidden when the route needs more than an account."""
    state: State = request.state
    found = await state["db"].read(caller(await claim(request)))
    if found is None:
        raise Unauthorized
    match row(request).needs:
        case "system" if not found.admin:
            raise refused(Forbidden("this is for administrators of the server"), found)
        case "machine" if not (found.admin or found.machine):
            raise refused(Forbidden("this is for administrators of the server and for machine accounts"), found)
    return found


def refused(error: E, account: User) -> E:
    """The error, with the account that lacks a right: whoever answers may have that written down."""
    error.refused = account
    return error


def actor(request: Request[Any], account: User | None) -> Actor:
    """Who does what a request asks for, for the record."""
    by_cookie = not request.headers.get("authorization") and COOKIE in request.cookies
    return Actor(
        "machine" if account is not None and account.machine else "person",
        account.login if account else "",
        account.id if account else 0,
        address(request),
        "session" if by_cookie else "token",
        request_id.get(),
    )


def make_cookie(login: str, key: bytes, expires: int) -> str:
    """A value for the session cookie: login and expiry, signed."""
    text = base64.urlsafe_b64encode(login.encode()).decode() + f".{expires}"
    return f"{text}.{_signature(text, key)}"


def read_cookie(value: str, key: bytes, now: int) -> str:
    """The login in a session cookie; empty when it was forged or has expired."""
    text, _, signature = value.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(text, key).encode()):
        return ""
    login, _, expires = text.partition(".")
    try:
        return base64.urlsafe_b64decode(login).decode() if int(expires) > now else ""
    except (ValueError, binascii.Error):
        return ""


def _signature(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
