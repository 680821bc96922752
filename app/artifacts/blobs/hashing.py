"""The three checksums of bytes that stream in, computed side by side in threads.

One thread for all three would take the time of all three together; `hashlib` lets other threads run meanwhile.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import Any, TypeAlias

from app import threads
from app.artifacts.blobs.sound import Counts
from app.artifacts.model import Sums

#: Pieces of a body, as they came.
Pieces: TypeAlias = Sequence[bytes]


class Hashing:
    """Checksums and size of what was added."""

    def __init__(self, counts: Counts) -> None:
        self._digests: Sequence[Any] = (hashlib.sha256(), hashlib.sha1(), hashlib.md5())  # noqa: S324 - clients ask
        self._counts = counts
        self.size = 0

    def add(self, pieces: Pieces) -> None:
        """Add bytes, one digest after another in this thread."""
        began = time.perf_counter()
        for digest in self._digests:
            _update(digest, pieces)
        self._count(pieces, began)

    async def add_beside(self, executor: Executor, pieces: Pieces, beside: Callable[[Pieces], Awaitable[None]]) -> None:
        """Add bytes, each digest in a thread, while `beside` does something else with the bytes."""
        began = time.perf_counter()
        digests = (threads.run(_update, digest, pieces, executor=executor) for digest in self._digests)
        await asyncio.gather(beside(pieces), *digests)
        self._count(pieces, began)

    @property
    def sums(self) -> Sums:
        """The checksums of all bytes that were added."""
        sha256, sha1, md5 = (digest.hexdigest() for digest in self._digests)
        return Sums(sha256, sha1, md5)

    def _count(self, pieces: Pieces, began: float) -> None:
        size = sum(map(len, pieces))
        self.size += size
        self._counts.hashed += size
        self._counts.seconds += time.perf_counter() - began


def _update(digest: Any, pieces: Pieces) -> None:
    for piece in pieces:
        digest.update(piece)


async def batches(parts: AsyncIterator[bytes], first: int, size: int) -> AsyncIterator[list[bytes]]:
    """Parts gathered into batches: of at least `first` bytes, then of at least `size`; the last may be smaller."""
    batch: list[bytes] = []
    gathered, due = 0, first
    async for part in parts:
        batch.append(part)
        gathered += len(part)
        if gathered >= due:
            yield batch
            batch, gathered, due = [], 0, size
    if batch:
        yield batch
