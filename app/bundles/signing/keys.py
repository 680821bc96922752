"""Keys that sign and keys that verify: Ed25519, and ECDSA on the curve P-256. Pure."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as wire
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from app.bundles.signing import rounds
from app.errors import Invalid

#: Types of keys that this server signs and verifies with.
Type: TypeAlias = Literal["ED25519", "ECDSA"]
TYPES: tuple[Type, ...] = ("ED25519", "ECDSA")
#: The most characters of a key as PEM; the longest that is used has some hundred.
LONGEST_PEM = 16 * 1024

_KINDS = "Ed25519, or ECDSA on the curve P-256"


class BadKey(Invalid):
    """A text that is no key which can be used here."""

    code = "bad_key"


class BadPassphrase(BadKey):
    """The passphrase of a private key is missing or wrong."""

    code = "bad_passphrase"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half of a key that verifies."""

    type: Type
    #: SHA-256 of the key as DER SubjectPublicKeyInfo, in hex: it names the key in signatures.
    keyid: str
    #: The key as PEM SubjectPublicKeyInfo.
    pem: str
    _key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey = field(repr=False, compare=False)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Whether the other half of this key has signed the data."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, data)
            else:
                self._key.verify(signature, *_hashed([data]))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The half of a key that signs, with its other half."""

    public: PublicKey
    _key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(repr=False, compare=False)

    def sign(self, data: Iterable[bytes]) -> bytes:
        """A signature of data in pieces: 64 bytes of Ed25519, or the DER of an ECDSA signature over the SHA-256."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(b"".join(data))
        return self._key.sign(*_hashed(data))

    def secret_pem(self) -> str:
        """The key as PEM without a passphrase: for sealing, and for nothing else."""
        form = (wire.Encoding.PEM, wire.PrivateFormat.PKCS8, wire.NoEncryption())
        return self._key.private_bytes(*form).decode()


def _hashed(data: Iterable[bytes]) -> tuple[bytes, ec.ECDSA]:
    """What ECDSA signs of some data. `hashlib` lets other threads go on meanwhile; the library of keys does not."""
    digest = hashlib.sha256()
    for piece in data:
        digest.update(piece)
    return digest.digest(), ec.ECDSA(Prehashed(SHA256()))


def public_key(pem: str) -> PublicKey:
    """The public key of a PEM text; BadKey."""
    _check(pem)
    if "PRIVATE KEY-----" in pem:
        raise BadKey("this is a private key; a public key is due, which begins with -----BEGIN PUBLIC KEY-----")
    return _public(_loaded(wire.load_pem_public_key, pem, "public"))


def private_key(pem: str, passphrase: str = "") -> PrivateKey:
    """The private key of a PEM text; BadKey, BadPassphrase. A passphrase that is not needed is ignored."""
    _check(pem)
    try:
        found = _loaded(wire.load_pem_private_key, pem, "private", password=None)
    except TypeError:  # the key is encrypted
        found = _decrypted(pem, passphrase)
    return of(found)


def of(key: Any) -> PrivateKey:
    """A private key of `cryptography`; BadKey for one of another kind."""
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
        raise BadKey(f"the private key is of a kind that cannot sign here; use {_KINDS}")
    return PrivateKey(_public(key.public_key()), key)


def _decrypted(pem: str, passphrase: str) -> Any:
    found = rounds.of_key(pem)
    if found is None:
        raise BadKey(
            "the private key is encrypted in a way that is not read here; openssl pkcs8 -topk8 writes one that is"
        )
    if found > rounds.MOST:
        raise BadKey(f"the passphrase goes through {found} rounds; at most {rounds.MOST} are done")
    if not passphrase:
        raise BadPassphrase("the private key is encrypted: give its passphrase")
    try:
        return wire.load_pem_private_key(pem.encode(), passphrase.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise BadPassphrase("the passphrase does not open the private key, or the key is damaged") from None


def _check(pem: str) -> None:
    if len(pem) > LONGEST_PEM:
        raise BadKey(f"the key has {len(pem)} characters; at most {LONGEST_PEM} are read")


def _loaded(load: Callable[..., Any], pem: str, half: str, **more: Any) -> Any:
    try:
        return load(pem.encode(), **more)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"this is no {half} key as PEM that can be read; use {_KINDS}") from None


def _public(key: Any) -> PublicKey:
    kind: Type
    if isinstance(key, ed25519.Ed25519PublicKey):
        kind = "ED25519"
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        kind = "ECDSA"
    else:
        raise BadKey(f"the key is of a kind that cannot sign or verify here; use {_KINDS}")
    form = wire.PublicFormat.SubjectPublicKeyInfo
    keyid = hashlib.sha256(key.public_bytes(wire.Encoding.DER, form)).hexdigest()
    return PublicKey(kind, keyid, key.public_bytes(wire.Encoding.PEM, form).decode(), key)
