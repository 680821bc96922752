"""Routes of accounts (`spec` drone-rest 3.1, 3.2)."""

import re

from pydantic import field_validator
from starlette.requests import Request

from app.accounts import auth, store
from app.accounts.auth import State
from app.accounts.wire import UserJSON, user_json
from app.web import body
from app.web.reply import JSON
from app.web.route import Endpoint, Param

_LOGIN = re.compile(r"[.a-zA-Z0-9_-]{1,50}")


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


async def show(request: Request[State]) -> JSON[UserJSON]:
    """The caller's account."""
    return JSON(user_json(await auth.user(request)))


async def token(request: Request[State]) -> JSON[UserJSON]:
    """The caller's account; rotated, with its new token, which is shown this once."""
    user = await auth.user(request)
    if (await body.words(request)).get("rotate") != "true":
        return JSON(user_json(user))
    fresh = auth.new_token()
    await request.state["db"].write(store.set_token(user.id, fresh, request.state["now"]()))
    return JSON(user_json(user, token=fresh))


async def list_users(request: Request[State]) -> JSON[list[UserJSON]]:
    """All accounts, by login."""
    await auth.user(request)
    return JSON([user_json(user) for user in await request.state["db"].read(store.list_all())])


async def create(request: Request[State]) -> JSON[UserJSON]:
    """Make an account; its token is in the answer, shown this once."""
    await auth.user(request)
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
    return JSON(user_json(await request.state["db"].write(made), token=fresh))


routes = [
    Endpoint("GET", "/api/user", show, needs="account"),
    Endpoint(
        "POST",
        "/api/user/token",
        token,
        needs="account",
        query=[Param("rotate", "`true` makes a new token; the old one ends at once.", form=True)],
    ),
    Endpoint("GET", "/api/users", list_users, needs="system"),
    Endpoint("POST", "/api/users", create, needs="system", body=NewUser, errors=[409]),
]
