"""Unpacking an archive that a client sends: all of its files are put, or none.

Contract artifactory-storage 3.1. The archive is kept in a file without a name while it is read, and each of its files
is streamed into the store of blobs; one transaction at the end puts them.
"""

import errno
import hashlib
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from app import threads
from app.artifacts import archives, checksums, deploy, mime, patterns, placing
from app.artifacts.access import State, Visitor
from app.artifacts.archives import Entry
from app.artifacts.blobs.store import Received
from app.artifacts.deploy import File, Place, Put
from app.artifacts.model import Sums
from app.artifacts.uploads import REFUSALS, discard, settled
from app.errors import NoRoom


async def explode(state: State, visitor: Visitor, place: Place, folder: str, parts: AsyncIterator[bytes]) -> list[Put]:
    """Unpack an archive into a folder. Invalid, Conflict, Forbidden name the entry that cannot be put."""
    blobs = state["blobs"]
    received: dict[str, tuple[File, Received]] = {}
    replaced = list[str]()
    with await threads.run(_temporary, state["spool"]) as file:
        await _keep(file, parts, place.file.sent)
        try:
            found = archives.entries(file)
            while (entry := await threads.run(next, found, None)) is not None:
                path = f"{folder}/{entry.path}" if folder else entry.path
                visitor.require("deploy", place.repo, path)
                patterns.check(place.repo, path)
                if path in received:  # a tar may hold several states of a file, the newest last
                    replaced.append(received[path][1].place)
                received[path] = File(path, mime.of(path, ""), Sums()), await blobs.receive(_bytes_of(entry))
            _check_apart(received, folder)
            files = [received[path] for path in sorted(received)]
            stamp = visitor.stamp(state["now_ms"]())
            put = await settled(
                lambda alone: state["db"].alter(
                    deploy.put(visitor, place.repo.id, files, place.properties, stamp, alone=alone)
                )
            )
        except REFUSALS:
            await discard(blobs, [*replaced, *(one.place for _, one in received.values())])
            raise
    used = {one.blob.place for one in put}
    await discard(blobs, [*replaced, *(one.place for _, one in received.values() if one.place not in used)])
    return put


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


async def _keep(file: IO[bytes], parts: AsyncIterator[bytes], sent: Sums) -> None:
    digests = {name: hashlib.new(name) for name in checksums.DIGITS if getattr(sent, name)}

    def write(part: bytes) -> None:
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
        raise NoRoom("there is no room on the disk for the archive") from error
    checksums.check(sent, Sums(**{name: digest.hexdigest() for name, digest in digests.items()}))


async def _bytes_of(entry: Entry) -> AsyncIterator[bytes]:
    while part := await threads.run(entry.source.read):
        yield part
