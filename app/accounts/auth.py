"""The account of a request's caller: by header, by `access_token` or by cookie; the first that is there decides.

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
from app.moments import Actor, Recorders, Way
from app.web import body
from app.web.connected import address
from app.web.needs import StoredNeeds
from app.web.state import State as Shared

E = TypeVar("E", bound=AppError)

COOKIE = "_session_"
_ALPHABET = string.ascii_letters + string.digits


class State(Shared):
    """The fields of a request's state that the routes of accounts need."""

    cookie_key: bytes
    now: Callable[[], int]
    public_url: str
    #: The extension that decides whether an account may log in with a browser.
    admission: Extension | None
    #: The recorders of moments.
    recorders: Recorders


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request shows of its caller: a token, or the login of a cookie. Both are empty without an account."""

    token_hash: str = ""
    login: str = ""
    #: Whether the request shows a token or the session of a browser.
    way: Way = "token"
    #: Network address that the request came from.
    address: str = ""

    def by(self, user: User | None) -> Actor:
        """The actor of the request's moments."""
        return Actor(
            "machine" if user is not None and user.machine else "person",
            user.login if user else "",
            user.id if user else 0,
            self.address,
            self.way,
            request_id.get(),
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """The account of a request, and what the request shows of it."""

    user: User
    shown: Claim

    @property
    def by(self) -> Actor:
        """The caller, as the actor of moments."""
        return self.shown.by(self.user)


def new_token() -> str:
    """32 random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


async def claim(request: Request[Any]) -> Claim:
    """What the request shows of its caller; the account is not yet looked up."""
    if request.headers.get("authorization") or request.method not in ("POST", "PUT", "PATCH"):
        return _of_head(request)
    token = (await body.form(request)).get("access_token")
    return _of_token(token, request) if token else _of_head(request)


def _of_head(request: Request[Any]) -> Claim:
    """What the request shows of its caller outside its body."""
    if token := request.headers.get("authorization") or body.whole_query(request).get("access_token"):
        return _of_token(token, request)
    if login := session(request):
        return Claim(login=login, way="session", address=address(request))
    return Claim(address=address(request))


def session(request: Request[Any]) -> str:
    """The login of the session cookie; empty without a valid cookie."""
    if not (cookie := request.cookies.get(COOKIE)):
        return ""
    state: State = request.state
    return read_cookie(cookie, state["cookie_key"], state["now"]())


def _of_token(text: str, request: Request[Any]) -> Claim:
    return Claim(token_hash=store.hash_token(text.removeprefix("Bearer ")), address=address(request))


def who(scope: Scope) -> str:
    """A name for the caller of a request, from the head of the request alone; empty when the head shows no account.

    The name is not verified: no account may have it.
    """
    try:
        shown = _of_head(Request(scope))
    except Invalid:
        return ""
    return shown.token_hash or shown.login


async def genuine(scope: Scope) -> bool:
    """Whether the head of a request shows an account."""
    request = Request[Any](scope)
    try:
        return await request.state["db"].glance(user_of(_of_head(request))) is not None
    except (Unauthorized, Forbidden, Invalid):
        return False


def user_of(shown: Claim) -> Tx[User | None]:
    """The account of a claim; None when the claim is empty, or its login has no account.

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


def refused(error: E, account: User) -> E:
    """The error, with the account that lacks a right, so that the refusal can be recorded."""
    error.refused = account
    return error


class AccountNeeds(StoredNeeds[Caller]):
    """Requires an account for which `allows` is true. `refusal` is the message of the error for other accounts."""

    def __init__(self, means: str, allows: Callable[[User], bool], refusal: str = "") -> None:
        super().__init__(means)
        self._allows = allows
        self._refusal = refusal

    async def asked(self, request: Request[Any]) -> Tx[Caller]:
        """The caller; Unauthorized without an account, Forbidden for an account that is not allowed."""
        return self._judged(await claim(request))

    def _judged(self, shown: Claim) -> Tx[Caller]:
        user = yield from user_of(shown)
        if user is None:
            raise Unauthorized
        if not self._allows(user):
            raise refused(Forbidden(self._refusal), user)
        return Caller(user, shown)


ACCOUNT = AccountNeeds("Any account.", lambda _: True)
MACHINE = AccountNeeds(
    "Administrators of the server and machine accounts.",
    lambda user: user.admin or user.machine,
    "this is for administrators of the server and for machine accounts",
)
SYSTEM = AccountNeeds(
    "Administrators of the server.", lambda user: user.admin, "this is for administrators of the server"
)


def make_cookie(login: str, key: bytes, expires: int) -> str:
    """A value for the session cookie: the login and the time of expiry (Unix seconds), signed."""
    text = base64.urlsafe_b64encode(login.encode()).decode() + f".{expires}"
    return f"{text}.{_signature(text, key)}"


def read_cookie(value: str, key: bytes, now: int) -> str:
    """The login in a session cookie; empty when the cookie was forged or has expired."""
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
