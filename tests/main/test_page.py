"""The page of the whole API: complete, its links lead somewhere, and it is small and quick."""

import re
import time
from collections.abc import AsyncIterator
from html import unescape

import httpx2
import pytest

from app.main.codes import CODES
from app.main.examples import EXAMPLES
from app.main.routes import ARTIFACTORY_ROWS, ROWS, _error_of
from app.web import docs, pages
from app.web.route import Endpoint
from tests.web.asgi import serving

DESCRIBED = [*ROWS, *ARTIFACTORY_ROWS]
KB = 1024
#: Bytes of each text, compressed and as it is: some more than it has today.
LIMITS = {"/docs/api": (80 * KB, 1024 * KB), "/openapi.json": (80 * KB, 768 * KB)}
#: Seconds of a search that finds nearly all routes; it takes a few milliseconds.
QUICK = 0.1


@pytest.fixture(scope="module")
def rows() -> list[Endpoint]:
    return docs.routes(DESCRIBED, _error_of, CODES, EXAMPLES)


@pytest.fixture
async def client(rows: list[Endpoint]) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(rows) as client:
        yield client


async def test_the_page_shows_every_route_with_an_example(client: httpx2.AsyncClient, rows: list[Endpoint]) -> None:
    page = (await client.get("/docs/api")).text

    shown = re.findall(r'<details id="(?!schema-)([^"]*)"', page)
    assert sorted(shown) == sorted(row.operation for row in [*DESCRIBED, *rows])
    assert page.count("<pre><code>curl ") + page.count("<pre><code>body=") == len([*DESCRIBED, *rows])


async def test_the_page_explains_every_code(client: httpx2.AsyncClient) -> None:
    page = unescape((await client.get("/docs/api")).text)

    for code in CODES:
        table = page.partition(f'<table id="codes-{code.status}">')[2].partition("</table>")[0]
        assert f'<th scope="row">{code.name}</th>' in table


async def test_every_link_of_the_page_leads_somewhere_and_every_name_is_there_once(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/docs/api")).text
    names = re.findall(r' id="([^"]*)"', page)
    links = {link.removeprefix("/docs/api") for link in re.findall(r' href="([^"]*)"', page)}

    assert len(set(names)) == len(names)
    assert {link for link in links if link.startswith("#")} <= {f"#{name}" for name in names}
    for link in {link.partition("#")[0] for link in re.findall(r' (?:href|src)="([^"]*)"', page)} - {""}:
        assert (await client.get(link)).status_code == 200, link


@pytest.mark.parametrize("path", LIMITS)
async def test_a_text_is_small_on_the_line(client: httpx2.AsyncClient, path: str) -> None:
    packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
    most, most_unpacked = LIMITS[path]

    assert int(packed.headers["content-length"]) <= most
    assert len(packed.content) <= most_unpacked


async def test_the_page_is_made_once_and_a_search_is_quick(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    first = await client.get("/docs/api")
    render = pages.render

    def counted(name: str, **values: object) -> str:
        made.append(name)
        return render(name, **values)

    monkeypatch.setattr(pages, "render", counted)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        assert (await client.get("/docs/api", params={"q": "a"})).status_code == 200
        times.append(time.perf_counter() - began)

    assert (await client.get("/docs/api")).text == first.text
    assert made == ["api.html"] * 3
    assert min(times) < QUICK
