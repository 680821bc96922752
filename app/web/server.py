"""Around every request: its id, its headers, its line in the log."""

import logging
import secrets
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.log import request_id
from app.web.traffic import Traffic

log = logging.getLogger("app.request")

_NO_CACHE = [
    (b"cache-control", b"no-cache, private, max-age=0"),
    (b"pragma", b"no-cache"),
    (b"expires", b"Thu, 01 Jan 1970 00:00:00 UTC"),
    (b"x-accel-expires", b"0"),
]


class Requests:
    """ASGI middleware. Logs method, path, status, milliseconds; never the query, which may hold a token."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        token = request_id.set(_request_id(scope))
        status = 500
        number = self._traffic.enter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._traffic.leave(number)
                _add_headers(message)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:  # a bug, answered already: nobody above could do more
            log.exception("bug", extra={"path": scope["path"]})
        finally:
            self._traffic.leave(number)
            _log(scope, status, began)
            request_id.reset(token)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and 0 < len(value) <= 64 and value.replace(b"-", b"").isalnum():
            return str(value.decode())
    return secrets.token_hex(8)


def _add_headers(message: Message) -> None:
    headers: list[tuple[bytes, bytes]] = message["headers"]
    headers.append((b"x-request-id", request_id.get().encode()))
    if not any(name == b"cache-control" for name, _ in headers):
        headers.extend(_NO_CACHE)


def _log(scope: Scope, status: int, began: float) -> None:
    if not log.isEnabledFor(logging.INFO):
        return
    facts: dict[str, Any] = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round((time.perf_counter() - began) * 1000, 2),
    }
    log.info("request", extra=facts)
