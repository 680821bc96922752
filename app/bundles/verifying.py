"""Verifies a version that this server keeps, with all that the server keeps of it."""

from app import threads
from app.artifacts import items, properties
from app.artifacts.blobs.store import BlobStore, Lost
from app.artifacts.model import Blob
from app.bundles import evidence, names, promotions, storage, store, verification
from app.bundles.evidence import Evidence
from app.bundles.model import Bundle
from app.bundles.ports import Ports
from app.bundles.signing import signer
from app.bundles.signing.keys import PublicKey
from app.bundles.verification import Kept, Verdict
from app.db.tx import Tx
from app.errors import Conflict, Unavailable
from app.turns import many_objects, short_turns

#: How often a version is read anew that is promoted meanwhile.
ATTEMPTS = 20


async def verify(ports: Ports, found: Tx[tuple[str, Bundle]]) -> tuple[tuple[str, Bundle], Verdict]:
    """Verify the version that `found` gives, with the key of its repository. Conflict for one that is not signed.

    The bytes of its manifest are read and compared; those of its artifacts are not.
    """
    with many_objects(), short_turns():
        kept, said, keys, blob = await ports.db.read_many(_read(found))
        data = await _bytes(ports.blobs, blob) if blob is not None else None
        return (kept.key, kept.bundle), await threads.run(verification.verify, data, said, keys, kept)


def _read(found: Tx[tuple[str, Bundle]]) -> Tx[tuple[Kept, list[Evidence], dict[str, PublicKey], Blob | None]]:
    key, bundle = yield from found
    if bundle.status != "COMPLETED":
        words = f"{bundle.name} {bundle.version} is {bundle.status}: only a COMPLETED version is signed"
        raise Conflict(words, code="not_completed")
    artifacts = yield from store.artifacts_of(bundle.id)
    sets = yield from properties.of_sets(sorted({artifact.set_id for artifact in artifacts}))
    manifest = yield from items.find(bundle.repo_id, names.manifest(bundle.name, bundle.version))
    keys, astray = (yield from signer.trusted()), (yield from storage.astray(bundle))
    for _ in range(ATTEMPTS):
        head = yield from evidence.head(bundle.id)
        done = yield from promotions.of(bundle.id)
        said = yield from evidence.all_of(bundle.id)
        if (said[-1].seq if said else 0) == head.seq:  # no promotion has ended between the three
            kept = Kept(key, bundle, artifacts, sets, done, astray)
            return kept, said, keys, manifest.blob if manifest is not None else None
    raise Unavailable("the version is changed again and again; try again")


async def _bytes(blobs: BlobStore, blob: Blob) -> bytes | None:
    """The bytes as they are, damaged or not; None when they are lost."""
    try:
        return b"".join([piece async for piece in blobs.read(blob.place, 0, blob.size)])
    except Lost:
        return None
