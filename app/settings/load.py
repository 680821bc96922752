"""Reads settings from the environment; one error lists every problem."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from app.errors import AppError

S = TypeVar("S", bound="Variables")


class Variables(BaseModel):
    """Settings whose fields are read from variables of the environment; a field's alias names its variables.

    A variable's name matches letter by letter, and the first variable of several that is there wins.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class BadSettings(AppError):
    """The environment holds no valid settings; the message has a line for every problem."""

    code = "bad_settings"


def named(name: str, *drone: str, **options: Any) -> Any:
    """A field that is read from Gantry's variable `GANTRY_<name>`, else from Drone's variables `drone`."""
    return Field(validation_alias=AliasChoices(f"GANTRY_{name}", *drone), **options)


def read(kind: type[S], environ: Mapping[str, str], problems: Sequence[str] = ()) -> S:
    """The settings in an environment; BadSettings lists the given problems and those of the values.

    An empty variable counts as absent.
    """
    found = list(problems)
    try:
        settings = kind.model_validate({name: value for name, value in environ.items() if value})
    except ValidationError as error:
        for detail in error.errors(include_input=False):
            field = kind.model_fields.get(str(detail["loc"][0])) if detail["loc"] else None
            location = (str(field.validation_alias),) if field else detail["loc"]  # a default's location is the field
            found.append(_problem(kind, location, detail["msg"], environ))
    if found:
        raise BadSettings("the settings are wrong:\n" + "\n".join(f"  {problem}" for problem in found))
    return settings


def inherited() -> dict[str, str]:
    """The variables of this process's environment that steps and git inherit; steps do not get those of git."""
    proxies = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
    names = ("PATH", "USER", "LANG", "GIT_SSL_CAINFO", *proxies, *(name.upper() for name in proxies))
    return {name: value for name in names if (value := os.environ.get(name))}


def _problem(kind: type[Variables], location: tuple[int | str, ...], message: str, environ: Mapping[str, str]) -> str:
    name = f"{_given(kind, str(location[0]), environ)} " if location else ""
    return name + message.removeprefix("Value error, ")


def _given(kind: type[Variables], name: str, environ: Mapping[str, str]) -> str:
    """The variable that sets the setting: Gantry's, or one of Drone's."""
    for field in kind.model_fields.values():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices) and alias.choices[0] == name:
            return next((str(choice) for choice in alias.choices if environ.get(str(choice))), name)
    return name
