"""The objects that the verbs of release bundles use."""

from collections.abc import Callable
from dataclasses import dataclass

from app.artifacts.blobs.store import BlobStore
from app.db.connect import Alterable
from app.moments import Recorders
from app.sealing.seal import Seal


@dataclass(frozen=True, slots=True)
class Ports:
    """The objects that the verbs use."""

    db: Alterable
    blobs: BlobStore
    recorders: Recorders
    seal: Seal
    #: Unix milliseconds.
    now_ms: Callable[[], int]
    #: Of this server, as its specifications say (contract release-bundle 4.2).
    service_id: str
