"""Signed envelopes: DSSE, as https://github.com/secure-systems-lab/dsse says, around statements of in-toto. Pure."""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import orjson

from app.bundles.signing.keys import PublicKey
from app.errors import Invalid

PAYLOAD_TYPE = "application/vnd.in-toto+json"
#: The most signatures of an envelope that are looked at.
SIGNATURES = 16
#: Bytes that are encoded at once; base64 has no rest between two pieces, as it stands for three bytes by four letters.
_PIECE = 3 * 64 * 1024
#: The most objects, lists and commas of an envelope together. Its payload, which is most of it, has none of them. With
#: more of them, an envelope that nobody has signed would take many times the memory of its text.
PARTS = 1000


class BadSignature(Invalid):
    """An envelope that no trusted key has signed as it is."""

    code = "bad_signature"


class UnknownKey(BadSignature):
    """An envelope that only keys have signed which are not trusted."""


class Signs(Protocol):
    """What signs."""

    @property
    def keyid(self) -> str:
        """Names the key in the envelope."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The signature of the data."""
        ...


class Signed(NamedTuple):
    """An envelope as JSON, and the SHA-256 of its bytes in hex."""

    envelope: str
    digest: str


def signed(statement: Mapping[str, Any], signer: Signs) -> Signed:
    """A statement in an envelope with one signature."""
    payload = orjson.dumps(statement)
    signature = {"keyid": signer.keyid, "sig": base64.b64encode(signer.sign(to_sign(payload))).decode()}
    pieces = [
        f'{{"payloadType":"{PAYLOAD_TYPE}","payload":"',
        *_base64(payload),
        f'","signatures":{orjson.dumps([signature]).decode()}}}',
    ]
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece.encode())
    return Signed("".join(pieces), digest.hexdigest())


def _base64(data: bytes) -> Iterator[str]:
    """Some data as base64, in pieces: other threads wait while one call works on all of a large payload."""
    view = memoryview(data)
    for at in range(0, len(view), _PIECE):
        yield binascii.b2a_base64(view[at : at + _PIECE], newline=False).decode()


def digest_of(envelope: str | bytes) -> str:
    """The SHA-256 of an envelope's bytes, in hex."""
    return hashlib.sha256(envelope.encode() if isinstance(envelope, str) else envelope).hexdigest()


def keyids_of(envelope: str | bytes) -> list[str]:
    """The ids of the keys that an envelope says it is signed with, verified or not; none for a damaged envelope."""
    try:
        return [keyid for keyid, _ in _parts(envelope)[1]]
    except BadSignature:
        return []


def to_sign(payload: bytes, kind: str = PAYLOAD_TYPE) -> bytes:
    """The bytes that are signed for a payload: its pre-authentication encoding."""
    return b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(payload), payload)


class Verified(NamedTuple):
    """A payload whose signatures were verified, and the ids of the keys that have made them."""

    payload: bytes
    keyids: tuple[str, ...]


def opened(envelope: str | bytes, keys: Mapping[str, PublicKey]) -> Mapping[str, Any]:
    """The statement in an envelope that one of these keys, by their ids, has signed; BadSignature."""
    return statement_of(verified(envelope, keys).payload)


def verified(envelope: str | bytes, keys: Mapping[str, PublicKey]) -> Verified:
    """The payload of such an envelope; each signature of a key that is trusted must be right. BadSignature."""
    payload, signatures = _parts(envelope)
    trusted = [(keyid, signature) for keyid, signature in signatures if keyid in keys]
    if not trusted:
        raise UnknownKey(f"it is signed with {_named(signatures)}, which is not trusted here")
    data = to_sign(payload)
    for keyid, signature in trusted:
        if not keys[keyid].verifies(signature, data):
            raise BadSignature(f"its signature with the key {keyid} is wrong")
    return Verified(payload, tuple(keyid for keyid, _ in trusted))


def statement_of(payload: bytes) -> dict[str, Any]:
    """The statement that a payload is; BadSignature."""
    return _object(payload, "payload")


def _named(signatures: list[tuple[str, bytes]]) -> str:
    names = [keyid[:64] for keyid, _ in signatures if keyid]
    return f"the key {names[0]}" if names else "a key that it does not name"


def _parts(envelope: str | bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The payload, and the signatures with the ids of their keys."""
    text = envelope.encode() if isinstance(envelope, str) else envelope
    if sum(map(text.count, (b"{", b"[", b","))) > PARTS:
        raise BadSignature("its envelope has too many parts")
    found = _object(text, "envelope")
    if found.get("payloadType") != PAYLOAD_TYPE:
        raise BadSignature(f"the payload type of its envelope is not {PAYLOAD_TYPE}")
    signatures = found.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= SIGNATURES:
        raise BadSignature(f"its envelope does not have 1 to {SIGNATURES} signatures")
    return _bytes(found.get("payload"), "payload"), [_signature(each) for each in signatures]


def _signature(said: Any) -> tuple[str, bytes]:
    if not isinstance(said, dict):
        raise BadSignature("its envelope has a signature that is no object")
    keyid = said.get("keyid")
    return keyid if isinstance(keyid, str) else "", _bytes(said.get("sig"), "signature")


def _bytes(text: Any, what: str) -> bytes:
    """The bytes of a base64 text; only one text of some bytes is taken."""
    try:
        found = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, TypeError, ValueError):
        found = None
    # The last characters may have bits that stand for nothing.
    if found is None or base64.b64encode(found[-(len(found) % 3 or 3) :]).decode() != text[-4:]:
        raise BadSignature(f"the {what} of its envelope is no base64")
    return found


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise BadSignature(f"its {what} is no JSON object")
    return found
