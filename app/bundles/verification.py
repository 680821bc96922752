"""Verifies a version of a release bundle from its parts: the manifest, the statements, the keys that are trusted. Pure.

A key that only lies in the bundle proves nothing: signatures are verified with the keys that the caller trusts. No
bytes of artifacts are read; who has them compares their SHA-256 with those of the manifest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import orjson

from app.bundles.model import Artifact, Bundle, Promotion
from app.bundles.signing import dsse, statements
from app.bundles.signing.dsse import BadSignature
from app.bundles.signing.keys import PublicKey
from app.bundles.signing.statements import Sets

#: The most artifacts that one problem names, and the most characters of a name.
NAMED, NAMED_CHARACTERS = 10, 300
#: What names a version in a statement.
IDENTITY = ("repository_key", "release_bundle_name", "release_bundle_version")


class Stated(Protocol):
    """A signed statement as it is kept."""

    @property
    def seq(self) -> int:
        """1 for the first statement of the version."""
        ...

    @property
    def kind(self) -> str:
        """What it tells; empty when nothing but the statement itself says so."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the envelope, in hex."""
        ...

    @property
    def envelope(self) -> str:
        """The envelope as JSON."""
        ...


class Loose(NamedTuple):
    """A statement from a file, of which nothing is known but the envelope."""

    seq: int
    kind: str
    digest: str
    envelope: str


def loose(envelopes: Iterable[str]) -> list[Loose]:
    """The statements of a file, in their order."""
    return [Loose(at, "", dsse.digest_of(envelope), envelope) for at, envelope in enumerate(envelopes, 1)]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a server keeps of a version, and what statements must agree with."""

    #: Key of the repository of the version.
    key: str
    bundle: Bundle
    artifacts: Sequence[Artifact]
    #: Properties of the artifacts' sets, by id.
    properties: Sets
    promotions: Sequence[Promotion]
    #: The artifacts, each as type and path, that downloads do not find with their bytes.
    astray: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification."""

    #: All that is wrong, each a sentence; empty when all is right.
    problems: tuple[str, ...]
    #: What the signed manifest says of the version (`release_bundle`, `artifacts`, …); empty when none was verified.
    manifest: Mapping[str, Any]
    #: How many statements there are, and promotions that they tell of and that were not deleted.
    statements: int
    promotions: int
    #: Ids of the trusted keys that have signed.
    keyids: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all is right."""
        return not self.problems

    @property
    def artifacts(self) -> Sequence[Mapping[str, Any]]:
        """The artifacts that the signed manifest lists (contract release-bundle 4.2)."""
        found: Sequence[Mapping[str, Any]] = self.manifest.get("artifacts", ())
        return found


def verify(
    manifest: bytes | None, evidence: Sequence[Stated], keys: Mapping[str, PublicKey], kept: Kept | None = None
) -> Verdict:
    """Verify a version.

    `manifest` has the bytes of the signed manifest, None when they are lost. `keys` are those that are trusted, by
    their ids. Without `kept`, as for an exported bundle, the statements must agree with the manifest alone.
    """
    found = _Verification(keys, kept)
    found.manifest_file(manifest, evidence)
    for stated in evidence:
        found.statement(stated)
    found.records()
    return Verdict(
        tuple(found.problems), found.manifest, len(evidence), len(found.promoted), tuple(sorted(found.keyids))
    )


@dataclass
class _Verification:
    """What was found up to a statement."""

    keys: Mapping[str, PublicKey]
    kept: Kept | None
    problems: list[str] = field(default_factory=list)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    keyids: set[str] = field(default_factory=set)
    #: The place and the digest that the next statement follows.
    seq: int = 0
    previous: str = ""
    #: Repository, name and version that the statements must name; the repository changes by an import.
    about: tuple[Any, ...] = ()
    #: What all statements must have as subjects, and how their payloads begin; None as long as that is not known.
    subjects: Sequence[Any] | None = None
    beginning: bytes = b""
    imported: bool = False
    #: What is told of the promotions that were not deleted, by `created_millis`.
    promoted: dict[int, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kept is not None:
            self._expect(statements.subjects(self.kept.artifacts))

    def manifest_file(self, data: bytes | None, evidence: Sequence[Stated]) -> None:
        """Compare the bytes of the manifest with what is known of them."""
        first = evidence[0] if evidence else None
        if first is None:
            self.problems.append("there is no statement; the first one must be that of the manifest")
        if self.kept is not None and first is not None and first.digest != self.kept.bundle.manifest:
            self.problems.append("the first statement is not the manifest that the version was signed with")
        if data is None:
            self.problems.append("the bytes of the manifest are lost")
            return
        digest = dsse.digest_of(data)
        known = self.kept.bundle.manifest if self.kept is not None else first.digest if first is not None else digest
        if digest != known:
            self.problems.append(f"the manifest was changed: its bytes have the SHA-256 {digest}, not {known}")

    def statement(self, stated: Stated) -> None:
        """Verify the next statement."""
        digest, gap = dsse.digest_of(stated.envelope), stated.seq != self.seq + 1
        if gap:
            self._gap(stated.seq)
        if digest != stated.digest:
            self._say(stated.seq, f"was changed: its envelope has the SHA-256 {digest}, not {stated.digest}")
        try:
            payload, keyids = dsse.verified(stated.envelope, self.keys)
            said = self._said(payload)
        except BadSignature as error:
            self._say(stated.seq, f"cannot be trusted: {error.message}")
        else:
            self.keyids.update(keyids)
            self._content(stated, said, follows=not gap)
        self.seq, self.previous = stated.seq, digest

    def records(self) -> None:
        """Compare what the statements tell with the records."""
        if self.kept is None:
            return
        bundle = self.kept.bundle
        if self.about and self.about != (self.kept.key, bundle.name, bundle.version):
            self.problems.append(f"the statements are about another version: {' '.join(map(str, self.about))}")
        if self.manifest and not self.imported and (names := _differing(statements.of_bundle(bundle), self.manifest)):
            self.problems.append(f"the record of the version tells otherwise than its manifest: {', '.join(names)}")
        if self.kept.astray:
            self.problems.append(f"files are not stored with the bytes of the version: {_some(self.kept.astray)}")
        known = {promotion.created: promotion for promotion in self.kept.promotions}
        for promotion in known.values():
            if promotion.status == "COMPLETED" and promotion.created not in self.promoted:
                words = f"the promotion {promotion.created} to {promotion.environment} has no statement"
                self.problems.append(words)
        for created, told in self.promoted.items():
            record = known.get(created)
            if record is None:
                self.problems.append(f"the promotion {created} to {told.get('environment')} has no record any more")
            elif names := _differing(statements.of_promotion(record), told):
                words = f"the record of the promotion {created} tells otherwise than its statement: {', '.join(names)}"
                self.problems.append(words)

    def _expect(self, subjects: Sequence[Any]) -> None:
        self.subjects, self.beginning = subjects, statements.beginning(subjects)

    def _said(self, payload: bytes) -> Mapping[str, Any]:
        """The statement in a payload. Most of the text are the subjects: those that are expected are not parsed."""
        if self.beginning and payload.startswith(self.beginning):
            rest = dsse.statement_of(b"{" + payload[len(self.beginning) :])
            return {"_type": statements.STATEMENT, "subject": self.subjects, **rest}
        return dsse.statement_of(payload)

    def _gap(self, seq: int) -> None:
        if seq <= self.seq:
            self._say(seq, f"stands behind the statement {self.seq}")
        elif seq == self.seq + 2:
            self.problems.append(f"the statement {self.seq + 1} is missing")
        else:
            self.problems.append(f"the statements {self.seq + 1} to {seq - 1} are missing")

    def _content(self, stated: Stated, said: Mapping[str, Any], *, follows: bool) -> None:
        """Verify what a signed statement says."""
        predicate = said.get("predicate")
        kind = next((kind for kind, type_ in statements.PREDICATES.items() if type_ == said.get("predicateType")), "")
        if said.get("_type") != statements.STATEMENT or not isinstance(predicate, dict) or not kind:
            self._say(stated.seq, "is of no type that is known here")
            return
        if stated.kind not in (kind, ""):
            self._say(stated.seq, f"is kept as {stated.kind!r}, and is signed as {kind!r}")
        if (kind == "create") != (stated.seq == 1):
            self._say(stated.seq, "is a manifest" if kind == "create" else "must be the manifest, and is none")
        if predicate.get("seq") != stated.seq:
            self._say(stated.seq, f"was signed as the statement {str(predicate.get('seq'))[:NAMED_CHARACTERS]}")
        elif follows and predicate.get("previous") != self.previous:
            self._say(stated.seq, "does not have the digest of the statement before")
        self._identity(stated.seq, kind, predicate.get("release_bundle"))
        if kind == "create":
            self._manifest(stated.seq, predicate)
        self._subjects(stated.seq, said.get("subject"))
        if kind == "promote":
            self._promotion(stated.seq, predicate)
        elif kind == "delete_promotion":
            self._deletion(stated.seq, predicate)
        elif kind == "import":  # the promotions before were made on another server
            self.imported = True
            self.promoted.clear()

    def _identity(self, seq: int, kind: str, named: Any) -> None:
        about = tuple(named.get(word) for word in IDENTITY) if isinstance(named, dict) else ()
        if not self.about or (kind == "import" and about[1:] == self.about[1:]):
            self.about = about
        if not about or about != self.about:
            self._say(seq, f"is about another version: {' '.join(map(str, about))[:NAMED_CHARACTERS]}")

    def _manifest(self, seq: int, predicate: Mapping[str, Any]) -> None:
        listed = predicate.get("artifacts")
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            self._say(seq, "has no list of artifacts")
            return
        self.manifest = predicate
        if self.kept is None:
            shown = [{"name": each.get("path"), "digest": {"sha256": each.get("checksum")}} for each in listed]
            self._expect(shown)
        elif paths := _apart(listed, statements.described(self.kept.artifacts, self.kept.properties), "path"):
            self._say(seq, f"does not describe the artifacts as they are kept: {_some(paths)}")

    def _subjects(self, seq: int, subjects: Any) -> None:
        if self.subjects is None:
            return
        if not isinstance(subjects, list):
            self._say(seq, "has no subjects")
        elif paths := _apart(subjects, self.subjects, "name"):
            self._say(seq, f"does not have the digests of the artifacts: {_some(paths)}")

    def _promotion(self, seq: int, predicate: Mapping[str, Any]) -> None:
        created = predicate.get("created_millis")
        if not isinstance(created, int):
            self._say(seq, "does not say which promotion it tells of")
        elif created in self.promoted:
            self._say(seq, f"tells of the promotion {created} a second time")
        else:
            self.promoted[created] = predicate

    def _deletion(self, seq: int, predicate: Mapping[str, Any]) -> None:
        created = predicate.get("created_millis")
        if not isinstance(created, int):
            self._say(seq, "does not say which promotion it tells of")
        else:
            self.promoted.pop(created, None)  # a failed promotion can be deleted, too

    def _say(self, seq: int, words: str) -> None:
        self.problems.append(f"the statement {seq} {words}")


def _differing(kept: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    """The names of the values that differ."""
    return [name for name, value in kept.items() if told.get(name) != value]


def _apart(some: Sequence[Any], others: Sequence[Any], named: str) -> list[str]:
    """The names of the entries that only one of two lists has, whatever their order."""
    if some == others:
        return []
    counted, rest = (
        Counter(orjson.dumps(entry, option=orjson.OPT_SORT_KEYS) for entry in each) for each in (some, others)
    )
    entries = [orjson.loads(text) for text in (counted - rest) + (rest - counted)]
    return sorted({str(entry.get(named) if isinstance(entry, dict) else entry) for entry in entries})


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(name[:NAMED_CHARACTERS] for name in names[:NAMED]) + more
