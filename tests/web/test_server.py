"""Around every request: its id, and headers that keep answers out of caches."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from app.log import request_id
from app.web.route import Endpoint
from tests.soon import soon
from tests.web.asgi import serving


async def show(request: Request) -> Response:
    headers = {"Cache-Control": "max-age=60"} if request.query_params.get("keep") else None
    return PlainTextResponse(request_id.get(), headers=headers)


ROUTES = [Endpoint("GET", "/", show)]


@pytest.mark.parametrize("given", ["a", "0123456789abcdef", "a-b-c", "x" * 64])
async def test_a_request_keeps_the_id_it_came_with(given: str) -> None:
    async with serving(ROUTES) as client:
        answer = await client.get("/", headers={"X-Request-ID": given})

    assert answer.text == answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "-", "x" * 65, "two words", 'a"b', "a\tb", "a_b", "é"])
async def test_an_odd_id_is_replaced(given: str) -> None:
    async with serving(ROUTES) as client:
        answer = await client.get("/", headers={b"X-Request-ID": given.encode()})

    assert answer.text == answer.headers["x-request-id"]
    assert len(answer.text) == 16
    assert answer.text.isalnum()


async def test_each_request_has_its_own_id_and_none_is_left_behind() -> None:
    async with serving(ROUTES) as client:
        ids = {(await client.get("/")).text for _ in range(20)}

    assert len(ids) == 20
    assert request_id.get() == ""


async def test_answers_stay_out_of_caches_unless_they_say_otherwise() -> None:
    async with serving(ROUTES) as client:
        plain, kept, missing = [await client.get(path) for path in ("/", "/?keep=1", "/nowhere")]

    assert plain.headers["cache-control"] == missing.headers["cache-control"] == "no-cache, private, max-age=0"
    assert (plain.headers["pragma"], plain.headers["x-accel-expires"]) == ("no-cache", "0")
    assert kept.headers.get_list("cache-control") == ["max-age=60"]
    assert "pragma" not in kept.headers


async def test_who_says_that_nobody_waits_lets_the_others_go_first() -> None:
    order, held = list[str](), asyncio.Event()

    async def hold(_: Request) -> Response:
        order.append("begun")
        await held.wait()
        return PlainTextResponse("")

    async def note(request: Request) -> Response:
        order.append(request.query_params["name"])
        return PlainTextResponse("")

    async with serving([Endpoint("GET", "/hold", hold), Endpoint("GET", "/note", note)]) as client:
        first = asyncio.create_task(client.get("/hold", headers={"Priority": "i, u=7"}))
        await soon(lambda: order)
        late = asyncio.create_task(client.get("/note?name=late", headers={"Priority": "u=7"}))
        for urgency in ("u=0", "u=70", "7"):
            await client.get(f"/note?name={urgency}", headers={"Priority": urgency})
        held.set()
        await asyncio.gather(first, late)

    assert order == ["begun", "u=0", "u=70", "7", "late"]


@pytest.mark.parametrize(("headers", "is_usual"), [({}, [True, True]), ({"Priority": "u=7"}, [False, True])])
async def test_turns_of_threads_are_short_for_them_until_their_answers_begin(
    headers: dict[str, str], is_usual: list[bool]
) -> None:
    usual, seen = sys.getswitchinterval(), list[bool]()

    async def stream(_: Request) -> Response:
        seen.append(sys.getswitchinterval() == usual)
        return StreamingResponse(parts())

    async def parts() -> AsyncIterator[bytes]:
        seen.append(sys.getswitchinterval() == usual)
        yield b""

    async with serving([Endpoint("GET", "/stream", stream)]) as client:
        await client.get("/stream", headers=headers)

    assert seen == is_usual
