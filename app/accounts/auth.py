"""The account of a request's caller: by header, by `access_token` or by cookie; the first that is there decides.

Contract drone-rest 1.1, artifactory-storage 1.1.
"""

import hashlib
import hmac
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Scope as Head

from app.accounts import credentials, proofs
from app.accounts.credentials import Credentials
from app.accounts.hosted.login import HostLogins
from app.accounts.jwt import Signer
from app.accounts.model import Proof, User
from app.accounts.seen import Seen
from app.db.tx import Tx
from app.errors import AppError, Forbidden, Invalid, Unauthorized
from app.extensions.client import Extension
from app.log import request_id
from app.moments import Actor, Recorders
from app.web import body, origin
from app.web.connected import address
from app.web.needs import Scope, StoredNeeds
from app.web.route import row
from app.web.state import State as Shared

E = TypeVar("E", bound=AppError)

COOKIE = "_session_"
_ALPHABET = string.ascii_letters + string.digits


class State(Shared):
    """The fields of a request's state that the routes of accounts need."""

    cookie_key: bytes
    now: Callable[[], int]
    #: The extension that decides whether an account may log in with a browser.
    admission: Extension | None
    #: The recorders of moments.
    recorders: Recorders
    #: When tokens and sessions were last seen.
    seen: Seen
    #: Checks the tokens that are JWTs.
    signer: Signer
    #: The hosts at which people log in.
    logins: HostLogins


def _unnoted(_: Proof, __: int) -> None:
    """Stands for `Seen.note` where nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request shows of its caller: a token, or the cookie of a session. Both are empty without an account."""

    token_hash: str = ""
    session_hash: str = ""
    #: The account whose password the token shall be; empty for any.
    login: str = ""
    #: Network address that the request came from.
    address: str = ""
    #: What a token must be good for.
    scope: Scope = "admin"
    #: When the request came, Unix seconds.
    now: int = 0
    #: Called when the claim opens an account.
    note: Callable[[Proof, int], None] = field(default=_unnoted, compare=False)

    def by(self, user: User | None) -> Actor:
        """The actor of the request's moments."""
        return Actor(
            "machine" if user is not None and user.machine else "person",
            user.login if user else "",
            user.id if user else 0,
            self.address,
            "session" if self.session_hash else "token",
            request_id.get(),
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """The account of a request, what the request shows of it, and what that is good for."""

    user: User
    shown: Claim
    proof: Proof

    @property
    def by(self) -> Actor:
        """The caller, as the actor of moments."""
        return self.shown.by(self.user)


def new_token() -> str:
    """32 random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(32))


async def claim(request: Request[Any]) -> Claim:
    """What the request shows of its caller; the account is not yet looked up.

    Forbidden for a cookie in a request of a page of another origin.
    """
    shown = credentials.of_head(request)
    if not credentials.in_headers(request) and _may_be_in_body(request):
        token = (await body.form(request)).get("access_token")
        shown = Credentials(token.removeprefix("Bearer ")) if token else shown
    return _claim(request, shown)


def _may_be_in_body(request: Request[Any]) -> bool:
    """Whether a urlencoded body may hold the token. The bodies of artifacts are files, whatever their type says."""
    return request.method in ("POST", "PUT", "PATCH") and not row(request).needs.judges_scope


def _claim(request: Request[Any], shown: Credentials) -> Claim:
    state, cookie = request.state, "" if shown else session_hash(request)
    if cookie or (shown.login and "sec-fetch-site" in request.headers):  # a browser adds both without being asked
        origin.refuse_others(request)
    if not cookie and not shown:
        return Claim(address=address(request))
    now = state["now"]()
    state["signer"].check(shown.token, now)
    return Claim(
        _token_hash(shown.token), cookie, shown.login, address(request), row(request).scope, now, state["seen"].note
    )


def _token_hash(token: str) -> str:
    return proofs.hash_token(token) if token else ""


def session_hash(request: Request[Any]) -> str:
    """The hash of the cookie that a request shows; empty without one."""
    cookie = request.cookies.get(COOKIE)
    return hash_cookie(cookie, request.state["cookie_key"]) if cookie else ""


def hash_cookie(cookie: str, key: bytes) -> str:
    """The hash of a session's cookie, which is stored. Another key ends all sessions."""
    return hmac.new(key, cookie.encode(), hashlib.sha256).hexdigest()


def who(head: Head) -> str:
    """A name for the token or the session of a request, from the head of the request alone; empty without one.

    The name is not verified: it may open no account.
    """
    request = Request[Any](head)
    try:
        return _token_hash(credentials.of_head(request).token) or session_hash(request)
    except Invalid:
        return ""


async def account_id(head: Head) -> int:
    """The id of the active account that the head of a request shows; 0 without one."""
    request = Request[Any](head)
    try:
        given = credentials.of_head(request)
        session, now = "" if given else session_hash(request), request.state["now"]()
        shown = Claim(_token_hash(given.token), session, given.login, now=now)
        found = await request.state["db"].glance(_look_up(shown))
    except (Unauthorized, Invalid):
        return 0
    return found[0].id if found is not None and found[0].active else 0


def caller_of(shown: Claim, *, some_repos: bool = False) -> Tx[Caller | None]:
    """The caller who makes a claim; None when the claim is empty, or shows a session that is not there or is over.

    Unauthorized for a token that is not known (contract drone-rest 8) or has expired. Forbidden for an inactive
    account, and for a token that is not good for what the request's row is for. Forbidden also for a token that is
    good for some repositories only, unless `some_repos`: then the needs must ask `Proof.reaches`.
    """
    found = yield from _look_up(shown)
    if found is None:
        return None
    user, proof = found
    if refusal := _refusal(user, proof, shown.scope, some_repos):
        raise refused(refusal, user)
    shown.note(proof, shown.now)
    return Caller(user, shown, proof)


def _look_up(shown: Claim) -> Tx[tuple[User, Proof] | None]:
    if shown.token_hash:
        found = yield from proofs.by_token(shown.token_hash)
        if found is None or (shown.login and shown.login.lower() != found[0].login.lower()):
            raise Unauthorized
        if 0 < found[1].expires <= shown.now:
            raise Unauthorized("this token has expired")
        return found
    if shown.session_hash:
        return (yield from proofs.by_session(shown.session_hash, shown.now))
    return None


def _refusal(user: User, proof: Proof, scope: Scope, some_repos: bool) -> Forbidden | None:
    if not user.active:
        return Forbidden("this account is not active")
    if not proof.covers(scope):
        words = f"this token has the scope {proof.scope}; the scope {scope} is needed"
        return Forbidden(words, code="scope_too_small")
    if proof.repos and not some_repos:
        return Forbidden("this token is good for some repositories only, and this is for all", code="limited_token")
    return None


def refused(error: E, account: User) -> E:
    """The error, with the account that lacks a right, so that the refusal can be recorded."""
    error.refused = account
    return error


class AccountNeeds(StoredNeeds[Caller]):
    """Requires an account for which `allows` is true. `refusal` is the message of the error for other accounts.

    With `some_repos`, a token that is good for some repositories only is enough.
    """

    def __init__(
        self,
        means: str,
        allows: Callable[[User], bool],
        refusal: str = "",
        *,
        some_repos: bool = False,
        judges_scope: bool = False,
    ) -> None:
        super().__init__(means, judges_scope=judges_scope)
        self._allows = allows
        self._refusal = refusal
        self._some_repos = some_repos

    async def asked(self, request: Request[Any]) -> Tx[Caller]:
        """The caller; Unauthorized without an account, Forbidden for an account that is not allowed."""
        return self._judged(await claim(request))

    def _judged(self, shown: Claim) -> Tx[Caller]:
        caller = yield from caller_of(shown, some_repos=self._some_repos)
        if caller is None:
            raise Unauthorized
        if not self._allows(caller.user):
            raise refused(Forbidden(self._refusal), caller.user)
        return caller


ACCOUNT = AccountNeeds("Any account.", lambda _: True)
#: As ACCOUNT, also for tokens that are good for some repositories only: for what shows only who the caller is.
KNOWN = AccountNeeds("Any account.", lambda _: True, some_repos=True)
#: As ACCOUNT, whatever a token is good for; the handler grants nothing that the token is not good for.
ANY_SCOPE = AccountNeeds("Any account.", lambda _: True, judges_scope=True)
MACHINE = AccountNeeds(
    "Administrators of the server and machine accounts.",
    lambda user: user.admin or user.machine,
    "this is for administrators of the server and for machine accounts",
)
SYSTEM = AccountNeeds(
    "Administrators of the server.", lambda user: user.admin, "this is for administrators of the server"
)
