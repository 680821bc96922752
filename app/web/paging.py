"""Pages of lists: what a request asks for, and the `Link` header that leads on (`spec` drone-rest 6)."""

import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request

from app.db.window import Part, Window
from app.errors import Invalid, Problem
from app.web import body

T = TypeVar("T")

_INT64 = 2**63
_CURSOR = re.compile(r"(after|before):(.*)", re.DOTALL)
#: What does not come back in a link: where in the list it was, and who asked.
_LEFT_OUT = frozenset({"page", "cursor", "access_token"})


def window(request: Request[Any], keys: str, *, size: int = 25, largest: int = 100) -> Window:
    """What `page`, `per_page` and `cursor` ask for; any odd page is the first, of 25 (`spec` drone-rest 3.4).

    Invalid for a cursor whose key is not of the pattern `keys`.
    """
    values = body.query(request)
    limit = min(_positive(values.get("per_page", ""), size), largest)
    if cursor := values.get("cursor"):
        return _next_to(cursor, keys, limit)
    page = _positive(values.get("page", ""), 1)
    return Window(limit, min((page - 1) * limit, _INT64 - 1))


def _positive(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 and int(text) > 0 else default


def _next_to(cursor: str, keys: str, limit: int) -> Window:
    match = _CURSOR.fullmatch(cursor)
    if match is None or not re.fullmatch(keys, match[2], re.ASCII):
        text = f"the cursor must be one of a Link header of this list, not {cursor[:100]!r}"
        raise Invalid.of([Problem("cursor", "bad_cursor", text)])
    return Window(limit, after=match[2]) if match[1] == "after" else Window(limit, before=match[2])


def links(request: Request[Any], part: Part[T], key: Callable[[T], str]) -> dict[str, str]:
    """The `Link` header of an answer: next, prev and first, as far as there are such pages."""
    cursors = {}
    if part.later and part.items:
        cursors["next"] = f"after:{key(part.items[-1])}"
    if part.earlier and part.items:
        cursors["prev"] = f"before:{key(part.items[0])}"
    targets = {rel: _address(request, [("cursor", cursor)]) for rel, cursor in cursors.items()}
    targets["first"] = _address(request, [])
    return {"Link": ", ".join(f'<{target}>; rel="{rel}"' for rel, target in targets.items())}


def _address(request: Request[Any], more: list[tuple[str, str]]) -> str:
    """This list's public address with the query's other words, in their order."""
    said = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in said if name not in _LEFT_OUT]
    query = urlencode(kept + more, safe=":/", quote_via=quote)
    path = quote(request.scope["path"], safe="/:@")
    return f"{request.state['public_url']}{path}{f'?{query}' if query else ''}"
