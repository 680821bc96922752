"""A request finds its row by method and path, the most exact one; errors are answered once, around all rows."""

from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from app.errors import NotFound
from app.web.path import Path, Word
from app.web.reply import Text
from app.web.route import Endpoint, row
from app.web.router import Router
from tests.web.asgi import serving

NUMBER = Word("number", "Which.", 1)
ENTRY = Word("entry", "Anything.", "a")
THINGS = Path.of("/things")


async def told(request: Request[Any]) -> Text:
    words = ", ".join(f"{name}={value}" for name, value in request.path_params.items())
    return Text(f"{row(request).method} {row(request).path} {words}".strip())


ROWS = [
    Endpoint("GET", "/", told),
    Endpoint("GET", THINGS / NUMBER, told),
    Endpoint("DELETE", THINGS / NUMBER, told),
    Endpoint("GET", THINGS / "newest", told),
    Endpoint("POST", THINGS / NUMBER / "parts", told),
    Endpoint("POST", THINGS / "newest" / "parts/all", told),
    Endpoint("DELETE", THINGS / "entries" / ENTRY.tail, told),
    Endpoint("DELETE", THINGS / "entries" / ENTRY / "last", told),
]


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/", "GET /"),
        ("GET", "/things/7", "GET /things/{number} number=7"),
        ("GET", "/things/7/", "GET /things/{number} number=7"),
        ("GET", "/things/a%20b", "GET /things/{number} number=a b"),
        ("GET", "/things/a%2Fb%20c", "GET /things/{number} number=a/b c"),
        ("DELETE", "/things/entries/a%2fb/last", "DELETE /things/entries/{entry}/last entry=a/b"),
        ("GET", "/things/newest", "GET /things/newest"),
        ("GET", "/things/newest/", "GET /things/newest"),
        ("DELETE", "/things/newest", "DELETE /things/{number} number=newest"),
        ("POST", "/things/newest/parts", "POST /things/{number}/parts number=newest"),
        ("POST", "/things/newest/parts/all", "POST /things/newest/parts/all"),
        ("DELETE", "/things/entries/a/b", "DELETE /things/entries/{entry} entry=a/b"),
        ("DELETE", "/things/entries/a/", "DELETE /things/entries/{entry} entry=a/"),
        ("DELETE", "/things/entries/", "DELETE /things/entries/{entry} entry="),
        ("DELETE", "/things/entries/a/last", "DELETE /things/entries/{entry}/last entry=a"),
        ("DELETE", "/things/entries/a/b/last", "DELETE /things/entries/{entry} entry=a/b/last"),
    ],
)
async def test_the_most_exact_row_of_a_method_is_found(method: str, path: str, found: str) -> None:
    async with serving(ROWS) as client:
        answer = await client.request(method, path)

    assert (answer.status_code, answer.text) == (200, found)


@pytest.mark.parametrize("path", ["/nothing", "/things", "/things/", "/things/7//", "/things//7", "//", "/things/7/x"])
async def test_what_has_no_row_is_not_found(path: str) -> None:
    async with serving(ROWS) as client:
        answer = await client.get(f"http://gantry.test{path}")

    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found", "code": "not_found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/things/newest", "DELETE, GET, HEAD"),
        ("OPTIONS", "/things/7/parts/", "POST"),
        ("GET", "/things/entries/a/last", "DELETE"),
        ("HEAD", "/things/7/parts", "POST"),
    ],
)
async def test_a_wrong_method_is_told_those_of_every_row_that_fits(method: str, path: str, allowed: str) -> None:
    async with serving(ROWS) as client:
        answer = await client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_head_is_answered_like_get() -> None:
    async with serving(ROWS) as client:
        answer = await client.head("/things/7")

    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len("GET /things/{number} number=7")))


def test_no_two_rows_are_the_same() -> None:
    with pytest.raises(ValueError, match="two rows for GET"):
        Router([*ROWS, Endpoint("GET", THINGS / Word("name", "Which.", "a"), told)])


async def test_errors_have_the_form_that_the_router_was_given() -> None:
    async def fail(_: Request[Any]) -> Response:
        raise NotFound("no such thing")

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    router = Router([Endpoint("GET", "/fail", fail)], lambda error: Text(f"alas: {error}", 418))
    await router({"type": "http", "method": "GET", "path": "/fail", "headers": []}, receive, send)

    assert (sent[0]["status"], sent[1]["body"]) == (418, b"alas: no such thing")


async def test_a_client_that_leaves_is_no_bug() -> None:
    async def gone(_: Request[Any]) -> Response:
        raise ClientDisconnect

    async with serving([Endpoint("GET", "/gone", gone)]) as client:
        answer = await client.get("/gone")

    assert (answer.status_code, answer.content) == (400, b"")


def test_a_word_that_is_not_declared_is_a_bug() -> None:
    with pytest.raises(ValueError, match="not declared"):
        Endpoint("GET", "/things/{number}", told)
    with pytest.raises(ValueError, match="not declared"):
        THINGS / "{number}"


def test_nothing_follows_the_rest_of_a_path() -> None:
    with pytest.raises(ValueError, match="nothing can follow"):
        THINGS / ENTRY.tail / "last"


@pytest.mark.parametrize("text", ["-", "x", "-1", "\u0663", "9" * 19, ""])
async def test_a_strict_router_knows_no_path_with_a_text_where_a_number_belongs(text: str) -> None:
    """Of pages, such an address is one that nobody has made; a client of the API is told what is wrong with it."""

    async def show(_: Request[Any]) -> Response:
        return Response("shown")

    row = Endpoint("GET", Path.of("/builds") / Word("number", "Number.", 1), show)
    async with serving([row], strict=True) as client:
        assert (await client.get(f"/builds/{text}")).status_code == 404
        assert (await client.get("/builds/42")).text == "shown"
    async with serving([row]) as client:
        assert (await client.get("/builds/x")).text == "shown"
