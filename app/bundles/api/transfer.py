"""Routes that give a version as one file, and take such files."""

import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.artifacts.access import ACCOUNT, VISITOR, Visitor
from app.artifacts.api.download import disposition
from app.artifacts.blobs.store import BlobStore, Lost
from app.bundles.api.asked import NAME, OWN, VERSION, WHERE, found, ports, repository
from app.bundles.api.wire import VersionKeyJSON, version_key
from app.bundles.transfer import export, imports
from app.bundles.transfer.export import Export
from app.db.tx import Tx
from app.errors import Unavailable
from app.web import errors
from app.web.connected import while_connected
from app.web.reply import Made
from app.web.route import Endpoint

log = logging.getLogger(__name__)


class Tar(Response):
    """An exported version. The connection is closed before the end of the file when bytes are lost.

    When the client disconnects, nothing more is read.
    """

    media_type = "application/x-tar"

    def __init__(self, blobs: BlobStore, exported: Export) -> None:
        name = f"{exported.bundle.name}-{exported.bundle.version}.tar"
        headers = {"content-length": str(exported.size), "content-disposition": disposition(name)}
        super().__init__(headers=headers)
        self._blobs = blobs
        self._exported = exported

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; only its head to a HEAD request."""
        if scope["method"] == "HEAD":
            await super().__call__(scope, receive, send)
            return
        sending = _Sending(send, self.raw_headers)
        try:
            await while_connected(Request(scope, receive), self._sent(sending))
        except (Lost, Unavailable) as error:
            bundle = self._exported.bundle
            log.error("a version cannot be exported", extra={"bundle": bundle.id, "reason": error.message})
            if isinstance(error, Lost):
                self._blobs.counts.damaged += 1
            if not sending.begun:
                await errors.answer(error)(scope, receive, send)

    async def _sent(self, sending: "_Sending") -> None:
        async with aclosing(export.pieces(self._blobs, self._exported)) as pieces:
            async for piece in pieces:
                await sending.piece(piece)
        await sending.piece(b"", more=False)


class _Sending:
    """Sends the head of an answer before its first bytes."""

    def __init__(self, send: Send, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self.begun = False

    async def piece(self, piece: bytes, *, more: bool = True) -> None:
        """Send these bytes."""
        if not self.begun:
            self.begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})


def _exported(request: Request[Any], visitor: Visitor) -> Tx[Export]:
    _, bundle = yield from found(request, visitor)
    return (yield from export.of(bundle))


async def give(request: Request[Any], _: Visitor, exported: Export) -> Tar:
    """A version as one file: a tar with the signed manifest, all evidence, and the bytes of the artifacts."""
    return Tar(request.state["blobs"], exported)


async def take(request: Request[Any], visitor: Visitor) -> Made[VersionKeyJSON]:
    """Import a version from the file of an export, which is the body. All of it is verified before it is there.

    Only keys that this server trusts count. What is not signed by such a key, is changed, missing or superfluous is
    refused, and nothing of the file is kept.
    """
    key = repository(request)
    bundle = await imports.import_(ports(request), visitor, key, request.stream())
    return Made(version_key(key, bundle))


routes: Sequence[Endpoint] = [
    Endpoint("GET", OWN / NAME / VERSION / "export", give, operation="bundles.export", needs=VISITOR, reads=_exported,
             query=WHERE, errors=[400, 409]),
    Endpoint("POST", OWN / "import", take, operation="bundles.import", needs=ACCOUNT, query=WHERE,
             errors=[400, 409, 413, 507]),
]  # fmt: skip
