"""Signs statements about promotions before the transactions that make them true."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app import threads
from app.bundles import access, evidence, promotions, store
from app.bundles.evidence import Evidence, Head, Overtaken
from app.bundles.model import Artifact, Bundle, Promotion
from app.bundles.ports import Ports
from app.bundles.signing import dsse, signer, statements
from app.bundles.signing.dsse import Signed
from app.bundles.signing.signer import Signer
from app.bundles.work import Lost, Work
from app.db.tx import Tx
from app.errors import Invalid
from app.moments import Actor
from app.turns import short_turns

#: How often a statement is signed anew when others about the version come first.
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Subject:
    """A promotion with all that a statement about it names."""

    #: Key of the repository of the version.
    key: str
    bundle: Bundle
    promotion: Promotion
    artifacts: Sequence[Artifact]
    #: The statement before.
    head: Head


def subject_of(work: Work) -> Tx[Subject]:
    """The promotion of some work; Lost when another worker has ended the work."""
    bundle = yield from store.by_id(work.bundle_id)
    promotion = yield from promotions.by_id(work.promotion_id)
    if bundle is None or promotion is None:
        raise Lost("another server has taken over this work")
    key = yield from access.key_of(bundle)
    artifacts = yield from store.artifacts_of(bundle.id)
    return Subject(key, bundle, promotion, artifacts, (yield from evidence.head(bundle.id)))


async def promoted(ports: Ports, of: Subject, at: int) -> Evidence:
    """The statement that a version was promoted, signed with the key of the promotion; Invalid without that key."""
    key = await signer.signer_of(ports, of.promotion.signing_key)
    with short_turns():
        return _evidence(of, "promote", at, await threads.run(_promoted, of, key, at))


async def deleted(ports: Ports, of: Subject, by: Actor, at: int) -> Evidence:
    """The statement that a promotion was deleted, signed with the key of the promotion; with the default key when
    that key is gone, for what was promoted must not stay because of that."""
    try:
        key = await signer.signer_of(ports, of.promotion.signing_key)
    except Invalid:
        key = await signer.signer_of(ports, "")
    with short_turns():
        return _evidence(of, "delete_promotion", at, await threads.run(_deleted, of, key, by, at))


async def repeated(attempt: Callable[[], Awaitable[None]]) -> None:
    """Make an attempt, which signs and writes a statement; again when another statement comes first."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except Overtaken:
            continue
    return await attempt()


def _promoted(of: Subject, key: Signer, at: int) -> Signed:
    seq, previous = of.head.seq + 1, of.head.digest
    told = statements.promotion(of.key, of.bundle, of.promotion, of.artifacts, at=at, seq=seq, previous=previous)
    return dsse.signed(told, key)


def _deleted(of: Subject, key: Signer, by: Actor, at: int) -> Signed:
    seq, previous = of.head.seq + 1, of.head.digest
    told = statements.deletion(of.key, of.bundle, of.promotion, of.artifacts, by=by, at=at, seq=seq, previous=previous)
    return dsse.signed(told, key)


def _evidence(of: Subject, kind: statements.Kind, at: int, signed: Signed) -> Evidence:
    return Evidence(of.bundle.id, of.head.seq + 1, kind, at, signed.digest, signed.envelope)
