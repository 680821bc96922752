"""The answer that holds bytes of a blob."""

import asyncio
import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app import threads
from app.artifacts.blobs.store import BlobStore, Lost, Missing
from app.artifacts.errors import answer_to
from app.artifacts.model import Blob
from app.errors import Unavailable
from app.web.connected import while_connected
from app.web.sendfile import EXTENSION, SEND, Short

log = logging.getLogger(__name__)

#: Bytes of an answer that is read before its head is sent, so that an error becomes an answer of its own.
SMALL = 256 * 1024
#: Bytes that are read back together before they are sent, and the part of them that is read with one call.
STEP, _PIECE = 8 * 1024 * 1024, 512 * 1024


class BlobAnswer(Response):
    """Sends the bytes of a blob from `start` to before `stop`; only the head to a HEAD request.

    An answer with the whole blob never looks complete when the bytes are damaged: its last bytes are sent after the
    SHA-256 of all was computed, or the connection is closed before them. The event loop sends files without reading
    them, and a file is hashed meanwhile unless the store knows that the file is sound. A part of a blob is not hashed.
    When the client disconnects, nothing more is read.
    """

    media_type = "application/octet-stream"

    def __init__(
        self, store: BlobStore, blob: Blob, *, start: int, stop: int, status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(status_code=status, headers={**headers, "content-length": str(stop - start)})
        self._store = store
        self._blob = blob
        self._start = start
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; when bytes are lost, log the loss, and break the answer off or send an error instead."""
        if scope["method"] == "HEAD" or self._start >= self._stop:
            await super().__call__(scope, receive, send)
            return
        sending = _Sending(send, self.status_code, self.raw_headers)
        try:
            if self._stop - self._start <= SMALL:
                await self._send_small(sending)
            else:
                await while_connected(Request(scope, receive), self._send_large(scope, sending))
        except (Lost, Unavailable) as error:
            about = {"sha256": self._blob.sha256, "place": self._blob.place, "reason": error.message}
            log.error("the bytes of an artifact cannot be sent", extra=about)
            if isinstance(error, Lost):
                self._store.counts.damaged += 1
            if not sending.started:
                await answer_to(error)(scope, receive, send)

    @property
    def _whole(self) -> bool:
        return self._start == 0 and self._stop == self._blob.size

    async def _send_small(self, sending: "_Sending") -> None:
        body = b"".join([piece async for piece in self._store.read(self._blob.place, self._start, self._stop)])
        if self._whole:
            self._check(hashlib.sha256(body).hexdigest())
        await sending.piece(body, more=False)

    async def _send_large(self, scope: Scope, sending: "_Sending") -> None:
        path = self._store.file(self._blob.place)
        if path is not None and EXTENSION in scope.get("extensions", {}):
            await self._send_file(path, sending)
        else:
            await self._send_pieces(sending)

    async def _send_pieces(self, sending: "_Sending") -> None:
        """Send what the store reads; each piece waits until the next piece is there and hashed."""
        digest, held = hashlib.sha256(), b""
        async for piece in self._store.read(self._blob.place, self._start, self._stop):
            if held:
                await sending.piece(held)
            if self._whole:
                await threads.run(digest.update, piece)
            held = piece
        if self._whole:
            self._check(digest.hexdigest())
        await sending.piece(held, more=False)

    async def _send_file(self, path: Path, sending: "_Sending") -> None:
        try:
            with await threads.run(path.open, "rb", 0) as file:
                found = os.fstat(file.fileno())
                if found.st_size != self._blob.size:
                    raise Lost(f"the file has {found.st_size} bytes in place of {self._blob.size}")
                if not self._whole or self._store.sound.is_known(self._blob.place, found):
                    await sending.file(file, self._start, self._stop - self._start, more=False)
                else:
                    await self._send_hashed(file, sending)
                    self._store.sound.remember(self._blob.place, found)
        except FileNotFoundError:
            raise Missing("the file is not there") from None
        except (OSError, Short) as error:
            raise Lost(f"the file cannot be read: {error}") from error

    async def _send_hashed(self, file: IO[bytes], sending: "_Sending") -> None:
        """Send a whole file; each step while the next step is hashed, and the last step when the digest is right."""
        digest, size = hashlib.sha256(), self._blob.size
        await self._hashed(digest, file, 0)
        for at in range(0, size - STEP, STEP):
            hashing = asyncio.create_task(self._hashed(digest, file, at + STEP))
            try:
                await sending.file(file, at, STEP)
                await hashing
            finally:
                await threads.settle(hashing)
        self._check(digest.hexdigest())
        last = (size - 1) // STEP * STEP
        await sending.file(file, last, size - last, more=False)

    async def _hashed(self, digest: Any, file: IO[bytes], at: int) -> None:
        """Add one step of a whole file to a digest."""
        await threads.run(_hash, digest, file.fileno(), at, min(STEP, self._blob.size - at))

    def _check(self, sha256: str) -> None:
        if sha256 != self._blob.sha256:
            raise Lost(f"the bytes have the SHA-256 {sha256}")


class _Sending:
    """Sends the head of an answer before its first bytes."""

    def __init__(self, send: Send, status: int, headers: Any) -> None:
        self._send = send
        self._head = {"type": "http.response.start", "status": status, "headers": headers}
        self.started = False

    async def piece(self, body: bytes, *, more: bool = True) -> None:
        """Send these bytes."""
        await self._begin()
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def file(self, file: IO[bytes], offset: int, count: int, *, more: bool = True) -> None:
        """Let the server send bytes of an opened file."""
        await self._begin()
        await self._send({"type": SEND, "file": file, "offset": offset, "count": count, "more_body": more})

    async def _begin(self) -> None:
        if not self.started:
            self.started = True
            await self._send(self._head)


def _hash(digest: Any, file: int, offset: int, count: int) -> None:
    """Add bytes of a file to a digest. Lost when the file ends before them."""
    buffer = bytearray(min(count, _PIECE))
    view = memoryview(buffer)
    end = offset + count
    while offset < end:
        read = os.preadv(file, [view[: min(len(buffer), end - offset)]], offset)
        if not read:
            raise Lost(f"the file ends after {offset} bytes")
        digest.update(view[:read])
        offset += read
