"""Opening the artifacts: the store of blobs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.artifacts.blobs.folder import FolderStore
from app.artifacts.blobs.store import BlobStore
from app.artifacts.removal import Removal
from app.db.connect import Database
from app.folder import Folder
from app.settings.server import Settings


def now_ms() -> int:
    """The current time, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The opened objects of the artifacts."""

    blobs: BlobStore
    removal: Removal


@asynccontextmanager
async def open_artifacts(settings: Settings, folder: Folder, db: Database) -> AsyncIterator[Artifacts]:
    """Open the store of blobs, and remove what deleted repositories held, while the block lasts."""
    store = FolderStore(settings.data / "blobs")
    await asyncio.to_thread(store.prepare)
    removal = Removal(db)
    async with removal.running():
        yield Artifacts(store, removal)
