"""The tar that an exported version is: plain files with short names, one after another. Pure, and memory is constant.

Nothing of a tar that is read is trusted: each header must be the one that an export makes. Links, devices, sparse files
and headers that extend others are refused, so no header is longer than one block; errors name the entry.
"""

import tarfile
from collections.abc import AsyncIterator
from typing import NamedTuple, NoReturn

from app.errors import Invalid, Problem

BLOCK = 512
#: What ends a tar. Programs that make tars fill up more blocks with zeros, but not more than these bytes.
END, LONGEST_END = bytes(2 * BLOCK), 1024 * 1024
#: A size beyond this is no size of a file.
LARGEST = 2**56
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)


class Entry(NamedTuple):
    """A file in a tar, and how many bytes the file has."""

    name: str
    size: int


def header(name: str, size: int) -> bytes:
    """What stands before the bytes of a file."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> int:
    """How many zeros stand behind the bytes of a file, up to the next block."""
    return -size % BLOCK


def room(size: int) -> int:
    """How many bytes a file takes in a tar, with its header."""
    return BLOCK + size + padding(size)


def refuse(words: str, code: str = "bad_bundle_file") -> NoReturn:
    """The error for a file that is no exported version, or whose parts do not belong together."""
    raise Invalid.of([Problem("", code, words)])


class Reader:
    """Reads a tar that comes in parts: an entry, then all bytes of the entry, then the next entry."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self._held = memoryview(b"")
        self._entry = Entry("(its beginning)", 0)
        #: Bytes of the entry, and zeros behind them, that were not read.
        self._left = self._zeros = 0

    async def next(self) -> Entry | None:
        """The next file; None at the end of the tar. Invalid for what is no plain file."""
        assert not self._left, "the bytes of the entry before are read"
        if (await self._whole(self._zeros)).strip(b"\0"):
            refuse(f"something follows behind the bytes of the entry {self._entry.name!r}; export the version again")
        block = await self._whole(BLOCK)
        if not block.strip(b"\0"):
            await self._end()
            return None
        self._entry = self._checked(block)
        self._left, self._zeros = self._entry.size, padding(self._entry.size)
        return self._entry

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes of the entry, as they come."""
        while self._left:
            piece = await self._piece(self._left)
            self._left -= len(piece)
            yield piece

    async def text(self, limit: int) -> bytes:
        """All bytes of the entry; Invalid when there are more than `limit`."""
        if self._left > limit:
            refuse(f"{self._entry.name} has {self._left} bytes, and at most {limit} are read", "bundle_too_large")
        return b"".join([piece async for piece in self.pieces()])

    def _checked(self, block: bytes) -> Entry:
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeError, ValueError) as error:
            refuse(f"this is no tar, or it is damaged behind its entry {self._entry.name!r}: {error}")
        name = info.name[:200]
        if info.type not in _PLAIN or info.name.endswith("/"):
            refuse(
                f"the entry {name!r} is a folder, a link, a device, sparse or a header that extends another; "
                "an exported version has plain files only"
            )
        if not 0 <= info.size < LARGEST:
            refuse(f"the entry {name!r} has an impossible size")
        if block != header(info.name, info.size):
            refuse(f"the header of the entry {name!r} is not as an export makes it; send the file as it was exported")
        return Entry(info.name, info.size)

    async def _end(self) -> None:
        """Read on to the end of what comes: there must be zeros only."""
        length = BLOCK
        while self._held or await self._more():
            length += len(self._held)
            if length > LONGEST_END or self._held.tobytes().strip(b"\0"):
                refuse("something follows after the end of the tar; export the version again")
            self._held = memoryview(b"")
        if length < len(END):
            refuse("the file is cut off at its end; export or send it again")

    async def _whole(self, count: int) -> bytes:
        """So many bytes; few."""
        found = bytearray()
        while len(found) < count:
            found += await self._piece(count - len(found))
        return bytes(found)

    async def _piece(self, most: int) -> bytes:
        """The next bytes, at least one."""
        while not self._held:
            if not await self._more():
                refuse(f"the file is cut off at its entry {self._entry.name!r}; export or send it again")
        piece, self._held = self._held[:most], self._held[most:]
        return bytes(piece)

    async def _more(self) -> bool:
        """Hold the next part; whether there is one."""
        part = await anext(self._parts, None)
        self._held = memoryview(part or b"")
        return part is not None
