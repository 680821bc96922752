"""Bodies as they come from clients, and what is expected of them."""

import hashlib
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from app.artifacts.blobs.store import BlobStore, Received
from app.artifacts.model import Blob, Sums

#: The bytes of a part, as a connection hands them over.
PART = 64 * 1024


def some(size: int, seed: int = 0) -> bytes:
    """Bytes that are no other seed's."""
    return random.Random(seed).randbytes(size)


async def coming(body: bytes, part: int = PART) -> AsyncIterator[bytes]:
    """The parts of a body."""
    for at in range(0, len(body), part):
        yield body[at : at + part]


def sums(body: bytes) -> Sums:
    """The checksums of a body."""
    return Sums(hashlib.sha256(body).hexdigest(), hashlib.sha1(body).hexdigest(), hashlib.md5(body).hexdigest())


async def stored(store: BlobStore, body: bytes) -> Blob:
    """The blob of a body that is put into a store."""
    return blob(await store.receive(coming(body), size=len(body)))


def blob(received: Received) -> Blob:
    """The blob that a row would name."""
    return Blob(1, received.sums.sha256, received.sums.sha1, received.sums.md5, received.size, received.place)


async def content(store: BlobStore, blob: Blob) -> bytes:
    """All bytes of a blob."""
    return b"".join([piece async for piece in store.read(blob.place, 0, blob.size)])


def files(folder: Path) -> Iterator[Path]:
    """All files below a folder, but for the locks."""
    return (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
