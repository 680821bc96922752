"""The output of steps: appended in batches while a step runs, one record when the step has ended.

A live log is a file of JSON lines, a stored log is a JSON array as the runner uploaded it. Each reader has its own
position in the file: a reader that comes late, or is slow, misses nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from app.builds.logs import files
from app.builds.logs.files import Record
from app.builds.model import Line
from app.encoding import encode
from app.errors import Unavailable
from app.turns import in_turns, short_turns

T = TypeVar("T")

#: Seconds between two looks at a log that another server writes.
LOOK = 0.5
#: Characters; lines with less are encoded in the event loop, because a thread costs more than the work.
_SMALL = 2 * 1024
#: Lines that are encoded at once.
_SLICE = 500


def place(folder: Path, step_id: int, kind: str = "json") -> Path:
    """The file of a step's log, the stored one or the live one, `ndjson`."""
    return folder / str(step_id // 1000) / f"{step_id}.{kind}"


class _Live:
    """The log of a running step: how many readers follow the log, and how they are woken."""

    def __init__(self) -> None:
        self.followers = 0
        self.ended = False
        self.news = asyncio.Event()

    def tell(self) -> None:
        """Wake the readers: there is more in the file, or the log has ended."""
        self.news.set()
        self.news = asyncio.Event()


class Pieces:
    """A log that is sent to a client piece by piece; `aclose` closes the log."""

    def __init__(self, record: Record, pieces: Iterator[bytes]) -> None:
        self._record = record
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await in_thread(lambda: next(self._pieces, None))
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Close the log."""
        self._record.file.close()


class Logs:
    """The logs of all steps, in files below one folder, which the servers of one database share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._live: dict[int, _Live] = {}
        #: Whether other servers write to the files, too.
        self.shared = False

    def open(self, step_id: int) -> None:
        """The step runs: from now on its log can be followed."""
        self._live.setdefault(step_id, _Live())

    def close(self, step_id: int) -> None:
        """The step is over: readers of its log get the rest of the log, then the end."""
        if (live := self._live.get(step_id)) is not None:
            live.ended = True
            live.tell()
        self._tidy(step_id)

    def close_all(self) -> None:
        """The server stops: end every stream."""
        for step_id in list(self._live):
            self.close(step_id)

    async def prepare(self) -> None:
        """Load what the first write needs: with the first line of a log, the event loop would wait for that."""
        await in_thread(lambda: None)

    async def write(self, step_id: int, lines: Sequence[Line]) -> None:
        """Append a batch of lines; Unavailable when the disk is full, and then none of the lines is kept."""
        much = sum(len(line.out) for line in lines) > _SMALL
        data = await in_turns(_encoded, lines) if much else _encoded(lines)
        await in_thread(lambda: files.append(self._path(step_id, "ndjson"), data))
        if (live := self._live.get(step_id)) is not None:
            live.tell()

    async def store(self, step_id: int, log: bytes) -> None:
        """Keep the whole log, a JSON array, in place of the live one; Unavailable when the disk is full."""
        await in_thread(lambda: files.replace(self._path(step_id, "json"), log))
        if step_id in self._live:
            self.close(step_id)
        else:  # the log was closed before, when its stage was stopped
            await in_thread(lambda: self._path(step_id, "ndjson").unlink(missing_ok=True))

    async def open_record(self, step_id: int) -> Record | None:
        """The log as far as it is written, to be closed by the caller; None when there is no log."""
        return await in_thread(lambda: self._open(step_id))

    def readers(self) -> dict[int, int]:
        """How many readers follow the log of each running step, by step id."""
        return {step_id: live.followers for step_id, live in self._live.items()}

    async def remove(self, step_ids: Collection[int]) -> None:
        """Delete logs; the readers of a deleted log get the end. A log that does not exist is ignored."""
        for step_id in self._live.keys() & set(step_ids):
            self.close(step_id)
        await in_thread(lambda: self._unlink(step_ids))

    async def follow(self, step_id: int) -> AsyncIterator[list[bytes]]:
        """The lines as JSON, several at a time, from the first line of the log on.

        Ends with the step; at once when the step does not run.
        """
        live = self._live.get(step_id)
        if live is None or live.ended:
            return
        live.followers += 1
        try:
            async for lines in self._lines(step_id, live):
                yield lines
        finally:
            live.followers -= 1
            self._tidy(step_id)

    async def _lines(self, step_id: int, live: _Live) -> AsyncIterator[list[bytes]]:
        path, position, rest, last = self._path(step_id, "ndjson"), 0, b"", -1
        while True:
            news, ended = live.news, live.ended  # taken before reading, so that no `tell` in between is missed
            data = await in_thread(partial(files.read_from, path, position))
            position += len(data)
            *lines, rest = (rest + data).split(b"\n")
            if lines:
                last = files.position(lines[-1])
                yield lines
            if not data and ended:
                break
            if not data:
                with suppress(TimeoutError):  # another server may have written: look again
                    await asyncio.wait_for(news.wait(), LOOK if self.shared else None)
        if self.shared:  # another server may have stored the log, and removed the live one before its end was read
            yield await in_thread(partial(files.stored_after, self._path(step_id, "json"), last))

    def _path(self, step_id: int, kind: str) -> Path:
        return place(self._folder, step_id, kind)

    def _open(self, step_id: int) -> Record | None:
        stored, live = self._path(step_id, "json"), self._path(step_id, "ndjson")
        for path in (stored, live, stored):  # the stored log may replace the live log meanwhile
            with suppress(FileNotFoundError):
                return Record.open(path, live=path is live)
        return Record.empty() if step_id in self._live else None

    def _unlink(self, step_ids: Collection[int]) -> None:
        for step_id in step_ids:
            for kind in ("ndjson", "json"):
                self._path(step_id, kind).unlink(missing_ok=True)

    def _tidy(self, step_id: int) -> None:
        """Forget a live log that has ended and has no readers, and delete its file if there is a stored log."""
        live = self._live.get(step_id)
        if live is None or not live.ended or live.followers:
            return
        del self._live[step_id]
        if self._path(step_id, "json").exists():
            self._path(step_id, "ndjson").unlink(missing_ok=True)


def _encoded(lines: Sequence[Line]) -> bytes:
    """One JSON object a line, made from JSON arrays, because to encode each line alone takes five times as long."""
    entries = [{"pos": line.pos, "out": line.out, "time": line.time} for line in lines]
    arrays = (encode(entries[at : at + _SLICE]) for at in range(0, len(entries), _SLICE))
    # Within a text of JSON a quote has a backslash before it, so that only two entries can meet like this.
    return b"".join(array[1:-1].replace(b'},{"pos":', b'}\n{"pos":') + b"\n" for array in arrays)


async def in_thread(function: Callable[[], T]) -> T:
    """The result of work on a log, done in a thread; Unavailable when the disk refuses."""
    try:
        with short_turns():
            return await anyio.to_thread.run_sync(function)
    except OSError as error:
        raise Unavailable(f"a log cannot be read or written: {error.strerror}") from error
