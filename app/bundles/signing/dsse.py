"""Signed envelopes: DSSE, as https://github.com/secure-systems-lab/dsse says, around statements of in-toto. Pure."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple, Protocol

import orjson

from app.bundles.signing.keys import PublicKey
from app.errors import Invalid

PAYLOAD_TYPE = "application/vnd.in-toto+json"
#: The most signatures of an envelope that are looked at.
SIGNATURES = 16
#: Elements of a list that are encoded at once: other threads wait while one call encodes all of a large list.
_ELEMENTS = 500
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

    def sign(self, data: Iterable[bytes]) -> bytes:
        """The signature of the data, which comes in pieces."""
        ...


class Signed(NamedTuple):
    """An envelope as JSON, in pieces, and the SHA-256 of its bytes in hex."""

    pieces: Sequence[bytes]
    digest: str

    @property
    def envelope(self) -> str:
        """The envelope as one text."""
        return "".join(map(bytes.decode, self.pieces))


def signed(statement: Mapping[str, Any], signer: Signs) -> Signed:
    """A statement in an envelope with one signature."""
    payload = list(_json(statement))
    head = _head(sum(map(len, payload)))
    signature = {"keyid": signer.keyid, "sig": base64.b64encode(signer.sign((head, *payload))).decode()}
    pieces = [
        b'{"payloadType":"%b","payload":"' % PAYLOAD_TYPE.encode(),
        *_base64(payload),
        b'","signatures":%b}' % orjson.dumps([signature]),
    ]
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return Signed(pieces, digest.hexdigest())


def _json(value: Any) -> Iterator[bytes]:
    """A value as JSON, the same as in one piece, with the long lists that objects have in many pieces."""
    if isinstance(value, dict) and value:
        for before, (key, held) in zip(_separators(b"{"), value.items(), strict=False):
            yield before + orjson.dumps(key) + b":"
            yield from _json(held)
        yield b"}"
    elif isinstance(value, list) and len(value) > _ELEMENTS:
        for before, at in zip(_separators(b"["), range(0, len(value), _ELEMENTS), strict=False):
            yield before + orjson.dumps(value[at : at + _ELEMENTS])[1:-1]
        yield b"]"
    else:
        yield orjson.dumps(value)


def _separators(first: bytes) -> Iterator[bytes]:
    return chain((first,), repeat(b","))


def _base64(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Data in pieces as base64, which stands for three bytes by four letters."""
    rest = b""
    for piece in pieces:
        data = rest + piece
        whole = len(data) - len(data) % 3
        yield binascii.b2a_base64(data[:whole], newline=False)
        rest = data[whole:]
    yield binascii.b2a_base64(rest, newline=False)


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
    return _head(len(payload), kind) + payload


def _head(size: int, kind: str = PAYLOAD_TYPE) -> bytes:
    """The bytes that are signed before those of a payload of this size."""
    return b"DSSEv1 %d %b %d " % (len(kind.encode()), kind.encode(), size)


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
