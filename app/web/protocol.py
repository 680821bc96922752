"""HTTP connections: uvicorn's fast parser, with limits on all that a client sends.

The requests of a connection are parsed one after another: bytes behind a request are kept as they came until the
request is answered, and meanwhile nothing more is read.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.encoding import encode
from app.web.connected import CONNECTION
from app.web.connections import Address, Connections, Waiting
from app.web.cycle import Cycle, Flow
from app.web.sendfile import EXTENSION, FileSending

#: The most bytes of a request's line, headers, trailers and chunk extensions together; a request with more is refused,
#: and the connection closed.
HEAD_LIMIT = 384 * 1024
#: The most bytes of path and query; the parser refuses longer ones.
ADDRESS_LIMIT = 64 * 1024 - 1
#: The most headers of a request.
HEADER_LIMIT = 100
#: Bytes around a chunk of a body that are no extension: the length of the chunk, and two line ends.
_FRAME = 12
#: The end of a head, and of a body in chunks.
_END = b"\r\n\r\n"
#: The bytes that are due of a body in chunks.
_UNKNOWN = -1
#: What comes next on a connection; _ANSWER: the request is whole.
_REQUEST, _HEAD, _BODY, _ANSWER = range(4)


class _Refused(Exception):
    """Ends the parser's work on a request: status, code and message of the answer."""


class Protocol(HttpToolsProtocol):
    """One connection. What is no HTTP or beyond a limit is refused: answered in JSON, and the connection closed."""

    url = b""

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
        self._stage = _REQUEST
        self._refused = False
        #: Bytes that count as head; chunks in the bytes that are parsed.
        self._size = self._chunks = 0
        #: Bytes of the body that came, those that had come when a window began, and those that are due.
        self._came = self._mark = 0
        self._due = _UNKNOWN
        #: The last bytes of an unfinished request: its end may be split.
        self._tail = b""
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
        if self._stage == _ANSWER:
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
        elif self._stage == _REQUEST and self._waiting is None and self._address is not None:
            self._wait_for_request()

    def on_response_complete(self) -> None:
        """The answer is written, or was broken off: go on with what came behind the request."""
        self._all.total_requests += 1
        if self.transport.is_closing():
            self._wait_to_close()
            return
        self._release()
        if self._stage == _BODY:  # nobody reads the rest, and the client may send it for one window
            self._measure()
        elif self._stage == _ANSWER:
            self._stage = _REQUEST
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

    # The parser's calls.

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._stage == _ANSWER:
            raise _Refused(400, "bad_request", "the end of the request before this one cannot be found")
        self._stage, self._size, self._known = _HEAD, 0, self._known_for_good
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[literal-required]  # a key of ours
        if self.scope["scheme"] == "http":  # the system does not encrypt
            self.scope["extensions"] = {EXTENSION: {}}

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; or a trailer behind a body, of which only the size counts."""
        if self._stage != _HEAD:
            return
        if len(self.headers) == HEADER_LIMIT:
            raise _Refused(431, "too_large", f"the request has too many headers; at most {HEADER_LIMIT} are read")
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head has ended."""
        if self.parser.should_upgrade() and self._announced():  # the parser would take the body for another request
            raise _Refused(400, "bad_request", "a request with a body cannot ask for another protocol")
        self._stage, self._came = _BODY, 0
        if b"#" in self.url:  # an address of a request has no fragment: what follows must not be cut off unseen
            self.url = self.url.replace(b"#", b"%23")
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """A chunk of the body begins."""
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        self._came += len(body)
        self._due -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has ended."""
        if self.cycle.response_complete:
            self._stage = _REQUEST
        else:
            self._stage = _ANSWER
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = Cycle  # uvicorn has no option for the class
        super()._start_asgi_task(cycle, app)

    # Parsing.

    def _parse(self, data: bytes, at: int) -> None:
        """Parse bytes from `at` on until a request is whole; keep the bytes behind the request."""
        first, end = at, len(data)
        while at < end and self._stage != _ANSWER:
            stop = self._stop(data, at)
            if not self._feed(data if stop - at == end else memoryview(data)[at:stop], stop - at):
                return
            at = stop
        if at < end:
            self._wait_in(None)
            self._keep(data, at)
        elif self._stage == _ANSWER:
            self._wait_in(None)
        elif self._stage == _REQUEST:
            self._wait_for_request()
        else:
            self._wait_for_more(data, end - first)
        if self._stage in (_ANSWER, _REQUEST):
            self._tail = b""

    def _stop(self, data: bytes, at: int) -> int:
        """Where to stop parsing: at the end of a request at the latest."""
        if self._stage == _BODY and self._due >= 0:
            return min(at + self._due, len(data))
        if self._tail and not at and (found := (self._tail + data[:3]).find(_END)) >= 0:
            return found + len(_END) - len(self._tail)
        found = data.find(_END, at)
        return found + len(_END) if found >= 0 else len(data)

    def _feed(self, piece: bytes | memoryview, size: int) -> bool:
        """Parse all these bytes; false if the request was refused."""
        stage, came, self._chunks = self._stage, self._came, 0
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # the server speaks no other protocol, and answers as if the client had not asked
        except httptools.HttpParserError as error:
            self._refuse_unread(error)
            return False
        if self._stage != _BODY:
            self._size += size
        elif stage != _BODY:
            self._size += size
            self._due = self._announced()
        elif self._due < 0:
            self._size += max(0, size - (self._came - came) - self._chunks * _FRAME)
        if self._size > HEAD_LIMIT and self._stage != _ANSWER:
            self._refuse(431, "too_large", f"the request's head is too large; at most {HEAD_LIMIT} bytes are read")
            return False
        return True

    def _announced(self) -> int:
        """The length of the body; _UNKNOWN when the body comes in chunks."""
        for name, value in self.headers:
            if name == b"content-length":
                return int(value)
            if name == b"transfer-encoding":
                return _UNKNOWN
        return 0

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
        if self._stage == _HEAD:
            if self._waiting is not self._all.heads:
                self._wait_in(self._all.heads)
        elif self._waiting is not self._all.bodies:
            self._measure()
        if not self._known and not (self._stage == _BODY and self.cycle.response_complete):
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

    def _refuse_unread(self, error: httptools.HttpParserError) -> None:
        """Refuse a request that the parser cannot read. The parser gives no reason, but the sizes tell some."""
        if isinstance(error.__context__, _Refused):
            self._refuse(*error.__context__.args)
        elif len(self.url) > ADDRESS_LIMIT:
            self._refuse(414, "too_large", f"the address is too long; at most {ADDRESS_LIMIT} bytes are read")
        else:
            words = "this is no HTTP request; what is not ASCII must be written as %XX in an address"
            self._refuse(400, "bad_request", words)

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
