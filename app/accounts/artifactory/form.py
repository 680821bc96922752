"""Bodies of requests as clients of Artifactory send them: a form, or a JSON object, lax about types."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request

from app.errors import Invalid, Problem
from app.web import body


async def words(request: Request[Any]) -> Mapping[str, str]:
    """The fields of a form or of a JSON object, as texts; null is absent. Invalid for another body."""
    kind = request.headers.get("content-type", "")
    if "json" not in kind:
        return {**body.query(request), **await body.form(request)}
    return {name: _text(name, value) for name, value in (await fields(request)).items()}


async def fields(request: Request[Any]) -> dict[str, Any]:
    """The fields of a JSON object without those that are null; Invalid for another body."""
    try:
        found = orjson.loads(await body.read(request) or b"{}")
    except orjson.JSONDecodeError as error:
        raise Invalid.of([Problem("", "invalid_json", f"the body is not JSON: {error}")]) from None
    if not isinstance(found, dict):
        raise Invalid.of([Problem("", "model_type", "the body must be a JSON object")])
    return {name: value for name, value in found.items() if value is not None}


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int)):
        return str(value)
    raise Invalid.of([Problem(name, "text_type", f"{name}: must be a text, a number or true or false")])


def text(found: Mapping[str, Any], name: str, default: str = "") -> str:
    """A field that must be a text; Invalid."""
    value = found.get(name, default)
    if not isinstance(value, str) or "\0" in value:
        raise Invalid.of([Problem(name, "text_type", f"{name}: must be a text")])
    return value


def flag(found: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A field that must be true or false; Invalid."""
    value = found.get(name, default)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        value = value.lower() == "true"
    if not isinstance(value, bool):
        raise Invalid.of([Problem(name, "bool_type", f"{name}: must be true or false")])
    return value


def texts(found: Mapping[str, Any], name: str) -> list[str] | None:
    """A field that must be a list of texts; None when it is absent. Invalid."""
    value = found.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid.of([Problem(name, "list_type", f"{name}: must be a list of texts")])
    return list(dict.fromkeys(value))
