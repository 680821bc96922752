"""Streams: a ping at once, frames as they come, pings in silence, and an end."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from app.web import sse
from app.web.connected import CONNECTION
from app.web.route import Endpoint
from tests.web.asgi import serving


async def frames(*given: bytes) -> AsyncIterator[bytes]:
    for frame in given:
        yield frame


async def received(source: AsyncIterator[bytes]) -> list[bytes]:
    return [part async for part in sse.kept_alive(source)]


class Silent:
    """A source that never says anything until it is told, and knows when it was closed."""

    def __init__(self) -> None:
        self.say: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.asked = asyncio.Event()
        self.closed = False

    async def __call__(self) -> AsyncIterator[bytes]:
        self.asked.set()
        try:
            while (frame := await self.say.get()) is not None:
                yield frame
        finally:
            self.closed = True


async def test_a_ping_comes_first_then_every_frame() -> None:
    assert await received(frames(b"a", b"b")) == [sse.PING, b"a", b"b"]
    assert await received(frames()) == [sse.PING]


def test_the_frames_are_as_recorded() -> None:
    assert (sse.PING, sse.END) == (b": ping\n\n", b"event: error\ndata: eof\n\n")


async def test_nobody_on_the_way_keeps_a_stream_back() -> None:
    answer = sse.Stream(sse.kept_alive(frames()))

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"


async def test_in_silence_there_are_pings_and_no_frame_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "QUIET", 0.001)
    source = Silent()
    parts = sse.kept_alive(source())

    assert [await anext(parts) for _ in range(4)] == [sse.PING] * 4
    source.say.put_nowait(b"a")
    source.say.put_nowait(b"b")
    source.say.put_nowait(None)

    rest = [part async for part in parts]
    assert [part for part in rest if part != sse.PING] == [b"a", b"b"]
    assert source.closed


async def test_a_stream_ends_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "QUIET", 0.001)
    monkeypatch.setattr(sse, "LONGEST", 0.01)
    source = Silent()

    parts = await received(source())

    assert set(parts) == {sse.PING}
    assert source.closed


async def test_a_reader_who_leaves_closes_the_source() -> None:
    source = Silent()

    async def read() -> None:
        await received(source())

    reader = asyncio.create_task(read())
    await source.asked.wait()
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)

    assert source.closed


async def test_a_reader_who_leaves_between_two_frames_closes_it_too() -> None:
    source = Silent()
    source.say.put_nowait(b"a")
    parts = sse.kept_alive(source())
    assert [await anext(parts) for _ in range(2)] == [sse.PING, b"a"]

    await parts.aclose()

    assert source.closed


async def test_a_source_that_fails_fails_the_stream_and_is_closed() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"a"
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await received(failing())


class Source:
    """Two parts, and whether this was closed."""

    def __init__(self) -> None:
        self.rest = [b"b", b"a"]
        self.closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.rest:
            raise StopAsyncIteration
        return self.rest.pop()

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("method", "body"), [("GET", b"ab"), ("HEAD", b"")])
async def test_a_source_is_closed_also_when_only_the_head_was_asked_for(method: str, body: bytes) -> None:
    source = Source()

    async def stream(_: Request) -> sse.Stream:
        return sse.Stream(source)

    async with serving([Endpoint("GET", "/", stream)]) as client:
        answer = await client.request(method, "/")

    assert answer.content == body
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert source.closed


def request(**scope: Any) -> Request:
    return Request({"type": "http", "headers": [], **scope})


def test_who_comes_back_says_after_what() -> None:
    assert sse.last_id(request(headers=[(b"last-event-id", b"x-1")])) == "x-1"
    assert sse.last_id(request()) == ""


def test_a_connection_is_cut_where_there_is_one() -> None:
    cut: list[bool] = []

    sse.abort(request(**{CONNECTION: SimpleNamespace(drop=lambda: cut.append(True))}))()
    sse.abort(request())()

    assert cut == [True]
