"""The evidence of versions through HTTP: the signed statements, the keys, and their verification."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from app.artifacts import items, properties, repositories
from app.artifacts.items import Stamp
from app.bundles import evidence, names, promotions, storage, store
from app.bundles.evidence import Evidence, Head
from app.bundles.model import Artifact, Bundle, Promotion
from app.bundles.signing import dsse, statements
from app.bundles.signing.signer import Signer, new_key
from app.db.tx import Tx, one, run
from tests.artifacts.site import ADD_GRANT, ADD_SECTION, ADD_TARGET, NOW, Site
from tests.bundles.signing import farside

KEYS = "/artifactory/api/security/keypair"
KEY = "release-bundles-v2"
_numbers = itertools.count(1)


class Signed:
    """A version of `shop` that was promoted to QA and PROD, signed with a pair that the server keeps."""

    def __init__(self, site: Site, pair: str, signer: Signer, key: str = KEY) -> None:
        self.site, self.pair, self.signer, self.key = site, pair, signer, key
        self.version = f"1.{next(_numbers)}"
        self.artifacts: Sequence[Artifact] = ()
        self.envelopes: list[str] = []
        self.bundle = site.write(self._created())
        self.head = Head()
        self._state({"build.name": ["app"]})

    def _created(self) -> Tx[Bundle]:
        repo = yield from repositories.ensure_system(self.key, "bundles", names.project_of(self.key), NOW)
        bundle = Bundle(0, repo.id, "shop", self.version, "PROCESSING", NOW, 1, "ada", sources={"aql": "x"}, files=2)
        made = yield from store.add(bundle)
        assert made is not None
        return made

    def _state(self, said: dict[str, list[str]]) -> None:
        for name in ("a.txt", "b.txt"):
            assert self.site.put(f"libs/{self.version}/{name}", name.encode() * 50).status_code == 201
        self.artifacts, sets = self.site.write(self._frozen(said))
        manifest = dsse.signed(statements.manifest(self.key, self.bundle, self.artifacts, sets), self.signer)
        assert self.site.put(f"libs/{self.version}/manifest", manifest.envelope.encode()).status_code == 201
        self.site.write(self._finished(manifest))
        for created, environment in ((1, "QA"), (2, "PROD")):
            self.promote(created, environment)

    def _frozen(self, said: dict[str, list[str]]) -> Tx[tuple[list[Artifact], Any]]:
        set_id = yield from properties.set_of(said)
        repo = yield from repositories.find("libs")
        frozen = []
        for name in ("a.txt", "b.txt"):
            found = yield from items.find(repo.id, f"{self.version}/{name}")
            assert found is not None
            frozen.append(Artifact("generic", self.version, name, "libs", found.file.id, set_id, "text/plain", "", 0))
        yield from store.add_artifacts(self.bundle.id, frozen)
        artifacts = yield from store.artifacts_of(self.bundle.id)
        return artifacts, (yield from properties.of_sets([set_id]))

    def _finished(self, manifest: dsse.Signed) -> Tx[None]:
        repo = yield from repositories.find("libs")
        found = yield from items.find(repo.id, f"{self.version}/manifest")
        assert found is not None
        folders = storage.folders("shop", self.version, self.artifacts)
        yield from storage.put(self.bundle, folders, found.file, Stamp("ada", NOW))
        yield from store.signed(self.bundle.id, manifest.digest)
        yield from self._append("create", manifest)
        made = yield from store.by_id(self.bundle.id)
        assert made is not None
        self.bundle = made

    def promote(self, created: int, environment: str) -> None:
        self.site.write(self._promoted(created, environment))

    def _promoted(self, created: int, environment: str) -> Tx[None]:
        b = self.bundle
        promotion = Promotion(
            0, b.id, b.repo_id, "shop", created, environment, "DEV", "copy", "COMPLETED", 1, "ada", targets=("libs",)
        )
        assert (yield from promotions.add(promotion)) is not None
        seq, previous = self.head.seq + 1, self.head.digest
        said = statements.promotion(self.key, b, promotion, self.artifacts, at=NOW, seq=seq, previous=previous)
        yield from self._append("promote", dsse.signed(said, self.signer))

    def _append(self, kind: statements.Kind, made: dsse.Signed) -> Tx[None]:
        seq = len(self.envelopes) + 1
        said = Evidence(self.bundle.id, seq, kind, NOW + seq, made.digest, made.envelope)
        yield from evidence.append(said, Head(seq - 1, self.head.digest) if seq > 1 else Head())
        self.head = Head(seq, made.digest)
        self.envelopes.append(made.envelope)

    @property
    def path(self) -> str:
        return f"/api/bundles/shop/{self.version}"

    def problems(self) -> list[str]:
        """What verification finds."""
        found = self.site.json("GET", f"{self.path}/verify")
        assert found["ok"] == (not found["problems"])
        return list(found["problems"])

    def change(self, sql: str, **values: Any) -> None:
        """Change rows of the version behind the server's back."""
        self.site.write(run(sql, id=self.bundle.id, **values))

    def manifest_file(self) -> Path:
        """The file with the bytes of the manifest."""
        sql = "SELECT place FROM blobs WHERE sha256 = :sha256"
        return self.site.data / "blobs" / str(self.site.rows(sql, sha256=self.bundle.manifest)[0]["place"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("evidence")) as site:
        site.repo("libs")
        yield site


@pytest.fixture
def signed(site: Site) -> Signed:
    return _signed(site)


def _signed(site: Site, key: str = KEY) -> Signed:
    pair, secret = f"pair-{next(_numbers)}", new_key("ECDSA")
    body = {"pairName": pair, "privateKey": secret.secret_pem()}
    assert site.ask("POST", KEYS, json=body).status_code == 201
    return Signed(site, pair, Signer(pair, secret), key)


def test_the_evidence_is_answered_with_the_keys_that_verify_it(site: Site, signed: Signed) -> None:
    found = site.json("GET", f"{signed.path}/evidence")

    about = {"repository_key": KEY, "release_bundle_name": "shop", "release_bundle_version": signed.version}
    assert {name: found[name] for name in about} == about
    assert found["manifest"] == signed.bundle.manifest
    assert [entry["envelope"] for entry in found["evidence"]] == signed.envelopes
    assert [(entry["seq"], entry["kind"], entry["created_millis"]) for entry in found["evidence"]] == [
        (1, "create", NOW + 1),
        (2, "promote", NOW + 2),
        (3, "promote", NOW + 3),
    ]
    assert found["evidence"][0]["created"] == "2023-11-14T22:13:20.001Z"
    [key] = found["keys"]
    public = signed.signer.key.public
    assert (key["name"], key["keyid"], key["type"], key["retired"]) == (signed.pair, public.keyid, "ECDSA", 0)
    for entry in found["evidence"]:
        farside.verified(entry["envelope"], [key["public_key"]])


def test_what_is_right_is_verified(site: Site, signed: Signed) -> None:
    assert site.json("GET", f"{signed.path}/verify") == {
        "repository_key": KEY,
        "release_bundle_name": "shop",
        "release_bundle_version": signed.version,
        "ok": True,
        "problems": [],
        "artifacts": 2,
        "statements": 3,
        "promotions": 2,
        "keys": [signed.signer.keyid],
    }


def test_a_retired_key_still_verifies_and_is_still_answered(site: Site, signed: Signed) -> None:
    new = site.json("POST", f"{KEYS}/{signed.pair}/rotate")
    assert new["keyId"] != signed.signer.keyid
    assert signed.problems() == []
    assert site.ask("DELETE", f"{KEYS}/{signed.pair}").status_code == 200

    assert signed.problems() == []
    [key] = site.json("GET", f"{signed.path}/evidence")["keys"]
    assert key["keyid"] == signed.signer.keyid
    assert key["retired"] > 0
    farside.verified(signed.envelopes[0], [key["public_key"]])


def test_a_forgotten_key_verifies_nothing_more(site: Site, signed: Signed) -> None:
    assert site.ask("DELETE", f"{KEYS}/{signed.pair}?forget=true").status_code == 200

    words = f"cannot be trusted: it is signed with the key {signed.signer.keyid}, which is not trusted here"
    assert signed.problems()[:3] == [f"the statement {seq} {words}" for seq in (1, 2, 3)]
    found = site.json("GET", f"{signed.path}/evidence")
    assert ([entry["envelope"] for entry in found["evidence"]], found["keys"]) == (signed.envelopes, [])


@pytest.mark.parametrize("damage", ["byte", "cut", "gone"])
def test_a_manifest_that_was_damaged_in_the_store_is_noticed(signed: Signed, damage: str) -> None:
    file = signed.manifest_file()
    data = file.read_bytes()
    file.chmod(0o600)
    if damage == "gone":
        file.unlink()
    else:
        at = len(data) // 2
        wrong = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        file.write_bytes(wrong if damage == "byte" else data[:-10])

    problems = signed.problems()
    assert len(problems) == 1
    assert problems[0].startswith(("the manifest was changed: its bytes have", "the bytes of the manifest are lost"))


def test_a_manifest_that_is_no_item_any_more_is_noticed(signed: Signed) -> None:
    sql = "DELETE FROM items WHERE repo_id = :repo_id AND path = :path AND name = 'release-bundle.json.evd'"
    signed.site.write(run(sql, repo_id=signed.bundle.repo_id, path=f"shop/{signed.version}"))

    assert signed.problems() == ["the bytes of the manifest are lost"]


DELETE = "DELETE FROM bundle_evidence WHERE bundle_id = :id AND seq = :seq"
ENVELOPE = "UPDATE bundle_evidence SET envelope = :envelope WHERE bundle_id = :id AND seq = :seq"
OTHER_DIGEST = "UPDATE bundle_evidence SET envelope = :envelope, digest = :digest WHERE bundle_id = :id AND seq = :seq"


def _envelope(signed: Signed) -> None:
    wrong = signed.envelopes[1].replace("a", "b", 1)
    signed.change(ENVELOPE, seq=2, envelope=wrong)


def _garbage(signed: Signed) -> None:
    signed.change(ENVELOPE, seq=2, envelope="☃")


def _forged(signed: Signed) -> None:
    """A statement that another key has signed, with a digest that is right."""
    said = farside.payload_of(signed.envelopes[2])
    made = dsse.signed(said, farside.signer())
    signed.change(OTHER_DIGEST, seq=3, envelope=made.envelope, digest=made.digest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda signed: signed.change(DELETE, seq=2), "the statement 2 is missing"),
        (lambda signed: signed.change(DELETE, seq=3), "the promotion 2 to PROD has no statement"),
        (lambda signed: signed.change(DELETE, seq=1), "the statement 1 is missing"),
        (_envelope, "the statement 2 was changed"),
        (_garbage, "the statement 2 cannot be trusted: its envelope is no JSON object"),
        (_forged, "the statement 3 cannot be trusted: it is signed with the key"),
        (
            lambda signed: signed.change("DELETE FROM bundle_promotions WHERE bundle_id = :id AND environment = 'QA'"),
            "the promotion 1 to QA has no record any more",
        ),
        (
            lambda signed: signed.change("UPDATE bundle_promotions SET by_name = 'eve' WHERE bundle_id = :id"),
            "the record of the promotion 1 tells otherwise than its statement: promoted_by",
        ),
        (
            lambda signed: signed.change("DELETE FROM bundle_artifacts WHERE bundle_id = :id AND name = 'a.txt'"),
            "the statement 2 does not have the digests of the artifacts: ",
        ),
        (
            lambda signed: signed.change("UPDATE bundle_artifacts SET set_id = 1 WHERE bundle_id = :id"),
            "the statement 1 does not describe the artifacts as they are kept: ",
        ),
        (
            lambda signed: signed.change("UPDATE bundles SET by_name = 'eve' WHERE id = :id"),
            "the record of the version tells otherwise than its manifest: created_by",
        ),
        (
            lambda signed: signed.change("UPDATE bundles SET manifest = '' WHERE id = :id"),
            "the first statement is not the manifest that the version was signed with",
        ),
    ],
)
def test_what_was_changed_in_the_database_is_noticed(
    signed: Signed, change: Callable[[Signed], object], words: str
) -> None:
    assert signed.problems() == []
    change(signed)

    assert any(words in problem for problem in signed.problems())
    assert signed.site.ask("GET", f"{signed.path}/evidence").status_code == 200


def test_a_version_is_found_in_the_only_repository_that_has_it(site: Site) -> None:
    elsewhere = _signed(site, "web-release-bundles-v2")

    assert elsewhere.problems() == []
    for query in ("?project=web", "?repository_key=web-release-bundles-v2"):
        assert site.json("GET", f"{elsewhere.path}/verify{query}")["ok"]
    for query in ("?project=default", f"?repository_key={KEY}", "?project=other"):
        assert site.ask("GET", f"{elsewhere.path}/verify{query}").status_code == 404
    assert site.ask("GET", f"{elsewhere.path}/verify?repository_key=libs").status_code == 400


def test_only_who_may_read_a_version_sees_its_evidence(site: Site, signed: Signed) -> None:
    bob = site.caller(f"bob-{signed.version}")
    for word in ("evidence", "verify"):
        assert bob.get(f"{signed.path}/{word}").status_code == 403
        assert bob.get(f"/api/bundles/none/1/{word}").status_code == 403
        assert site.stranger().get(f"{signed.path}/{word}").status_code == 401
        assert _message(site.ask("GET", f"/api/bundles/none/1/{word}"), 404).startswith("there is no version 1 of")
    site.write(_grant(f"bob-{signed.version}", [f"shop/{signed.version}"]))
    assert bob.get(f"{signed.path}/verify").json()["ok"]
    assert len(bob.get(f"{signed.path}/evidence").json()["evidence"]) == 3


def _grant(login: str, includes: list[str]) -> Tx[None]:
    target = yield from one(ADD_TARGET, name=f"{login}-bundles")
    assert target is not None
    yield from run(
        ADD_SECTION, target_id=target["id"], section="releaseBundle", repositories=f'["{KEY}"]',
        includes=orjson.dumps(includes).decode(), excludes="[]",
    )  # fmt: skip
    yield from run(ADD_GRANT, target_id=target["id"], section="releaseBundle", login=login, actions='["read"]')


@pytest.mark.parametrize("status", ["DRAFT", "PROCESSING", "FAILED", "DELETING"])
def test_a_version_that_is_not_completed_has_nothing_to_verify(site: Site, signed: Signed, status: str) -> None:
    signed.change("UPDATE bundles SET status = :status WHERE id = :id", status=status)

    answer = site.ask("GET", f"{signed.path}/verify")
    assert _message(answer, 409) == f"shop {signed.version} is {status}: only a COMPLETED version is signed"
    signed.change("DELETE FROM bundle_evidence WHERE bundle_id = :id")
    assert site.json("GET", f"{signed.path}/evidence")["evidence"] == []


def _message(answer: httpx2.Response, status: int) -> str:
    assert answer.status_code == status
    return str(answer.json()["message"])


def test_no_answer_has_a_private_half(site: Site, signed: Signed) -> None:
    secret = "".join(signed.signer.key.secret_pem().splitlines()[1:-1])
    texts = [site.ask("GET", f"{signed.path}/{word}").text for word in ("evidence", "verify")]
    texts += [site.ask("GET", f"{KEYS}/{signed.pair}").text, site.ask("GET", "/api/audit").text, site.log.read_text()]

    assert not [text for text in texts if secret in text or "PRIVATE KEY" in text]


def test_the_calls_are_described(site: Site) -> None:
    paths = site.json("GET", "/openapi.json")["paths"]

    for word in ("evidence", "verify"):
        assert paths[f"/api/bundles/{{name}}/{{version}}/{word}"]["get"]["operationId"] == f"bundles.{word}"
