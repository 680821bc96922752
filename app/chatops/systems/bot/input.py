"""What a bot sends."""

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from app.chatops.command import LONGEST
from app.web.body import Input

_Name = Annotated[str, StringConstraints(max_length=200)]
_Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CommandInput(Input):
    """A command of a person: `user` and `id` are names that the bot gives, each to one person and to one request.

    `response_url` takes later answers. `press` is the value of a pressed button, in the place of `text`.
    """

    user: _Id
    id: _Id
    channel: _Name = ""
    name: _Name = ""
    text: str = Field(default="", max_length=LONGEST)
    press: _Name | None = None
    response_url: str = Field(default="", max_length=2000)

    @field_validator("response_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if value and not (value.startswith(("https://", "http://")) and value.isprintable() and " " not in value):
            raise ValueError("must be an address, http:// or https://")
        return value
