"""Answers: JSON as Drone's clients read it."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


def encode(value: Any) -> bytes:
    """JSON in UTF-8 with `<`, `>` and `&` escaped, so that it is harmless inside a page (`spec` drone-rest 1.3)."""
    text = orjson.dumps(value)
    if b"<" in text or b">" in text or b"&" in text:
        text = text.replace(b"&", b"\\u0026").replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
    return text


class JSON(Response):
    """A JSON answer that ends with a newline."""

    media_type = "application/json"

    def __init__(self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(encode(value) + b"\n", status, headers)


class Empty(Response):
    """204: done, nothing to say."""

    def __init__(self) -> None:
        super().__init__(status_code=204)
