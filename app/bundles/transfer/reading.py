"""Reads the file of an exported version, and verifies it, part by part as it comes.

The signed texts come first, so what the file must hold is known before the first blob, and each blob is judged when it
has come. Whoever reads keeps nothing of a file that is refused.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from app import threads
from app.bundles import verification
from app.bundles.signing import dsse
from app.bundles.signing.dsse import BadSignature, UnknownKey
from app.bundles.signing.keys import PublicKey
from app.bundles.signing.statements import PREDICATES, Kind
from app.bundles.transfer import contents, manifest
from app.bundles.transfer.manifest import Manifest
from app.bundles.transfer.tar import Reader, refuse

#: Takes a blob: its SHA-256 as the manifest has it, its size, and its bytes, all of which must be read. Gives the
#: SHA-256 that the bytes have.
Take: TypeAlias = Callable[[str, int, AsyncIterator[bytes]], Awaitable[str]]
#: The most problems of evidence that one error names.
NAMED = 5
_KINDS: Mapping[str, Kind] = {predicate: kind for kind, predicate in PREDICATES.items()}
#: The field of each kind of statement that says when it was made.
_TIMES: Mapping[Kind, str] = {
    "create": "created", "import": "imported", "promote": "promoted", "delete_promotion": "deleted",
}  # fmt: skip
#: The field of each kind of statement that says who did what the statement tells.
_ACTORS: Mapping[Kind, str] = {kind: f"{time}_by" for kind, time in _TIMES.items()}
#: Bytes from which on a thread hashes.
_LARGE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement of the file."""

    seq: int
    envelope: str
    #: SHA-256 of the envelope, in hex.
    digest: str
    kind: Kind
    #: Unix milliseconds.
    at: int
    predicate: Mapping[str, Any]

    @property
    def by(self) -> str:
        """The name of who did it."""
        return str(self.predicate.get(_ACTORS[self.kind], ""))


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose signed texts were read and verified; its blobs come behind them."""

    manifest: Manifest
    statements: Sequence[Stated]
    #: Ids of the trusted keys that have signed.
    keyids: Sequence[str]
    _reader: Reader = field(repr=False)

    async def blobs(self, take: Take) -> None:
        """Hand over every blob. Invalid when one has other bytes, is missing, or is not in the manifest."""
        missing = self.manifest.blobs()
        while (entry := await self._reader.next()) is not None:
            name, sha256 = entry.name[:200], entry.name.removeprefix(contents.BLOBS)
            if entry.name != contents.blob(sha256) or (size := missing.pop(sha256, None)) is None:
                refuse(f"the entry {name!r} is not in the manifest, or is there twice", "superfluous_entry")
            if entry.size != size:
                refuse(f"{name} has {entry.size} bytes, and the manifest says {size}", "wrong_digest")
            if (found := await take(sha256, size, self._reader.pieces())) != sha256:
                refuse(f"the bytes of {name} have the SHA-256 {found}: they were changed", "wrong_digest")
        if missing:
            some = ", ".join(map(contents.blob, sorted(missing)[:3]))
            refuse(f"{len(missing)} blobs of the manifest are missing, as {some}", "missing_blob")


async def opened(parts: AsyncIterator[bytes], keys: Mapping[str, PublicKey]) -> Opened:
    """Read what stands before the blobs, and verify it with these keys, by their ids. Invalid."""
    reader = Reader(parts)
    text = await _text(reader, contents.MANIFEST)
    found = await threads.run(_manifest, text, keys)
    statements, keyids = await threads.run(_evidence, await _text(reader, contents.EVIDENCE), text, keys)
    await threads.run(contents.check_keys, await _text(reader, contents.KEYS))
    return Opened(found, statements, keyids, reader)


async def _text(reader: Reader, name: str) -> bytes:
    entry = await reader.next()
    if entry is None or entry.name != name:
        what = "ends" if entry is None else f"has {entry.name[:200]!r}"
        refuse(f"this is no exported release bundle: it {what} where {name} is due")
    return await reader.text(contents.LIMITS[name])


async def hashed(_: str, size: int, pieces: AsyncIterator[bytes]) -> str:
    """Take a blob only to hash it."""
    digest = hashlib.sha256()
    async for piece in pieces:
        if len(piece) < _LARGE:
            digest.update(piece)
        else:
            await threads.run(digest.update, piece)
    return digest.hexdigest()


def _manifest(text: bytes, keys: Mapping[str, PublicKey]) -> Manifest:
    try:
        return manifest.read(dsse.opened(text, keys))
    except BadSignature as error:
        way_out = "; if that key is right, trust its public half first" if isinstance(error, UnknownKey) else ""
        refuse(f"{contents.MANIFEST} is not to be trusted: {error.message}{way_out}", "bad_signature")


def _evidence(text: bytes, first: bytes, keys: Mapping[str, PublicKey]) -> tuple[list[Stated], Sequence[str]]:
    stated = [_stated(seq, envelope, keys) for seq, envelope in enumerate(contents.envelopes_of(text), start=1)]
    verdict = verification.verify(first, stated, keys)
    if not verdict.ok:
        more = f"; and {len(verdict.problems) - NAMED} more problems" if len(verdict.problems) > NAMED else ""
        refuse(f"{contents.EVIDENCE}: {'; '.join(verdict.problems[:NAMED])}{more}", "bad_evidence")
    return stated, verdict.keyids


def _stated(seq: int, envelope: str, keys: Mapping[str, PublicKey]) -> Stated:
    """A statement whose signature is right, before its content is verified. What nobody has signed is not parsed."""
    which = f"{contents.EVIDENCE}: the statement {seq}"
    try:
        said = dsse.opened(envelope, keys)
    except BadSignature as error:
        refuse(f"{which} cannot be trusted: {error.message}", "bad_evidence")
    try:
        kind = _KINDS[said["predicateType"]]
        at = datetime.fromisoformat(said["predicate"][_TIMES[kind]])
        ms = int(at.timestamp() * 1000)
    except (ValueError, TypeError, LookupError, OverflowError):
        refuse(f"{which} is none about a release bundle", "bad_evidence")
    return Stated(seq, envelope, dsse.digest_of(envelope), kind, ms, said["predicate"])
