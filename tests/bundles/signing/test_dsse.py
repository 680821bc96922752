"""Envelopes: what libraries that we did not write say of them, and what damage is noticed."""

import base64
import hashlib
from typing import Any

import orjson
import pytest
from securesystemslib.exceptions import VerificationError

from app.bundles.signing import dsse
from app.bundles.signing.dsse import BadSignature, digest_of, keyids_of, opened, signed, verified
from app.bundles.signing.keys import TYPES, Type
from tests.bundles.signing import farside
from tests.bundles.signing.farside import signer

STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "a ☃/b.jar", "digest": {"sha256": "ab" * 32}}],
    "predicateType": "urn:gantry:test:v1",
    "predicate": {"seq": 1, "words": ["x", "ÿ"]},
}


@pytest.mark.parametrize("kind", TYPES)
def test_other_libraries_verify_what_is_signed_here(kind: Type) -> None:
    by = signer(kind)
    envelope, digest = (made := signed(STATEMENT, by)).envelope, made.digest

    assert farside.verified(envelope, [signer(kind).key.public.pem, by.key.public.pem]) == STATEMENT
    assert opened(envelope, {by.keyid: by.key.public}) == STATEMENT
    assert digest == digest_of(envelope) == hashlib.sha256(envelope.encode()).hexdigest()
    assert keyids_of(envelope) == [by.keyid]


@pytest.mark.parametrize("kind", TYPES)
def test_other_libraries_refuse_what_another_key_has_signed(kind: Type) -> None:
    by, other = signer(kind), signer(kind)
    forged = orjson.loads(signed(STATEMENT, by).envelope)
    forged["signatures"][0]["keyid"] = other.keyid
    text = orjson.dumps(forged).decode()

    with pytest.raises(VerificationError):
        farside.verified(text, [other.key.public.pem])
    with pytest.raises(BadSignature, match=f"its signature with the key {other.keyid} is wrong"):
        opened(text, {by.keyid: by.key.public, other.keyid: other.key.public})


def test_a_key_that_is_not_trusted_proves_nothing() -> None:
    by = signer()
    envelope = signed(STATEMENT, by).envelope

    with pytest.raises(BadSignature, match=f"signed with the key {by.keyid}, which is not trusted here"):
        opened(envelope, {})
    with pytest.raises(BadSignature, match="not trusted"):
        opened(envelope, {(other := signer()).keyid: other.key.public})


@pytest.mark.parametrize("kind", TYPES)
def test_every_byte_of_an_envelope_matters(kind: Type) -> None:
    """A changed byte is refused, or changes nothing that was signed; the digest of the envelope notices both."""
    by = signer(kind)
    keys = {by.keyid: by.key.public}
    envelope, digest = (made := signed(STATEMENT, by)).envelope, made.digest
    data = envelope.encode()
    for at, byte in enumerate(data):
        for changed in {byte ^ 1, byte ^ 0x80, ord("A"), ord('"'), ord(" ")} - {byte}:
            damaged = data[:at] + bytes([changed]) + data[at + 1 :]
            assert digest_of(damaged) != digest
            try:
                assert opened(damaged, keys) == STATEMENT
            except BadSignature:
                continue
    for end in range(len(data)):
        with pytest.raises(BadSignature):
            opened(data[:end], keys)


def _envelope(**changes: Any) -> str:
    return orjson.dumps({**orjson.loads(signed(STATEMENT, BY).envelope), **changes}).decode()


BY = signer()
SIG = base64.b64encode(BY.sign([dsse.to_sign(orjson.dumps(STATEMENT))])).decode()


@pytest.mark.parametrize(
    ("envelope", "words"),
    [
        ("", "its envelope is no JSON object"),
        ("[]", "its envelope is no JSON object"),
        ("\udcff".encode("utf-8", "surrogateescape"), "its envelope is no JSON object"),
        (_envelope(payloadType="text/plain"), "payload type of its envelope is not application/vnd.in-toto"),
        (_envelope(payloadType=None), "payload type"),
        (_envelope(payload=5), "payload of its envelope is no base64"),
        (_envelope(payload="é"), "payload of its envelope is no base64"),
        (_envelope(payload="YR=="), "payload of its envelope is no base64"),
        (_envelope(payload="YWJ="), "payload of its envelope is no base64"),
        (_envelope(payload="YQ==\n"), "payload of its envelope is no base64"),
        (_envelope(payload="YQ"), "payload of its envelope is no base64"),
        (_envelope(payload=base64.b64encode(b"other").decode()), "signature with the key .* is wrong"),
        (_envelope(signatures=None), "1 to 16 signatures"),
        (_envelope(signatures=[]), "1 to 16 signatures"),
        (_envelope(signatures=[{}] * 17), "1 to 16 signatures"),
        (_envelope(signatures=["x"]), "signature that is no object"),
        (_envelope(signatures=[{"keyid": BY.keyid}]), "signature of its envelope is no base64"),
        (_envelope(signatures=[{"sig": SIG}]), "a key that it does not name"),
        (_envelope(signatures=[{"keyid": 5, "sig": SIG}]), "a key that it does not name"),
        (_envelope(signatures=[{"keyid": BY.keyid, "sig": SIG}, {"keyid": BY.keyid, "sig": "YQ=="}]), "is wrong"),
        (_envelope(signatures=[{"keyid": BY.keyid, "sig": "YQ=="}, {"keyid": BY.keyid, "sig": SIG}]), "is wrong"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_said(envelope: str | bytes, words: str) -> None:
    with pytest.raises(BadSignature, match=words):
        opened(envelope, {BY.keyid: BY.key.public})


def test_a_payload_that_is_no_object_is_refused_although_it_is_signed() -> None:
    payload = b"[1]"
    sig = base64.b64encode(BY.sign([dsse.to_sign(payload)])).decode()
    text = _envelope(payload=base64.b64encode(payload).decode(), signatures=[{"keyid": BY.keyid, "sig": sig}])

    with pytest.raises(BadSignature, match="its payload is no JSON object"):
        opened(text, {BY.keyid: BY.key.public})


def test_signatures_of_strangers_beside_one_that_is_trusted_do_no_harm() -> None:
    stranger = signer()
    text = _envelope(signatures=[{"keyid": stranger.keyid, "sig": "YQ=="}, {"keyid": BY.keyid, "sig": SIG}])

    assert verified(text, {BY.keyid: BY.key.public}).keyids == (BY.keyid,)


def test_the_payload_type_is_signed_with_the_payload() -> None:
    payload = orjson.dumps(STATEMENT)
    sig = base64.b64encode(BY.sign([dsse.to_sign(payload, "text/plain")])).decode()

    with pytest.raises(BadSignature, match="is wrong"):
        opened(_envelope(signatures=[{"keyid": BY.keyid, "sig": sig}]), {BY.keyid: BY.key.public})


def test_the_bytes_that_are_signed_are_those_of_the_specification() -> None:
    """The example of https://github.com/secure-systems-lab/dsse/blob/master/protocol.md."""
    assert dsse.to_sign(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert keyids_of("{}") == []


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000, 1499])
def test_a_statement_of_any_length_is_the_json_of_one_call(count: int) -> None:
    many: list[Any] = [{"name": f"a/{n}", "odd": [n, None, "ÿ☃"]} for n in range(count)]
    statement = {"subject": many, "predicate": {"artifacts": many, "none": {}, "deep": {"few": [1, [2]], "é": many}}}
    by = signer()
    made = signed(statement, by)

    assert verified(made.envelope, {by.keyid: by.key.public}).payload == orjson.dumps(statement)
    assert b"".join(made.pieces) == made.envelope.encode()
    assert max(map(len, made.pieces)) < 50_000
