"""The opener of the record: what must be remembered, and its seal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.audit.sealer import Sealer
from app.builds.moments import PROGRESS
from app.db.connect import Database
from app.main.maintenance import now
from app.moments import Recorder


@asynccontextmanager
async def open_audit(db: Database) -> AsyncIterator[Recorder]:
    """Rows are sealed while the block lasts. The recorder writes down all that happens but the progress of runners."""
    sealer = Sealer(db, now)
    async with sealer.running():
        yield sealer.recorder(without=PROGRESS)
