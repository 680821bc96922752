"""Accounts as clients read them (contract drone-rest 2.2)."""

from typing import NotRequired

from typing_extensions import TypedDict

from app.accounts.model import User


class UserJSON(TypedDict):
    """An account; `avatar_url` is what Drone's own client looks for. `token` only where it is shown this once."""

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


def user_json(user: User, *, token: str = "") -> UserJSON:
    """The JSON of an account; with its token if the token is given."""
    body = UserJSON(
        id=user.id,
        login=user.login,
        email=user.email,
        machine=user.machine,
        admin=user.admin,
        active=user.active,
        avatar=user.avatar,
        avatar_url=user.avatar,
        syncing=False,
        synced=user.synced,
        created=user.created,
        updated=user.updated,
        last_login=user.last_login,
    )
    if token:
        body["token"] = token
    return body
