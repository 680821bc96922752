"""Unpacking an archive that a client sends: all of its files are put, or none.

Contract artifactory-storage 3.1. The archive is kept in a file without a name while it is read, and each of its files
is streamed into the store of blobs; one transaction at the end puts them.
"""

import errno
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from app import threads
from app.artifacts import archives, checksums, deploy, mime, patterns, placing
from app.artifacts.access import State, Visitor
from app.artifacts.archives import Entry
from app.artifacts.blobs.folder import SPARE
from app.artifacts.blobs.store import Received
from app.artifacts.deploy import File, Place, Put
from app.artifacts.model import Sums
from app.artifacts.uploads import REFUSALS, discard, settled
from app.errors import NoRoom
from app.folder import free


async def explode(state: State, visitor: Visitor, place: Place, folder: str, parts: AsyncIterator[bytes]) -> list[Put]:
    """Unpack an archive into a folder. Invalid, Conflict, Forbidden name the entry that cannot be put."""
    blobs, stored = state["blobs"], list[str]()
    try:
        received = await _received(state, visitor, place, folder, parts, stored)
    except BaseException:  # also when the client hangs up: no row can name these bytes
        await discard(blobs, stored)
        raise
    files = [received[path] for path in sorted(received)]
    stamp = visitor.stamp(state["now_ms"]())
    try:
        put = await settled(
            lambda alone: state["db"].alter(
                deploy.put(visitor, place.repo.id, files, place.properties, stamp, alone=alone)
            )
        )
    except REFUSALS:
        await discard(blobs, stored)
        raise
    used = {one.blob.place for one in put}
    await discard(blobs, [name for name in stored if name not in used])
    return put


async def _received(
    state: State, visitor: Visitor, place: Place, folder: str, parts: AsyncIterator[bytes], stored: list[str]
) -> Mapping[str, tuple[File, Received]]:
    """The files of an archive by their paths, received; `stored` gets the place of each as soon as it is there."""
    received: dict[str, tuple[File, Received]] = {}
    with await threads.run(_temporary, state["spool"]) as file:
        await _keep(file, parts, place.file.sent, state["spool"])
        found = archives.entries(file)
        while (entry := await threads.run(next, found, None)) is not None:
            path = f"{folder}/{entry.path}" if folder else entry.path
            visitor.require("deploy", place.repo, path)
            patterns.check(place.repo, path)
            done = await state["blobs"].receive(_bytes_of(entry))
            stored.append(done.place)
            received[path] = File(path, mime.of(path, ""), Sums()), done  # of several states of a file, the last counts
    _check_apart(received, folder)
    return received


def _check_apart(paths: Collection[str], folder: str) -> None:
    """Invalid when one entry is a file, and the folder of another."""
    for path in paths:
        for around in placing.folders_of(path):
            if around in paths:
                below, file = (text.removeprefix(f"{folder}/") for text in (path, around))
                archives.refuse(f"the entry {below!r} of the archive is below its entry {file!r}, which is a file")


def _temporary(folder: Path) -> IO[bytes]:
    """A file without a name: its room is free again when the process ends, however that is."""
    return TemporaryFile(dir=folder)


async def _keep(file: IO[bytes], parts: AsyncIterator[bytes], sent: Sums, spool: Path) -> None:
    """Write an archive to a file, and leave as much room on its disk as other uploads do."""
    digests = {name: hashlib.new(name) for name in checksums.DIGITS if getattr(sent, name)}

    def write(part: bytes) -> None:
        if free(spool) - SPARE < len(part):
            raise _no_room()
        file.write(part)
        for digest in digests.values():
            digest.update(part)

    try:
        async for part in parts:
            if part:
                await threads.run(write, part)
        await threads.run(file.flush)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_room() from error
    checksums.check(sent, Sums(**{name: digest.hexdigest() for name, digest in digests.items()}))


def _no_room() -> NoRoom:
    return NoRoom("there is no room on the disk for the archive; make the disk larger")


async def _bytes_of(entry: Entry) -> AsyncIterator[bytes]:
    while part := await threads.run(entry.source.read):
        yield part
