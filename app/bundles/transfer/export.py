"""A version as one file: what goes into the file, and its bytes as they are sent.

All texts are read in one transaction, so the length of the file is known before its first byte. The bytes of blobs are
read while they are sent.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.artifacts.blobs.rows import MAPPER
from app.artifacts.blobs.store import BlobStore
from app.artifacts.model import Blob
from app.buildinfo.files import pieces as stored
from app.bundles import evidence
from app.bundles.model import Bundle
from app.bundles.signing import dsse, signer
from app.bundles.transfer import contents, tar
from app.db.tx import Tx, many
from app.errors import Conflict

#: Bytes that are sent together, at least.
_TOGETHER = 256 * 1024
#: Each blob of a version once.
BLOBS = """
    SELECT * FROM blobs WHERE id IN (SELECT blob_id FROM bundle_artifacts WHERE bundle_id = :bundle_id) ORDER BY sha256
"""


@dataclass(frozen=True, slots=True)
class Export:
    """The file of a version."""

    bundle: Bundle
    #: Names and bytes of what stands before the blobs.
    texts: Sequence[tuple[str, bytes]]
    blobs: Sequence[Blob]

    @property
    def size(self) -> int:
        """The length of the file."""
        sizes = [*(len(text) for _, text in self.texts), *(blob.size for blob in self.blobs)]
        return sum(map(tar.room, sizes)) + len(tar.END)


def of(bundle: Bundle) -> Tx[Export]:
    """The file of a version. Conflict for a version that is not completed, or whose evidence begins otherwise."""
    if bundle.status != "COMPLETED":
        words = f"{bundle.name} {bundle.version} is {bundle.status}, so there is nothing signed to export"
        way = "finalize the draft first" if bundle.status == "DRAFT" else "only a COMPLETED version can be exported"
        raise Conflict(f"{words}; {way}", code="not_completed")
    blobs = [MAPPER.make(row) for row in (yield from many(BLOBS, bundle_id=bundle.id))]
    told = yield from evidence.all_of(bundle.id)
    if not told or told[0].digest != bundle.manifest:
        words = (
            f"the evidence of {bundle.name} {bundle.version} does not begin with its manifest, so nobody can import it"
        )
        raise Conflict(f"{words}; its verification tells all that is wrong", code="bad_evidence")
    statements = [statement.envelope for statement in told]
    keyids = {keyid for statement in statements for keyid in dsse.keyids_of(statement)}
    keys = [key for keyid, key in (yield from signer.trusted()).items() if keyid in keyids]
    texts = [
        (contents.MANIFEST, statements[0].encode()),
        (contents.EVIDENCE, contents.evidence(statements)),
        (contents.KEYS, contents.public_keys(keys)),
    ]
    return Export(bundle, texts, blobs)


async def pieces(blobs: BlobStore, export: Export) -> AsyncGenerator[bytes, None]:
    """The bytes of the file. Lost when bytes of a blob are missing or damaged: then the last ones were not given."""
    held = bytearray()
    for name, text in export.texts:
        held += tar.header(name, len(text)) + text + bytes(tar.padding(len(text)))
    for blob in export.blobs:
        held += tar.header(contents.blob(blob.sha256), blob.size)
        async with aclosing(stored(blobs, blob)) as reading:
            async for piece in reading:
                held += piece
                if len(held) >= _TOGETHER:
                    yield bytes(held)
                    held.clear()
        held += bytes(tar.padding(blob.size))
    yield bytes(held + tar.END)
