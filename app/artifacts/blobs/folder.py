"""Blobs in a folder of this machine."""

import asyncio
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from app.artifacts.blobs.store import Lost, Received, Space
from app.artifacts.model import Sums

PIECE = 256 * 1024


class FolderStore:
    """See BlobStore. `tmp` holds what is being received, and is emptied at the start."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tmp = root / "tmp"

    def prepare(self) -> None:
        """Make the folder, and remove what an earlier server was receiving."""
        self._tmp.mkdir(parents=True, exist_ok=True)
        for left in self._tmp.iterdir():
            left.unlink()

    async def receive(self, parts: AsyncIterator[bytes], *, size: int | None = None) -> Received:
        """See BlobStore."""
        sha256, sha1, md5 = hashlib.sha256(), hashlib.sha1(), hashlib.md5()  # noqa: S324 - clients look up by these
        temporary, count = self._tmp / secrets.token_hex(16), 0
        try:
            with temporary.open("xb") as file:
                async for part in parts:
                    for digest in (sha256, sha1, md5):
                        digest.update(part)
                    file.write(part)
                    count += len(part)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
            sums = Sums(sha256.hexdigest(), sha1.hexdigest(), md5.hexdigest())
            place = f"{sums.sha256[:2]}/{sums.sha256}-{secrets.token_hex(4)}"
            target = self._root / place
            target.parent.mkdir(exist_ok=True)
            temporary.rename(target)
        finally:
            temporary.unlink(missing_ok=True)
        return Received(sums, count, place)

    async def read(self, place: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """See BlobStore."""
        try:
            file = (self._root / place).open("rb")
        except FileNotFoundError:
            raise Lost(f"the bytes of {place} are not there") from None
        with file:
            file.seek(start)
            while start < stop:
                piece = file.read(min(PIECE, stop - start))
                if not piece:
                    raise Lost(f"the bytes of {place} end too early")
                start += len(piece)
                yield piece

    def file(self, place: str) -> Path | None:
        """See BlobStore."""
        return self._root / place

    async def remove(self, place: str) -> None:
        """See BlobStore."""
        (self._root / place).unlink(missing_ok=True)

    async def places(self) -> AsyncIterator[tuple[str, float]]:
        """See BlobStore."""
        for path in self._root.glob("??/*"):
            yield str(path.relative_to(self._root)), path.stat().st_mtime

    async def space(self) -> Space:
        """See BlobStore."""
        usage = await asyncio.to_thread(shutil.disk_usage, self._root)
        return Space("file-system", str(self._root), usage.total, usage.free)

    async def check(self) -> None:
        """See BlobStore."""
