"""HTTP connections, with limits on all that a client sends.

The requests of a connection are parsed one after another: bytes behind a request are kept as they came until the
request is answered, and meanwhile nothing more is read.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config

from app.encoding import encode
from app.web.connected import CONNECTION
from app.web.connections import Address, Connections, Waiting
from app.web.cycle import Flow
from app.web.parsing import ANSWER, BODY, HEAD, REQUEST, Parsing, Refused
from app.web.sendfile import EXTENSION, FileSending


class Protocol(Parsing):
    """One connection. What is no HTTP or beyond a limit is refused: answered in JSON, and the connection closed."""

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._all = server_state
        #: None when the connection is not counted: before it is made, and when it was refused or has ended.
        self._address: Address | None = None
        #: The state in which the connection waits, if any.
        self._waiting: Waiting | None = None
        self._refused = False
        #: Bytes of the body that had come when a window began.
        self._mark = 0
        #: What came behind a request, from the byte `_at` on.
        self._rest, self._at = b"", 0
        #: Bytes of input that are counted. Nothing counts once a caller has shown an account or the runners' secret:
        #: for the rest of the request, and without a proxy for the rest of the connection.
        self._held = 0
        self._known = self._known_for_good = False
        #: Bytes for the client that waited when the client was last seen to read.
        self._unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """A client has connected."""
        super().connection_made(transport)
        self.flow = Flow(self.transport, lambda: bool(self._rest), self._measure_anew)
        self.files = FileSending(self.transport, self.flow, self)
        self._address = self._all.admit(self, self.client[0] if self.client else "")
        if self._address is None:
            self._refused = True
            self.connections.discard(self)
            self.transport.write(_answer(503, "unavailable", "the server has too many connections; try again later"))
            self.transport.close()
        else:
            self._wait_in(self._all.idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._forget()
        super().connection_lost(exc)
        self.files.wake()

    def data_received(self, data: bytes) -> None:
        """Bytes came from the client."""
        if self._refused:
            return
        if self._stage == ANSWER:
            self._keep(data, 0)
        else:
            self._parse(data, 0)

    def pause_writing(self) -> None:
        """The client does not read as fast as the server writes."""
        self.client_waits()
        super().pause_writing()

    def client_waits(self) -> None:
        """Bytes for the client wait, here or in a file."""
        self._unread = self._unsent()
        self._all.unread[self] = self.loop.time()

    def client_reads(self) -> None:
        """The client has read."""
        self._all.unread.pop(self, None)

    def _unsent(self) -> int:
        """Bytes for the client that the system has not taken yet."""
        return self.transport.get_write_buffer_size() + self.files.left

    def resume_writing(self) -> None:
        """The client has read most of what was written."""
        self.client_reads()
        super().resume_writing()
        if self.transport.is_closing():
            self._wait_to_close()
        elif self._stage == REQUEST and self._waiting is None and self._address is not None:
            self._wait_for_request()

    def on_response_complete(self) -> None:
        """The answer is written, or was broken off: go on with what came behind the request."""
        self._all.total_requests += 1
        if self.transport.is_closing():
            self._wait_to_close()
            return
        self._release()
        if self._stage == BODY:  # nobody reads the rest, and the client may send it for one window
            self._measure()
        elif self._stage == ANSWER:
            self._stage = REQUEST
            data, at, self._rest = self._rest, self._at, b""
            if data:
                self._parse(data, at)
            else:
                self._wait_for_request()
        self.flow.resume_reading()

    def trust(self) -> None:
        """The caller of the request that is served has shown an account or the runners' secret."""
        if not self._known:
            self._known = True
            self._release()
        if not self._known_for_good and self._address is not None and not self._address.proxy:
            self._known_for_good = True
            self._address.strangers.pop(self, None)

    def is_idle(self) -> bool:
        """See Connection."""
        return self._waiting is self._all.idle or self._waiting is self._all.refused

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._known = self._known_for_good
        self.scope[CONNECTION] = self  # type: ignore[literal-required]  # a key of ours
        if self.scope["scheme"] == "http":  # the system does not encrypt
            self.scope["extensions"] = {EXTENSION: {}}

    def _parse(self, data: bytes, at: int) -> None:
        """Parse bytes from `at` on until a request is whole; keep the bytes behind the request."""
        first, end = at, len(data)
        while at < end and self._stage != ANSWER:
            stop = self._stop(data, at)
            try:
                self._feed(data if stop - at == end else memoryview(data)[at:stop], stop - at)
            except Refused as refusal:
                self._refuse(*refusal.args)
                return
            at = stop
        if at < end:
            self._wait_in(None)
            self._keep(data, at)
        elif self._stage == ANSWER:
            self._wait_in(None)
        elif self._stage == REQUEST:
            self._wait_for_request()
        else:
            self._wait_for_more(data, end - first)
        if self._stage in (ANSWER, REQUEST):
            self._tail = b""

    # Waiting, and what is kept meanwhile.

    def _wait_for_request(self) -> None:
        """Wait for a request; but not before the client has read the last answer."""
        if self.flow.write_paused:
            self._wait_in(None)
        else:
            self._wait_in(self._all.idle_known if self._known_for_good else self._all.idle)

    def _wait_to_close(self) -> None:
        """Wait for the client to read its last answer: the transport closes the connection only then."""
        if self._address is None:
            return
        self._wait_in(None)
        self._all.unread.pop(self, None)
        if size := self.transport.get_write_buffer_size():
            self._unread = size
            self._all.unread[self] = self.loop.time()

    def _wait_for_more(self, data: bytes, size: int) -> None:
        """Wait for the rest of a head or a body."""
        self._tail = (self._tail + data[-3:])[-3:]
        if self._stage == HEAD:
            if self._waiting is not self._all.heads:
                self._wait_in(self._all.heads)
        elif self._waiting is not self._all.bodies:
            self._measure()
        if not self._known and not (self._stage == BODY and self.cycle.response_complete):
            self._hold(size)

    def _wait_in(self, waiting: Waiting | None) -> None:
        if self._waiting is not None:
            self._waiting.pop(self, None)
        self._waiting = waiting
        if waiting is not None:
            waiting[self] = self.loop.time()

    def _measure(self) -> None:
        """Measure the body from now on."""
        self._mark = self._came
        self._wait_in(self._all.bodies)

    def _measure_anew(self) -> None:
        """Measure the body from now on, if there is one: for some time the server has not read."""
        if self._waiting is self._all.bodies and not self.cycle.response_complete:
            self._measure()

    def _keep(self, data: bytes, at: int) -> None:
        """Keep bytes behind a request, from `at` on, and read no more."""
        size = len(data) - at
        if self._rest:
            data, at = self._rest[self._at :] + data[at:], 0
        self._rest, self._at = data, at
        self.flow.pause_reading()
        if not self._known_for_good:
            self._hold(size)

    def _hold(self, size: int) -> None:
        """Count input that is kept."""
        if self._address is None:
            return
        self._held += size
        if not self._all.hold(self._address, size):
            self._refuse(503, "unavailable", "the server has too many unfinished requests; try again later")

    def _release(self) -> None:
        """Input is not kept any more, or does not count any more."""
        if self._held and self._address is not None:
            self._all.hold(self._address, -self._held)
        self._held = 0

    # Ends.

    def end_idle(self) -> None:
        """See Connection."""
        if self.transport.get_write_buffer_size():  # the client would have to read before the connection closes
            self.drop()
        else:
            self.transport.close()

    def end_head(self) -> None:
        """See Connection."""
        self._refuse(408, "timeout", "the request's head came too slowly; send it at once")

    def end_window(self) -> None:
        """See Connection."""
        limits = self._all.limits
        if self.cycle.response_complete:
            self.drop()
        elif self.flow.read_paused or self._came - self._mark >= limits.rate * limits.body:
            self._measure()
        else:
            words = f"the request's body came too slowly; at least {limits.rate} bytes a second are due"
            self._refuse(408, "timeout", words)

    def end_wait(self) -> None:
        """See Connection."""
        if (size := self._unsent()) < self._unread:
            self._unread = size
            self._all.unread[self] = self.loop.time()
        else:
            self._all.count("unread")
            self.drop()

    def drop(self) -> None:
        """Close the connection at once, even when the client has stopped reading."""
        self._refused = True
        self._forget()
        self.connections.discard(self)
        self.transport.abort()

    def _forget(self) -> None:
        """Leave all counts and all states, and keep no input."""
        self._wait_in(None)
        self._all.unread.pop(self, None)
        self._release()
        self._rest = b""
        if self.cycle is not None:
            self.cycle.body = bytearray()
        if self._address is not None:
            self._all.forget(self, self._address)
            self._address = None

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer, and close the connection; what the client still sends is not read. An answer under way is cut off."""
        self._all.count(code)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected, cycle.body = True, bytearray()
            cycle.message_event.set()
            if cycle.response_started:
                self.drop()
                return
        self._refused, self._rest = True, b""
        self._release()
        self.transport.write(_answer(status, code, message))
        self.transport.write_eof()
        self.flow.resume_reading()  # to see the client close: bytes that are not read would make the system cut it off
        self._wait_in(self._all.refused)


def _answer(status: int, code: str, message: str) -> bytes:
    """An answer in JSON that ends the connection."""
    body = encode({"message": message, "code": code}) + b"\n"
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
