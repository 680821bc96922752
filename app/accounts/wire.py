"""Accounts as clients read them (contract drone-rest 2.2), and what opens an account."""

from collections.abc import Sequence
from typing import NotRequired

from typing_extensions import TypedDict

from app.accounts.hosted.model import HostAccount
from app.accounts.model import Session, Token, User
from app.web.needs import Scope


class HostAccountJSON(TypedDict):
    """What an account has at a host. `problem` says why the host is of no use at present; empty when all is well.

    `repositories` is how many the account may see there; while `syncing`, how many were found so far.
    """

    host: str
    login: str
    syncing: bool
    synced: int
    repositories: int
    problem: str


class UserJSON(TypedDict):
    """An account; `avatar_url` is what Drone's own client looks for. `token` only where it is shown this once.

    Ours are `hosts`, only in the answer to the account itself, if it has any, and `host`, from which the person of the
    account is expected, if the person is.
    """

    id: int
    login: str
    email: str
    machine: bool
    admin: bool
    active: bool
    avatar: str
    avatar_url: str
    syncing: bool
    synced: int
    created: int
    updated: int
    last_login: int
    token: NotRequired[str]
    host: NotRequired[str]
    hosts: NotRequired[list[HostAccountJSON]]


class SessionJSON(TypedDict):
    """A browser that is logged in; `current` = the one that asks. `last_seen` may be some minutes old."""

    id: int
    created: int
    last_seen: int
    expires: int
    browser: str
    address: str
    current: bool


class TokenJSON(TypedDict):
    """A token of an account; times are 0 for never, `repos` is empty for all. `token` only where it is shown this once.

    `last_used` may be some minutes old.
    """

    id: int
    name: str
    scope: Scope
    repos: list[str]
    created: int
    expires: int
    last_used: int
    token: NotRequired[str]


def session_json(session: Session, *, current: bool) -> SessionJSON:
    """The JSON of a session."""
    return SessionJSON(
        id=session.id,
        created=session.created,
        last_seen=session.seen,
        expires=session.expires,
        browser=session.browser,
        address=session.address,
        current=current,
    )


def token_json(token: Token, *, value: str = "") -> TokenJSON:
    """The JSON of a token; with the token itself if that is given."""
    body = TokenJSON(
        id=token.id,
        name=token.name,
        scope=token.scope,
        repos=sorted(token.repos.values()),
        created=token.created,
        expires=token.expires,
        last_used=token.used,
    )
    if value:
        body["token"] = value
    return body


def host_account_json(account: HostAccount, now: int) -> HostAccountJSON:
    """The JSON of what an account has at a host."""
    return HostAccountJSON(
        host=account.host,
        login=account.login,
        syncing=account.syncing(now),
        synced=account.synced,
        repositories=account.found if account.syncing(now) else account.repositories,
        problem=account.broken or account.fault,
    )


def user_json(user: User, *, token: str = "", hosts: Sequence[HostAccount] = (), now: int = 0) -> UserJSON:
    """The JSON of an account; with its token, and what it has at hosts, if they are given."""
    body = UserJSON(
        id=user.id,
        login=user.login,
        email=user.email,
        machine=user.machine,
        admin=user.admin,
        active=user.active,
        avatar=user.avatar,
        avatar_url=user.avatar,
        syncing=any(account.syncing(now) for account in hosts),
        synced=user.synced,
        created=user.created,
        updated=user.updated,
        last_login=user.last_login,
    )
    if token:
        body["token"] = token
    if user.expected_from:
        body["host"] = user.expected_from
    if hosts:
        body["hosts"] = [host_account_json(account, now) for account in hosts]
    return body
