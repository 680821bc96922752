"""The numbers of release bundles, for monitoring."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from app.bundles import work
from app.bundles.work import Kind, Tally, Waiting, Worker
from app.db.connect import Alterable
from app.db.tx import Tx, one
from app.web.gauges import Gauge

#: An index is counted; no version is read.
VERSIONS = "SELECT count(*) AS number FROM bundles"
#: What is counted together, and in words.
_COUNTED: Mapping[str, tuple[str, Sequence[Kind]]] = {
    "creations": ("Creations of versions", ["create"]),
    "promotions": ("Promotions of versions", ["promote"]),
    "deletions": ("Deletions of versions and of promotions", ["delete", "delete_promotion"]),
}


async def read(db: Alterable, worker: Worker, now_ms: Callable[[], int]) -> Sequence[Gauge]:
    """What there is and what waits, on all servers, and what this one has done since it started."""
    now = now_ms()
    versions, left = await db.read(_stored(now))
    age = max(now - left.since, 0) / 1000 if left.since else 0
    return (
        Gauge("gantry_bundle_versions", "Versions of release bundles, drafts included.", versions),
        Gauge("gantry_bundle_work", "Creations, promotions and deletions that are not finished.", left.unfinished),
        Gauge("gantry_bundle_work_waiting", "Those of them that no server does at the moment.", left.waiting),
        Gauge("gantry_bundle_work_oldest_seconds", "Age of the oldest of them; 0 = there is none.", age),
        *_ended(worker.tally),
    )


def _stored(now: int) -> Tx[tuple[int, Waiting]]:
    row = yield from one(VERSIONS)
    assert row is not None
    return int(row["number"]), (yield from work.waiting(now))


def _ended(tally: Tally) -> Iterator[Gauge]:
    for name, (words, kinds) in _COUNTED.items():
        done, failed = (sum(counts[kind] for kind in kinds) for counts in (tally.done, tally.failed))
        yield _grown(f"{name}_total", f"{words} that were carried out.", done)
        yield _grown(f"{name}_failed_total", f"{words} that failed after all checks were made.", failed)
    yield _grown("work_seconds_total", "Seconds that what was carried out took.", tally.seconds)


def _grown(name: str, means: str, value: float) -> Gauge:
    return Gauge(f"gantry_bundle_{name}", means, value, grows=True)
