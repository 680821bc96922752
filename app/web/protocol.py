"""HTTP on the wire: uvicorn's fast parser, with the bound on request heads that it lacks."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes of request line and headers that are taken in before the connection is refused.
HEAD_LIMIT = 384 * 1024


class Protocol(HttpToolsProtocol):
    """Answers 400 and closes when a head grows beyond the limit, before it is whole."""

    _head = 0
    _in_head = True

    def on_message_begin(self) -> None:
        """A new request starts."""
        self._head, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """What follows is the body, which has its own limits."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self.send_400_response(f"The request's head is too large; at most {HEAD_LIMIT} bytes are read.")
