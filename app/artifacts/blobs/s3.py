"""Blobs in a bucket that speaks S3: that of AWS, MinIO, Ceph, Cloudflare R2.

Credentials, region and endpoint are those of the usual variables (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, …), or those
that AWS gives to its machines and containers. Objects appear whole or not at all; an upload that is broken off is
aborted. What a killed server was uploading stays in the bucket until the bucket's own rule for parts removes it.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as Bucket

from app.artifacts.blobs.ahead import ahead
from app.artifacts.blobs.hashing import Hashing, Pieces, batches
from app.artifacts.blobs.sound import Counts, Sound
from app.artifacts.blobs.store import Lost, Missing, Received, Space, StoreAway

T = TypeVar("T")

#: Bytes of a part of an upload, at least, and the most parts that an upload may have. A smaller body is one request.
PART, PARTS = 5 * 1024 * 1024, 9_000
#: Bytes that are hashed together, and that one request reads.
_BATCH, PIECE = 1024 * 1024, 4 * 1024 * 1024
#: Parts that are sent at once.
_BESIDE = 2
_THREADS = 12
#: How often bytes are asked for, and seconds before they are asked for again: half an answer is none.
ATTEMPTS, _PAUSE = 4, 0.2
#: How long one request may take, and for how long requests are repeated that the store could not serve.
TIMEOUT, _AGAIN = timedelta(seconds=60), timedelta(seconds=15)


class S3Store:
    """See BlobStore. A place is a random name below two of its letters."""

    def __init__(self, url: str, *, again: timedelta = _AGAIN) -> None:
        self._address = url
        self._bucket = Bucket.from_url(
            url,
            config={"disable_bulk_delete": True},  # not all servers that speak S3 know how to delete many at once
            client_options={"allow_http": True, "timeout": TIMEOUT, "connect_timeout": timedelta(seconds=5)},
            retry_config={
                "max_retries": 6,
                "retry_timeout": again,
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
        )
        self._again = again
        self._threads = ThreadPoolExecutor(_THREADS, "blobs")
        self.sound, self.counts = Sound(), Counts()

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    async def receive(self, parts: AsyncIterator[bytes], *, size: int | None = None) -> Received:
        """See BlobStore."""
        name = secrets.token_hex(20)
        place, hashing = f"{name[:2]}/{name}", Hashing(self.counts)
        coming = batches(parts, PART, _BATCH)
        first: Pieces = await anext(coming, [])
        if sum(map(len, first)) < PART:
            await hashing.add_beside(self._threads, first, partial(self._put, place))
        else:
            await self._send(place, first, coming, hashing, max(PART, (size or 0) // PARTS))
        return Received(hashing.sums, hashing.size, place)

    async def _put(self, place: str, pieces: Pieces) -> None:
        await _asked(obstore.put_async(self._bucket, place, b"".join(pieces), use_multipart=False))

    async def _send(
        self, place: str, first: Pieces, coming: AsyncIterator[list[bytes]], hashing: Hashing, part: int
    ) -> None:
        """Send a large body in parts, while it comes; an error aborts the upload."""
        try:
            async with obstore.open_writer_async(
                self._bucket, place, buffer_size=part, max_concurrency=_BESIDE
            ) as writer:

                async def write(pieces: Pieces) -> None:
                    for piece in pieces:
                        await _asked(writer.write(piece))

                await hashing.add_beside(self._threads, first, write)
                async for pieces in coming:
                    await hashing.add_beside(self._threads, pieces, write)
        except BaseError as error:
            raise _away(error) from error

    def read(self, place: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """See BlobStore."""
        return ahead(partial(self._read, place), start, stop, PIECE)

    async def _read(self, place: str, start: int, size: int) -> bytes:
        """These bytes of an object, all of them; asked for again when less comes."""
        until = time.monotonic() + self._again.total_seconds()
        attempt = 0
        while True:
            attempt += 1
            try:
                found = bytes(await _asked(obstore.get_range_async(self._bucket, place, start=start, length=size)))
            except FileNotFoundError:
                raise Missing(f"the bytes of {place} are not there") from None
            except StoreAway:
                if attempt == ATTEMPTS or time.monotonic() >= until:  # the library has tried for as long
                    raise
            else:
                if len(found) == size:
                    return found
                if attempt == ATTEMPTS:
                    raise StoreAway(f"the store of the artifacts gave {len(found)} of {size} bytes")
            await self._require(place, start + size)
            await asyncio.sleep(_PAUSE * attempt)

    async def _require(self, place: str, size: int) -> None:
        """Lost when an object has fewer bytes than these. StoreAway."""
        try:
            found = await _asked(obstore.head_async(self._bucket, place))
        except FileNotFoundError:
            raise Missing(f"the bytes of {place} are not there") from None
        if found["size"] < size:
            raise Lost(f"the bytes of {place} end after {found['size']}")

    def file(self, place: str) -> Path | None:
        """See BlobStore."""
        return None

    def removing(self) -> AbstractContextManager[None]:
        """See BlobStore. Nobody is told of copies of a bucket."""
        return nullcontext()

    async def remove(self, place: str) -> None:
        """See BlobStore."""
        try:
            await _asked(obstore.delete_async(self._bucket, place))
        except FileNotFoundError:
            return

    async def places(self) -> AsyncIterator[tuple[str, float]]:
        """See BlobStore."""
        pages = aiter(obstore.list(self._bucket, chunk_size=500))
        while True:
            try:
                page = await _asked(anext(pages))
            except StopAsyncIteration:
                return
            for found in page:
                yield found["path"], found["last_modified"].timestamp()

    async def space(self) -> Space:
        """See BlobStore: a bucket has no limit that is known."""
        return Space("s3", self._address)

    async def check(self) -> None:
        """See BlobStore. The bucket answers, and the credentials may look at objects."""
        try:
            await _asked(obstore.head_async(self._bucket, "is-it-there"))
        except FileNotFoundError:
            return


async def _asked(call: Awaitable[T]) -> T:
    """The answer of the bucket; FileNotFoundError, and StoreAway in place of all other errors."""
    try:
        return await call
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise _away(error) from error


def _away(error: Exception) -> StoreAway:
    """The error of the library has many lines of details behind the first one."""
    reason = str(error).partition("\n")[0][:300]
    return StoreAway(f"the store of the artifacts does not answer as it should: {reason}")
