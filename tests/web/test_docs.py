"""The page that describes the API: complete, harmless, and without anything from elsewhere."""

import re
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from app.web import docs
from app.web.path import Path, Word
from app.web.reply import Text
from app.web.route import Endpoint, Param
from tests.web.asgi import serving


async def odd(request: Request[Any]) -> Text:
    """Say `<b>` & <script>alert(1)</script>."""
    return Text("")


ODD = Path.of("/odd") / Word("login", "Login.", "octocat")
ROWS = [Endpoint("POST", ODD, odd, query=[Param("rotate", "When `true`.", form=True)], free=True)]


async def get(path: str) -> httpx2.Response:
    async with serving([*ROWS, *docs.routes(ROWS)]) as client:
        return await client.get(path)


async def test_the_document_describes_the_rows_and_itself() -> None:
    answer = await get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()["paths"]) == {"/odd/{login}", "/", "/openapi.json", "/docs/api", "/docs/api.css"}


async def test_the_page_shows_every_operation_and_escapes_its_words() -> None:
    page = (await get("/docs/api")).text

    assert "<code>/odd/{login}</code>" in page
    assert "Say <code>&lt;b&gt;</code> &amp; &lt;script&gt;alert(1)&lt;/script&gt;." in page
    assert "When <code>true</code>." in page
    assert "<script" not in page


async def test_the_page_fetches_nothing_but_its_own_style() -> None:
    page = (await get("/docs/api")).text

    assert set(re.findall(r'<link[^>]* href="([^"]*)"', page)) == {"api.css"}
    assert not re.findall(r"\bsrc=|https?://|style=", page)
    style = await get("/docs/api.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "url(" not in style.text
    assert "@import" not in style.text


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer"}, "integer"),
        ({"$ref": "#/components/schemas/StepJSON"}, "StepJSON"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/StepJSON"}}, "list of StepJSON"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"enum": ["public", "private"], "type": "string"}, "one of public, private"),
        ({"const": True, "type": "boolean"}, "one of True"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of string"),
        ({}, "anything"),
    ],
)
def test_a_schema_in_a_few_words(schema: dict[str, Any], words: str) -> None:
    assert docs.kind(schema) == words
