"""uvicorn's request and answer, with answers that are written in one piece, and its control of reading and writing."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from app.web.connected import CONNECTION
from app.web.sendfile import SEND, FileSending


class Cycle(RequestResponseCycle):
    """Writes an answer in one piece if its length is known and its body is one message; uvicorn writes all others.

    Two writes would be two system calls, and would wake the client twice.
    """

    #: The start message of an answer whose body has not come yet.
    _start: Any = None

    async def run_asgi(self, app: Any) -> None:
        """Serve the request. An answer that the application has broken off ends, too: uvicorn closes the connection."""
        ended = self.on_response
        await super().run_asgi(app)
        if not self.response_complete and not self.disconnected:
            ended()

    async def send(self, message: Any) -> None:
        """Write a message of the application, or keep a start message until the body comes."""
        if message["type"] == "http.response.start" and self._may_wait(message):
            self._start = message
            return
        start, self._start = self._start, None
        if message["type"] == SEND:
            if start is not None:
                await super().send(start)
            await self._send_file(message)
        elif start is None:
            await super().send(message)
        elif message.get("more_body", False) or self.flow.write_paused or not self._write(start, message["body"]):
            await super().send(start)
            await super().send(message)

    async def _send_file(self, message: Any) -> None:
        """Send a part of a file."""
        count = message["count"]
        if self.chunked_encoding or count > self.expected_content_length:
            raise RuntimeError("a file is sent in an answer whose length is known, and is no longer than the answer")
        files: FileSending = self.scope[CONNECTION].files  # type: ignore[literal-required]  # a key of ours
        if self.disconnected or not await files.send(message["file"].fileno(), message["offset"], count):
            self.disconnected = True
            return
        self.expected_content_length -= count
        if not message.get("more_body", False):
            await super().send({"type": "http.response.body", "body": b"", "more_body": False})

    def _may_wait(self, start: Any) -> bool:
        """Whether the start message may wait for its body: the answer has a length, and the connection stays open."""
        if self.response_started or not self.keep_alive or self.access_log or self.scope["method"] == "HEAD":
            return False
        names = [name for name, _ in start["headers"]]
        return b"content-length" in names and b"connection" not in names

    def _write(self, start: Any, body: bytes) -> bool:
        """Write the whole answer. False, and nothing is written, if the head has a wrong length or a line break."""
        headers = [*self.default_headers, *start["headers"]]
        lines = [STATUS_LINE[start["status"]]]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
            if name == b"content-length" and value != b"%d" % len(body):
                return False
        lines += (b"\r\n", body)
        ends = len(headers) + 2
        head = b"".join(lines[:-1])
        if head.count(b"\n") != ends or head.count(b"\r") != ends:  # a header's value holds a line break
            return False
        if self.disconnected:
            return True
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(head + body)
        self.message_event.set()
        self.on_response()
        return True


class Flow(FlowControl):
    """Reads no further while `is_full`; uvicorn would read on whenever the application listens."""

    def __init__(self, transport: asyncio.Transport, is_full: Callable[[], bool], resumed: Callable[[], None]) -> None:
        super().__init__(transport)
        self._is_full = is_full
        self._resumed = resumed

    def resume_reading(self) -> None:
        """Read on, and call `resumed`."""
        if self.read_paused and not self._is_full():
            super().resume_reading()
            self._resumed()
