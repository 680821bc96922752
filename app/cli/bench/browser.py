"""What a browser asks of a server: pages, with the cookie of a session, what pages load, and regions of pages."""

import gzip
import re
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from app.cli.bench.load import HOST, PATIENCE, BenchFailed

#: What a browser sends with each request of its pages.
ALWAYS = {"Accept": "text/html", "Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"}
_LOADED = re.compile(rb'(?:href|src)="(/-/static/[^"#]+)')
_REGION = re.compile(rb'<section id="([^"]+)"[^>]* data-live=')


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, its body decompressed."""

    status: int
    body: bytes
    #: What a browser shows to learn whether the body is still the same; empty for none.
    tag: str
    #: Bytes of the body as it was sent; and seconds from the request to its last byte.
    size: int
    took: float

    def loads(self) -> Collection[str]:
        """The addresses of the style sheet, the scripts and the icons of a page."""
        return {found.decode() for found in _LOADED.findall(self.body)}

    def regions(self) -> Sequence[str]:
        """The names of the regions of a page that are renewed."""
        return [name.decode() for name in _REGION.findall(self.body)]


class Browser:
    """A browser that sends one request after another over one connection."""

    def __init__(self, port: int, cookie: str) -> None:
        self._connection = HTTPConnection(HOST, port, timeout=PATIENCE)
        self._always = {**ALWAYS, "Cookie": cookie}

    def get(self, path: str, **headers: str) -> Answer:
        """The answer to a GET; BenchFailed when there is none. In names of headers, `_` stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        began = time.perf_counter()
        try:
            self._connection.request("GET", path, headers=self._always | named)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            raise BenchFailed(f"GET {path}: {error or type(error).__name__}") from error
        took = time.perf_counter() - began
        whole = gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body
        return Answer(answer.status, whole, answer.headers.get("ETag", ""), len(body), took)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextmanager
def browsing(port: int, cookie: str) -> Iterator[Browser]:
    """A browser with this cookie while the block runs."""
    with closing(Browser(port, cookie)) as browser:
        yield browser


def sign_in(port: int, token: str) -> str:
    """The cookie of a new session of the account with this token."""
    with closing(HTTPConnection(HOST, port, timeout=PATIENCE)) as connection:
        connection.request("POST", "/login", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
    if not cookie:
        raise BenchFailed(f"POST /login: {answer.status} without a cookie")
    return cookie
