"""Types of answers, such as JSON that Drone's clients read.

A handler's return type names its answers, for the reader, the type checker and the API's description.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import TypedDict

from app.encoding import encode

T = TypeVar("T")
#: What means something in an address (RFC 3986, 2.2), and the sign of what is escaped already.
_KEPT = ":/?#[]@!$&'()*+,;=%"


def joined(texts: Iterable[bytes]) -> bytes:
    """A JSON array and a newline; each text is one item, or several items separated by commas."""
    return b"[" + b",".join(texts) + b"]\n"


class MessageJSON(TypedDict):
    """Something to say, and nothing else."""

    message: str


class JSON(Response, Generic[T]):
    """A JSON answer that ends with a newline."""

    #: The status that the API's description gives such answers.
    status = 200
    media_type = "application/json"

    def __init__(self, value: T, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(encode(value) + b"\n", status, headers)


class Made(JSON[T]):
    """201 with JSON: something new is there."""

    status = 201

    def __init__(self, value: T, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(value, self.status, headers)


class Encoded(Response, Generic[T]):
    """A JSON answer whose text is already encoded."""

    media_type = "application/json"

    def __init__(self, text: bytes, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text, headers=headers)


class Text(Response):
    """Plain text."""

    media_type = "text/plain"


class MadeText(Text):
    """201 with text: something new is there."""

    status = 201

    def __init__(self, text: str) -> None:
        super().__init__(text, self.status)


class HTML(Response):
    """An HTML page."""

    media_type = "text/html"


class CSS(Response):
    """A style sheet."""

    media_type = "text/css"


class JavaScript(Response):
    """A script of a page."""

    media_type = "text/javascript"


class SVG(Response):
    """An SVG image."""

    media_type = "image/svg+xml"


class Parts(Protocol):
    """An asynchronous source of bytes that must be closed."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class Streamed(StreamingResponse):
    """An answer that is sent piece by piece; its source is closed however the answer ends."""

    def __init__(self, parts: Parts, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(parts, headers=headers)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; to a HEAD request only its head."""
        try:
            if scope["method"] == "HEAD":
                await Response(headers=self.headers)(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)
        finally:
            await self._parts.aclose()


class Piped(Streamed, Generic[T]):
    """A JSON answer whose text comes in pieces."""

    media_type = "application/json"


class Lines(Streamed, Generic[T]):
    """JSON values that come piece by piece, one a line."""

    media_type = "application/x-ndjson"


class PipedText(Streamed):
    """Plain text that comes in pieces."""

    media_type = "text/plain"


class SeeOther(Response):
    """303: the client shall read the answer from another address, in which what no header may hold is escaped."""

    def __init__(self, location: str) -> None:
        super().__init__(status_code=303, headers={"location": quote(location, safe=_KEPT)})


class Empty(Response):
    """204: done, without a body."""

    status = 204

    def __init__(self, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status_code=self.status, headers=headers)


class Done(Empty):
    """200: done, without a body, for clients that know no other status."""

    status = 200


class Created(Empty):
    """201: something new is there, without a body."""

    status = 201


class Accepted(Empty):
    """202: the work is begun, without a body."""

    status = 202
