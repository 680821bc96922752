"""Reads all blobs back, and names those whose bytes are missing or damaged."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from app import threads
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import BlobStore, Lost, Missing
from app.artifacts.model import Blob, whole
from app.db.connect import Database
from app.db.tx import Tx, many, one

#: Blobs that are looked at together, and files of a blob that are named at most.
PAGE, NAMED = 100, 10

NEXT = "SELECT * FROM blobs WHERE id > :after ORDER BY id LIMIT :limit"
STILL = "SELECT id FROM blobs WHERE id = :id"
FILES = """
    SELECT artifact_repos.key AS repo, items.path, items.name
    FROM items JOIN artifact_repos ON artifact_repos.id = items.repo_id
    WHERE items.blob_id = :id ORDER BY items.id LIMIT :limit
"""
COUNT = "SELECT count(*) AS count FROM items WHERE blob_id = :id"
#: Files of versions of release bundles that are not signed, such as drafts: no item names them yet.
FROZEN = """
    SELECT artifact_repos.key AS repo, bundles.name || '/' || bundles.version AS version, file.path, file.name
    FROM bundle_artifacts AS file JOIN bundles ON bundles.id = file.bundle_id
    JOIN artifact_repos ON artifact_repos.id = bundles.repo_id
    WHERE file.blob_id = :id AND bundles.manifest = '' ORDER BY bundles.id
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How much was read back so far, and how much of it is lost."""

    checked: int
    bytes: int
    lost: int


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob that cannot be had as it was stored: why, and the files that it is the content of, the first ones.

    A file of a release bundle that is not signed is named as `repo/name/version: path`.
    """

    blob: Blob
    missing: bool
    reason: str
    files: tuple[str, ...]
    count: int


async def verify(db: Database, store: BlobStore) -> AsyncIterator[Progress | Damage]:
    """Read all blobs back: each damage as it is found, and the progress after every page, also behind the last.

    Unavailable when the database or the store cannot be reached.
    """
    after = checked = size = lost = 0
    while page := await db.read(_page(after)):
        for blob in page:
            after, checked, size = blob.id, checked + 1, size + blob.size
            if (error := await _error(store, blob)) is None:
                continue
            if (damage := await db.read(_damage(blob, error))) is not None:
                lost += 1
                yield damage
        yield Progress(checked, size, lost)


async def _error(store: BlobStore, blob: Blob) -> Lost | None:
    digest = hashlib.sha256()
    try:
        async for piece in store.read(blob.place, 0, blob.size):
            await threads.run(digest.update, piece)
    except Lost as error:
        return error
    if digest.hexdigest() != blob.sha256:
        return Lost(f"the bytes have the SHA-256 {digest.hexdigest()}")
    return None


def _page(after: int) -> Tx[list[Blob]]:
    return [rows.MAPPER.make(row) for row in (yield from many(NEXT, after=after, limit=PAGE))]


def _damage(blob: Blob, error: Lost) -> Tx[Damage | None]:
    """What the damage of a blob means; None when the blob was collected meanwhile."""
    if (yield from one(STILL, id=blob.id)) is None:
        return None
    found = yield from many(FILES, id=blob.id, limit=NAMED)
    row = yield from one(COUNT, id=blob.id)
    frozen = yield from many(FROZEN, id=blob.id)
    files = [
        *(f"{row['repo']}/{whole(row['path'], row['name'])}" for row in found),
        *(f"{row['repo']}/{row['version']}: {whole(row['path'], row['name'])}" for row in frozen),
    ]
    count = (int(row["count"]) if row else 0) + len(frozen)
    return Damage(blob, isinstance(error, Missing), error.message, tuple(files[:NAMED]), count)
