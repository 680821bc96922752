"""Sends the bytes of files to a connection without reading them: the system moves the bytes to the socket.

An application sends them with the ASGI extension "Zero Copy Send", if the scope of a request offers the extension.
"""

import asyncio
import os
from typing import Final, Protocol

from uvicorn.protocols.http.flow_control import FlowControl

from app import threads

#: The name of the extension in a scope, and the type of its message: `file`, `offset`, `count` and `more_body`.
EXTENSION: Final = "http.response.zerocopysend"
SEND: Final = EXTENSION
#: The most bytes that one call in a thread sends, so that many clients share few threads.
_TURN = 16 * 1024 * 1024


class Short(Exception):
    """A file ended before the bytes that were to be sent."""


class Client(Protocol):
    """A connection that is told whether its client reads."""

    def client_waits(self) -> None:
        """The client does not read as fast as the server sends."""
        ...

    def client_reads(self) -> None:
        """The client has read."""
        ...


class FileSending:
    """Sends parts of files to a connection, one after another."""

    def __init__(self, transport: asyncio.Transport, flow: FlowControl, client: Client) -> None:
        self._transport = transport
        self._flow = flow
        self._client = client
        #: Bytes of the part that is being sent that the system has not taken yet.
        self.left = 0
        self._writable: asyncio.Future[None] | None = None

    async def send(self, file: int, offset: int, count: int) -> bool:
        """Send `count` bytes of a file; whether the connection was there until the end. Short."""
        self._transport.set_write_buffer_limits(0)  # what was written before must be on its way first
        try:
            while self._transport.get_write_buffer_size() and not self._transport.is_closing():
                await self._flow.drain()
                await asyncio.sleep(0)
            if self._transport.is_closing():
                return False
            # A second number for the socket: the event loop watches the first by itself.
            out = os.dup(self._transport.get_extra_info("socket").fileno())
            try:
                return await self._send(out, file, offset, count)
            finally:
                os.close(out)
        finally:
            self.left = 0
            if not self._transport.is_closing():
                self._transport.set_write_buffer_limits()

    async def _send(self, out: int, file: int, offset: int, count: int) -> bool:
        end, self.left = offset + count, count
        while offset < end:
            if self._transport.is_closing():
                return False
            try:
                sent = await threads.run(_push, out, file, offset, end - offset)
            except (BrokenPipeError, ConnectionError):
                self._transport.abort()
                return False
            offset += sent
            self.left -= sent
            if not sent:
                await self._wait_for_client(out)
        return True

    async def _wait_for_client(self, out: int) -> None:
        loop = asyncio.get_running_loop()
        self._writable = loop.create_future()
        self._client.client_waits()
        loop.add_writer(out, self.wake)
        try:
            await self._writable
        finally:
            loop.remove_writer(out)
            self._writable = None
            self._client.client_reads()

    def wake(self) -> None:
        """Go on: the client has read, or the connection has ended."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)


def _push(out: int, file: int, offset: int, count: int) -> int:
    """Send bytes of a file until the socket takes no more; how many were sent."""
    sent, most = 0, min(count, _TURN)
    while sent < most:
        try:
            more = os.sendfile(out, file, offset + sent, most - sent)
        except BlockingIOError:
            break
        if not more:
            raise Short(f"the file ends after {offset + sent} bytes")
        sent += more
    return sent
