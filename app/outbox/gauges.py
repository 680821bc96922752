"""The numbers of the outbox, for monitoring."""

from collections.abc import Callable, Sequence

from app.db.connect import Database
from app.outbox import store
from app.outbox.worker import Worker
from app.web.gauges import Gauge


async def read(db: Database, worker: Worker, now_ms: Callable[[], int]) -> Sequence[Gauge]:
    """What waits and what is dead, on all servers, and what this one has sent since it started."""
    counts, tally = await db.read(store.counts()), worker.tally
    age = max(now_ms() - counts.oldest, 0) / 1000 if counts.oldest else 0
    return (
        Gauge("gantry_outbox_waiting", "Messages to hosts that have not left.", counts.waiting),
        Gauge("gantry_outbox_dead", "Messages to hosts that are not tried any more.", counts.dead),
        Gauge("gantry_outbox_oldest_seconds", "Age of the oldest message that waits; 0 = there is none.", age),
        Gauge("gantry_outbox_sent_total", "Messages that have left.", tally.sent.total(), grows=True),
        Gauge("gantry_outbox_failed_total", "Attempts that have failed.", tally.failed.total(), grows=True),
    )
