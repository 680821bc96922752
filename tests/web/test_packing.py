"""Answers are compressed for those who take that, and mean the same for all others."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.web import packing
from app.web.reply import CSS, HTML, JSON, JavaScript, PipedText, Text
from app.web.route import Endpoint
from tests.web.asgi import serving

ASKING = {"Accept-Encoding": "gzip, deflate, br"}
NOT_ASKING = {"Accept-Encoding": "identity"}
LONG = "the same words again, " * 200


class Parts:
    """A source of two pieces, of which the second comes when the first was read."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield LONG.encode()
        yield LONG.encode()

    async def aclose(self) -> None:
        return


ANSWERS: dict[str, Response] = {
    "json": JSON([LONG]),
    "html": HTML(LONG),
    "css": CSS(LONG),
    "script": JavaScript(LONG),
    "short": JSON(["x" * 900]),
    "text": Text(LONG),
    "image": Response(LONG, media_type="image/png"),
    "encoded": Response(gzip.compress(LONG.encode()), media_type="text/html", headers={"Content-Encoding": "gzip"}),
    "part": Response(LONG, 206, {"Content-Range": "bytes 0-1/9"}, "application/json"),
    "file": Response(LONG, 200, {"Accept-Ranges": "bytes", "ETag": '"sum"'}, "application/json"),
    "strong": JSON([LONG], headers={"ETag": '"one"'}),
    "weak": JSON([LONG], headers={"ETag": 'W/"one"'}),
    "large": JSON([LONG * 100]),
    "secret": JSON([LONG]),
}


def row(name: str) -> Endpoint:
    async def answer(_: Request) -> Response:
        made = ANSWERS[name]
        return Response(made.body, made.status_code, dict(made.headers))

    return Endpoint("GET", f"/{name}", answer, secret=name == "secret")


async def stream(_: Request) -> PipedText:
    return PipedText(Parts())


async def fail(_: Request) -> Response:
    raise RuntimeError(LONG)


ROWS = [*map(row, ANSWERS), Endpoint("GET", "/stream", stream), Endpoint("GET", "/bug", fail)]


@pytest.mark.parametrize("name", ["json", "html", "css", "script", "strong", "weak", "large"])
async def test_who_takes_gzip_gets_the_same_in_fewer_bytes(name: str) -> None:
    async with serving(ROWS) as client:
        plain, packed = [await client.get(f"/{name}", headers=one) for one in (NOT_ASKING, ASKING)]

    assert plain.content == packed.content == ANSWERS[name].body
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 10
    assert packed.headers["content-type"] == plain.headers["content-type"]


@pytest.mark.parametrize("name", ["short", "text", "image", "encoded", "part", "file", "secret", "stream"])
async def test_what_is_short_of_another_type_a_part_a_stream_or_secret_stays_as_it_is(name: str) -> None:
    async with serving(ROWS) as client, client.stream("GET", f"/{name}", headers=ASKING) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert raw == (LONG.encode() * 2 if name == "stream" else ANSWERS[name].body)
    assert "vary" not in answer.headers


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity", "*;q=0", "gzip;q=nonsense"])
async def test_who_does_not_take_gzip_gets_none(accepted: str) -> None:
    async with serving(ROWS) as client:
        answer = await client.get("/json", headers={"Accept-Encoding": accepted})

    assert "content-encoding" not in answer.headers
    assert answer.content == ANSWERS["json"].body


@pytest.mark.parametrize(("name", "plain", "packed"), [("strong", '"one"', 'W/"one"'), ("weak", 'W/"one"', 'W/"one"')])
async def test_the_tag_of_what_is_compressed_is_weak(name: str, plain: str, packed: str) -> None:
    async with serving(ROWS) as client:
        tags = [(await client.get(f"/{name}", headers=one)).headers["etag"] for one in (NOT_ASKING, ASKING)]

    assert tags == [plain, packed]


@pytest.mark.parametrize("headers", [ASKING, NOT_ASKING])
async def test_the_head_has_the_headers_of_the_whole_answer(headers: dict[str, str]) -> None:
    async with serving(ROWS) as client:
        head, get = [await client.request(method, "/json", headers=headers) for method in ("HEAD", "GET")]

    assert {**head.headers, "x-request-id": ""} == {**get.headers, "x-request-id": ""}


async def test_a_large_answer_is_compressed_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[bool] = set()
    real = packing._packed

    def noted(body: bytes, level: int) -> bytes:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            threads.add(len(body) > packing.LARGE)
        return real(body, level)

    monkeypatch.setattr(packing, "_packed", noted)
    async with serving(ROWS) as client:
        for name in ("json", "large"):
            await client.get(f"/{name}", headers=ASKING)

    assert threads == {True}


def test_a_get_that_lesser_tokens_may_not_call_is_secret_unless_it_says_otherwise() -> None:
    async def nothing(_: Request) -> Response:
        return Response()

    kinds = [
        Endpoint("GET", "/", nothing, scope="admin"),
        Endpoint("GET", "/", nothing),
        Endpoint("POST", "/", nothing),
    ]

    assert [one.secret for one in kinds] == [True, False, False]
    assert Endpoint("POST", "/", nothing, secret=True).secret
