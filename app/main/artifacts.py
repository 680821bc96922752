"""Opening the artifacts: the store of blobs."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from app import threads
from app.artifacts.blobs.collection import Collector
from app.artifacts.blobs.folder import FolderStore
from app.artifacts.blobs.gauges import read as read_gauges
from app.artifacts.blobs.quota import Limited, Usage
from app.artifacts.blobs.s3 import S3Store
from app.artifacts.blobs.store import BlobStore, StoreAway
from app.artifacts.clearing import Clearing
from app.artifacts.downloads import Downloads
from app.background import Unhurried
from app.db.connect import Database
from app.folder import Folder
from app.main.maintenance import now
from app.settings.server import Settings
from app.web.gauges import Gauges

log = logging.getLogger(__name__)

#: Seconds that a store in another place gets to answer at the start.
_PATIENCE = 10.0


def now_ms() -> int:
    """The current time, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The opened objects of the artifacts."""

    blobs: BlobStore
    downloads: Downloads
    collector: Collector
    clearing: Clearing
    unhurried: Unhurried
    gauges: Gauges


@asynccontextmanager
async def open_artifacts(settings: Settings, folder: Folder, db: Database) -> AsyncIterator[Artifacts]:
    """While the block lasts, blobs are stored, downloads are counted, and what nothing uses any more is removed.

    At its end, what must be done to its end is finished.
    """
    usage, downloads, clearing, unhurried = Usage(db), Downloads(db), Clearing(db), Unhurried()
    async with _opened(settings, folder) as opened:
        store = Limited(opened, usage, settings.artifacts_quota) if settings.artifacts_quota else opened
        collector = Collector(db, store, now, usage.forget)
        gauges = partial(read_gauges, usage, store, collector, settings.artifacts_quota)
        async with collector.running(), downloads.running(), clearing.running(), unhurried.running():
            yield Artifacts(store, downloads, collector, clearing, unhurried, gauges)


@asynccontextmanager
async def _opened(settings: Settings, folder: Folder) -> AsyncIterator[BlobStore]:
    """The store of the settings."""
    store: FolderStore | S3Store
    if settings.blobs and settings.blobs_folder is None:
        store = S3Store(settings.blobs)
        await _warn_if_away(store)
    else:
        store = FolderStore(folder.blobs)
        await threads.run(store.prepare)
    try:
        yield store
    finally:
        await threads.run(store.close)


async def _warn_if_away(store: BlobStore) -> None:
    """A store that is away may come back: the server starts without it."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await store.check()
    except (StoreAway, TimeoutError) as error:
        log.warning("the store of artifacts cannot be reached", extra={"reason": str(error) or "no answer in time"})
