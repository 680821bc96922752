"""The numbers of the store of blobs, for monitoring."""

from collections.abc import Sequence

from app.artifacts.blobs.collection import Collector
from app.artifacts.blobs.quota import Usage
from app.artifacts.blobs.store import BlobStore
from app.web.gauges import Gauge


async def read(usage: Usage, store: BlobStore, collector: Collector, quota: int) -> Sequence[Gauge]:
    """What is stored, and what was received, lost and removed since the server started."""
    blobs, size = await usage.stored()
    counts, total = store.counts, collector.total
    return (
        Gauge("gantry_artifacts_bytes", "Bytes of artifacts; the same bytes count once.", size),
        Gauge("gantry_artifacts_blobs", "Different contents of artifacts.", blobs),
        Gauge("gantry_artifacts_items", "Files in the artifact repositories.", await usage.items()),
        Gauge("gantry_artifacts_quota_bytes", "Bytes that artifacts may take in all; 0 = no limit.", quota),
        _grown("hashed_bytes", "Bytes that were received and hashed.", counts.hashed),
        _grown("hashing_seconds", "Seconds that hashing and writing them took, of all uploads.", counts.seconds),
        _grown("damaged", "Downloads whose bytes were missing or damaged.", counts.damaged),
        _grown("collections", "Collections of unused artifacts that have ended.", collector.rounds),
        _grown("collected_blobs", "Unused contents that were removed.", total.blobs),
        _grown("collected_bytes", "Bytes of unused contents that were removed.", total.bytes),
        _grown("collected_orphans", "Stored bytes that no row named and that were removed.", total.orphans),
    )


def _grown(name: str, means: str, value: float) -> Gauge:
    return Gauge(f"gantry_artifacts_{name}", means, value, grows=True)
