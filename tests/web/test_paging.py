"""Which part of a list a request asks for, and the links that lead on."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.web import paging
from app.web.path import Path, Word
from app.web.reply import JSON
from app.web.route import PAGE, Endpoint, Param
from tests.web.asgi import serving

COUNT = 60


async def show(request: Request) -> Response:
    """The window itself."""
    window = paging.window(request, r"\d{1,18}")
    return JSON([window.limit, window.offset, window.after, window.before])


async def numbers(request: Request) -> Response:
    """The numbers from 1 to COUNT."""
    window, everything = paging.window(request, r"\d{1,18}"), list(range(1, COUNT + 1))
    if window.before:
        read = [number for number in reversed(everything) if number < int(window.before)]
    else:
        read = [number for number in everything if number > int(window.after or 0)][window.offset :]
    part = window.part(read[: window.reach])
    return JSON(part.items, headers=paging.links(request, part, str))


ROUTES = [
    Endpoint("GET", "/window", show, query=PAGE),
    Endpoint("GET", "/numbers", numbers, query=[*PAGE, Param("of", "")]),
    Endpoint("GET", Path.of("/names") / Word("name", "", "ada"), numbers, query=PAGE),
]


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(ROUTES, public_url="http://gantry.test") as client:
        yield client


def target(answer: httpx2.Response, rel: str) -> str | None:
    """Where a link leads."""
    return answer.links[rel]["url"] if rel in answer.links else None


@pytest.mark.parametrize(
    ("query", "limit", "offset"),
    [
        ("", 25, 0),
        ("page=1", 25, 0),
        ("page=2", 25, 25),
        ("page=3&per_page=10", 10, 20),
        ("per_page=100", 100, 0),
        ("per_page=101", 100, 0),
        ("per_page=0", 25, 0),
        ("per_page=-5&page=-5", 25, 0),
        ("per_page=x&page=x", 25, 0),
        ("page=0", 25, 0),
        ("page=%C2%B2", 25, 0),
        ("page=" + "9" * 18, 25, min((10**18 - 2) * 25, 2**63 - 1)),
        ("page=" + "9" * 5000, 25, 0),
        ("cursor=", 25, 0),
    ],
)
async def test_a_page_is_never_out_of_reach(client: httpx2.AsyncClient, query: str, limit: int, offset: int) -> None:
    assert (await client.get(f"/window?{query}")).json() == [limit, offset, "", ""]


async def test_a_cursor_wins_over_a_page(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/window?page=7&per_page=3&cursor=after:57")).json() == [3, 0, "57", ""]
    assert (await client.get("/window?cursor=before%3A57")).json() == [25, 0, "", "57"]


@pytest.mark.parametrize(
    "cursor",
    ["57", "after:", "after:x", "after:-1", "after:%D9%A3", "later:5", "after:1%0A", "after:" + "9" * 19, "x" * 5000],
)
async def test_a_cursor_of_no_link_is_refused(client: httpx2.AsyncClient, cursor: str) -> None:
    answer = await client.get(f"/window?cursor={cursor}")

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
    assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]
    assert len(answer.text) < 500


async def test_links_lead_through_the_whole_list_and_back(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/numbers?per_page=25")
    pages = [answer.json()]
    assert target(answer, "prev") is None
    while following := target(answer, "next"):
        answer = await client.get(following)
        pages.append(answer.json())
    assert [len(page) for page in pages] == [25, 25, 10]
    assert [number for page in pages for number in page] == list(range(1, COUNT + 1))

    back = [answer.json()]
    while earlier := target(answer, "prev"):
        answer = await client.get(earlier)
        back.append(answer.json())
    assert back == pages[::-1]
    assert target(answer, "next") is not None


async def test_a_page_that_is_not_full_or_just_full_is_the_last(client: httpx2.AsyncClient) -> None:
    for query in ("per_page=100", "per_page=60", "page=3", "page=2&per_page=30"):
        assert target(await client.get(f"/numbers?{query}"), "next") is None
    assert target(await client.get("/numbers?per_page=59"), "next") is not None


async def test_a_numbered_page_is_left_either_way(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/numbers?per_page=10&page=3")

    assert answer.json() == list(range(21, 31))
    assert (await client.get(str(target(answer, "prev")))).json() == list(range(11, 21))
    assert (await client.get(str(target(answer, "next")))).json() == list(range(31, 41))
    assert (await client.get(str(target(answer, "first")))).json() == list(range(1, 11))


async def test_a_page_beyond_the_end_leads_to_the_first(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/numbers?page=9")

    assert (answer.json(), answer.headers["link"]) == ([], '<http://gantry.test/numbers>; rel="first"')


async def test_links_keep_the_other_words_in_their_order_and_never_a_token(client: httpx2.AsyncClient) -> None:
    query = "z=1&access_token=hush&of=a%2Fb%26c&page=2&per_page=10&z=2&empty="

    answer = await client.get(f"/numbers?{query}")

    kept = "http://gantry.test/numbers?z=1&of=a/b%26c&per_page=10&z=2&empty="
    assert target(answer, "first") == kept
    assert target(answer, "next") == f"{kept}&cursor=after:20"
    assert target(answer, "prev") == f"{kept}&cursor=before:11"
    assert "hush" not in answer.headers["link"]


@pytest.mark.parametrize("name", ["%3E%3B%20rel%3D%22next%22", "%0D%0AX-Evil%3A%201", "%E2%98%83", "a%2520b"])
async def test_what_a_request_says_cannot_break_out_of_a_link(client: httpx2.AsyncClient, name: str) -> None:
    answer = await client.get(f"/names/{name}?other={name}")

    assert answer.headers["link"].isascii()
    assert answer.headers["link"].count('rel="next"') == 1
    assert (await client.get(str(target(answer, "next")))).json()[0] == 26
