"""Files of logs: a live log has one JSON object a line, a stored log is the JSON array that the runner uploaded."""

import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import orjson

#: Bytes that are read at once.
CHUNK = 256 * 1024


def append(path: Path, data: bytes) -> None:
    """Add whole lines to a file; after an error, none of them is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, "the disk is full")
        except OSError:
            file.truncate(size)  # a part of a line would spoil the lines after it
            raise


def replace(path: Path, data: bytes) -> None:
    """Write the file anew, or leave it as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{secrets.token_hex(8)}")  # a name of its own: two uploads may run at once
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_from(path: Path, position: int) -> bytes:
    """The bytes of a file from a position on, at most CHUNK; none when the file is not there yet."""
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(position)
            return file.read(CHUNK)
    except FileNotFoundError:
        return b""


def position(line: bytes) -> int:
    """The `pos` of a line of a live log, its first key."""
    return int(line[len(b'{"pos":') : line.index(b",")])


def stored_after(path: Path, position: int) -> list[bytes]:
    """The lines of a stored log after a position, in the form of a live log; none when there is no stored log."""
    try:
        entries = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    kept = (entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("pos"), int))
    return [usual(entry) for entry in kept if entry["pos"] > position]


def usual(entry: Mapping[str, Any]) -> bytes:
    """A line in the form of a live log, without its end."""
    return orjson.dumps({"pos": entry["pos"], "out": entry.get("out", ""), "time": entry.get("time", 0)})


@dataclass(frozen=True, slots=True)
class Record:
    """An open log: its content stays readable when the file is replaced or deleted. `file` must be closed."""

    file: BinaryIO
    #: Bytes of the file up to the end of the last whole line: the last line of a live log may not be complete yet.
    end: int
    live: bool

    @classmethod
    def open(cls, path: Path, *, live: bool) -> "Record":
        """Open the log at a path; FileNotFoundError when there is none."""
        file = path.open("rb")
        size = os.fstat(file.fileno()).st_size
        return cls(file, _whole_lines(file, size) if live else size, live=live)

    @classmethod
    def empty(cls) -> "Record":
        """The log of a step that has written nothing yet."""
        return cls(BytesIO(), 0, live=True)

    @property
    def length(self) -> int:
        """Bytes of the log as a JSON array."""
        return self.end if not self.live else max(self.end - 1, 0) + 2

    def array(self) -> Iterator[bytes]:
        """The log as a JSON array, in pieces."""
        if not self.live:
            yield from self._pieces(self.end)
            return
        yield b"["
        for piece in self._pieces(self.end - 1):  # without the newline of the last line
            yield piece.replace(b"\n", b",")
        yield b"]"

    def _pieces(self, end: int) -> Iterator[bytes]:
        self.file.seek(0)
        while end > 0 and (piece := self.file.read(min(CHUNK, end))):
            end -= len(piece)
            yield piece


def _whole_lines(file: BinaryIO, size: int) -> int:
    """The end of the last whole line."""
    while size > 0:
        start = max(size - CHUNK, 0)
        file.seek(start)
        if (found := file.read(size - start).rfind(b"\n")) >= 0:
            return start + found + 1
        size = start
    return 0
