"""Rules for every request: the origins that may call (CORS), security headers, and limits on requests."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.types import Scope

from app.web.connections import network
from app.web.limit import Budgets
from app.web.proxies import Proxies

Headers: TypeAlias = list[tuple[bytes, bytes]]

_METHODS = b"GET, POST, PATCH, PUT, DELETE, OPTIONS"
_REQUEST_HEADERS = b"Accept, Authorization, Content-Type, X-CSRF-Token"
_EXPOSED = b"Link, Retry-After, X-Request-ID"
#: Seconds that a browser may cache the answer to a preflight request.
_MAX_AGE = b"300"
#: The content security policy of a page without its own: load only from this server, and nothing inline. Scripts turn
#: text into HTML by the one policy `gantry` of trusted types, or not at all.
_PAGE = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types gantry"
)
_ALWAYS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_NO_CACHE = (
    (b"cache-control", b"no-cache, private, max-age=0"),
    (b"pragma", b"no-cache"),
    (b"expires", b"Thu, 01 Jan 1970 00:00:00 UTC"),
    (b"x-accel-expires", b"0"),
)


async def _nobody(_: Scope) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules, from the settings. By default no page of another origin may call, and requests are not limited."""

    #: Origins whose pages may call, as browsers send them.
    origins: frozenset[bytes] = frozenset()
    #: Whether browsers are told to use only HTTPS for this server.
    https: bool = False
    #: The reverse proxies that stand before the server.
    proxies: Proxies | None = None
    budgets: Budgets | None = None
    #: Names the token or the session of a request by the request alone, without the database; empty without one.
    who: Callable[[Scope], str] = lambda _: ""
    #: The id of the active account that the token or the session opens, 0 for none; asked when none is remembered.
    account: Callable[[Scope], Awaitable[int]] = _nobody
    #: The path, with all paths below it, that pages of other origins may call.
    api: str = ""
    #: Paths, and beginnings of paths, whose requests are not limited.
    unlimited: frozenset[str] = frozenset()
    unlimited_under: tuple[str, ...] = ()

    def headers(self, scope: Scope, given: Iterable[tuple[bytes, bytes]]) -> Headers:
        """The headers that an answer must have in addition to the given ones."""
        names, page = set(), False
        for name, value in given:
            names.add(name)
            page = page or (name == b"content-type" and value.startswith(b"text/html"))
        more: Headers = [*_ALWAYS, _HSTS] if self.https else [*_ALWAYS]
        if b"cache-control" not in names:
            more += _NO_CACHE
        if page and b"content-security-policy" not in names:
            more.append((b"content-security-policy", _PAGE))
        if self.origins and self._is_api(scope):
            more += self._cross(scope, open_to_all=b"access-control-allow-origin" in names)
        return more

    def _cross(self, scope: Scope, *, open_to_all: bool) -> Headers:
        vary = (b"vary", b"Origin")
        if open_to_all or (origin := self._origin(scope)) is None:
            return [vary]
        return [
            vary,
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _EXPOSED),
        ]

    def _origin(self, scope: Scope) -> bytes | None:
        """The origin of the request's page, if pages of this origin may call."""
        return next((value for name, value in scope["headers"] if name == b"origin" and value in self.origins), None)

    def preflight(self, scope: Scope) -> Headers | None:
        """The headers of the answer to a preflight request; None for other requests, and if the origin may not call."""
        if scope["method"] != "OPTIONS" or not self.origins or not self._is_api(scope) or self._origin(scope) is None:
            return None
        if not any(name == b"access-control-request-method" for name, _ in scope["headers"]):
            return None
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", _MAX_AGE),
        ]

    async def spend(self, scope: Scope) -> None:
        """Count a request; TooMany when its caller must wait. All tokens and sessions of an account count together."""
        path: str = scope["path"]
        if self.budgets is None or path in self.unlimited or path.startswith(self.unlimited_under):
            return
        shown, remembered = self.who(scope), self.budgets.remembered
        account = remembered.get(shown) if shown else 0
        if shown and not account and (account := await self.account(scope)):
            remembered.keep(shown, account)
        if account:
            self.budgets.accounts.spend(str(account))
        else:
            self.budgets.strangers.spend(network((scope.get("client") or ("",))[0]))

    def _is_api(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return path == self.api or path.startswith(f"{self.api}/")
