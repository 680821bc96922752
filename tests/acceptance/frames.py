"""Frames of an event stream as they come over the wire."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2


class Frames:
    """The frames of an answer, as text; all their bytes stay in `raw`."""

    def __init__(self, answer: httpx2.Response) -> None:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"
        self._pieces = answer.iter_raw()
        self._seen = 0
        self.raw = b""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while (end := self.raw.find(b"\n\n", self._seen)) < 0:
            self.raw += next(self._pieces)
        frame = self.raw[self._seen : end].decode().strip("\n")
        self._seen = end + 2
        return frame

    def event(self) -> Any:
        """The JSON of the next frame, which must hold one; pings are passed over."""
        frame = next(self)
        return self.event() if frame == ": ping" else data(frame)


def data(frame: str) -> Any:
    """The JSON of a frame: one line with its id, one with its data."""
    frame_id, _, value = frame.partition("\ndata: ")
    assert frame_id.startswith("id: "), frame
    return json.loads(value)


def id_of(frame: str) -> str:
    """What a client says when it comes back after this frame."""
    return frame.partition("\n")[0].removeprefix("id: ")
