"""Collection of what nothing uses any more: rows of blobs with their bytes, bytes without a row, sets of properties.

Items use them, and versions of release bundles, whose files may be deleted everywhere else.

A collection is safe beside uploads, also of other servers of the database, and beside another collection. A row is
locked, and deleted by a later statement, which sees the users that were added until then; whoever adds one later finds
no row any more. Each upload has a place of its own, so the bytes of a deleted row are nobody else's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

import orjson

from app import background
from app.artifacts.blobs.store import BlobStore, Held
from app.db.connect import Database
from app.db.tx import Rows, Tx, many, one
from app.errors import Conflict

log = logging.getLogger(__name__)

#: Seconds for which a blob without a user is kept after it was last put or linked, and bytes without a row at least.
GRACE = 24 * 3600
#: Seconds between two collections, after one that had to wait for a backup, and between two transactions.
INTERVAL, AGAIN, PAUSE = 24 * 3600.0, 600.0, 0.02
#: Rows that are looked at together.
PAGE = 500

END = "SELECT max(id) AS id FROM (SELECT id FROM blobs WHERE id > :after ORDER BY id LIMIT :limit) AS page"
#: Release bundles are named here, with SQL: artifacts know no room of bundles, and need no more of a version than which
#: blobs and sets of properties the version has.
_BLOB_UNUSED = """NOT EXISTS (SELECT 1 FROM items WHERE items.blob_id = blobs.id)
        AND NOT EXISTS (SELECT 1 FROM bundle_artifacts WHERE bundle_artifacts.blob_id = blobs.id)"""
_SET_UNUSED = """NOT EXISTS (SELECT 1 FROM items WHERE items.set_id = property_sets.id)
        AND NOT EXISTS (SELECT 1 FROM bundle_artifacts WHERE bundle_artifacts.set_id = property_sets.id)"""
UNUSED = f"""
    SELECT id FROM blobs WHERE id > :after AND id <= :end AND used < :before
        AND {_BLOB_UNUSED}
"""  # noqa: S608 - fixed texts
#: In the order in which uploads lock rows.
LOCK = "SELECT id FROM blobs WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS unused) ORDER BY sha256 :exclusive"
DELETE = f"""
    DELETE FROM blobs WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS unused) AND used < :before
        AND {_BLOB_UNUSED}
    RETURNING place, size
"""  # noqa: S608 - fixed texts
KNOWN = "SELECT place FROM blobs WHERE place IN (SELECT place FROM :rows(places; place text) AS found)"
SET_END = "SELECT max(id) AS id FROM (SELECT id FROM property_sets WHERE id > :after ORDER BY id LIMIT :limit) AS page"
#: The first set is that of items without properties.
SET_UNUSED = f"""
    SELECT id FROM property_sets WHERE id > :after AND id <= :end AND id > 1
        AND {_SET_UNUSED}
"""  # noqa: S608 - fixed texts
SET_LOCK = """
    SELECT id FROM property_sets WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS unused) ORDER BY id :exclusive
"""
SET_DELETE = f"""
    DELETE FROM property_sets WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS unused)
        AND {_SET_UNUSED}
    RETURNING id
"""  # noqa: S608 - fixed texts


@dataclass(slots=True)
class Collected:
    """What collections removed: blobs with their bytes, bytes that no row named, and sets of properties."""

    blobs: int = 0
    bytes: int = 0
    orphans: int = 0
    property_sets: int = 0

    def add(self, other: "Collected") -> None:
        """Add what another collection removed."""
        self.blobs += other.blobs
        self.bytes += other.bytes
        self.orphans += other.orphans
        self.property_sets += other.property_sets


class Collector:
    """Collects once a day, and when an administrator asks.

    `now` is the time in Unix seconds; `removed` is called after each collection.
    """

    def __init__(
        self, db: Database, store: BlobStore, now: Callable[[], int], removed: Callable[[], None] = lambda: None
    ) -> None:
        self._db = db
        self._store = store
        self._now = now
        self._removed = removed
        self._busy = asyncio.Lock()
        #: What was removed since the server started, and how many collections have ended.
        self.total, self.rounds = Collected(), 0
        self._loop = background.Loop(
            self._round, log, "artifacts cannot be collected now", "the collection met an internal error", INTERVAL
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Collect now and then every day, while the block lasts."""
        self._loop.wake()
        async with background.serving(self._loop.run()):
            yield

    async def _round(self) -> float | None:
        try:
            await self.collect()
        except (Held, Conflict):  # a backup, or an administrator who collects by hand
            return AGAIN
        return None

    async def collect(self, grace: int = GRACE) -> Collected:
        """Remove what nothing has used for so many seconds. Held, StoreAway; Conflict during another collection."""
        if self._busy.locked():
            raise Conflict("artifacts are being collected already", code="collecting")
        done = Collected()
        async with self._busy:
            try:
                await self._collect_blobs(self._now() - grace, done)
                await self._collect_orphans(self._now() - max(grace, GRACE), done)
                await self._collect_sets(done)
            finally:
                self.total.add(done)
                self._removed()
            self.rounds += 1
        log.info("artifacts collected", extra=asdict(done))
        return done

    async def _collect_blobs(self, before: int, done: Collected) -> None:
        after = 0
        while (page := await self._db.read(_page(END, UNUSED, after, before=before))) is not None:
            after, ids = page
            if ids:
                with self._store.removing():
                    for row in await self._db.write(_delete(LOCK, DELETE, ids, before=before)):
                        await self._store.remove(row["place"])  # a server that ends here leaves an orphan
                        done.blobs += 1
                        done.bytes += row["size"]
                await asyncio.sleep(PAUSE)

    async def _collect_orphans(self, before: int, done: Collected) -> None:
        """Remove bytes without a row. Those of an upload that has not written its row yet are younger."""
        old: list[str] = []
        async for place, stored in self._store.places():
            if stored < before:
                old.append(place)
            if len(old) == PAGE:
                await self._remove_orphans(old, done)
                old = []
        if old:
            await self._remove_orphans(old, done)

    async def _remove_orphans(self, places: Sequence[str], done: Collected) -> None:
        rows = orjson.dumps([[place] for place in places]).decode()
        known = {row["place"] for row in await self._db.read(many(KNOWN, places=rows))}
        if orphans := [place for place in places if place not in known]:
            with self._store.removing():
                for place in orphans:
                    await self._store.remove(place)
                    done.orphans += 1

    async def _collect_sets(self, done: Collected) -> None:
        after = 0
        while (page := await self._db.read(_page(SET_END, SET_UNUSED, after))) is not None:
            after, ids = page
            if ids:
                done.property_sets += len(await self._db.write(_delete(SET_LOCK, SET_DELETE, ids)))
                await asyncio.sleep(PAUSE)


def _page(end: str, unused: str, after: int, **values: int) -> Tx[tuple[int, list[int]] | None]:
    """The last id of the next page of rows, and the ids of its unused rows; None behind the last page."""
    row = yield from one(end, after=after, limit=PAGE)
    if row is None or row["id"] is None:
        return None
    found = yield from many(unused, after=after, end=row["id"], **values)
    return int(row["id"]), [int(one["id"]) for one in found]


def _delete(lock: str, delete: str, ids: Sequence[int], **values: int) -> Tx[Rows]:
    """Delete those of the rows that are still unused; the deleted rows."""
    rows = orjson.dumps([[one] for one in ids]).decode()
    yield from many(lock, ids=rows)
    return (yield from many(delete, ids=rows, **values))
