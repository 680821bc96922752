"""Imports a version from the file that another server has exported: all of it is verified, and then there at once.

Bytes are stored as they come, and one transaction at the end makes the version of them. So an import that is refused,
cut off or killed leaves no version; its bytes are removed, or collected later as no row names them.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from app import size as sizes
from app import threads
from app.artifacts import mime, properties
from app.artifacts.access import Visitor
from app.artifacts.blobs import rows
from app.artifacts.blobs.folder import SMALL
from app.artifacts.blobs.gathering import GROUP
from app.artifacts.blobs.store import BlobStore, Received
from app.artifacts.model import Blob, parted
from app.artifacts.uploads import REFUSALS, discard
from app.buildinfo.files import received
from app.bundles import access, evidence, moments, storage, store
from app.bundles.evidence import Evidence, Head
from app.bundles.model import Artifact, Bundle
from app.bundles.ports import Ports
from app.bundles.signing import dsse, signer, statements
from app.bundles.signing.dsse import Signed
from app.bundles.signing.signer import Signer
from app.bundles.transfer import reading
from app.bundles.transfer.manifest import Described, Manifest
from app.bundles.transfer.reading import Opened
from app.db.tx import Tx, many
from app.errors import Conflict, NoRoom
from app.moments import Actor

KNOWN = """
    SELECT blobs.* FROM :rows(digests; sha256 text) AS wanted JOIN blobs ON blobs.sha256 = wanted.sha256
"""


async def import_(ports: Ports, visitor: Visitor, key: str, parts: AsyncIterator[bytes]) -> Bundle:
    """Import a version into the repository of a key.

    Forbidden. Invalid for a file that is damaged, was changed, or is not signed by a key that this server trusts;
    Conflict when the version is there; NoRoom and TooLarge before bytes are stored that have no room.
    """
    if not visitor.rights.somewhere("deploy", access.judged(key)):
        visitor.refuse("deploy", key)
    opened = await reading.opened(parts, await ports.db.read(signer.trusted()))
    manifest = opened.manifest
    access.require(visitor, "deploy", key, manifest.name, manifest.version)
    await ports.db.glance(_free(key, manifest))
    wanted = manifest.blobs()
    coming = _Coming(ports.blobs, await ports.db.read_many(_known(wanted)))
    try:
        await _require_room(ports.blobs, {digest: wanted[digest] for digest in wanted.keys() - coming.known.keys()})
        await opened.blobs(coming.take)
        await coming.settle()
        coming.stored.append(await received(ports.blobs, opened.statements[0].envelope.encode()))
        made = await _made(ports, visitor.by, key, opened)
    except BaseException:  # also when the client hangs up: no row can name these bytes
        await coming.discard()
        raise
    try:
        bundle, used = await ports.db.alter(_imported(ports, visitor, key, opened, coming, made))
    except REFUSALS:
        await coming.discard()
        raise
    await discard(ports.blobs, [one.place for one in coming.stored if one.place not in used])
    return bundle


def _free(key: str, manifest: Manifest) -> Tx[Bundle | None]:
    """A version of the name whose creation has failed, and which gives way; Conflict when there is another one."""
    old = yield from store.find(key, manifest.name, manifest.version)
    if old is not None and old.status != "FAILED":
        words = f"the version {manifest.version} of the release bundle {manifest.name} exists in {key} already"
        raise Conflict(f"{words}; delete it before you import another one", code="bundle_exists")
    return old


def _known(digests: Mapping[str, int]) -> Tx[dict[str, Blob]]:
    """The blobs that are stored here already, by SHA-256."""
    found = yield from many(KNOWN, digests=orjson.dumps([[digest] for digest in digests]).decode())
    return {row["sha256"]: rows.MAPPER.make(row) for row in found}


async def _require_room(blobs: BlobStore, wanted: Mapping[str, int]) -> None:
    space, needed = await blobs.space(), sum(wanted.values())
    if space.total and needed > space.free:
        words = f"the files of the version take {sizes.text(needed)}, and there is room for {sizes.text(space.free)}"
        raise NoRoom(f"{words}: delete artifacts, or make the disk or GANTRY_ARTIFACTS_QUOTA larger")


@dataclass
class _Coming:
    """The blobs of a file as they come. Small ones are stored together, for each by itself waits for the disk."""

    store: BlobStore
    #: What is stored already: it is only verified.
    known: Mapping[str, Blob]
    stored: list[Received] = field(default_factory=list)
    _pending: list["asyncio.Task[None]"] = field(default_factory=list)

    async def take(self, sha256: str, size: int, pieces: AsyncIterator[bytes]) -> str:
        """See `reading.Take`."""
        if sha256 in self.known:
            return await reading.hashed(sha256, size, pieces)
        if size > SMALL:
            await self._receive(pieces, size)
            return self.stored[-1].sums.sha256
        data = b"".join([piece async for piece in pieces])
        self._pending.append(asyncio.create_task(self._receive(_only(data), size)))
        if len(self._pending) >= GROUP:
            await self.settle()
        return hashlib.sha256(data).hexdigest()

    async def _receive(self, pieces: AsyncIterator[bytes], size: int) -> None:
        self.stored.append(await self.store.receive(pieces, size=size))

    async def settle(self) -> None:
        """Wait until all is stored; the first error of those that is not."""
        pending, self._pending = self._pending, []
        for outcome in await asyncio.gather(*pending, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def discard(self) -> None:
        """Remove what was stored."""
        await asyncio.gather(*self._pending, return_exceptions=True)
        await discard(self.store, [one.place for one in self.stored])


async def _only(data: bytes) -> AsyncIterator[bytes]:
    yield data


@dataclass(frozen=True, slots=True)
class _Made:
    """What an import adds to a file: this server's own statement."""

    statement: Signed
    folders: Sequence[str]
    #: Unix milliseconds.
    at: int


async def _made(ports: Ports, by: Actor, key: str, opened: Opened) -> _Made:
    signing = await signer.signer_of(ports, "")
    return await threads.run(_signed, by, key, opened, signing, ports.now_ms())


def _signed(by: Actor, key: str, opened: Opened, signing: Signer, at: int) -> _Made:
    manifest, last = opened.manifest, opened.statements[-1]
    artifacts = list(_artifacts(manifest, {}, []))
    bundle = Bundle(0, 0, manifest.name, manifest.version, "COMPLETED", at, by.id, by.name)
    statement = statements.imported(key, bundle, artifacts, by=by, at=at, seq=last.seq + 1, previous=last.digest)
    return _Made(dsse.signed(statement, signing), storage.folders(manifest.name, manifest.version, artifacts), at)


def _artifacts(manifest: Manifest, blobs: Mapping[str, Blob], sets: Sequence[int]) -> Iterator[Artifact]:
    """The artifacts of a version; without ids as long as there are none."""
    for at, described in enumerate(manifest.artifacts):
        blob = blobs.get(described.checksum)
        yield _artifact(described, blob.id if blob else 0, sets[at] if sets else 0)


def _artifact(described: Described, blob_id: int, set_id: int) -> Artifact:
    folder, name = parted(described.path)
    return Artifact(
        described.package_type, folder, name, described.source_repository_key, blob_id, set_id, mime.of(name, ""),
        described.checksum, described.size,
    )  # fmt: skip


def _imported(
    ports: Ports, visitor: Visitor, key: str, opened: Opened, coming: _Coming, made: _Made
) -> Tx[tuple[Bundle, set[str]]]:
    """The version, and the places of the bytes that its rows name."""
    manifest, by = opened.manifest, visitor.by
    if (failed := (yield from _free(key, manifest))) is not None:
        yield from store.give_way(failed)
    repo = yield from access.ensured(ports.recorders, by, key, made.at)
    blobs = yield from _blobs(coming, made.at // 1000)
    signed = opened.statements[0].digest
    bundle = yield from store.add(
        Bundle(
            0,
            repo.id,
            manifest.name,
            manifest.version,
            "COMPLETED",
            made.at,
            by.id,
            visitor.name,
            sources=manifest.source,
            files=len(manifest.artifacts),
            size=sum(artifact.size for artifact in manifest.artifacts),
            manifest=signed,
        )
    )
    if bundle is None:
        raise Conflict(f"another caller has made {manifest.name} {manifest.version} at the same time")
    sets = yield from properties.sets_of([artifact.said() for artifact in manifest.artifacts])
    yield from store.add_artifacts(bundle.id, _artifacts(manifest, blobs, sets))
    yield from storage.put(bundle, made.folders, blobs[signed], visitor.stamp(made.at))
    yield from _state(bundle.id, opened, made)
    yield from ports.recorders.record(moments.imported(by, key, bundle))
    return bundle, {blob.place for blob in blobs.values()}


def _blobs(coming: _Coming, now: int) -> Tx[dict[str, Blob]]:
    """The rows of all blobs, by SHA-256. Conflict when one that was there is gone."""
    known = [Received(blob.sums, blob.size, blob.place) for blob in coming.known.values()]
    blobs = yield from rows.add_all([*coming.stored, *known], now)
    if any(blobs[digest].id != blob.id for digest, blob in coming.known.items()):
        raise Conflict("bytes of the version were removed here at the same time; import it again")
    return blobs


def _state(bundle_id: int, opened: Opened, made: _Made) -> Tx[None]:
    """Keep the statements of the file, and that of the import behind them."""
    head = Head()
    for stated in opened.statements:
        kept = Evidence(bundle_id, stated.seq, stated.kind, stated.at, stated.digest, stated.envelope)
        yield from evidence.append(kept, head)
        head = Head(stated.seq, stated.digest)
    last = Evidence(bundle_id, head.seq + 1, "import", made.at, made.statement.digest, made.statement.envelope)
    yield from evidence.append(last, head)
