"""Routes of the evidence of versions, which are ours: the signed statements, and their verification."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from typing_extensions import TypedDict

from app.artifacts.access import VISITOR, Visitor
from app.artifacts.times import text_of
from app.bundles import evidence, verifying
from app.bundles.api.asked import NAME, OWN, VERSION, WHERE, found, ports
from app.bundles.evidence import Listed
from app.bundles.model import Bundle
from app.bundles.signing import dsse, store
from app.bundles.signing.store import KeyPair
from app.db.connect import Database
from app.db.tx import Tx
from app.web.reply import JSON, Piped
from app.web.route import Endpoint


class KeyJSON(TypedDict):
    """The public half of a key that has signed. Times are in Unix seconds."""

    name: str
    keyid: str
    type: str
    public_key: str
    created: int
    #: Since when the key signs nothing more; 0 for one that is in use.
    retired: int


class StatementJSON(TypedDict):
    """A signed statement. `digest` is the SHA-256 of the bytes of `envelope`, a DSSE envelope as text."""

    seq: int
    kind: str
    created: str
    created_millis: int
    digest: str
    envelope: str


class EvidenceJSON(TypedDict):
    """The statements about a version in their order, and the keys of this server that have signed them.

    The first statement is the manifest's, whose digest is `manifest`. A key is worth what the way is worth on which
    you got it: compare it with one that you know to be right.
    """

    repository_key: str
    release_bundle_name: str
    release_bundle_version: str
    manifest: str
    evidence: list[StatementJSON]
    keys: list[KeyJSON]


class VerificationJSON(TypedDict):
    """Whether the evidence of a version is right; `problems` has a sentence for all that is wrong."""

    repository_key: str
    release_bundle_name: str
    release_bundle_version: str
    ok: bool
    problems: list[str]
    #: Artifacts in the signed manifest, statements, and promotions that were not deleted.
    artifacts: int
    statements: int
    promotions: int
    #: Ids of the keys that have signed.
    keys: list[str]


async def show(request: Request[Any], visitor: Visitor) -> Piped[EvidenceJSON]:
    """The signed statements about a version, and the public keys that verify them."""
    key, bundle, listed = await request.state["db"].glance(_listed(request, visitor))
    return Piped(_whole(request.state["db"], key, bundle, listed))


def _listed(request: Request[Any], visitor: Visitor) -> Tx[tuple[str, Bundle, list[Listed]]]:
    key, bundle = yield from found(request, visitor)
    return key, bundle, (yield from evidence.listed(bundle.id))


async def _whole(db: Database, key: str, bundle: Bundle, listed: Sequence[Listed]) -> AsyncGenerator[bytes]:
    """The JSON, statement by statement: each has the size of all artifacts."""
    yield orjson.dumps({**_named(key, bundle), "manifest": bundle.manifest})[:-1] + b',"evidence":['
    keyids = dict[str, None]()
    for each in listed:
        envelope = await db.glance(evidence.envelope_of(bundle.id, each.seq))
        keyids |= dict.fromkeys(dsse.keyids_of(envelope))
        yield (b"," if each.seq > listed[0].seq else b"") + orjson.dumps(_statement(each, envelope))
    pairs = await db.read(store.everything())
    yield b'],"keys":' + orjson.dumps([_key(pair) for pair in pairs if pair.keyid in keyids]) + b"}\n"


async def verify(request: Request[Any], visitor: Visitor) -> JSON[VerificationJSON]:
    """Verify the signatures, digests and promotions of a version, and the bytes of its manifest.

    Only keys that this server trusts count: its own, and public keys that were registered; retired ones included.
    """
    (key, bundle), verdict = await verifying.verify(ports(request), found(request, visitor))
    return JSON(
        VerificationJSON(
            **_named(key, bundle),
            ok=verdict.ok,
            problems=list(verdict.problems),
            artifacts=len(verdict.artifacts),
            statements=verdict.statements,
            promotions=verdict.promotions,
            keys=list(verdict.keyids),
        )
    )


class _NamedJSON(TypedDict):
    repository_key: str
    release_bundle_name: str
    release_bundle_version: str


def _named(key: str, bundle: Bundle) -> _NamedJSON:
    return _NamedJSON(repository_key=key, release_bundle_name=bundle.name, release_bundle_version=bundle.version)


def _statement(listed: Listed, envelope: str) -> StatementJSON:
    return StatementJSON(
        seq=listed.seq,
        kind=listed.kind,
        created=text_of(listed.at),
        created_millis=listed.at,
        digest=listed.digest,
        envelope=envelope,
    )


def _key(pair: KeyPair) -> KeyJSON:
    return KeyJSON(
        name=pair.name,
        keyid=pair.keyid,
        type=pair.type,
        public_key=pair.public_key,
        created=pair.created,
        retired=pair.retired,
    )


_VERSION = OWN / NAME / VERSION
routes: Sequence[Endpoint] = [
    Endpoint("GET", _VERSION / "evidence", show, operation="bundles.evidence", needs=VISITOR, query=WHERE,
             errors=[400]),
    Endpoint("GET", _VERSION / "verify", verify, operation="bundles.verify", needs=VISITOR, query=WHERE,
             errors=[400, 409]),
]  # fmt: skip
