"""The middleware of every request: its id, the headers of its answer, its line in the log."""

import logging
import secrets
import time
from contextlib import ExitStack
from itertools import count

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import AppError
from app.log import REQUESTS, Served, request_id
from app.turns import short_turns
from app.web import errors
from app.web.errors import ErrorPage
from app.web.policy import Headers, Policy
from app.web.traffic import Traffic

log = logging.getLogger(REQUESTS)

#: The parts of request ids: unique between processes, and cheap to make; ids are no secrets.
_PROCESS, _NUMBERS = secrets.token_hex(4), count()
#: A member of the header `Priority`: the urgency of what is done in the background.
_LATE = b"u=7"
#: The default policy: no page of another origin may call, and requests are not limited.
OPEN = Policy()


class Requests:
    """ASGI middleware. Logs method, path, status, milliseconds; never the query, which may hold a token.

    A request with the header `Priority: u=7` (RFC 9218) lets the others go first.

    Successful requests to paths that begin with `quiet` are frequent, and are logged at level DEBUG only. `page` is as
    in `Router`.
    """

    def __init__(
        self,
        app: ASGIApp,
        traffic: Traffic,
        policy: Policy = OPEN,
        *,
        quiet: str = "",
        page: ErrorPage | None = None,
    ) -> None:
        self._app = app
        self._traffic = traffic
        self._policy = policy
        self._quiet = quiet
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._policy.proxies is not None:
            self._policy.proxies.unwrap(scope)
        began = time.perf_counter()
        token = request_id.set(_request_id(scope))
        status = 500
        unanswered = ExitStack()  # until the answer begins, for an answer may be a stream
        if _is_late(scope):
            unanswered.callback(self._traffic.leave, await self._traffic.enter_late())
            unanswered.enter_context(short_turns())
        else:
            unanswered.callback(self._traffic.leave, self._traffic.enter())

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                unanswered.close()
                headers = message["headers"]
                headers.append((b"x-request-id", request_id.get().encode()))
                headers.extend(self._policy.headers(scope, headers))
            await send(message)

        try:
            early = self._preflight(scope) if self._policy.budgets is None else await self._early(scope)
            await (early or self._app)(scope, receive, answer)
        except Exception:  # a bug; the router has answered it, so it is only logged
            log.exception("bug", extra={"path": scope["path"]})
        finally:
            unanswered.close()
            self._log(scope, status, began)
            request_id.reset(token)

    def _log(self, scope: Scope, status: int, began: float) -> None:
        is_quiet = self._quiet and status < 400 and scope["path"].startswith(self._quiet)
        level = logging.DEBUG if is_quiet else logging.INFO
        if not log.isEnabledFor(level):
            return
        facts = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round((time.perf_counter() - began) * 1000, 2),
        }
        log.handle(Served(level, facts))

    def _preflight(self, scope: Scope) -> Response | None:
        """The answer to a preflight request, which the application does not get."""
        preflight = self._policy.preflight(scope)
        return None if preflight is None else _Bare(preflight)

    async def _early(self, scope: Scope) -> Response | None:
        """The answer to a preflight request, and to a request beyond the budget of its caller."""
        if (preflight := self._preflight(scope)) is not None:
            return preflight
        try:
            await self._policy.spend(scope)
        except AppError as error:
            return await errors.as_page(Request(scope), errors.answer_to(error), self._page)
        return None


class _Bare(Response):
    """204 with these headers."""

    def __init__(self, headers: Headers) -> None:
        super().__init__(status_code=204)
        self.raw_headers.extend(headers)


def _is_late(scope: Scope) -> bool:
    """Whether nobody waits for the answer: the header `Priority` has the last urgency, `u=7` (RFC 9218)."""
    return any(
        name == b"priority" and _LATE in value.replace(b" ", b"").split(b",") for name, value in scope["headers"]
    )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and 0 < len(value) <= 64 and value.replace(b"-", b"").isalnum():
            return str(value.decode())
    return f"{_PROCESS}{next(_NUMBERS):08x}"
