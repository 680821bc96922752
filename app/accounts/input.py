"""The bodies of requests about an account, and their rules."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app import names
from app.errors import Problem
from app.names import LONGEST_LOGIN
from app.web import body

#: Characters of an e-mail address at most.
LONGEST_EMAIL = 250


def _login(value: str) -> str:
    if not names.is_name(value, LONGEST_LOGIN):
        raise ValueError(f"must be {names.rule(LONGEST_LOGIN)}")
    return value


def _email(value: str) -> str:
    if len(value) > LONGEST_EMAIL or not value.isprintable():
        raise ValueError(f"must have at most {LONGEST_EMAIL} characters, all printable")
    return value


def _token(value: str) -> str:
    if value and not (16 <= len(value) <= 500 and value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must have 16 to 500 printable ASCII characters without spaces; leave it out to get one")
    return value


#: Why a machine is expected from no host.
NO_MACHINE = Problem("host", "machine_at_host", "host: a machine has no account at a host, so it is expected from none")
_HOST = (
    "Name of the host from which the person of the account is expected: there, whoever has the login gets the account "
)
Login = Annotated[str, AfterValidator(_login), Field(json_schema_extra={"pattern": names.pattern(LONGEST_LOGIN)})]
Email = Annotated[str, AfterValidator(_email), Field(json_schema_extra={"maxLength": LONGEST_EMAIL})]
Token = Annotated[str, AfterValidator(_token), Field(json_schema_extra={"pattern": "^([!-~]{16,500})?$"})]


class NewUser(body.Input):
    """An account to add; it is active from the first."""

    login: Login
    email: Email = ""
    admin: bool = False
    machine: bool = False
    token: Token = ""
    host: str = Field("", description=f"{_HOST}at the first log-in. Empty for nobody.")


class OwnUserChanges(body.Input):
    """What is to be different of the caller's own account; what is left out stays."""

    email: Email | None = None


class UserChanges(OwnUserChanges):
    """What is to be different of an account; what is left out stays."""

    admin: bool | None = None
    active: bool | None = None
    host: str | None = Field(None, description=f"{_HOST}at the first log-in there. Empty for nobody any more.")
