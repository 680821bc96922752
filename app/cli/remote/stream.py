"""Reads server-sent events of builds and logs concurrently, and pauses between attempts."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self

import anyio
import httpx2 as httpx

from app.cli.remote.client import (
    TIMEOUT,
    Connection,
    Json,
    Unreachable,
    decode,
    refusal,
    unexpected,
    unreachable,
    unusable_proxy,
)
from app.errors import AppError

#: Seconds without data after which the server counts as gone; it pings every 30 seconds (contract drone-rest 5).
SILENCE = 75


@dataclass(frozen=True, slots=True)
class Frame:
    """A keep-alive, a JSON value, or the frame that ends the stream."""

    kind: Literal["ping", "data", "end"]
    data: Any = None


class Streams:
    """Sends requests without blocking; raises the same errors as `client.Client`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        try:
            self._http = httpx.AsyncClient(
                headers=connection.headers(), timeout=TIMEOUT, limits=httpx.Limits(), verify=connection.trust()
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise unusable_proxy() from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> Any:
        """Get a path; the decoded JSON of the answer."""
        try:
            response = await self._http.get(self.connection.url(path))
        except httpx.RequestError as error:
            raise unreachable(self.connection, error) from error
        return decode(self.connection, response)

    async def record(self, path: str) -> Json:
        """An answer that must be one JSON object."""
        answer = await self.get(path)
        return answer if isinstance(answer, dict) else unexpected(self.connection, path)

    @asynccontextmanager
    async def frames(self, path: str) -> AsyncIterator[AsyncIterator[Frame]]:
        """The frames of a stream, up to the end of its connection."""
        timeout = httpx.Timeout(10, read=SILENCE)
        headers = {"Accept": "text/event-stream"}
        try:
            async with self._http.stream(
                "GET", self.connection.url(path), headers=headers, timeout=timeout
            ) as response:
                if not response.is_success:
                    await response.aread()
                    raise refusal(response)
                yield _frames(response)
        except httpx.RequestError as error:
            raise unreachable(self.connection, error) from error


async def _frames(response: httpx.Response) -> AsyncIterator[Frame]:
    """The frames of a body, with the keep-alives, which `httpx.EventSource` hides: they show that a stream is live."""
    event, data = b"", list[bytes]()
    async for line in _lines(response):
        if line.startswith(b":"):
            yield Frame("ping")
        elif line.startswith(b"event:"):
            event = line[6:].strip()
        elif line.startswith(b"data:"):
            data.append(line[5:])
        elif not line and event == b"error":
            yield Frame("end")
        elif not line and data:
            yield Frame("data", _json(b"\n".join(data)))
        if not line:
            event, data = b"", []


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """The lines of a body. Only a line feed ends a line, as a log's text may hold other line separators of Unicode."""
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise Unreachable("the server's stream of events is damaged") from error


class Backoff:
    """Pauses between attempts, from a quarter of a second to five; gives up after `patience` seconds of failures."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.succeeded()

    def succeeded(self) -> None:
        """Note a success: the next pause is short again, and the time of failures begins anew."""
        self._pause = 0.25
        self.alive()

    def alive(self) -> None:
        """Note that the server answers: the time of failures begins anew, but the pause stays long."""
        self._give_up = float("inf")

    async def wait(self, error: AppError | None, *, until: anyio.Event | None = None) -> None:
        """Pause, but no longer than until `until` is set; raises the error after `patience` seconds of failures."""
        if error is not None:
            self._give_up = min(self._give_up, anyio.current_time() + self._patience)
            if anyio.current_time() >= self._give_up:
                raise error
        with anyio.move_on_after(self._pause):
            await (until or anyio.Event()).wait()
        self._pause = min(self._pause * 2, 5.0)
