"""Routes that change the properties of items (contract artifactory-storage 4.3)."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request

from app.artifacts import annotation
from app.artifacts.access import ACCOUNT, State, Visitor
from app.artifacts.address import parse
from app.artifacts.annotation import Changes
from app.artifacts.api import asked
from app.artifacts.api.storage import ITEM, STORAGE
from app.artifacts.properties import check_keys
from app.errors import Invalid, Problem
from app.web import body
from app.web.path import Path
from app.web.reply import Empty
from app.web.route import Endpoint, Param


async def set_properties(request: Request[State], visitor: Visitor) -> Empty:
    """Give an item properties; values of the named keys are replaced, and other keys stay."""
    said = asked.words(request)
    changes = annotation.parse(said.get("properties", ""))
    return await _change(request, visitor, changes, recursive=_recursive(said))


async def delete_properties(request: Request[State], visitor: Visitor) -> Empty:
    """Remove properties of an item; a key that is not there is no error."""
    said = asked.words(request)
    keys = annotation.names(said.get("properties", ""))
    if not keys:
        words = "properties: is empty; say properties=KEY,KEY2"
        raise Invalid.of([Problem("properties", "no_properties", words)])
    return await _change(request, visitor, dict.fromkeys(keys), recursive=_recursive(said))


async def patch_metadata(request: Request[State], visitor: Visitor) -> Empty:
    """Give an item properties, or remove those that are null."""
    said, changes = asked.words(request), _props(await body.read(request))
    recursive = _recursive(said) and asked.is_set(said, "recursiveProperties", "1")
    return await _change(request, visitor, changes, recursive=recursive)


async def _change(request: Request[State], visitor: Visitor, changes: Changes, *, recursive: bool) -> Empty:
    address, now = parse(request.path_params["path"]), request.state["now_ms"]()
    writing = annotation.change(visitor, address, changes, recursive=recursive, at=now)
    await request.state["db"].write(writing)
    return Empty()


def _recursive(said: Mapping[str, str]) -> bool:
    return asked.is_set(said, "recursive", "1")


def _props(data: bytes) -> Changes:
    """The `props` of a body: a text, a list of texts, or null for each key."""
    try:
        said = orjson.loads(data or b"null")
    except orjson.JSONDecodeError as error:
        raise Invalid.of([Problem("", "invalid_json", f"the body is not JSON: {error}")]) from None
    found = said.get("props") if isinstance(said, dict) else None
    if not isinstance(found, dict) or not found:
        raise Invalid.of([Problem("props", "missing_props", 'props: is missing; send {"props": {"KEY": "VALUE"}}')])
    check_keys(found)
    return {key: _values(key, value) for key, value in found.items()}


def _values(key: str, value: Any) -> list[str] | None:
    if value is None:
        return None
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and "\0" not in one for one in values):
        words = f"props.{key[:100]}: must be a text, a list of texts, or null"
        raise Invalid.of([Problem(f"props.{key}", "text_type", words)])
    return [str(one) for one in values]


_RECURSIVE = Param("recursive", "`0` = a folder alone, without all below.")
_PAIRS = Param(
    "properties", "`KEY=VALUE,VALUE2;KEY2=VALUE`; a backslash goes before a comma that is meant.", example="qa=passed"
)
_KEYS = Param("properties", "Keys, separated by commas.", example="qa")
routes = [
    Endpoint(
        "PUT",
        STORAGE,
        set_properties,
        operation="properties.set",
        needs=ACCOUNT,
        query=[_PAIRS, _RECURSIVE],
        errors=[400],
    ),
    Endpoint(
        "DELETE",
        STORAGE,
        delete_properties,
        operation="properties.delete",
        needs=ACCOUNT,
        query=[_KEYS, _RECURSIVE],
        errors=[400],
    ),
    Endpoint(
        "PATCH",
        Path.of("/artifactory/api/metadata") / ITEM,
        patch_metadata,
        operation="properties.update",
        needs=ACCOUNT,
        query=[_RECURSIVE, Param("recursiveProperties", "`0` = a folder alone, without all below.")],
        errors=[400, 413],
    ),
]
