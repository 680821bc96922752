"""What verification of a version notices: one test for each way in which evidence can be wrong."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from app.bundles.model import Artifact, Bundle, Promotion
from app.bundles.signing import dsse, statements
from app.bundles.signing.keys import PublicKey
from app.bundles.signing.signer import Signer
from app.bundles.signing.statements import Kind, Statement
from app.bundles.verification import NAMED, Kept, Loose, Verdict, loose, verify
from app.moments import Actor
from tests.bundles.signing import farside
from tests.bundles.signing.farside import signer

KEY = "release-bundles-v2"
NOW = 1_700_000_000_000
BY, OTHER = signer("ED25519"), signer("ECDSA")
TRUSTED = {each.keyid: each.key.public for each in (BY, OTHER)}
ADA = Actor("person", "ada", 7)


def _artifact(path: str, text: str, **more: Any) -> Artifact:
    folder, _, name = path.rpartition("/")
    digest = hashlib.sha256(text.encode()).hexdigest()
    fields = {"package_type": "generic", "set_id": 1, **more}
    return Artifact(
        path=folder or ".", name=name, source="dev-local", blob_id=1, mime="x", sha256=digest, size=len(text), **fields
    )


ARTIFACTS = (_artifact("lib/a.jar", "a"), _artifact("lib/b.jar", "bb", set_id=2), _artifact("c.txt", "ccc"))
SETS: Mapping[int, Mapping[str, Sequence[str]]] = {1: {}, 2: {"z": ["1"], "build.name": ["app", "web"]}}


def _promotion(created: int, environment: str, **more: Any) -> Promotion:
    fields = {
        "source_environment": "DEV", "operation": "copy", "status": "COMPLETED", "by_id": 7, "by_name": "ada",
        "targets": ("qa-local",), "properties": {"gate": ["passed"]}, **more,
    }  # fmt: skip
    return Promotion(created, 1, 1, "shop", created, environment, **fields)


QA, PROD = _promotion(1, "QA"), _promotion(2, "PROD", reason="it burns", operation="move")


@dataclass(frozen=True)
class Chain:
    """A version with its evidence."""

    kept: Kept
    evidence: tuple[Loose, ...]
    manifest: bytes | None

    def verdict(self, keys: Mapping[str, PublicKey] = TRUSTED) -> Verdict:
        return verify(self.manifest, self.evidence, keys, self.kept)

    def problems(self, keys: Mapping[str, PublicKey] = TRUSTED) -> tuple[str, ...]:
        return self.verdict(keys).problems

    def signed(
        self,
        kind: Kind,
        make: Callable[..., Statement],
        *what: Any,
        by: Signer = BY,
        by_: Actor | None = None,
        key: str = KEY,
        **more: Any,
    ) -> "Chain":
        """With one more statement, signed `by`."""
        last = self.evidence[-1]
        who = {"by": by_} if by_ is not None else {}
        place = {"at": NOW, "seq": last.seq + 1, "previous": last.digest, **more}
        made = make(key, self.kept.bundle, *what, self.kept.artifacts, **who, **place)
        return replace(self, evidence=(*self.evidence, _loose(kind, made, last.seq + 1, by)))

    def promoted(self, done: Promotion, *, by: Signer = BY, **more: Any) -> "Chain":
        kept = replace(self.kept, promotions=[*self.kept.promotions, done])
        return replace(self, kept=kept).signed("promote", statements.promotion, done, by=by, **more)

    def deleted(self, gone: Promotion) -> "Chain":
        kept = replace(self.kept, promotions=[each for each in self.kept.promotions if each != gone])
        return replace(self, kept=kept).signed("delete_promotion", statements.deletion, gone, by_=ADA)

    def changed(self, seq: int, change: Callable[[Statement], object], by: Signer = BY, kind: str = "") -> "Chain":
        """With a statement that its signer has signed otherwise."""
        old = self.evidence[seq - 1]
        said = orjson.loads(orjson.dumps(farside.payload_of(old.envelope)))
        change(said)
        new = _loose(kind or old.kind, said, old.seq, by)
        chain = replace(self, evidence=(*self.evidence[: seq - 1], new, *self.evidence[seq:]))
        if seq > 1:
            return chain
        kept = replace(self.kept, bundle=replace(self.kept.bundle, manifest=new.digest))
        return replace(chain, kept=kept, manifest=new.envelope.encode())

    def with_bundle(self, **changes: Any) -> "Chain":
        return replace(self, kept=replace(self.kept, bundle=replace(self.kept.bundle, **changes)))

    def with_artifacts(self, *artifacts: Artifact) -> "Chain":
        return replace(self, kept=replace(self.kept, artifacts=artifacts))

    def with_promotions(self, *promotions: Promotion) -> "Chain":
        return replace(self, kept=replace(self.kept, promotions=promotions))

    def with_evidence(self, *evidence: Loose) -> "Chain":
        return replace(self, evidence=evidence)


def _loose(kind: str, statement: Statement, seq: int, by: Signer) -> Loose:
    made = dsse.signed(statement, by)
    return Loose(seq, kind, made.digest, made.envelope)


def _chain(artifacts: Sequence[Artifact] = ARTIFACTS, by: Signer = BY) -> Chain:
    bundle = Bundle(1, 1, "shop", "1.0", "COMPLETED", NOW, 7, "ada", sources={"aql": "items.find()"})
    first = _loose("create", statements.manifest(KEY, bundle, artifacts, SETS), 1, by)
    kept = Kept(KEY, replace(bundle, manifest=first.digest), artifacts, SETS, [])
    return Chain(kept, (first,), first.envelope.encode())


@pytest.fixture
def chain() -> Chain:
    """A version that was promoted twice, the second time signed with another key."""
    return _chain().promoted(QA).promoted(PROD, by=OTHER)


def test_what_is_right_has_no_problem(chain: Chain) -> None:
    verdict = chain.verdict()

    assert verdict.problems == ()
    assert verdict.ok
    assert (verdict.statements, verdict.promotions, len(verdict.artifacts)) == (3, 2, 3)
    assert verdict.keyids == tuple(sorted([BY.keyid, OTHER.keyid]))
    assert verdict.artifacts[1] == {
        "path": "lib/b.jar",
        "checksum": ARTIFACTS[1].sha256,
        "source_repository_key": "dev-local",
        "package_type": "generic",
        "size": 2,
        "properties": [{"key": "build.name", "values": ["app", "web"]}, {"key": "z", "values": ["1"]}],
    }


def test_other_libraries_verify_each_statement(chain: Chain) -> None:
    publics = [key.pem for key in TRUSTED.values()]

    for stated in chain.deleted(PROD).evidence:
        said = farside.verified(stated.envelope, publics)
        assert said["subject"] == [
            {"name": artifact.whole_path, "digest": {"sha256": artifact.sha256}} for artifact in ARTIFACTS
        ]
        assert said["predicateType"] == statements.PREDICATES[stated.kind]  # type: ignore[index]
        assert said["predicate"]["seq"] == stated.seq


def test_a_promotion_tells_who_took_what_where_and_why(chain: Chain) -> None:
    predicate = farside.payload_of(chain.evidence[2].envelope)["predicate"]

    assert predicate == {
        "release_bundle": {
            "repository_key": KEY,
            "release_bundle_name": "shop",
            "release_bundle_version": "1.0",
        },
        "kind": "promote",
        "seq": 3,
        "previous": chain.evidence[1].digest,
        "created_millis": 2,
        "environment": "PROD",
        "source_environment": "DEV",
        "promoted_by": "ada",
        "promoted_by_id": 7,
        "promoted": "2023-11-14T22:13:20.000Z",
        "operation": "move",
        "target_repository_keys": ["qa-local"],
        "artifact_additional_properties": [{"key": "gate", "values": ["passed"]}],
        "override_reason": "it burns",
    }


def test_a_deleted_promotion_stays_in_the_evidence(chain: Chain) -> None:
    after = chain.deleted(PROD)

    assert after.problems() == ()
    assert (after.verdict().statements, after.verdict().promotions) == (4, 1)
    failed = _promotion(9, "QA", status="FAILED")
    assert after.deleted(failed).problems() == ()  # it never had a statement of its own
    again = after.promoted(replace(PROD, created=5))
    assert (again.problems(), again.verdict().promotions) == ((), 2)


def test_a_promotion_that_failed_or_goes_on_has_no_statement(chain: Chain) -> None:
    more = [_promotion(at, "X", status=status) for at, status in ((7, "FAILED"), (8, "PENDING"), (9, "PROCESSING"))]

    assert chain.with_promotions(QA, PROD, *more).problems() == ()
    assert chain.with_promotions(QA, replace(PROD, status="DELETING")).problems() == ()


def test_a_bundle_from_elsewhere_is_verified_by_what_it_says(chain: Chain) -> None:
    """As from a file: nothing is known of it but what was signed."""
    evidence = loose([stated.envelope for stated in chain.evidence])
    verdict = verify(chain.manifest, evidence, TRUSTED)

    assert verdict.ok
    assert [entry["path"] for entry in verdict.artifacts] == ["lib/a.jar", "lib/b.jar", "c.txt"]
    assert verdict.manifest["release_bundle"]["release_bundle_name"] == "shop"
    swapped = loose([chain.evidence[at].envelope for at in (0, 2, 1)])
    assert "the statement 2 was signed as the statement 3" in verify(chain.manifest, swapped, TRUSTED).problems
    other = verify(b"{}", evidence, TRUSTED)
    assert [problem[:24] for problem in other.problems] == ["the manifest was changed"]
    untrusted = verify(chain.manifest, evidence, {OTHER.keyid: OTHER.key.public})
    assert not untrusted.ok
    assert (untrusted.manifest, untrusted.artifacts) == ({}, ())
    assert len(untrusted.problems) == 2  # of the two statements; nothing is compared with what nobody vouches for


def test_an_imported_version_goes_on_in_its_new_repository(chain: Chain) -> None:
    mine = "web-release-bundles-v2"
    kept = replace(chain.kept, key=mine, promotions=[], bundle=replace(chain.kept.bundle, by_id=1, by_name="bob"))
    brought = replace(chain, kept=kept).signed("import", statements.imported, by_=ADA, key=mine)

    assert brought.problems() == ()
    assert brought.verdict().promotions == 0
    here = brought.signed("promote", statements.promotion, QA, key=mine)
    assert here.with_promotions(QA).problems() == ()
    there = brought.signed("promote", statements.promotion, QA, key=KEY)
    assert there.with_promotions(QA).problems() == (f"the statement 5 is about another version: {KEY} shop 1.0",)


def test_a_version_without_evidence_is_not_right(chain: Chain) -> None:
    assert chain.with_evidence().problems() == (
        "there is no statement; the first one must be that of the manifest",
        "the promotion 1 to QA has no statement",
        "the promotion 2 to PROD has no statement",
    )


def test_only_trusted_keys_count(chain: Chain) -> None:
    found = chain.problems({BY.keyid: BY.key.public})

    assert found == (
        f"the statement 3 cannot be trusted: it is signed with the key {OTHER.keyid}, which is not trusted here",
        "the promotion 2 to PROD has no statement",
    )
    assert len([words for words in chain.problems({}) if "cannot be trusted" in words]) == 3
    misnamed = {BY.keyid: OTHER.key.public, OTHER.keyid: BY.key.public}
    assert all("its signature with the key" in words for words in chain.problems(misnamed)[:3])


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_damage_in_any_statement_is_noticed(chain: Chain, seq: int) -> None:
    stated = chain.evidence[seq - 1]
    size = len(stated.envelope)
    for at in (0, 5, size // 4, size // 2, size - 100, size - 1):
        wrong = stated.envelope[:at] + ("~" if stated.envelope[at] != "~" else "!") + stated.envelope[at + 1 :]
        for damaged in (stated._replace(envelope=wrong), Loose(seq, stated.kind, dsse.digest_of(wrong), wrong)):
            evidence = (*chain.evidence[: seq - 1], damaged, *chain.evidence[seq:])
            found = chain.with_evidence(*evidence).problems()
            assert any(f"statement {seq} " in words or "first statement" in words for words in found), at


def test_a_digest_that_was_changed_is_noticed(chain: Chain) -> None:
    wrong = chain.evidence[1]._replace(digest="0" * 64)

    assert chain.with_evidence(chain.evidence[0], wrong, chain.evidence[2]).problems() == (
        f"the statement 2 was changed: its envelope has the SHA-256 {chain.evidence[1].digest}, not {'0' * 64}",
    )


def test_a_missing_statement_is_noticed(chain: Chain) -> None:
    first, second, third = chain.evidence

    assert chain.with_evidence(first, third).problems() == (
        "the statement 2 is missing",
        "the promotion 1 to QA has no statement",
    )
    assert chain.with_evidence(first, second).problems() == ("the promotion 2 to PROD has no statement",)
    assert "the statement 1 is missing" in chain.with_evidence(second, third).problems()
    last = third._replace(seq=9)
    assert "the statements 3 to 8 are missing" in chain.with_evidence(first, second, last).problems()
    closed = chain.with_evidence(first, third._replace(seq=2)).problems()
    assert "the statement 2 was signed as the statement 3" in closed


def test_swapped_statements_are_noticed(chain: Chain) -> None:
    first, second, third = chain.evidence

    found = chain.with_evidence(first, third._replace(seq=2), second._replace(seq=3)).problems()
    assert found == ("the statement 2 was signed as the statement 3", "the statement 3 was signed as the statement 2")
    found = chain.with_evidence(first, third, second).problems()
    assert found == ("the statement 2 is missing", "the statement 2 stands behind the statement 3")
    assert chain.with_evidence(first, second, second, third).problems()[0] == (
        "the statement 2 stands behind the statement 2"
    )


def test_a_statement_of_another_history_is_noticed(chain: Chain) -> None:
    """Signed by the right key, for the right version, at the right place, after other statements."""
    other = _chain().promoted(replace(QA, reason="another")).promoted(PROD, by=OTHER)
    mixed = chain.with_evidence(*chain.evidence[:2], other.evidence[2])

    assert mixed.problems() == ("the statement 3 does not have the digest of the statement before",)


def test_statements_of_another_version_are_noticed(chain: Chain) -> None:
    for changes, names in (({"version": "1.1"}, "shop 1.1"), ({"name": "web"}, "web 1.0")):
        other = chain.with_bundle(**changes)
        words = f"the statements are about another version: {KEY} shop 1.0"
        assert other.problems() == (words,)
        signed = chain.with_bundle(**changes).signed("promote", statements.promotion, _promotion(5, "X"))
        moved = chain.with_evidence(*chain.evidence, signed.evidence[-1])
        assert f"the statement 4 is about another version: {KEY} {names}" in moved.problems()
    elsewhere = replace(chain, kept=replace(chain.kept, key="web-release-bundles-v2"))
    assert elsewhere.problems() == (f"the statements are about another version: {KEY} shop 1.0",)


def test_a_manifest_that_is_lost_or_was_changed_is_noticed(chain: Chain) -> None:
    assert replace(chain, manifest=None).problems() == ("the bytes of the manifest are lost",)
    assert chain.manifest is not None
    known = chain.kept.bundle.manifest
    for data in (chain.manifest[:-1], chain.manifest + b" ", b"", chain.manifest.replace(b"a", b"b", 1)):
        digest = hashlib.sha256(data).hexdigest()
        assert replace(chain, manifest=data).problems() == (
            f"the manifest was changed: its bytes have the SHA-256 {digest}, not {known}",
        )


def test_a_version_that_was_signed_with_another_manifest_is_noticed(chain: Chain) -> None:
    wrong = "0" * 64

    assert chain.with_bundle(manifest=wrong).problems() == (
        "the first statement is not the manifest that the version was signed with",
        f"the manifest was changed: its bytes have the SHA-256 {chain.kept.bundle.manifest}, not {wrong}",
    )


@pytest.mark.parametrize(
    ("artifacts", "named"),
    [
        ((*ARTIFACTS[:2], _artifact("c.txt", "changed")), "c.txt"),
        (ARTIFACTS[:2], "c.txt"),
        ((*ARTIFACTS, _artifact("new.txt", "new")), "new.txt"),
        ((*ARTIFACTS[:2], _artifact("d.txt", "ccc")), "c.txt, d.txt"),
        ((*ARTIFACTS, ARTIFACTS[0]), "lib/a.jar"),
        ((), "c.txt, lib/a.jar, lib/b.jar"),
    ],
)
def test_artifacts_that_are_not_the_signed_ones_are_named(
    chain: Chain, artifacts: Sequence[Artifact], named: str
) -> None:
    found = chain.with_artifacts(*artifacts).problems()

    digests = "does not have the digests of the artifacts"
    assert found == (
        f"the statement 1 does not describe the artifacts as they are kept: {named}",
        *(f"the statement {seq} {digests}: {named}" for seq in (1, 2, 3)),
    )


@pytest.mark.parametrize(
    "change", [{"size": 9}, {"source": "prod-local"}, {"package_type": "maven"}, {"set_id": 2}], ids=str
)
def test_all_that_is_kept_of_an_artifact_was_signed(chain: Chain, change: dict[str, Any]) -> None:
    found = chain.with_artifacts(ARTIFACTS[0]._replace(**change), *ARTIFACTS[1:]).problems()

    assert found == ("the statement 1 does not describe the artifacts as they are kept: lib/a.jar",)


def test_the_order_of_artifacts_does_not_matter(chain: Chain) -> None:
    assert chain.with_artifacts(*reversed(ARTIFACTS)).problems() == ()


def test_many_artifacts_that_differ_are_counted() -> None:
    many = [_artifact(f"{at:03}", str(at)) for at in range(100)]
    found = _chain(many).with_artifacts().problems()

    assert found[1].endswith(f"{', '.join(f'{at:03}' for at in range(NAMED))} and 90 more")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"by_id": 8}, "created_by_id"),
        ({"by_name": "eve"}, "created_by"),
        ({"created": NOW + 1}, "created, created_millis"),
        ({"sources": {"aql": "other"}}, "source"),
    ],
    ids=str,
)
def test_the_record_of_the_version_agrees_with_the_manifest(chain: Chain, change: dict[str, Any], words: str) -> None:
    assert chain.with_bundle(**change).problems() == (
        f"the record of the version tells otherwise than its manifest: {words}",
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"environment": "STAGE"}, "environment"),
        ({"source_environment": ""}, "source_environment"),
        ({"by_id": 8}, "promoted_by_id"),
        ({"by_name": "eve"}, "promoted_by"),
        ({"operation": "copy"}, "operation"),
        ({"targets": ("qa-local", "b")}, "target_repository_keys"),
        ({"properties": {}}, "artifact_additional_properties"),
        ({"reason": ""}, "override_reason"),
    ],
    ids=str,
)
def test_the_record_of_a_promotion_agrees_with_its_statement(chain: Chain, change: dict[str, Any], words: str) -> None:
    assert chain.with_promotions(QA, replace(PROD, **change)).problems() == (
        f"the record of the promotion 2 tells otherwise than its statement: {words}",
    )


def test_a_promotion_whose_record_is_gone_is_named(chain: Chain) -> None:
    assert chain.with_promotions(QA).problems() == ("the promotion 2 to PROD has no record any more",)


def test_a_promotion_is_told_of_once(chain: Chain) -> None:
    twice = chain.signed("promote", statements.promotion, PROD)

    assert twice.problems() == ("the statement 4 tells of the promotion 2 a second time",)


def test_there_is_one_manifest_and_it_comes_first(chain: Chain) -> None:
    second = statements.manifest(KEY, chain.kept.bundle, ARTIFACTS, SETS)
    second["predicate"] |= {"seq": 4, "previous": chain.evidence[-1].digest}
    again = chain.with_evidence(*chain.evidence, _loose("create", second, 4, BY))

    assert again.problems() == ("the statement 4 is a manifest",)
    promotion = statements.promotion(KEY, chain.kept.bundle, QA, ARTIFACTS, at=NOW, seq=1, previous="")
    first = _loose("promote", promotion, 1, BY)
    assert "the statement 1 must be the manifest, and is none" in chain.with_evidence(first).problems()


def _predicate(name: str, value: Any) -> Callable[[Statement], object]:
    return lambda said: said["predicate"].update({name: value})


def _whole(name: str, value: Any) -> Callable[[Statement], object]:
    return lambda said: said.update({name: value})


@pytest.mark.parametrize(
    ("seq", "change", "words"),
    [
        (2, _whole("_type", "x"), "the statement 2 is of no type that is known here"),
        (2, _whole("predicateType", "urn:other"), "the statement 2 is of no type that is known here"),
        (2, _whole("predicateType", None), "the statement 2 is of no type that is known here"),
        (2, _whole("predicate", []), "the statement 2 is of no type that is known here"),
        (2, _whole("subject", None), "the statement 2 has no subjects"),
        (2, _whole("subject", [5]), "does not have the digests of the artifacts: 5, c.txt, lib/a.jar, lib/b.jar"),
        (2, _predicate("seq", "☃"), "the statement 2 was signed as the statement ☃"),
        (2, _predicate("previous", None), "the statement 2 does not have the digest of the statement before"),
        (2, _predicate("release_bundle", 5), "the statement 2 is about another version"),
        (2, _predicate("release_bundle", {}), "the statement 2 is about another version: None None None"),
        (2, _predicate("created_millis", "x"), "the statement 2 does not say which promotion it tells of"),
        (2, _predicate("created_millis", [1]), "the statement 2 does not say which promotion it tells of"),
        (4, _predicate("created_millis", {}), "the statement 4 does not say which promotion it tells of"),
        (1, _predicate("artifacts", None), "the statement 1 has no list of artifacts"),
        (1, _predicate("artifacts", [5]), "the statement 1 has no list of artifacts"),
        (1, _predicate("artifacts", [{}]), "does not describe the artifacts as they are kept: None, c.txt"),
        (1, _predicate("seq", 2), "the statement 1 was signed as the statement 2"),
    ],
)
def test_a_statement_that_a_trusted_key_has_signed_may_be_wrong(
    chain: Chain, seq: int, change: Callable[[Statement], object], words: str
) -> None:
    changed = chain.deleted(PROD).changed(seq, change)

    assert any(words in problem for problem in changed.problems()), changed.problems()


def test_a_kind_that_was_not_signed_is_noticed(chain: Chain) -> None:
    wrong = chain.evidence[1]._replace(kind="delete_promotion")

    assert chain.with_evidence(chain.evidence[0], wrong, chain.evidence[2]).problems() == (
        "the statement 2 is kept as 'delete_promotion', and is signed as 'promote'",
    )


def test_three_thousand_artifacts_are_verified_in_a_moment() -> None:
    many = [_artifact(f"org/acme/lib/{at:05}.jar", str(at), set_id=2) for at in range(3000)]
    chain = _chain(many).promoted(QA).promoted(PROD)
    seconds = []
    for _ in range(5):
        started = time.process_time()
        assert chain.verdict().ok
        seconds.append(time.process_time() - started)

    assert min(seconds) < 0.1, seconds
