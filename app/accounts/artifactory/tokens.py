"""Routes of tokens that the server issues (contract artifactory-storage 1.1), and of the encrypted password.

Nobody gets a token for another account, or for more than what the request shows is good for; administrators of the
server get tokens for other accounts.
"""

import uuid
from collections.abc import Mapping
from typing import NotRequired

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from app.accounts import auth, credentials, issued, moments, proofs, store
from app.accounts.artifactory import form
from app.accounts.auth import ANY_SCOPE, Caller, Claim, State
from app.accounts.issued import Issue
from app.accounts.model import Token, User
from app.db.tx import Tx
from app.errors import Forbidden, Invalid, Problem, Unauthorized
from app.web.connected import address
from app.web.needs import SCOPES, Scope, StoredNeeds, covers
from app.web.path import Path, Word, decoded
from app.web.reply import JSON, Text
from app.web.route import Endpoint, Param

#: Seconds for which a token is good unless the request says otherwise.
LIFETIME = 3600
#: The longest time that a request may ask for, a hundred years; 0 asks for a token without an end.
LONGEST = 100 * 366 * 24 * 3600
_REFRESH = "refresh_token"
_BEARER = "Bearer"
#: What clients of Artifactory ask for, in order to get all that the account may.
_ALL = ("member-of-groups:", "applied-permissions/user", "applied-permissions/groups", "applied-permissions/admin")


class AnswerJSON(TypedDict):
    """A token that was issued. `expires_in` is in seconds, and absent when the token does not end."""

    token_id: str
    access_token: str
    refresh_token: NotRequired[str]
    expires_in: NotRequired[int]
    scope: str
    token_type: str


class TokenJSON(TypedDict):
    """An issued token, without its text. Times are Unix seconds; `expiry` is absent when the token does not end."""

    token_id: str
    subject: str
    scope: str
    issued_at: int
    expiry: NotRequired[int]
    issuer: str
    refreshable: bool
    last_used: int


class TokensJSON(TypedDict):
    """Issued tokens, newest first."""

    tokens: list[TokenJSON]


class PasswordJSON(TypedDict):
    """A text that is good as the caller's password."""

    password: str


class _Issuing(StoredNeeds[Caller | None]):
    """An account; nobody where the body shows a refresh token, which is credential enough."""

    async def asked(self, request: Request[State]) -> Tx[Caller | None]:
        """The caller; None for a refresh."""
        if (await form.words(request)).get("grant_type") == _REFRESH:
            return _nobody()
        return await ANY_SCOPE.asked(request)


def _nobody() -> Tx[None]:
    yield from ()


async def create(request: Request[State], caller: Caller | None) -> JSON[AnswerJSON]:
    """Issue a token, or with `grant_type=refresh_token` a token in place of an old one."""
    said = await form.words(request)
    return await (_refreshed(request, said) if caller is None else _created(request, said, caller))


async def _created(request: Request[State], said: Mapping[str, str], caller: Caller) -> JSON[AnswerJSON]:
    now = request.state["now"]()
    scope, lifetime = _scope(said.get("scope", ""), caller), _lifetime(said.get("expires_in", ""))
    refreshable = said.get("refreshable", "").lower() == "true"
    user = await _owner(request, said.get("username", ""), caller)
    expires = now + lifetime if lifetime else 0
    if caller.proof.expires:  # what has an end cannot prolong itself, by a refresh token neither
        expires, refreshable = min(expires or caller.proof.expires, caller.proof.expires), False
    text = _Text(request, user, scope, now, expires, refreshable=refreshable)
    storing = issued.issue(text.issue, now)
    await moments.write(request, caller.by, storing, lambda by, token: moments.token_created(by, user, token))
    return text.answer(now)


async def _refreshed(request: Request[State], said: Mapping[str, str]) -> JSON[AnswerJSON]:
    now, made = request.state["now"](), list[_Text]()

    def renew(user: User, old: Token) -> Issue:
        lifetime = old.expires - old.created if old.expires else 0
        expires = now + lifetime if lifetime else 0
        made.append(_Text(request, user, old.scope, now, expires, refreshable=True))
        return made[-1].issue

    shown = said.get(_REFRESH, "")
    refreshing = issued.refresh(proofs.hash_token(shown), renew, now)
    recorders = request.state["recorders"]
    claim = Claim(address=address(request))
    await request.state["db"].write(
        recorders.recorded(refreshing, lambda done: moments.token_renewed(claim.by(done[0]), done[0], done[2]))
    )
    return made[-1].answer(now)


class _Text:
    """The texts of a new token, and the row to store."""

    def __init__(
        self, request: Request[State], user: User, scope: Scope, now: int, expires: int, *, refreshable: bool
    ) -> None:
        self.id = str(uuid.uuid4())
        self.access = request.state["signer"].issue(user.login, scope, self.id, now=now, expires=expires)
        self.refresh = str(uuid.uuid4()) if refreshable else ""
        token = Token(0, user.id, issued.PREFIX + self.id, scope, {}, now, expires)
        refresh_hash = proofs.hash_token(self.refresh) if refreshable else ""
        self.issue = Issue(token, proofs.hash_token(self.access), refresh_hash)

    def answer(self, now: int) -> JSON[AnswerJSON]:
        """The answer that shows the token, this once."""
        token = self.issue.token
        body = AnswerJSON(token_id=self.id, access_token=self.access, scope=_said(token.scope), token_type=_BEARER)
        if self.refresh:
            body["refresh_token"] = self.refresh
        if token.expires:
            body["expires_in"] = token.expires - now
        return JSON(body, headers={"Cache-Control": "no-store"})


def _said(scope: Scope) -> str:
    return "member-of-groups:* api:*" if scope == "admin" else scope


def _scope(text: str, caller: Caller) -> Scope:
    """What a new token shall be good for; Forbidden when that is more than what the request shows is good for."""
    wanted: Scope = caller.proof.scope
    for word in text.split():
        if found := [scope for scope in SCOPES if scope == word]:
            wanted = found[0]
        elif word.startswith("applied-permissions/admin") and not caller.user.admin:
            raise auth.refused(
                Forbidden("scope: only administrators of the server get tokens with all rights"), caller.user
            )
        elif not word.startswith(_ALL) and not word.startswith("api:"):
            words = f"scope: {word[:100]!r} is not known; say {', '.join(SCOPES)}, member-of-groups:* or nothing"
            raise Invalid.of([Problem("scope", "unknown_scope", words)])
    if not covers(caller.proof.scope, wanted):
        words = f"scope: this token has the scope {caller.proof.scope}, so it gets no token of the scope {wanted}"
        raise auth.refused(Forbidden(words, code="scope_too_small"), caller.user)
    return wanted


def _lifetime(text: str) -> int:
    """Seconds; 0 = for ever."""
    if not text:
        return LIFETIME
    if not (text.isascii() and text.isdecimal()) or len(text) > 12 or int(text) > LONGEST:
        words = f"expires_in: must be a number of seconds from 0 (no end) to {LONGEST}"
        raise Invalid.of([Problem("expires_in", "bad_lifetime", words)])
    return int(text)


async def _owner(request: Request[State], login: str, caller: Caller) -> User:
    if not login or login.lower() == caller.user.login.lower():
        return caller.user
    if not (caller.user.admin and caller.proof.covers("admin")):
        words = "username: only administrators of the server get tokens for other accounts"
        raise auth.refused(Forbidden(words), caller.user)
    user = await request.state["db"].glance(store.find_if_any(login))
    if user is None:
        words = f"username: there is no account {login[:100]}; add it first"
        raise Invalid.of([Problem("username", "unknown_user", words)])
    return user


def _whose(caller: Caller) -> int:
    """The account whose tokens a caller may see and revoke; 0 for all."""
    return 0 if caller.user.admin and caller.proof.covers("admin") else caller.user.id


def _all(_: Request[State], caller: Caller) -> Tx[list[tuple[Token, bool, str]]]:
    return (yield from _with_logins((yield from issued.list_issued(_whose(caller)))))


def _one(request: Request[State], caller: Caller) -> Tx[list[tuple[Token, bool, str]]]:
    return (yield from _with_logins([(yield from issued.find(decoded(request.path_params["token"]), _whose(caller)))]))


def _with_logins(found: list[tuple[Token, bool]]) -> Tx[list[tuple[Token, bool, str]]]:
    logins = yield from issued.logins_of(token for token, _ in found)
    return [(token, refreshable, logins[token.user_id]) for token, refreshable in found]


async def list_tokens(request: Request[State], _: Caller, found: list[tuple[Token, bool, str]]) -> JSON[TokensJSON]:
    """The newest issued tokens of the caller; of all accounts for administrators of the server."""
    return JSON(TokensJSON(tokens=[_json(request, *one) for one in found]))


async def show(request: Request[State], _: Caller, found: list[tuple[Token, bool, str]]) -> JSON[TokenJSON]:
    """An issued token, by its id."""
    return JSON(_json(request, *found[0]))


def _json(request: Request[State], token: Token, refreshable: bool, login: str) -> TokenJSON:
    issuer = request.state["signer"].issuer
    body = TokenJSON(
        token_id=token.name.removeprefix(issued.PREFIX),
        subject=f"{issuer}/users/{login}",
        scope=_said(token.scope),
        issued_at=token.created,
        issuer=issuer,
        refreshable=refreshable,
        last_used=token.used,
    )
    if token.expires:
        body["expiry"] = token.expires
    return body


async def revoke(request: Request[State], caller: Caller) -> Text:
    """Revoke an issued token, by its id."""
    return await _revoked_by_id(request, caller, decoded(request.path_params["token"]))


async def revoke_text(request: Request[State], caller: Caller) -> Text:
    """Revoke an issued token, by its text or by its id; a token that is not there counts as revoked."""
    said = await form.words(request)
    if said.get("token_id"):
        return await _revoked_by_id(request, caller, said["token_id"])
    if not said.get("token"):
        raise Invalid.of([Problem("token", "missing_token", "token: is missing; send the token, or its token_id")])
    revoking = issued.revoke_text(proofs.hash_token(said["token"]), _whose(caller))
    await moments.write(
        request, caller.by, revoking, lambda by, done: moments.token_deleted(by, *done) if done else None
    )
    return Text("Token revoked\n")


async def _revoked_by_id(request: Request[State], caller: Caller, token_id: str) -> Text:
    revoking = _revoking(caller, token_id)
    await moments.write(request, caller.by, revoking, lambda by, done: moments.token_deleted(by, *done))
    return Text("Token revoked\n")


def _revoking(caller: Caller, token_id: str) -> Tx[tuple[User, Token]]:
    """Forbidden for a token that is good for more than what the request shows."""
    user, token = yield from issued.revoke(token_id, _whose(caller))
    if token.id != caller.proof.token_id and not caller.proof.covers(token.scope):
        words = f"this token has the scope {caller.proof.scope}; to revoke that one the scope {token.scope} is needed"
        raise auth.refused(Forbidden(words, code="scope_too_small"), caller.user)
    return user, token


async def password(request: Request[State], caller: Caller) -> Response:
    """A text that is good as the caller's password: the token that the request shows.

    The text stands alone, as the command line wants it; a client that says what it accepts gets a JSON object.
    """
    token = credentials.of_head(request).token
    if not token:
        raise Unauthorized("Bad credentials: show a token in the headers")
    headers = {"Cache-Control": "no-store"}
    accepts = request.headers.get("accept", "text/plain")
    if "text/plain" in accepts:
        return Text(token, headers=headers)
    return JSON(PasswordJSON(password=token), headers=headers)


_WORDS = [
    Param("username", "The account that gets the token; without it, the caller's.", form=True),
    Param(
        "scope",
        "What the token is good for: read, promote, deploy or admin; others mean all.",
        form=True,
        example="deploy",
    ),
    Param("expires_in", "Seconds; 0 = no end. Without it 3600.", form=True),
    Param("refreshable", "`true` = with a refresh token, good once; not if the caller's token has an end.", form=True),
    Param("grant_type", "`refresh_token` = a new token in place of an old one.", form=True),
    Param(_REFRESH, "The refresh token of the old one.", form=True),
]
ISSUING = _Issuing("Any account, and who shows a refresh token.", strangers=True, judges_scope=True)
_SECURITY = Path.of("/artifactory/api/security")
_ACCESS = Path.of("/access/api/v1/tokens")
_TOKEN = Word("token", "Id of an issued token.", "5a5bd3ca-0a4e-4ec8-a4e5-9d7e6d1c3f7a")
_REVOKED = [
    Param("token", "The token.", form=True),
    Param("token_id", "Or its id.", form=True, example="5a5bd3ca-0a4e-4ec8-a4e5-9d7e6d1c3f7a"),
]


def _row(method: str, path: Path, operation: str) -> Endpoint:
    return Endpoint(
        method, path, create, operation=operation, needs=ISSUING, query=_WORDS, errors=[400, 403, 409], secret=True
    )


routes = [
    _row("POST", _SECURITY / "token", "tokens.create.security"),
    _row("POST", _ACCESS, "tokens.create"),
    Endpoint("GET", _ACCESS, list_tokens, operation="tokens.list", needs=ANY_SCOPE, reads=_all),
    Endpoint("GET", _SECURITY / "token", list_tokens, operation="tokens.list.security", needs=ANY_SCOPE, reads=_all),
    Endpoint("GET", _ACCESS / _TOKEN, show, operation="tokens.show", needs=ANY_SCOPE, reads=_one),
    Endpoint("DELETE", _ACCESS / _TOKEN, revoke, operation="tokens.revoke", needs=ANY_SCOPE),
    Endpoint(
        "DELETE",
        _ACCESS / "revoke",
        revoke_text,
        operation="tokens.revoke.text",
        needs=ANY_SCOPE,
        query=_REVOKED,
        errors=[404],
    ),
    Endpoint(
        "POST",
        _SECURITY / "token/revoke",
        revoke_text,
        operation="tokens.revoke.security",
        needs=ANY_SCOPE,
        query=_REVOKED,
        errors=[404],
    ),
    Endpoint(
        "GET", _SECURITY / "encryptedPassword", password, operation="tokens.password", needs=ANY_SCOPE, secret=True
    ),
]
