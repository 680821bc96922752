"""HTTP on the wire: uvicorn's fast parser, with the bounds on request heads that it lacks."""

from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.encoding import encode

#: Bytes of request line and headers that are taken in before the connection is refused.
HEAD_LIMIT = 384 * 1024
#: The ASGI extension by whose `abort` a connection is cut at once, also when its client reads nothing any more.
ABORT = "gantry.abort"
#: Bytes of path and query; the parser reads no longer ones.
ADDRESS_LIMIT = 64 * 1024 - 1
#: Headers that a request may have.
HEADER_LIMIT = 100


class _TooManyHeaders(Exception):
    """Ends the parser's work on a request."""


class Protocol(HttpToolsProtocol):
    """Refuses what is no HTTP, and heads beyond the limit before they are whole; in JSON, and closes."""

    url = b""
    _head = 0
    _in_head = True

    def on_message_begin(self) -> None:
        """A new request starts."""
        self._head, self._in_head = 0, True
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}

    def on_headers_complete(self) -> None:
        """What follows is the body, which has its own limits."""
        if len(self.headers) > HEADER_LIMIT:
            raise _TooManyHeaders
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self._refuse(431, "too_large", f"the request's head is too large; at most {HEAD_LIMIT} bytes are read")

    def send_400_response(self, msg: str) -> None:
        """The parser met what it does not read; it does not say why, but an address that is too long is known."""
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
