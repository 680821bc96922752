"""Which page sent a request. A browser adds the cookie of a session also to requests of pages of other origins."""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from app.errors import Forbidden

_PORTS = {"http": 80, "https": 443}
#: Modes of requests whose answers no page can read: the user opens a page, or a page shows an image.
_UNREADABLE = ("navigate", "no-cors")


def origin(url: str) -> str:
    """The origin of an address, as browsers write it."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def refuse_others(request: Request[Any]) -> None:
    """Forbidden for a request of a page that is neither the server's own nor of an origin that the settings list.

    A method that may change something needs the browser's word for its own page: `Sec-Fetch-Site`, or `Origin` from a
    browser that does not send the former. A GET is refused when the browser says that a page of another origin may read
    the answer, as it does for a stream of events.
    """
    if is_foreign(request, request.state["public_url"], request.state["cors_origins"]):
        raise Forbidden(
            "this request does not come from a page of this server, so it may not act as a browser that is logged in: "
            "use the server's own pages, or send a token in the header Authorization",
            code="foreign_page",
        )


def is_foreign(request: Request[Any], public_url: str, listed: Collection[str]) -> bool:
    """Whether the rule of `refuse_others` refuses the request."""
    said, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    safe = request.method in ("GET", "HEAD")
    if said is not None and said in listed:
        return False
    if site is not None:
        alone = site == "none" or request.headers.get("sec-fetch-mode") in _UNREADABLE
        return site != "same-origin" and not (safe and alone)
    if said is not None:
        return said != origin(public_url) and not _is_called(said, request, public_url)
    return not safe


def _is_called(said: str, request: Request[Any], public_url: str) -> bool:
    """Whether the client calls this server by the origin of its page: a server may have several names."""
    host = request.headers.get("host", "")
    return bool(host) and said == f"{urlsplit(public_url).scheme}://{host}"
