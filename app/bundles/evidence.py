"""The SQL of evidence: signed statements about a version, each with the digest of the one before."""

from dataclasses import dataclass
from typing import NamedTuple

from app.bundles.signing.statements import Kind
from app.db import releases
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound

HEAD = "SELECT seq, digest FROM bundle_evidence WHERE bundle_id = :bundle_id ORDER BY seq DESC LIMIT 1"
ADD = """
    INSERT INTO bundle_evidence (bundle_id, seq, kind, at, digest, envelope)
    VALUES (:bundle_id, :seq, :kind, :at, :digest, :envelope)
"""
LISTED = "SELECT seq, kind, at, digest FROM bundle_evidence WHERE bundle_id = :bundle_id ORDER BY seq"
ENVELOPE = "SELECT envelope FROM bundle_evidence WHERE bundle_id = :bundle_id AND seq = :seq"
ALL = "SELECT * FROM bundle_evidence WHERE bundle_id = :bundle_id ORDER BY seq"


@dataclass(frozen=True)
class Evidence:
    """A signed statement. `digest` is the SHA-256 of the envelope's bytes; `at` is in Unix milliseconds."""

    bundle_id: int
    #: 1 for the first statement of a version, which is its manifest's.
    seq: int
    kind: Kind
    at: int
    digest: str
    #: A DSSE envelope, as JSON.
    envelope: str


MAPPER = Mapper(Evidence, releases.bundle_evidence)


@dataclass(frozen=True, slots=True)
class Head:
    """The last statement of a version; `seq` 0 and no digest when there is none."""

    seq: int = 0
    digest: str = ""


class Listed(NamedTuple):
    """A statement without its envelope, which has the size of all artifacts."""

    seq: int
    kind: Kind
    at: int
    digest: str


class Overtaken(Conflict):
    """Another transaction has added a statement to the version first; the statement must be made anew."""


def head(bundle_id: int) -> Tx[Head]:
    """The last statement of a version."""
    row = yield from one(HEAD, bundle_id=bundle_id)
    return Head(row["seq"], row["digest"]) if row is not None else Head()


def append(evidence: Evidence, before: Head) -> Tx[None]:
    """Add a statement that names the digest of `before`; Overtaken. The caller holds the version."""
    if (yield from head(evidence.bundle_id)) != before:
        raise Overtaken("another caller has changed the version at the same time; try again")
    yield from run(ADD, **evidence.__dict__)


def all_of(bundle_id: int) -> Tx[list[Evidence]]:
    """The statements of a version, in their order."""
    return [MAPPER.make(row) for row in (yield from many(ALL, bundle_id=bundle_id))]


def listed(bundle_id: int) -> Tx[list[Listed]]:
    """The statements of a version, in their order, without their envelopes."""
    return [Listed(*row) for row in (yield from many(LISTED, bundle_id=bundle_id))]


def envelope_of(bundle_id: int, seq: int) -> Tx[str]:
    """The envelope of a statement; NotFound when the version was deleted meanwhile."""
    row = yield from one(ENVELOPE, bundle_id=bundle_id, seq=seq)
    if row is None:
        raise NotFound("the version was deleted meanwhile")
    return str(row["envelope"])
