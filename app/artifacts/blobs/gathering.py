"""Small bodies are stored together with others that wait (group commit).

A thread for each body costs more than the work itself: threads that make many short calls to the system take turns at
Python's lock, and wake each other at each turn. So one call at a time stores all bodies that wait.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from typing import IO, NamedTuple, TypeAlias

from app import threads
from app.artifacts.blobs.hashing import Pieces
from app.artifacts.blobs.store import Received

#: The most bodies of one call, so that the first of them does not wait too long.
GROUP = 64
#: Threads that wait for the disk beside each other.
_BESIDE = 8

#: Stores all of these bodies durably, in their order, or raises an error that is the error of each.
Store: TypeAlias = Callable[[Sequence[Pieces]], Sequence[Received]]


class _Waiting(NamedTuple):
    """A body, and the future of its caller."""

    pieces: Pieces
    future: "asyncio.Future[Received]"


class Gathering:
    """Gathers small bodies while others are stored in a thread."""

    def __init__(self, store: Store, executor: Executor) -> None:
        self._store = store
        self._executor = executor
        self._waiting: list[_Waiting] = []
        self._serving: asyncio.Task[None] | None = None

    async def store(self, pieces: Pieces) -> Received:
        """Wait until a body is stored. The body of a caller who is cancelled meanwhile may be stored all the same."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Received] = loop.create_future()
        self._waiting.append(_Waiting(pieces, future))
        if self._serving is None:
            self._serving = loop.create_task(self._serve())
        return await future

    async def _serve(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                if group := [waiting for waiting in group if not waiting.future.done()]:
                    await self._serve_group(group)
        finally:
            self._serving = None

    async def _serve_group(self, group: Sequence[_Waiting]) -> None:
        stored: Sequence[Received] = ()
        failure: Exception | None = None
        try:
            bodies = [waiting.pieces for waiting in group]
            stored = await threads.run(self._store, bodies, executor=self._executor)
        except Exception as error:  # after any error, every caller of the group must get an outcome
            failure = error
        for at, waiting in enumerate(group):
            if waiting.future.done():
                continue
            if failure is None:
                waiting.future.set_result(stored[at])
            else:
                waiting.future.set_exception(failure)


def sync_all(files: Sequence[IO[bytes]], executor: Executor) -> None:
    """Put the bytes of files onto the disk. The disk takes those together for which several threads wait at once."""
    parts = [files[at::_BESIDE] for at in range(min(_BESIDE, len(files)))]
    syncing = [executor.submit(_sync_each, part) for part in parts[1:]]
    try:
        _sync_each(parts[0])
    finally:
        wait(syncing)  # no thread uses a file any more when the caller closes the files
    for done in syncing:
        done.result()


def _sync_each(files: Sequence[IO[bytes]]) -> None:
    for file in files:
        os.fsync(file.fileno())
