"""Keys and envelopes as other programs make and verify them."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization as wire
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # it is the documented name

from app.bundles.signing.keys import PrivateKey, Type
from app.bundles.signing.signer import Signer, new_key


def signer(kind: Type = "ED25519") -> Signer:
    """A signer with a new key."""
    return Signer("test", new_key(kind))


def private_pem(key: PrivateKey, passphrase: str = "") -> str:
    """A private key as PEM, as a program writes it that encrypts it with some thousand rounds."""
    loaded = wire.load_pem_private_key(key.secret_pem().encode(), None)
    how = wire.BestAvailableEncryption(passphrase.encode()) if passphrase else wire.NoEncryption()
    return loaded.private_bytes(wire.Encoding.PEM, wire.PrivateFormat.PKCS8, how).decode()


def verified(envelope: str, publics: Iterable[str]) -> dict[str, Any]:
    """The statement in an envelope: `securesystemslib` verifies its signature, and `in_toto_attestation` its form.

    `publics` are keys as PEM. When none of them has signed, the libraries raise an error.
    """
    read = Envelope.from_dict(orjson.loads(envelope))
    keys = [_key(pem) for pem in publics]
    read.verify([key for key in keys if key.keyid in read.signatures], 1)
    parsed = json_format.Parse(read.payload, statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()
    found: dict[str, Any] = orjson.loads(read.payload)
    return found


def _key(pem: str) -> SSlibKey:
    key = wire.load_pem_public_key(pem.encode())
    der = key.public_bytes(wire.Encoding.DER, wire.PublicFormat.SubjectPublicKeyInfo)
    keyid = hashlib.sha256(der).hexdigest()
    return SSlibKey.from_crypto(key, keyid)


def payload_of(envelope: str) -> Mapping[str, Any]:
    """What an envelope holds, verified or not."""
    found: Mapping[str, Any] = orjson.loads(Envelope.from_dict(orjson.loads(envelope)).payload)
    return found
