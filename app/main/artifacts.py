"""Opening the artifacts: the store of blobs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.artifacts.blobs.folder import FolderStore
from app.artifacts.blobs.store import BlobStore
from app.artifacts.downloads import Downloads
from app.background import Unhurried
from app.db.connect import Database
from app.folder import Folder
from app.moments import Actor
from app.settings.server import Settings


def now_ms() -> int:
    """The current time, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


async def no_mask(_: Actor) -> None:
    """What hides secrets in the build-info that an actor publishes: nothing, as long as no stage publishes any."""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The opened objects of the artifacts."""

    blobs: BlobStore
    downloads: Downloads
    unhurried: Unhurried


@asynccontextmanager
async def open_artifacts(settings: Settings, folder: Folder, db: Database) -> AsyncIterator[Artifacts]:
    """Open the store of blobs, and count downloads, while the block lasts; then finish what must be done to its end."""
    store = FolderStore(settings.data / "blobs")
    await asyncio.to_thread(store.prepare)
    downloads, unhurried = Downloads(db), Unhurried()
    try:
        async with downloads.running(), unhurried.running():
            yield Artifacts(store, downloads, unhurried)
    finally:
        await asyncio.to_thread(store.close)
