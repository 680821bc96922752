"""The route of searches in AQL (contract artifactory-storage 7)."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from app.artifacts.access import VISITOR, State, Visitor
from app.artifacts.search import query
from app.artifacts.search.limits import TEXT
from app.artifacts.search.refusals import wrong
from app.artifacts.search.results import BEGIN, SearchJSON
from app.artifacts.search.search import search, text_of
from app.errors import TooLarge
from app.web import body
from app.web.reply import Encoded, Piped
from app.web.route import Endpoint

#: Characters of a query that takes so long to parse that other requests should not wait.
_LONG = 4096


async def aql(request: Request[State], visitor: Visitor) -> Encoded[SearchJSON] | Piped[SearchJSON]:
    """Items that a query in AQL finds. The body is the text of the query."""
    text, now = await _text(request), request.state["now_ms"]()
    asked = query.read(text, now) if len(text) <= _LONG else await asyncio.to_thread(query.read, text, now)
    db = request.state["db"]
    found, first = await search(db, asked, visitor.rights)
    if found.is_whole:
        return Encoded(BEGIN + first + found.end())
    return Piped(text_of(db, found, first))


async def _text(request: Request[Any]) -> str:
    try:
        return (await body.read(request, 4 * TEXT)).decode("utf-8-sig")
    except TooLarge:
        raise wrong("too_long", f"has more than {4 * TEXT} bytes; at most {TEXT} characters are allowed") from None
    except UnicodeDecodeError:
        raise wrong("bad_text", "is no text in UTF-8") from None


routes: Sequence[Endpoint] = [
    Endpoint("POST", "/artifactory/api/search/aql", aql, needs=VISITOR, operation="search.aql", errors=[400]),
]
