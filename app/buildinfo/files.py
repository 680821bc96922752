"""The bytes of the files of runs, in the store of blobs."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from app import threads
from app.artifacts import uploads
from app.artifacts.blobs.store import BlobStore, Lost, Received
from app.artifacts.model import Blob
from app.buildinfo import document
from app.buildinfo.document import Document
from app.buildinfo.model import Run
from app.buildinfo.store import Rewritten, Stale, file_of
from app.db.connect import Alterable
from app.db.tx import Tx
from app.errors import TooLarge
from app.moments import Recorders

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Bytes that are handed to the store of blobs at once.
PIECE = 256 * 1024
#: How often a change is made anew when other callers change the same run.
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Ports:
    """The objects that the verbs of build-info use."""

    db: Alterable
    blobs: BlobStore
    recorders: Recorders
    #: Unix milliseconds.
    now_ms: Callable[[], int]


async def received(blobs: BlobStore, *data: bytes) -> Received:
    """Store the bytes of a file, which may come in parts; no row names them yet."""
    return await blobs.receive(_pieces(data), size=sum(map(len, data)))


async def read(blobs: BlobStore, blob: Blob) -> bytes:
    """The bytes of a file. Lost, StoreAway."""
    return b"".join([part async for part in pieces(blobs, blob)])


async def pieces(blobs: BlobStore, blob: Blob) -> AsyncGenerator[bytes, None]:
    """The same, piece by piece. The last piece comes only if all bytes are the right ones; Lost otherwise."""
    digest, held = hashlib.sha256(), b""
    async for piece in blobs.read(blob.place, 0, blob.size):
        if held:
            yield held
        await threads.run(digest.update, piece)
        held = piece
    if digest.hexdigest() != blob.sha256:
        log.error("the file of a run is damaged", extra={"sha256": blob.sha256, "place": blob.place})
        raise Lost(f"the bytes of {blob.place} have the SHA-256 {digest.hexdigest()}")
    yield held


async def rewritten(ports: Ports, run: Run, change: Callable[[dict[str, Any]], object]) -> Rewritten:
    """The run with a changed file, whose bytes are stored; `store.replace_file` makes it the file of the run."""
    blob = await ports.db.read(file_of(run))
    data = await read(ports.blobs, blob)
    found, changed = await threads.run(_changed, data, change)
    return Rewritten(run, found, await received(ports.blobs, changed))


def _changed(data: bytes, change: Callable[[dict[str, Any]], object]) -> tuple[Document, bytes]:
    content = document.loaded(data)
    change(content)
    found = document.of_content(content)
    if len(changed := found.data) > document.STORED:
        words = f"the build-info would have {len(changed)} bytes; at most {document.STORED} are kept: publish a new run"
        raise TooLarge(words)
    return found, changed


async def settled(ports: Ports, new: Sequence[Received], tx: Tx[tuple[T, list[Blob]]]) -> T:
    """Carry out a transaction that makes rows name bytes, and remove the bytes that no row names.

    The transaction gives its result, and the blob that took each of the bytes.
    """
    try:
        result, blobs = await ports.db.write(tx)
    except uploads.REFUSALS:  # any other error: perhaps rows name the bytes; what collects unused blobs finds out
        await removed(ports, new)
        raise
    await removed(ports, [made for made, blob in zip(new, blobs, strict=True) if made.place != blob.place])
    return result


async def removed(ports: Ports, unused: Sequence[Received]) -> None:
    """Remove bytes that no row names."""
    await uploads.discard(ports.blobs, [made.place for made in unused])


async def repeated(attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` gives; it is made again, with what it reads, when another caller has changed the run first."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except Stale:
            await asyncio.sleep(0)
    return await attempt()


async def _pieces(data: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in data:
        for at in range(0, len(part), PIECE):
            yield part[at : at + PIECE]
