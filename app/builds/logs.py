"""The output of steps: appended in batches while a step runs, one record when it has ended.

A live log is a file of JSON lines, a stored one a JSON array as the runner uploaded it. Readers follow the
file: whoever comes late, or was too slow, goes on from where they were.
"""

import asyncio
import contextlib
import errno
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from app.builds.model import Line
from app.errors import Unavailable
from app.web.reply import encode

T = TypeVar("T")


class _Live:
    """The log of a step that runs, for those who follow it."""

    def __init__(self) -> None:
        self.followers = 0
        self.ended = False
        self.news = asyncio.Event()

    def tell(self) -> None:
        """There is more in the file, or the end."""
        self.news.set()
        self.news = asyncio.Event()


class Logs:
    """The logs of all steps, in files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._live: dict[int, _Live] = {}

    def open(self, step_id: int) -> None:
        """The step runs: from now on its log can be followed."""
        self._live.setdefault(step_id, _Live())

    def close(self, step_id: int) -> None:
        """The step is over: who follows its log gets what is left, then the end."""
        if (live := self._live.get(step_id)) is not None:
            live.ended = True
            live.tell()
        self._tidy(step_id)

    def close_all(self) -> None:
        """The server stops: end every stream."""
        for step_id in list(self._live):
            self.close(step_id)

    async def write(self, step_id: int, lines: Sequence[Line]) -> None:
        """Append a batch; Unavailable when the disk is full, and then nothing of it is kept."""
        data = b"".join(encode({"pos": line.pos, "out": line.out, "time": line.time}) + b"\n" for line in lines)
        await _in_thread(lambda: _append(self._path(step_id, "ndjson"), data))
        if (live := self._live.get(step_id)) is not None:
            live.tell()

    async def store(self, step_id: int, log: bytes) -> None:
        """Keep the whole log, a JSON array, in place of the live one; Unavailable when the disk is full."""
        await _in_thread(lambda: _replace(self._path(step_id, "json"), log))
        self.close(step_id)

    async def remove(self, step_ids: Collection[int]) -> None:
        """Drop logs for good; who follows one gets the end. Those that are not there are none."""
        for step_id in self._live.keys() & set(step_ids):
            self.close(step_id)
        await _in_thread(lambda: self._unlink(step_ids))

    def _unlink(self, step_ids: Collection[int]) -> None:
        for step_id in step_ids:
            for kind in ("ndjson", "json"):
                self._path(step_id, kind).unlink(missing_ok=True)

    def readers(self) -> dict[int, int]:
        """How many follow the log of each step that runs, by step id."""
        return {step_id: live.followers for step_id, live in self._live.items()}

    async def read(self, step_id: int) -> bytes | None:
        """The log as a JSON array, as far as there is one; None when the step never wrote any."""
        return await _in_thread(lambda: self._read(step_id))

    async def follow(self, step_id: int) -> AsyncIterator[bytes]:
        """Each line as JSON, those already there first; ends with the step, at once when it does not run."""
        live = self._live.get(step_id)
        if live is None or live.ended:
            return
        live.followers += 1
        try:
            async for line in self._lines(step_id, live):
                yield line
        finally:
            live.followers -= 1
            self._tidy(step_id)

    async def _lines(self, step_id: int, live: _Live) -> AsyncIterator[bytes]:
        path, position, rest = self._path(step_id, "ndjson"), 0, b""
        while True:
            news, ended = live.news, live.ended  # taken before reading, so that nothing told meanwhile is missed
            data = await _in_thread(partial(_read_from, path, position))
            position += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line
            if not data and ended:
                return
            if not data:
                await news.wait()

    def _path(self, step_id: int, kind: str) -> Path:
        return self._folder / str(step_id // 1000) / f"{step_id}.{kind}"

    def _read(self, step_id: int) -> bytes | None:
        stored, live = self._path(step_id, "json"), self._path(step_id, "ndjson")
        with contextlib.suppress(FileNotFoundError):
            return stored.read_bytes()
        with contextlib.suppress(FileNotFoundError):
            whole, _, _ = live.read_bytes().rpartition(b"\n")
            return b"[" + whole.replace(b"\n", b",") + b"]"
        with contextlib.suppress(FileNotFoundError):
            return stored.read_bytes()  # it took the live one's place meanwhile
        return b"[]" if step_id in self._live else None

    def _tidy(self, step_id: int) -> None:
        """Once a live log has ended and nobody reads it any more, the stored one is enough."""
        if (live := self._live.get(step_id)) is not None:
            if not live.ended or live.followers:
                return
            del self._live[step_id]
        if self._path(step_id, "json").exists():
            self._path(step_id, "ndjson").unlink(missing_ok=True)


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{secrets.token_hex(8)}")  # of its own: uploads may be repeated at one moment
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _append(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, "the disk is full")
        except OSError:
            file.truncate(size)  # a torn line would spoil those that follow
            raise


def _read_from(path: Path, position: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read()
    except FileNotFoundError:
        return b""


async def _in_thread(function: Callable[[], T]) -> T:
    try:
        return await anyio.to_thread.run_sync(function)
    except OSError as error:
        raise Unavailable(f"a log cannot be read or written: {error.strerror}") from error
