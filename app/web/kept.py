"""Texts that are made once and sent many times, compressed for every client that takes that."""

import gzip
from collections.abc import Mapping

from starlette.requests import Request

from app.web.accept import takes


class Kept:
    """A text, as it is and compressed."""

    def __init__(self, text: bytes) -> None:
        self.plain = text
        self.packed = gzip.compress(text, mtime=0)

    def form(self, request: Request) -> tuple[bytes, Mapping[str, str]]:
        """The form of the text that the client takes, and the headers that name that form."""
        vary = {"Vary": "Accept-Encoding"}
        if takes("gzip", request.headers.get("accept-encoding", "")):
            return self.packed, {"Content-Encoding": "gzip", **vary}
        return self.plain, vary
