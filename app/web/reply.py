"""Answers: JSON as Drone's clients read it.

A handler's return type says what it answers, for the reader, the type checker and the API's description.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Generic, Protocol, TypeVar

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import TypedDict

from app.encoding import encode

T = TypeVar("T")


def joined(texts: Iterable[bytes]) -> bytes:
    """A JSON array that ends an answer; each text is an item, or several with commas between them."""
    return b"[" + b",".join(texts) + b"]\n"


class MessageJSON(TypedDict):
    """Something to say, and nothing else."""

    message: str


class JSON(Response, Generic[T]):
    """A JSON answer that ends with a newline."""

    media_type = "application/json"

    def __init__(self, value: T, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(encode(value) + b"\n", status, headers)


class Encoded(Response, Generic[T]):
    """A JSON answer whose text is there already."""

    media_type = "application/json"

    def __init__(self, text: bytes, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text, headers=headers)


class Text(Response):
    """Plain text."""

    media_type = "text/plain"


class HTML(Response):
    """A page."""

    media_type = "text/html"


class CSS(Response):
    """How a page looks."""

    media_type = "text/css"


class SVG(Response):
    """A picture."""

    media_type = "image/svg+xml"


class Parts(Protocol):
    """Bytes as they come, from something that is to be closed."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


class Streamed(StreamingResponse):
    """An answer that is sent piece by piece; its source is closed however it ends."""

    def __init__(self, parts: Parts, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(parts, headers=headers)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; of an answer to HEAD nothing but the head."""
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


class PipedText(Streamed):
    """Plain text that comes in pieces."""

    media_type = "text/plain"


class SeeOther(Response):
    """303: what was asked for is at another address, to be read from there."""

    def __init__(self, location: str) -> None:
        super().__init__(status_code=303, headers={"location": location})


class Empty(Response):
    """204: done, nothing to say."""

    def __init__(self) -> None:
        super().__init__(status_code=204)
