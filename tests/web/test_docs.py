"""The page that describes the API: complete, harmless, and without anything from elsewhere."""

import re
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from app.web import docs
from app.web.codes import Code
from app.web.examples import Example
from app.web.path import Path, Word
from app.web.reply import Text
from app.web.route import Endpoint, Param
from tests.web.asgi import serving


async def odd(request: Request[Any]) -> Text:
    """Say `<b>` & <script>alert(1)</script>."""
    return Text("")


ODD = Path.of("/odd") / Word("login", "Login.", "octocat")
ROWS = [Endpoint("POST", ODD, odd, operation="test.odd", query=[Param("rotate", "When `true`.", form=True)], free=True)]


CODES = [Code("rate_limited", 429, "Too often.", "Wait for `Retry-After`.")]
EXAMPLES = {"test.odd": Example(answer="Here <it> is\n")}
FILES = ["/docs/api.css", "/docs/api.js"]


async def get(path: str, *, encoding: str = "gzip", **query: str) -> httpx2.Response:
    async with serving([*ROWS, *docs.routes(ROWS, codes=CODES, examples=EXAMPLES)]) as client:
        return await client.get(path, params=query, headers={"Accept-Encoding": encoding})


async def test_the_document_describes_the_rows_and_itself() -> None:
    answer = await get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()["paths"]) == {
        "/odd/{login}",
        "/openapi.json",
        "/docs/api",
        "/docs/api.css",
        "/docs/api.js",
    }


async def test_the_page_shows_every_operation_and_escapes_its_words() -> None:
    page = (await get("/docs/api")).text

    assert "<code>/odd/{login}</code>" in page
    assert "Say <code>&lt;b&gt;</code> &amp; &lt;script&gt;alert(1)&lt;/script&gt;." in page
    assert "When <code>true</code>." in page
    assert re.findall("<script[^>]*>[^<]*<", page) == ['<script src="/docs/api.js" defer><']


async def test_the_page_fetches_nothing_but_its_own_style_and_script() -> None:
    page = (await get("/docs/api")).text

    assert re.findall(r'<(?:link|script|img|iframe)[^>]* (?:href|src)="([^"]*)"', page) == FILES
    assert not re.findall(r" (?:style|on\w+)=", page)
    style, script = [await get(path) for path in FILES]
    assert style.headers["content-type"].startswith("text/css")
    assert script.headers["content-type"].startswith("text/javascript")
    assert not re.findall(r"url\(|@import|https?://", style.text + script.text)
    assert not re.findall(r"innerHTML|\beval\b|fetch|import\(", script.text)


async def test_an_operation_shows_a_call_its_answer_and_where_its_failures_are_explained() -> None:
    page = (await get("/docs/api")).text

    assert "curl -X POST &#34;$GANTRY_SERVER/odd/octocat?VERSION=1.2.3&#34;" in page
    assert "<pre><code>Here &lt;it&gt; is\n</code></pre>" in page
    assert '<a href="/docs/api#codes-429">429</a>' in page
    assert '<table id="codes-429">' in page
    assert re.search(r"rate_limited</th>\s*<td>Too often.</td>\s*<td>Wait for <code>Retry-After</code>.</td>", page)


@pytest.mark.parametrize("words", ["odd", "ODD post", "say", "/odd/", "test.odd"])
async def test_a_search_finds_a_route_by_its_path_method_summary_section_and_name(words: str) -> None:
    page = (await get("/docs/api", q=words)).text

    assert re.findall('<details open id="([^"]*)">', page) == ["test.odd"]
    assert "1 route with the words" in page
    assert 'id="codes"' not in page


async def test_a_search_needs_all_words_and_shows_them_escaped() -> None:
    page = (await get("/docs/api", q='odd <script>"')).text

    assert "<details" not in page
    assert "0 routes with the words <q>odd &lt;script&gt;&#34;</q>" in page
    assert 'value="odd &lt;script&gt;&#34;"' in page


async def test_many_finds_are_shown_closed_and_a_blank_search_is_the_whole_page() -> None:
    many = (await get("/docs/api", q="server.")).text

    assert len(re.findall("<details id=", many)) == 4
    assert "<details open" not in many
    assert (await get("/docs/api", q="  ")).text == (await get("/docs/api")).text


@pytest.mark.parametrize("path", ["/docs/api", "/openapi.json"])
async def test_a_large_text_is_compressed_for_whom_takes_that(path: str) -> None:
    plain = await get(path, encoding="identity")
    packed = await get(path, encoding="br, gzip;q=0.5")

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.text == packed.text


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
