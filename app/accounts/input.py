"""What clients may say of an account."""

import re
from typing import Annotated

from pydantic import AfterValidator

from app.web import body

_LOGIN = re.compile(r"[.a-zA-Z0-9_-]{1,50}")


def _login(value: str) -> str:
    if not _LOGIN.fullmatch(value):
        raise ValueError("must be 1 to 50 of letters, digits, dot, dash, underscore")
    return value


def _email(value: str) -> str:
    if len(value) > 250 or not value.isprintable():
        raise ValueError("must have at most 250 characters, all printable")
    return value


def _token(value: str) -> str:
    if value and not (16 <= len(value) <= 500 and value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must have 16 to 500 printable ASCII characters without spaces; leave it out to get one")
    return value


Email = Annotated[str, AfterValidator(_email)]


class NewUser(body.Input):
    """Body of POST /api/users; a new account is always active."""

    login: Annotated[str, AfterValidator(_login)]
    email: Email = ""
    admin: bool = False
    machine: bool = False
    token: Annotated[str, AfterValidator(_token)] = ""


class OwnUserChanges(body.Input):
    """Body of PATCH /api/user: what is left out stays."""

    email: Email | None = None


class UserChanges(OwnUserChanges):
    """Body of PATCH /api/users/{user}: what is left out stays."""

    admin: bool | None = None
    active: bool | None = None
