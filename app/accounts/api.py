"""Routes of accounts (`spec` drone-rest 3.1, 3.2)."""

import re
from typing import Any

from pydantic import field_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.accounts import auth, store
from app.accounts.auth import State
from app.accounts.model import User
from app.web import body
from app.web.reply import JSON

_LOGIN = re.compile(r"[.a-zA-Z0-9_-]{1,50}")


def as_json(user: User) -> dict[str, Any]:
    """An account as clients read it; `avatar_url` is what Drone's own client looks for."""
    return {
        "id": user.id,
        "login": user.login,
        "email": user.email,
        "machine": user.machine,
        "admin": user.admin,
        "active": user.active,
        "avatar": user.avatar,
        "avatar_url": user.avatar,
        "syncing": False,
        "synced": user.synced,
        "created": user.created,
        "updated": user.updated,
        "last_login": user.last_login,
    }


class NewUser(body.Input):
    """Body of POST /api/users."""

    login: str
    email: str = ""
    admin: bool = False
    machine: bool = False
    token: str = ""

    @field_validator("login")
    @classmethod
    def _login(cls, value: str) -> str:
        if not _LOGIN.fullmatch(value):
            raise ValueError("must be 1 to 50 of letters, digits, dot, dash, underscore")
        return value

    @field_validator("email")
    @classmethod
    def _email(cls, value: str) -> str:
        if len(value) > 250 or not value.isprintable():
            raise ValueError("must have at most 250 characters, all printable")
        return value

    @field_validator("token")
    @classmethod
    def _token(cls, value: str) -> str:
        if value and not (16 <= len(value) <= 500 and value.isascii() and value.isprintable() and " " not in value):
            raise ValueError("must have 16 to 500 printable ASCII characters without spaces; leave it out to get one")
        return value


async def show(request: Request[State]) -> Response:
    """GET /api/user"""
    return JSON(as_json(await auth.user(request)))


async def token(request: Request[State]) -> Response:
    """POST /api/user/token: with `rotate=true` the account with its new token, shown this once."""
    user = await auth.user(request)
    values = body.query(request) | await body.form(request)
    if values.get("rotate") != "true":
        return JSON(as_json(user))
    fresh = auth.new_token()
    await request.state["db"].write(store.set_token(user.id, fresh, request.state["now"]()))
    return JSON(as_json(user) | {"token": fresh})


async def list_users(request: Request[State]) -> Response:
    """GET /api/users"""
    await auth.administrator(request)
    return JSON([as_json(user) for user in await request.state["db"].read(store.list_all())])


async def create(request: Request[State]) -> Response:
    """POST /api/users: the account with its token, shown this once."""
    await auth.administrator(request)
    new = await body.parse(request, NewUser)
    fresh = new.token or auth.new_token()
    made = store.create(
        new.login,
        token=fresh,
        now=request.state["now"](),
        email=new.email,
        admin=new.admin,
        machine=new.machine,
    )
    return JSON(as_json(await request.state["db"].write(made)) | {"token": fresh})


routes = [
    Route("/api/user", show),
    Route("/api/user/token", token, methods=["POST"]),
    Route("/api/users", list_users),
    Route("/api/users", create, methods=["POST"]),
]
