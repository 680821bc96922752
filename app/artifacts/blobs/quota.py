"""How much is stored, and a limit of all that may be stored."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from app import size as sizes
from app.artifacts.blobs.store import BlobStore, Received, Space
from app.db.connect import Database
from app.db.tx import Tx, one
from app.errors import TooLarge

#: Seconds for which a sum of bytes, and a number of items, are given again without asking the database.
FRESH, COUNTED = 5.0, 60.0
#: Ids rise, so this reads only the blobs that are new since the last sum.
SINCE = "SELECT max(id) AS id, sum(size) AS size, count(*) AS count FROM blobs WHERE id > :after"
#: Read from the index of blobs: folders have no blob.
ITEMS = "SELECT count(*) AS count FROM items WHERE blob_id > 0"


class Usage:
    """How many blobs, bytes of blobs and files the database names; each byte counts once, however many files have it.

    `forget` must be called after blobs were removed. Other servers of the database may have removed some, too: until
    the next `forget`, which is a day at most, those still count.
    """

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._turn = asyncio.Lock()
        self._after = self._bytes = self._blobs = self._items = 0
        #: Bytes that this server has received since the last sum.
        self._lately = 0
        self._read = self._counted = float("-inf")

    async def stored(self, *, anew: bool = False) -> tuple[int, int]:
        """Blobs and their bytes, as they were a few seconds ago at most, and what this server has received since.

        `anew` = as they are now; bytes that were received and were known already count no more then.
        """
        async with self._turn:
            if anew or self._clock() - self._read >= FRESH:
                await self._add_new()
            return self._blobs, self._bytes + self._lately

    def received(self, size: int) -> None:
        """Count bytes that the database may name soon."""
        self._lately += size

    async def items(self) -> int:
        """Files, as they were a minute ago at most."""
        if self._clock() - self._counted >= COUNTED:
            self._counted = self._clock()
            self._items = await self._db.read(_number(ITEMS))
        return self._items

    def forget(self) -> None:
        """Sum anew at the next question: blobs were removed."""
        self._after = self._bytes = self._blobs = 0
        self._read = float("-inf")

    async def _add_new(self) -> None:
        after = self._after
        row = await self._db.read(one(SINCE, after=after))
        if after != self._after:  # forgotten meanwhile: the next question sums all
            return
        if row is not None and row["id"] is not None:
            self._after = row["id"]
            self._bytes += int(row["size"])
            self._blobs += int(row["count"])
        self._lately = 0
        self._read = self._clock()


def _number(sql: str) -> Tx[int]:
    row = yield from one(sql)
    return int(row["count"]) if row is not None else 0


class Limited:
    """A store of blobs that takes no more than `quota` bytes in all. See BlobStore."""

    def __init__(self, store: BlobStore, usage: Usage, quota: int) -> None:
        self._store = store
        self._usage = usage
        self._quota = quota
        #: Bytes that are being received.
        self._coming = 0
        self.sound, self.counts = store.sound, store.counts

    async def receive(self, parts: AsyncIterator[bytes], *, size: int | None = None) -> Received:
        """See BlobStore. TooLarge: before a part is asked for when the size is known, else as soon as the quota is
        reached."""
        coming = _Coming(size or 0)
        room = await self._room()
        self._coming += coming.size
        try:
            if self._coming > room and self._coming > (room := await self._room(anew=True)):
                raise self._full()
            received = await self._store.receive(self._counted(parts, coming, room), size=size)
        finally:
            self._coming -= coming.size
        self._usage.received(received.size)
        return received

    async def _room(self, *, anew: bool = False) -> int:
        """Bytes that may still come."""
        _, stored = await self._usage.stored(anew=anew)
        return self._quota - stored

    async def _counted(self, parts: AsyncIterator[bytes], coming: "_Coming", room: int) -> AsyncIterator[bytes]:
        async for part in parts:
            coming.came += len(part)
            if coming.came > coming.size:
                self._coming += coming.came - coming.size
                coming.size = coming.came
                if self._coming > room:
                    raise self._full()
            yield part

    def _full(self) -> TooLarge:
        words = f"the artifacts may take {sizes.text(self._quota)} in all, and this does not fit any more"
        way = "delete artifacts and run `gantry artifact gc`, or raise GANTRY_ARTIFACTS_QUOTA"
        return TooLarge(f"{words}: {way}", code="quota_reached")

    def read(self, place: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """See BlobStore."""
        return self._store.read(place, start, stop)

    def file(self, place: str) -> Path | None:
        """See BlobStore."""
        return self._store.file(place)

    def removing(self) -> AbstractContextManager[None]:
        """See BlobStore."""
        return self._store.removing()

    async def remove(self, place: str) -> None:
        """See BlobStore."""
        await self._store.remove(place)

    def places(self) -> AsyncIterator[tuple[str, float]]:
        """See BlobStore."""
        return self._store.places()

    async def space(self) -> Space:
        """See BlobStore: what the quota leaves, if that is less than the store has."""
        space, (_, used) = await self._store.space(), await self._usage.stored()
        left = max(self._quota - used, 0)
        return replace(space, total=self._quota, free=min(left, space.free) if space.total else left)

    async def check(self) -> None:
        """See BlobStore."""
        await self._store.check()


class _Coming:
    """Bytes of an upload: how many count, and how many have come."""

    __slots__ = ("came", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.came = 0
