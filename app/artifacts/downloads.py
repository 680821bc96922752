"""How often files are downloaded: counted in memory, and stored now and then, so that no download waits."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson

from app import background
from app.db.connect import Database
from app.db.tx import Tx, run
from app.errors import Unavailable

log = logging.getLogger(__name__)

#: Seconds between two writes of what was counted meanwhile.
PAUSE = 5.0
#: The most files of one write.
TOGETHER = 500
#: A file that was removed meanwhile is not counted. In the order of the files, so that two servers never wait for each
#: other.
STORE = """
    INSERT INTO item_stats (item_id, downloads, last, last_by)
    SELECT items.id, entry.downloads, entry.last, entry.last_by
    FROM :rows(entries; id bigint, downloads bigint, last bigint, last_by text) AS entry
    JOIN items ON items.id = entry.id
    WHERE TRUE ORDER BY items.id
    ON CONFLICT (item_id) DO UPDATE SET downloads = item_stats.downloads + excluded.downloads,
        last = CASE WHEN excluded.last > item_stats.last THEN excluded.last ELSE item_stats.last END,
        last_by = CASE WHEN excluded.last >= item_stats.last THEN excluded.last_by ELSE item_stats.last_by END
"""


class Downloads:
    """The downloads since the last write, by file: how many, when the last one was (Unix milliseconds), and whose."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pending: dict[int, tuple[int, int, str]] = {}
        self._writing = background.Loop(
            self.store,
            log,
            "the numbers of downloads could not be stored",
            "storing the numbers of downloads met an internal error",
            interval=PAUSE,
        )

    def count(self, item_id: int, at: int, by: str) -> None:
        """Count a download."""
        self._pending[item_id] = self._pending.get(item_id, (0,))[0] + 1, at, by

    async def store(self) -> None:
        """Store what was counted. What cannot be stored is kept for the next time."""
        counted, self._pending = self._pending, {}
        entries = [(item_id, *counts) for item_id, counts in sorted(counted.items())]
        try:
            while entries:
                await self._db.write(_store(entries[:TOGETHER]))
                del entries[:TOGETHER]
        finally:
            for item_id, count, at, by in entries:
                more, last, last_by = self._pending.get(item_id, (0, at, by))
                self._pending[item_id] = count + more, last, last_by

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Store now and then while the block lasts, and once more at its end."""
        async with background.serving(self._writing.run()):
            yield
        with suppress(Unavailable):  # the counts of the last seconds are lost
            await self.store()


def _store(entries: list[tuple[int, int, int, str]]) -> Tx[None]:
    yield from run(STORE, entries=orjson.dumps(entries).decode())
