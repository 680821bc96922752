"""Pages of lists: the page that a request asks for, and the `Link` header to other pages (contract drone-rest 6)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.requests import Request

from app.db.window import Part, Window
from app.errors import Invalid, Problem
from app.web import body

T = TypeVar("T")

_INT64 = 2**63
_CURSOR = re.compile(r"(after|before):(.*)", re.DOTALL)
#: Parameters that links leave out: the position in the list, and the caller's token.
_LEFT_OUT = frozenset({"page", "cursor", "access_token"})


def window(request: Request[Any], keys: str, *, size: int = 25, largest: int = 100) -> Window:
    """The window that `page`, `per_page` and `cursor` ask for.

    An invalid `page` is the first page, an invalid `per_page` is `size` (contract drone-rest 3.4).

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


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The queries of the pages before and after a page of a list, for links of the page; empty where there is none."""

    earlier: str
    later: str


def neighbours(request: Request[Any], part: Part[T], key: Callable[[T], str]) -> Neighbours:
    """The pages next to the one that a request asks for."""
    queries = _queries(request, part, key)
    prev, following = ("?" + "&".join(queries[rel]) if rel in queries else "" for rel in ("prev", "next"))
    return Neighbours(prev, following)


def links(request: Request[Any], part: Part[T], key: Callable[[T], str]) -> dict[str, str]:
    """The `Link` header of an answer: first, and next and prev if there are such pages."""
    queries = _queries(request, part, key)
    address = request.state["public_url"] + quote(request.scope["path"], safe="/:@")
    targets = {rel: f"{address}?{'&'.join(query)}" if query else address for rel, query in queries.items()}
    return {"Link": ", ".join(f'<{target}>; rel="{rel}"' for rel, target in targets.items())}


def _queries(request: Request[Any], part: Part[T], key: Callable[[T], str]) -> dict[str, list[str]]:
    """The parameters of the other pages, by their relation to this one: those of this page, in their order."""
    said = ((name, value) for name, value in body.query_pairs(request) if name not in _LEFT_OUT)
    kept = [f"{quote(name)}={quote(value, safe='/:')}" for name, value in said]
    is_back = body.query(request).get("cursor", "").startswith("before:")
    first, last = (key(part.items[0]), key(part.items[-1])) if part.items else ("", "")
    first, last = (part.stopped or first, last) if is_back else (first, part.stopped or last)
    queries = {}
    if part.later and last:
        queries["next"] = [*kept, f"cursor=after:{quote(last)}"]
    if part.earlier and first:
        queries["prev"] = [*kept, f"cursor=before:{quote(first)}"]
    queries["first"] = kept
    return queries
