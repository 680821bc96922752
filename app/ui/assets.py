"""The style sheet, the scripts and the images of the pages: each at an address with the hash of its content.

What such an address gives never changes, so browsers keep the file and do not ask again.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.errors import NotFound
from app.ui.addresses import OURS
from app.web.kept import Kept
from app.web.path import Path, Word
from app.web.route import Endpoint

#: The beginning of the addresses.
PREFIX = f"/{OURS}/static/"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
#: The name of a script that another script imports.
_IMPORT = re.compile(rb'(?<= from ")\./([a-z]+\.js)(?=";$)', re.M)
_FOR_EVER = "public, max-age=31536000, immutable"
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """A file: its address, the hash by which a browser checks it, its type and its text."""

    address: str
    integrity: str
    media_type: str
    text: Kept


@cache
def all_of_them() -> Mapping[str, Asset]:
    """Every file by its name below the folder, read and compressed at the first call."""
    contents = {name: file.read_bytes() for name, file in _files(resources.files("app.ui") / "static", "")}
    return {name: _asset(name, contents) for name in contents}


def _files(folder: Traversable, below: str) -> Iterator[tuple[str, Traversable]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _files(one, f"{below}{one.name}/")
        elif any(one.name.endswith(ending) for ending in _TYPES):
            yield below + one.name, one


def _asset(name: str, contents: Mapping[str, bytes]) -> Asset:
    """A file; what a script imports, it imports from the address of that file."""
    content = _IMPORT.sub(lambda found: _asset(found[1].decode(), contents).address.encode(), contents[name])
    digits = hashlib.sha256(content).hexdigest()[:_DIGITS]
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    kind = next(kind for ending, kind in _TYPES.items() if name.endswith(ending))
    return Asset(f"{PREFIX}{digits}/{name}", f"sha384-{digest}", kind, Kept(content))


def asset(name: str) -> Asset:
    """The file of a name; KeyError."""
    return all_of_them()[name]


async def serve(request: Request[Any]) -> Response:
    """A file of the pages; NotFound for a hash that is not that of the file."""
    name, digits = request.path_params[_NAME.name], request.path_params[_HASH.name]
    found = all_of_them().get(name)
    if found is None or found.address != f"{PREFIX}{digits}/{name}":
        raise NotFound
    text, headers = found.text.form(request)
    return Response(text, media_type=found.media_type, headers={"Cache-Control": _FOR_EVER, **headers})


_HASH = Word("hash", "The beginning of the hash of the file's content.", "0123456789abcdef")
_NAME = Word("file", "The name of the file.", "gantry.css").tail
routes = [Endpoint("GET", Path.of(PREFIX) / _HASH / _NAME, serve)]
