"""The active subscriptions, in memory: most moments concern none, and then nothing is read for them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app import background
from app.db.bus import Notify
from app.db.connect import Database
from app.notify.webhooks import store
from app.notify.webhooks.matching import Subscriptions

log = logging.getLogger(__name__)

#: The channel on which servers tell each other that subscriptions were changed.
CHANNEL = "gantry_webhooks"
#: Seconds after which a change of another server is known at the latest.
LOOK = 5.0


class Known:
    """What the active subscriptions want, as far as this server knows.

    A subscription that was removed meanwhile does no harm: an event is written for those that are still there.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        #: Never changed, but replaced: recorders read it in another thread.
        self.subscriptions = Subscriptions()
        self._reading = asyncio.Lock()
        self._tell: Notify | None = None
        self._loop = background.Loop(
            self._read, log, "the webhooks cannot be read", "reading the webhooks met an internal error"
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Know the subscriptions while the block lasts, also those that other servers change."""
        await self._read()
        async with self._db.listening({CHANNEL: lambda _: self._loop.wake()}) as self._tell:
            if self._tell is not None:
                self._loop.interval = LOOK
            async with background.serving(self._loop.run()):
                yield

    async def changed(self) -> None:
        """Read the subscriptions again: this server has changed some. Other servers are told."""
        await self._read()
        if self._tell is not None:
            self._tell(CHANNEL, "")

    def outdated(self) -> None:
        """Read the subscriptions again, soon."""
        self._loop.wake()

    async def _read(self) -> None:
        async with self._reading:
            self.subscriptions = Subscriptions(await self._db.read(store.active()))
