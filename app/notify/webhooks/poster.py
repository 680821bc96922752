"""Posts to endpoints that anybody may have named (contract gantry-webhooks 7): what they do costs this server little.

Each connection is checked by the very address that it goes to, so a name cannot lead elsewhere between the check and
the connection. Redirects are not followed. A call ends after TIMEOUT seconds, and of an answer only the beginning is
read.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp.abc import AbstractResolver

from app.authorities import trusted
from app.errors import Unavailable
from app.notify.webhooks import addresses
from app.notify.webhooks.model import Answer, Request

#: Seconds that a call may take as a whole, and that the body of an answer may take after its head.
TIMEOUT, BODY = 15.0, 1.0
#: Bytes of an answer's body that are read, and characters of a header that are kept.
MOST, SHOWN = 4096, 500
#: Seconds for which a connection waits for the next call: less than servers wait, which else close it while we send.
KEPT = 4.0
#: Headers of an answer that are kept.
HEADERS = ("content-type", "date", "location", "retry-after", "server", "x-request-id")


class NotSent(Unavailable):
    """No answer came. The message says why, and names no more of the address than its host."""

    code = "endpoint_unreachable"


class _Refused(OSError):
    """The address is one that is not called."""


class Poster:
    """Posts. `private`: also to private networks; `trusted`: to every address, for those of the server's settings.

    `verify` says whether certificates are verified.
    """

    def __init__(
        self,
        *,
        private: bool = False,
        trusted: bool = False,
        verify: bool = True,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._private = private
        self._trusted = trusted
        self._verify = verify
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Post while the block lasts."""
        connector = aiohttp.TCPConnector(
            resolver=self._resolver or aiohttp.ThreadedResolver(),
            use_dns_cache=False,
            limit=0,  # endpoints that hang must not take the connections of others; each has one call at a time
            ssl=trusted() if self._verify else False,
            socket_factory=self._socket,
            keepalive_timeout=KEPT,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"User-Agent": "Gantry", "Accept": "*/*", "Accept-Encoding": "identity"},
        )
        async with session as self._session:
            yield

    async def post(self, url: str, request: Request) -> Answer:
        """The answer, of whatever status; NotSent without one."""
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._session.post(url, data=request.body, headers=request.headers, allow_redirects=False) as answer,
            ):
                said = {name: value[:SHOWN] for name in HEADERS if (value := answer.headers.get(name))}
                return Answer(answer.status, said, await _beginning(answer))
        except TimeoutError:
            raise NotSent(f"no answer came within {TIMEOUT:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotSent(_reason(error)) from error

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """A socket for an address that may be called; _Refused."""
        family, kind, protocol, _, place = info
        if not self._trusted and (fault := addresses.fault(str(place[0]), private=self._private)):
            raise _Refused(f"the host {fault}")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """The first bytes of a body as text: what comes within BODY seconds. The connection of a longer one is closed."""
    found = bytearray()
    try:
        async with asyncio.timeout(BODY):
            while len(found) < MOST and (chunk := await answer.content.read(MOST - len(found))):
                found += chunk
    except (TimeoutError, aiohttp.ClientError):
        pass  # the status says whether the request was taken
    if not answer.content.at_eof():
        answer.close()
    return found.decode("utf-8", "replace").replace("\0", "\ufffd")


def _reason(error: Exception) -> str:
    """Why no answer came. Messages of the library may hold the whole address, or the request."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate of the host cannot be trusted: {error.certificate_error}"
        case aiohttp.ClientConnectorError():
            return f"no connection: {_cause(error.os_error)}"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | OSError():
            return "the connection was closed before an answer came"
        case aiohttp.InvalidURL():
            return "the address cannot be used"
        case _:
            return f"the answer is not one of HTTP, or was cut off ({type(error).__name__})"


def _cause(error: OSError) -> str:
    """Why there is no connection, in words."""
    if isinstance(error, socket.gaierror):
        return "the name of the host is not known"
    return os.strerror(error.errno).lower() if error.errno else str(error) or "unknown"
