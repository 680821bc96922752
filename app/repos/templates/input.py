"""The bodies of requests about a template, and their rules. The codes and texts of problems are as recorded."""

import re
from typing import Annotated

from pydantic import Field

from app import names
from app.convert.convert import JSONNET, STARLARK, YAML
from app.errors import Problem
from app.repos.input import LONGEST_NAME as LONGEST_NAMESPACE
from app.web import body

#: Characters of a template's name.
LONGEST_NAME = 200

_EXTENSIONS = "|".join(re.escape(extension) for extension in YAML + STARLARK + JSONNET)
Name = Annotated[
    str, Field(json_schema_extra={"pattern": f"^[A-Za-z0-9._-]*({_EXTENSIONS})$", "maxLength": LONGEST_NAME})
]
Data = Annotated[str, Field(json_schema_extra={"minLength": 1, "pattern": r"^[^\u0000]*$"})]
Namespace = Annotated[str, Field(json_schema_extra={"pattern": names.pattern(LONGEST_NAMESPACE)})]


class NewTemplate(body.Input):
    """A template to keep; the extension of its name says what it is written in."""

    model_config = body.required("name", "data")

    name: Name = ""
    data: Data = ""


class TemplateChanges(body.Input):
    """What is to be different of a template; what is left out stays."""

    data: Data | None = None
    namespace: Namespace | None = None


def name_problem(name: str) -> Problem | None:
    """What is wrong with the name of a new template; None for a right name."""
    if not name.endswith(YAML + STARLARK + JSONNET):
        return Problem("name", "template_extension", "Template extension invalid. Must be yaml, starlark or jsonnet")
    if not names.is_name(name, LONGEST_NAME):
        return Problem("name", "bad_name", f"a template's name has {names.rule(LONGEST_NAME)}")
    return None


def data_problem(data: str) -> Problem | None:
    """What is wrong with a template's text; None for a right text."""
    if not data.strip():
        return Problem("data", "no_data", "No Template Data Provided")
    if "\0" in data:
        return Problem("data", "bad_data", "a template cannot hold a NUL")
    return None
