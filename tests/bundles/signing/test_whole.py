"""All that a server signs of a version, fetched over HTTP and verified by libraries that are not ours."""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from app.bundles.signing.keys import Type
from app.bundles.signing.signer import new_key
from app.bundles.signing.statements import PREDICATES, Kind
from tests.artifacts.site import Site
from tests.bundles.promotion.test_http import PROMOTION, promote
from tests.bundles.signing import farside
from tests.bundles.transfer.scene import PAIRS, export, import_

pytestmark = pytest.mark.postgres

HEADER = "X-JFrog-Signing-Key-Name"
KINDS: tuple[Type, ...] = ("ED25519", "ECDSA")
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("whole")) as site:
        for key, environment in (("dev-local", "DEV"), ("qa-local", "QA"), ("prod-local", "PROD")):
            site.repo(key, environments=(environment,))
        yield site


def pair(site: Site, kind: Type, how: str) -> str:
    """A key pair that the server makes, or that is uploaded; its name."""
    name = f"{how}-{kind.lower()}-{next(_numbers)}"
    more = {"pairType": kind} if how == "made" else {"privateKey": farside.private_pem(new_key(kind))}
    assert site.ask("POST", PAIRS, json={"pairName": name, **more}).status_code == 201
    return name


def verified(site: Site, name: str) -> list[Any]:
    """The statements of a version, each verified by the key that the server names for it; their kinds are right, and
    each one holds the digest of the one before."""
    said = site.json("GET", f"/api/bundles/{name}/1.0/evidence")
    publics, found, digest = [key["public_key"] for key in said["keys"]], [], ""
    for at, one in enumerate(said["evidence"], 1):
        statement = farside.verified(one["envelope"], publics)
        assert statement["predicateType"] == PREDICATES[one["kind"]]
        assert (statement["predicate"]["seq"], one["seq"]) == (at, at)
        assert statement["predicate"].get("previous", "") == digest
        digest = hashlib.sha256(one["envelope"].encode()).hexdigest()
        assert one["digest"] == digest
        found.append(statement)
    return found


@pytest.mark.parametrize("how", ["made", "uploaded"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_statement_of_a_version_is_verified(site: Site, kind: Type, how: str) -> None:
    key, other = pair(site, kind, how), pair(site, KINDS[kind == "ED25519"], how)
    name = f"of-{key}"
    _create(site, name, key)
    first = promote(site, name, "QA", artifact_additional_properties=[{"key": "gate", "values": ["passed"]}]).json()
    headers = {HEADER: other}
    moved = site.ask(
        "POST", f"{PROMOTION}/{name}/1.0?async=false&operation=move", json={"environment": "PROD"}, headers=headers
    )
    assert moved.status_code == 201, moved.text
    for millis in (first["created_millis"], moved.json()["created_millis"]):
        assert site.ask("DELETE", f"{PROMOTION}/{name}/1.0/{millis}?async=false").status_code == 204

    statements = verified(site, name)

    types = [statement["predicateType"] for statement in statements]
    kinds: list[Kind] = ["create", "promote", "promote", "delete_promotion", "delete_promotion"]
    assert types == [PREDICATES[each] for each in kinds]
    sums = {f"{name}/{path}": hashlib.sha256(f"{name} {path}".encode()).hexdigest() for path in ("a", "lib/b")}
    for statement in statements:
        assert {one["name"]: one["digest"]["sha256"] for one in statement["subject"]} == sums
    _, qa, prod, gone, last = [statement["predicate"] for statement in statements]
    assert (qa["environment"], prod["environment"], prod["operation"]) == ("QA", "PROD", "move")
    assert (gone["environment"], last["environment"]) == ("QA", "PROD")
    signed_by = [_keyid(site, name, at) for at in range(5)]
    keyids = {each: site.json("GET", f"{PAIRS}/{each}")["keyId"] for each in (key, other)}
    assert signed_by == [keyids[each] for each in (key, key, other, key, other)]
    assert site.json("GET", f"/api/bundles/{name}/1.0/verify")["problems"] == []


def _create(site: Site, name: str, key: str) -> None:
    """A version of two files, signed with a key."""
    for path in ("a", "lib/b"):
        assert site.put(f"dev-local/{name}/{path}", f"{name} {path}".encode()).status_code == 201
    body = {
        "release_bundle_name": name,
        "release_bundle_version": "1.0",
        "source_type": "artifacts",
        "source": {"artifacts": [{"path": f"dev-local/{name}/{path}"} for path in ("a", "lib/b")]},
    }
    made = site.ask("POST", "/lifecycle/api/v2/release_bundle?async=false", json=body, headers={HEADER: key})
    assert made.status_code == 201, made.text


def _keyid(site: Site, name: str, at: int) -> str:
    envelope = orjson.loads(site.json("GET", f"/api/bundles/{name}/1.0/evidence")["evidence"][at]["envelope"])
    [signature] = envelope["signatures"]
    return str(signature["keyid"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifest_that_is_downloaded_is_the_first_statement(site: Site, kind: Type) -> None:
    key = pair(site, kind, "made")
    name = f"of-{key}"
    _create(site, name, key)

    manifest = site.get(f"release-bundles-v2/{name}/1.0/release-bundle.json.evd").text

    said = farside.verified(manifest, [site.json("GET", f"{PAIRS}/{key}")["publicKey"]])
    assert said["predicateType"] == PREDICATES["create"]
    assert site.json("GET", f"/api/bundles/{name}/1.0/evidence")["evidence"][0]["envelope"] == manifest


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_imported_is_verified_with_the_statement_of_the_import(site: Site, kind: Type) -> None:
    key = pair(site, kind, "made")
    name = f"of-{key}"
    _create(site, name, key)
    promote(site, name, "QA")
    file = export(site, name)
    assert site.ask("DELETE", f"/lifecycle/api/v2/release_bundle/records/{name}/1.0?async=false").status_code == 204
    assert import_(site, file).status_code == 201

    promote(site, name, "PROD")

    types = [statement["predicateType"] for statement in verified(site, name)]
    assert types == [PREDICATES[each] for each in ("create", "promote", "import", "promote")]
