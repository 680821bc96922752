"""Reads the requests of a connection: uvicorn's fast parser, with limits on the head and an eye on where each ends."""

import asyncio
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.web.cycle import Cycle

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
UNKNOWN = -1
#: What comes next on a connection; ANSWER: the request is whole.
REQUEST, HEAD, BODY, ANSWER = range(4)


class Refused(Exception):
    """Ends the work on a request that is not read: status, code and message of the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)


class Parsing(HttpToolsProtocol):
    """The requests of one connection, parsed one after another."""

    url = b""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._stage = REQUEST
        #: Bytes that count as head; chunks in the bytes that are parsed.
        self._size = self._chunks = 0
        #: Bytes of the body that came, and those that are due.
        self._came, self._due = 0, UNKNOWN
        #: The last bytes of an unfinished request: its end may be split.
        self._tail = b""

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._stage == ANSWER:
            raise Refused(400, "bad_request", "the end of the request before this one cannot be found")
        self._stage, self._size = HEAD, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; or a trailer behind a body, of which only the size counts."""
        if self._stage != HEAD:
            return
        if len(self.headers) == HEADER_LIMIT:
            raise Refused(431, "too_large", f"the request has too many headers; at most {HEADER_LIMIT} are read")
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head has ended."""
        if self.parser.should_upgrade() and self._announced():  # the parser would take the body for another request
            raise Refused(400, "bad_request", "a request with a body cannot ask for another protocol")
        self._stage, self._came = BODY, 0
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
            self._stage = REQUEST
        else:
            self._stage = ANSWER
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = Cycle  # uvicorn has no option for the class
        super()._start_asgi_task(cycle, app)

    def _stop(self, data: bytes, at: int) -> int:
        """Where to stop parsing: at the end of a request at the latest."""
        if self._stage == BODY and self._due >= 0:
            return min(at + self._due, len(data))
        if self._tail and not at and (found := (self._tail + data[:3]).find(_END)) >= 0:
            return found + len(_END) - len(self._tail)
        found = data.find(_END, at)
        return found + len(_END) if found >= 0 else len(data)

    def _feed(self, piece: bytes | memoryview, size: int) -> None:
        """Parse all these bytes; Refused."""
        stage, came, self._chunks = self._stage, self._came, 0
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # the server speaks no other protocol, and answers as if the client had not asked
        except httptools.HttpParserError as error:
            raise self._refusal(error) from None
        if self._stage != BODY:
            self._size += size
        elif stage != BODY:
            self._size += size
            self._due = self._announced()
        elif self._due < 0:
            self._size += max(0, size - (self._came - came) - self._chunks * _FRAME)
        if self._size > HEAD_LIMIT and self._stage != ANSWER:
            raise Refused(431, "too_large", f"the request's head is too large; at most {HEAD_LIMIT} bytes are read")

    def _announced(self) -> int:
        """The length of the body; UNKNOWN when the body comes in chunks."""
        for name, value in self.headers:
            if name == b"content-length":
                return int(value)
            if name == b"transfer-encoding":
                return UNKNOWN
        return 0

    def _refusal(self, error: httptools.HttpParserError) -> Refused:
        """Why a request is refused that the parser cannot read. The parser gives no reason, but the sizes tell some."""
        if isinstance(error.__context__, Refused):
            return error.__context__
        if len(self.url) > ADDRESS_LIMIT:
            return Refused(414, "too_large", f"the address is too long; at most {ADDRESS_LIMIT} bytes are read")
        words = "this is no HTTP request; what is not ASCII must be written as %XX in an address"
        return Refused(400, "bad_request", words)
