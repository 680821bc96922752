"""What the head of a request shows of its caller.

Contract drone-rest 1.1, artifactory-storage 1.1: a token, by itself or as the password of an account.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.web import body

_KEY = "x-jfrog-art-api"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token; with `login` the token is the password of that account. Both are empty when nothing is shown."""

    token: str = ""
    login: str = ""

    def __bool__(self) -> bool:
        return bool(self.token)


def of_head(request: Request[Any]) -> Credentials:
    """The credentials in a request's headers or query; the first that is there decides."""
    if said := request.headers.get("authorization"):
        return _of_header(said)
    if said := request.headers.get(_KEY):
        return Credentials(said)
    return Credentials((body.whole_query(request).get("access_token") or "").removeprefix("Bearer "))


def in_headers(request: Request[Any]) -> bool:
    """Whether the headers hold credentials, so that a body need not be searched for them."""
    return bool(request.headers.get("authorization") or request.headers.get(_KEY))


def _of_header(said: str) -> Credentials:
    scheme, _, text = said.partition(" ")
    if scheme.lower() != "basic":
        return Credentials(said.removeprefix("Bearer "))
    try:
        login, colon, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return Credentials(said)  # opens no account
    return Credentials(password, login) if colon and password else Credentials(said)
