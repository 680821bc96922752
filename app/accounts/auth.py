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
from app.moments import Actor, Recorders, Way
from app.web import body
from app.web.connected import address
from app.web.needs import StoredNeeds
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
    """What a request shows of its caller: a token (explicit) or a cookie's login; a stranger shows neither."""

    token_hash: str = ""
    login: str = ""
    #: How the caller came in: with a token or with a browser's session.
    way: Way = "token"
    #: Network address that the request came from.
    address: str = ""

    def by(self, user: User | None) -> Actor:
        """Who does what the request asks for, for the record."""
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
    """An account, and what its request shows."""

    user: User
    shown: Claim

    @property
    def by(self) -> Actor:
        """The caller, for the record."""
        return self.shown.by(self.user)


def new_token() -> str:
    """32 random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


async def claim(request: Request[Any]) -> Claim:
    """What the request shows of its caller, not yet looked up."""
    if request.headers.get("authorization") or request.method not in ("POST", "PUT", "PATCH"):
        return _of_head(request)
    token = (await body.form(request)).get("access_token")
    return _of_token(token, request) if token else _of_head(request)


def _of_head(request: Request[Any]) -> Claim:
    """What the request shows without its body."""
    if token := request.headers.get("authorization") or body.whole_query(request).get("access_token"):
        return _of_token(token, request)
    if login := session(request):
        return Claim(login=login, way="session", address=address(request))
    return Claim(address=address(request))


def session(request: Request[Any]) -> str:
    """The login that the session cookie shows; empty without a cookie that holds."""
    if not (cookie := request.cookies.get(COOKIE)):
        return ""
    state: State = request.state
    return read_cookie(cookie, state["cookie_key"], state["now"]())


def _of_token(text: str, request: Request[Any]) -> Claim:
    return Claim(token_hash=store.hash_token(text.removeprefix("Bearer ")), address=address(request))


def who(scope: Scope) -> str:
    """One name for each caller, as far as the head of a request tells, which nobody has looked up; empty = anybody."""
    try:
        shown = _of_head(Request(scope))
    except Invalid:
        return ""
    return shown.token_hash or shown.login


def user_of(shown: Claim) -> Tx[User | None]:
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


def refused(error: E, account: User) -> E:
    """The error, with the account that lacks a right: whoever answers may have that written down."""
    error.refused = account
    return error


class AccountNeeds(StoredNeeds[Caller]):
    """Needs that an account meets by what it is. `refusal` is said to those that do not."""

    def __init__(self, means: str, allows: Callable[[User], bool], refusal: str = "") -> None:
        super().__init__(means)
        self._allows = allows
        self._refusal = refusal

    async def asked(self, request: Request[Any]) -> Tx[Caller]:
        """The caller; Unauthorized for a stranger, Forbidden for an account that does not do."""
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
