"""The interface of a store of blobs. A blob is durable before a row names it, and bytes of a place never change."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.artifacts.blobs.sound import Counts, Sound
from app.artifacts.model import Sums
from app.errors import AppError, Unavailable


class StoreAway(Unavailable):
    """The store of blobs cannot be reached; the same call may work a little later."""

    code = "blobs_away"


class Lost(AppError):
    """Bytes that a row names are not there, or are damaged."""

    code = "lost_blob"


class Missing(Lost):
    """Bytes that a row names are not there."""


class Held(Unavailable):
    """Nothing may be removed now, because somebody copies the store."""

    code = "blobs_held"


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that are stored durably, and that no row names yet."""

    sums: Sums
    size: int
    place: str


@dataclass(frozen=True, slots=True)
class Space:
    """Where a store keeps bytes, and the room there in bytes; `total` 0 = without a limit that is known."""

    kind: str
    where: str
    total: int = 0
    free: int = 0


class BlobStore(Protocol):
    """Keeps bytes by their place, which the store chooses anew for each call of `receive`."""

    #: The places whose files are known to hold the right bytes.
    sound: Sound
    counts: Counts

    async def receive(self, parts: AsyncIterator[bytes], *, size: int | None = None) -> Received:
        """Store bytes as they come, durably, and compute their checksums in the same pass.

        `size` is how many bytes are announced, None for unknown. An error of `parts` leaves nothing behind. NoRoom,
        StoreAway.
        """
        ...

    def read(self, place: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes of a place from `start` to before `stop`. Lost, StoreAway."""
        ...

    def file(self, place: str) -> Path | None:
        """The file with the bytes, for a server that sends files by itself; None when the bytes are in no file."""
        ...

    def removing(self) -> AbstractContextManager[None]:
        """While the block lasts, bytes that rows have named may be removed, and nobody copies the store. Held."""
        ...

    async def remove(self, place: str) -> None:
        """Remove bytes; nothing happens when they are not there. StoreAway."""
        ...

    def places(self) -> AsyncIterator[tuple[str, float]]:
        """All places, each with the time at which the bytes were stored, Unix seconds. StoreAway."""
        ...

    async def space(self) -> Space:
        """The room of the store."""
        ...

    async def check(self) -> None:
        """StoreAway when nothing can be stored or read at the moment. A store that is full can be read."""
        ...
