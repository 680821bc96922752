"""A file that keeps room on the disk of the data folder, and gives the room back when the disk is full.

Without it, a full disk would keep the server from writing the very reports and cancels that make room again.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app import background, size
from app.folder import free

log = logging.getLogger(__name__)

#: Bytes of the file.
SIZE = 64 * 1024 * 1024
#: The disk counts as full when no more bytes than these are free.
FULL = 4 * 1024 * 1024
#: Bytes that are free, at least, after the file was made.
ROOM = 2 * SIZE
#: Seconds between two looks at the disk.
LOOK = 0.5
_PIECE = bytes(1024 * 1024)


class Reserve:
    """The file at a path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = background.Loop(
            self._round, log, "the reserve cannot be looked after", "the reserve met an internal error", LOOK
        )

    def relieve(self) -> bool:
        """Give the room back if the disk is full; whether the file is still there, or the disk does not answer."""
        try:
            left = free(self._path.parent)
            if left <= FULL and self._path.exists():
                self._path.unlink()
                about = {"folder": str(self._path.parent), "free": size.text(free(self._path.parent))}
                log.error("the disk is full; the reserve was deleted, so that reports can be written", extra=about)
            return self._path.exists() or left < SIZE + ROOM
        except OSError:
            return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after the file while the block lasts; without a server, nothing is held back."""
        try:
            async with background.serving(self._loop.run()):
                yield
        finally:
            self._path.unlink(missing_ok=True)

    async def _round(self) -> None:
        if not self.relieve():
            making = asyncio.create_task(asyncio.to_thread(self._make))
            try:
                await asyncio.shield(making)
            finally:  # a thread goes on after a cancel: the file would be made after `running` has deleted it
                await making

    def _make(self) -> None:
        try:
            with self._path.open("xb", buffering=0) as file:
                if sys.platform == "linux":
                    os.posix_fallocate(file.fileno(), 0, SIZE)
                else:
                    for _ in range(SIZE // len(_PIECE)):
                        file.write(_PIECE)
        except FileExistsError:
            return
        except OSError:  # another program was faster to take the room; the next look tries again
            self._path.unlink(missing_ok=True)
