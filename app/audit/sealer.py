"""The sealer: puts rows into the chain soon after they are committed, also the rows that another server wrote."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

from app import background
from app.audit import chain, store
from app.backoff import pauses
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import Recorder

log = logging.getLogger(__name__)

#: Seconds between the recording of a row and its sealing, so that several rows are sealed together; and, when this
#: server records nothing, seconds at most between two looks for unsealed rows of other servers.
SOON, SELDOM = 0.5, 30.0


class Sealer:
    """Records moments, and seals their rows.

    A moment is recorded before its transaction commits. So the sealer looks for unsealed rows again and again, at
    intervals that double from SOON to SELDOM: a row whose commit takes long is sealed soon after the commit, and a
    server at rest reads next to nothing.
    """

    def __init__(self, db: Database, now: Callable[[], int], *, soon: float = SOON, seldom: float = SELDOM) -> None:
        self._db = db
        self._now = now
        self._soon, self._seldom = soon, seldom
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def recorder(self, *, without: Collection[str] = ()) -> Recorder:
        """A recorder that writes down the moments of all verbs except these."""
        return Recorder(self._record, without=without)

    def _record(self, moment: Any) -> Tx[None]:
        yield from store.record(moment, self._now())
        if self._loop is not None and not self._news.is_set():
            self._loop.call_soon_threadsafe(self._news.set)  # transactions run in any thread

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Seal while the block lasts, and once more at its end."""
        self._loop = asyncio.get_running_loop()
        try:
            async with background.serving(self._serve()):
                yield
        finally:
            self._loop = None
            await self._try()

    async def _serve(self) -> None:
        waits = pauses(self._soon, self._seldom)
        while True:
            if await self._told(next(waits)):
                waits = pauses(self._soon, self._seldom)
                await asyncio.sleep(next(waits))
                self._news.clear()
            await self._try()

    async def _told(self, timeout: float) -> bool:
        """Whether this server records a moment within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                return await self._news.wait()
        except TimeoutError:
            return False

    async def _try(self) -> None:
        try:
            await self.seal()
        except Unavailable as error:
            log.warning("the audit record could not be sealed", extra={"reason": error.message})
        except chain.NoHead as error:
            log.error("the audit record cannot be sealed", extra={"reason": str(error)})
        except Exception:  # a bug must not end the sealer, which every row waits for
            log.exception("the audit record met an internal error")

    async def seal(self) -> None:
        """Seal all rows that are committed."""
        if await self._db.read(chain.unsealed()):
            while await self._db.write(chain.seal()) == chain.BATCH:
                pass
