"""The fields of forms and of JSON that a chat sends. Pure."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from app.errors import Invalid, Problem

#: Fields of a form that are read: chats send about twenty.
MOST = 100


def of_form(body: bytes) -> Mapping[str, str]:
    """The fields of a urlencoded form; Invalid for what is no such form, and for a field that is there twice."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST
        )
    except ValueError:
        raise _invalid("", "not_a_form", "the body is no urlencoded form of UTF-8 with few fields") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _invalid("", "field_twice", "the form has a field twice, so it is not clear which value counts")
    return found


def of_json(body: bytes | str) -> Mapping[str, Any]:
    """The fields of a JSON object; Invalid for anything else."""
    try:
        found = orjson.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _invalid("", "not_an_object", "the body is no JSON object")
    return found


def text(found: Any, *path: str | int) -> str:
    """The text at a path of keys and indexes; empty when there is none."""
    for key in path:
        if isinstance(key, int):
            found = found[key] if isinstance(found, list) and len(found) > key else None
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def missing(name: str) -> Invalid:
    """The refusal of a request without something that it must have."""
    return _invalid(name, "missing_field", f"the field {name} is missing")


def _invalid(field: str, code: str, message: str) -> Invalid:
    return Invalid.of([Problem(field, code, message)])
