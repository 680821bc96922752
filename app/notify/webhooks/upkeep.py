"""What nobody waits for: nothing is sent to inactive subscriptions any more, and old deliveries are forgotten."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app import background
from app.db.connect import Database
from app.notify.webhooks import deliveries, store
from app.notify.webhooks.sender import INACTIVE

log = logging.getLogger(__name__)

#: Milliseconds for which an event is kept with its deliveries: 14 days.
KEPT = 14 * 24 * 3600 * 1000
#: Rows of one transaction, and events: an event has a delivery for each subscription.
ROWS, EVENTS = 1000, 100
#: Seconds between two rounds.
PAUSE = 60.0


class Upkeep:
    """Works in the background, in small transactions."""

    def __init__(self, db: Database, now_ms: Callable[[], int]) -> None:
        self._db = db
        self._now_ms = now_ms
        self._loop = background.Loop(
            self.round, log, "webhooks are not tidied up", "tidying up webhooks met an internal error", PAUSE
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work while the block lasts."""
        self._loop.wake()
        async with background.serving(self._loop.run()):
            yield

    def wake(self) -> None:
        """Work now: a subscription is inactive."""
        self._loop.wake()

    async def round(self) -> None:
        """Give up what waits for inactive subscriptions, and delete what is old."""
        for webhook_id in await self._db.read(store.inactive()):
            while await self._db.write(deliveries.leave(webhook_id, INACTIVE, ROWS)):
                pass
        while await self._db.write(deliveries.forget(self._now_ms() - KEPT, EVENTS)) == EVENTS:
            pass

    async def empty(self, webhook_id: int) -> None:
        """Delete the deliveries of a subscription, which is about to be removed."""
        while await self._db.write(deliveries.remove(webhook_id, ROWS)):
            pass
