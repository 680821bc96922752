"""Logs of steps: from Drone's table, or from its bucket in S3 or Azure, into the files of this server, as they are.

A log is named by the id of its step, in the table, in the bucket, and here. A log in the bucket goes before one of the
same step in the table, as for Drone. A file that is there whole stays, so that a move goes on where it was interrupted.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

import obstore
import orjson
from obstore.exceptions import BaseError
from obstore.store import from_url

from app import threads
from app.builds.logs.logs import place
from app.db.foreign import Reader
from app.errors import AppError
from app.migrate.drone import LOGS
from app.migrate.report import Part
from app.migrate.store import Sums

#: Logs, and bytes of logs, that are read together.
TOGETHER, BYTES = 500, 8 * 1024 * 1024
#: Objects of a bucket that are read at once.
BESIDE = 16
#: What Go writes for a list without items.
_NULL = b"null"
_EMPTY = b"[]"
#: The name of the logs in sums.
LOGS_NAME = "logs"


class BucketAway(AppError):
    """The bucket of the logs does not answer as it should."""

    code = "bad_logs"


class Log(NamedTuple):
    """The log of a step."""

    step_id: int
    data: bytes


class Store(Protocol):
    """A place where Drone keeps logs."""

    async def sizes(self) -> Mapping[int, int]:
        """The bytes of each log, by the id of its step."""
        ...

    def read(self, step_ids: Sequence[int]) -> AsyncIterator[list[Log]]:
        """The logs of these steps, some at a time."""
        ...


class InDatabase:
    """The table of logs."""

    def __init__(self, source: Reader) -> None:
        self._source = source

    async def sizes(self) -> Mapping[int, int]:
        """See Store."""
        rows = await self._source.rows(f"SELECT log_id, length(log_data) FROM {LOGS.name}")  # noqa: S608 - names
        return {int(step_id): int(size or 0) for step_id, size in rows}

    async def read(self, step_ids: Sequence[int]) -> AsyncIterator[list[Log]]:
        """See Store."""
        some = ", ".join(map(str, step_ids))
        sql = f"SELECT log_id, log_data FROM {LOGS.name} WHERE log_id IN ({some})"  # noqa: S608 - names and numbers
        yield [Log(int(step_id), _bytes(data)) for step_id, data in await self._source.rows(sql)]


def _bytes(data: object) -> bytes:
    return data.encode() if isinstance(data, str) else bytes(data or b"")  # type: ignore[call-overload]  # text or bytes, as the drivers give them


class InBucket:
    """A bucket that speaks S3, at `s3://BUCKET/PREFIX`, or a container of Azure Blob Storage, at `az://CONTAINER`.

    `access` are the settings of obstore for the place; what is not there is read from the usual variables.
    """

    def __init__(self, url: str, access: Mapping[str, str] = MappingProxyType({})) -> None:
        self._url = url
        options = {"allow_http": True, "timeout": timedelta(seconds=60), "connect_timeout": timedelta(seconds=5)}
        try:
            self._bucket = from_url(url, config=dict(access), client_options=options)  # type: ignore[call-overload]  # the settings have a type for each kind of store
        except (BaseError, ValueError) as error:
            raise self._away(error) from error
        self._sizes: dict[int, int] | None = None

    async def sizes(self) -> Mapping[int, int]:
        """See Store. The bucket is listed once."""
        if self._sizes is None:
            self._sizes = await self._listed()
        return self._sizes

    async def _listed(self) -> dict[int, int]:
        found: dict[int, int] = {}
        try:
            async for page in obstore.list(self._bucket, chunk_size=1000):
                found |= {int(meta["path"]): meta["size"] for meta in page if meta["path"].isdecimal()}
        except (BaseError, OSError) as error:
            raise self._away(error) from error
        return found

    async def read(self, step_ids: Sequence[int]) -> AsyncIterator[list[Log]]:
        """See Store."""
        for at in range(0, len(step_ids), BESIDE):
            yield list(await asyncio.gather(*(self._get(step_id) for step_id in step_ids[at : at + BESIDE])))

    async def _get(self, step_id: int) -> Log:
        try:
            answer = await obstore.get_async(self._bucket, str(step_id))
            return Log(step_id, bytes(await answer.bytes_async()))
        except (BaseError, OSError) as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> BucketAway:
        reason = str(error).partition("\n")[0][:300]
        return BucketAway(f"the logs at {self._url} cannot be read: {reason}")


async def move(
    stores: Sequence[Store],
    folder: Path | None,
    steps: set[int],
    part: Part,
    sums: Sums,
    tell: Callable[[int], None],
) -> set[int]:
    """Copy the logs of steps into a folder, or with None only judge them; returns the steps that have a log.

    Of several stores, the first that has a log gives it. `tell` is called with the number of logs that are done.
    """
    seen: set[int] = set()
    moved: set[int] = set()
    with ThreadPoolExecutor(1, "logs") as thread:
        for store in stores:
            sizes = {step_id: size for step_id, size in (await store.sizes()).items() if step_id not in seen}
            seen |= sizes.keys()
            part.found += len(sizes)
            if foreign := len(sizes.keys() - steps):
                part.leave("of steps that are not there, or were left out", count=foreign)
            wanted = {step_id: sizes[step_id] for step_id in sorted(sizes.keys() & steps)}
            for together in _together(wanted):
                async for logs in store.read(together):
                    good = [log for log in map(_judged, logs) if not _left(log, part)]
                    if folder is not None:
                        await threads.run(_write, folder, good, executor=thread)
                    for log in good:
                        sums.add(LOGS_NAME, b"%d " % log.step_id, log.data)
                    moved |= {log.step_id for log in good}
                    part.moved += len(good)
                    tell(len(logs))
    return moved


def _together(sizes: Mapping[int, int]) -> list[list[int]]:
    """The ids in their order, divided so that what is read together is neither many logs nor many bytes."""
    groups: list[list[int]] = []
    room = 0
    for step_id, size in sizes.items():
        if not groups or size > room or len(groups[-1]) == TOGETHER:
            groups.append([])
            room = BYTES
        groups[-1].append(step_id)
        room -= size
    return groups


def _judged(log: Log) -> Log:
    """The log as it is kept: a list, also an empty one."""
    return log if log.data.strip() not in (b"", _NULL) else Log(log.step_id, _EMPTY)


def _left(log: Log, part: Part) -> bool:
    try:
        good = isinstance(orjson.loads(log.data), list)
    except ValueError:
        good = False
    if not good:
        part.leave("damaged: the log is no list of lines", f"step {log.step_id}")
    return not good


def _write(folder: Path, logs: Sequence[Log]) -> None:
    for log in logs:
        path = place(folder, log.step_id)
        if not _is_there(path, log.data):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = place(folder, log.step_id, "moving")  # the name that a repeated move takes, too
            beside.write_bytes(log.data)
            beside.replace(path)


def _is_there(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


async def check(folder: Path, step_ids: set[int], sums: Sums, tell: Callable[[int], None]) -> None:
    """Read all files back and compare; Differs. First everything is on the disk."""
    back = Sums()
    await threads.run(os.sync)
    ordered = sorted(step_ids)
    for at in range(0, len(ordered), TOGETHER):
        some = ordered[at : at + TOGETHER]
        await threads.run(_add_files, folder, some, back)
        tell(len(some))
    sums.check(LOGS_NAME, back)


def _add_files(folder: Path, step_ids: Sequence[int], sums: Sums) -> None:
    for step_id in step_ids:
        path = place(folder, step_id)
        if path.exists():
            sums.add(LOGS_NAME, b"%d " % step_id, path.read_bytes())
