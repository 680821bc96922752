"""The bodies of requests about a secret, and their rules."""

from typing import Annotated

from pydantic import AfterValidator, Field

from app import names
from app.web import body

#: Characters of a secret's name.
LONGEST_NAME = 200
_NO_NUL = r"^[^\u0000]*$"


def _name(value: str) -> str:
    if not names.is_name(value, LONGEST_NAME):
        raise ValueError(f"Invalid Secret Name: {names.rule(LONGEST_NAME)}")
    return value


def _value(value: str) -> str:
    if not value or "\0" in value:
        raise ValueError("Invalid Secret Value: it must not be empty nor hold a NUL")
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("it must not hold a NUL, which no variable of a step can")
    return value


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": names.pattern(LONGEST_NAME)})]
Value = Annotated[str, AfterValidator(_value), Field(json_schema_extra={"minLength": 1, "pattern": _NO_NUL})]
Text = Annotated[str, AfterValidator(_text), Field(json_schema_extra={"pattern": _NO_NUL})]


class NewSecret(body.Input):
    """A secret to keep."""

    model_config = body.required("name", "data")

    name: Name = ""
    data: Value = Field("", repr=False)
    pull_request: bool = False
    pull_request_push: bool = False


class SecretChanges(body.Input):
    """What is to be different of a secret; a value that is left out stays, as nobody can read it to say it again."""

    data: Value | None = Field(None, repr=False)
    pull_request: bool | None = None
    pull_request_push: bool | None = None


class PlainSecret(body.Input):
    """A value to encrypt; whatever else is said with it does not matter."""

    data: Text = Field("", repr=False)
