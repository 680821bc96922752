"""Streams: a ping at once, frames as they come, pings in silence, and an end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from app.web import sse


async def frames(*given: bytes) -> AsyncIterator[bytes]:
    for frame in given:
        yield frame


async def received(source: AsyncIterator[bytes]) -> list[bytes | str | memoryview]:
    return [part async for part in sse.Stream(source).body_iterator]


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
    answer = sse.Stream(frames())

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"


async def test_in_silence_there_are_pings_and_no_frame_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "QUIET", 0.001)
    source = Silent()
    parts = aiter(sse.Stream(source()).body_iterator)

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
    parts = sse.Stream(source()).body_iterator
    assert isinstance(parts, AsyncGenerator)
    assert [await anext(parts) for _ in range(2)] == [sse.PING, b"a"]

    await parts.aclose()

    assert source.closed


async def test_a_source_that_fails_fails_the_stream_and_is_closed() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"a"
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await received(failing())
