"""HTTP connections: uvicorn's fast parser, with limits on request heads, and answers that are written in one piece."""

from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.encoding import encode

#: The most bytes of request line and headers; a longer head is refused, and the connection closed.
HEAD_LIMIT = 384 * 1024
#: The ASGI extension whose `abort` closes a connection at once, even when the client has stopped reading.
ABORT = "gantry.abort"
#: The most bytes of path and query; the parser refuses longer ones.
ADDRESS_LIMIT = 64 * 1024 - 1
#: The most headers of a request.
HEADER_LIMIT = 100


class _TooManyHeaders(Exception):
    """Ends the parser's work on a request."""


class _Cycle(RequestResponseCycle):
    """Writes an answer in one piece if its length is known and its body is one message; uvicorn writes all others.

    Two writes would be two system calls, and would wake the client twice.
    """

    #: The start message of an answer whose body has not come yet.
    _start: Any = None

    async def send(self, message: Any) -> None:
        """Write a message of the application, or keep a start message until the body comes."""
        if message["type"] == "http.response.start" and self._may_wait(message):
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await super().send(message)
        elif message.get("more_body", False) or self.flow.write_paused or not self._write(start, message["body"]):
            await super().send(start)
            await super().send(message)

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


class Protocol(HttpToolsProtocol):
    """Refuses requests that are no HTTP and heads beyond the limits: answers in JSON, and closes the connection."""

    url = b""
    _head = 0
    _in_head = True

    def on_message_begin(self) -> None:
        """A new request starts."""
        self._head, self._in_head = 0, True
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """The head has ended; the body has its own limits."""
        if len(self.headers) > HEADER_LIMIT:
            raise _TooManyHeaders
        self._in_head = False
        super().on_headers_complete()
        self.cycle.__class__ = _Cycle  # uvicorn has no option for the class

    def data_received(self, data: bytes) -> None:
        """Parse bytes from the client."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self._refuse(431, "too_large", f"the request's head is too large; at most {HEAD_LIMIT} bytes are read")

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser cannot read. The parser gives no reason, but the sizes tell some."""
        if len(self.url) > ADDRESS_LIMIT:
            self._refuse(414, "too_large", f"the address is too long; at most {ADDRESS_LIMIT} bytes are read")
        elif len(self.headers) > HEADER_LIMIT:
            self._refuse(431, "too_large", f"the request has too many headers; at most {HEADER_LIMIT} are read")
        else:
            words = "this is no HTTP request; what is not ASCII must be written as %XX in an address"
            self._refuse(400, "bad_request", words)

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = encode({"message": message, "code": code}) + b"\n"
        lines = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        )
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.transport.close()
