"""Receiving bytes into the store of blobs, and putting them into a repository."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

from app.artifacts import checksums, deploy
from app.artifacts.access import State, Visitor
from app.artifacts.blobs.store import BlobStore, StoreAway
from app.artifacts.deploy import Place, Put
from app.artifacts.placing import ChangedMeanwhile
from app.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized

T = TypeVar("T")

#: Errors that a transaction raises itself: nothing of the transaction is committed.
REFUSALS = (Conflict, Forbidden, Invalid, NotFound, Unauthorized)


async def upload(state: State, visitor: Visitor, place: Place, parts: AsyncIterator[bytes], size: int | None) -> Put:
    """Store the bytes of a file, and put the file. Conflict when its checksums are others than the client has sent.

    After an error of the database the bytes stay until unused bytes are collected: they may have been committed.
    """
    blobs = state["blobs"]
    received = await blobs.receive(parts, size=size)
    files = [(place.file, received)]
    try:
        checksums.check(place.file.sent, received.sums)
        stamp = visitor.stamp(state["now_ms"]())
        [put] = await settled(
            lambda alone: state["db"].write_few(
                deploy.put(visitor, place.repo.id, files, place.properties, stamp, alone=alone)
            )
        )
    except REFUSALS:
        await discard(blobs, [received.place])
        raise
    if put.blob.place != received.place:
        await discard(blobs, [received.place])
    return put


async def settled(attempt: Callable[[bool], Awaitable[T]]) -> T:
    """The result of an attempt; when another transaction was faster, that of a second one, alone in the repository."""
    try:
        return await attempt(False)
    except ChangedMeanwhile:
        return await attempt(True)


async def discard(blobs: BlobStore, places: Iterable[str]) -> None:
    """Remove bytes that no row names. Bytes that stay, as the store cannot be reached, are collected later."""
    with suppress(StoreAway):  # collected later
        for place in places:
            await blobs.remove(place)
