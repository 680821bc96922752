"""Secrets and signatures of Standard Webhooks 1.0.0 (contract gantry-webhooks 2.1).

A secret is `whsec_` and the base64 of a key, which the receiver has, too (version `v1`, HMAC-SHA256), or `whsk_` and
the base64 of a private key, of which the receiver has only the public key (version `v1a`, Ed25519).
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SHARED, _PRIVATE, _PUBLIC = "whsec_", "whsk_", "whpk_"
#: Bytes of a shared key, at least and at most.
_SHORTEST, _LONGEST = 24, 64
#: Bytes of a private key: the seed, with or without the public key after the seed.
_PRIVATE_LENGTHS = (32, 64)
#: Random bytes that a new secret is made of.
RANDOM = 32


def new_secret(random: bytes) -> str:
    """A new shared secret, made of RANDOM random bytes."""
    return _SHARED + b64encode(random).decode()


def fault_of(secret: str) -> str | None:
    """What is wrong with a secret that somebody has chosen, as the end of a sentence; None for a good one."""
    prefix = next((one for one in (_SHARED, _PRIVATE) if secret.startswith(one)), None)
    if prefix is None:
        return f"must begin with {_SHARED} (a key that the receiver has, too) or {_PRIVATE} (a private Ed25519 key)"
    try:
        key = b64decode(secret.removeprefix(prefix), validate=True)
    except ValueError:
        return f"must have base64 after {prefix}"
    if prefix == _SHARED:
        return None if _SHORTEST <= len(key) <= _LONGEST else f"must be {_SHORTEST} to {_LONGEST} bytes, as base64"
    if len(key) not in _PRIVATE_LENGTHS:
        return "must be the 32 bytes of a private Ed25519 key, or these and its public key, as base64"
    return (
        None
        if len(key) == _PRIVATE_LENGTHS[0] or key[32:] == _raw(_key(secret))
        else ("must have its own public key after the private key")
    )


def public_key(secret: str) -> str | None:
    """What the receiver needs of a `whsk_` secret: the public key as `whpk_`; None for a shared secret."""
    if not secret.startswith(_PRIVATE):
        return None
    return _PUBLIC + b64encode(_raw(_key(secret))).decode()


def signed(key: str, at: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt: the id of the event, the time in Unix seconds, and one signature for each secret.

    Without a secret there is no signature.
    """
    name = f"msg_{key}"
    text = b"%b.%d.%b" % (name.encode(), at, body)
    headers = {"webhook-id": name, "webhook-timestamp": str(at)}
    if secrets:
        headers["webhook-signature"] = " ".join(_signature(text, secret) for secret in secrets)
    return headers


def _signature(text: bytes, secret: str) -> str:
    if secret.startswith(_PRIVATE):
        return f"v1a,{b64encode(_key(secret).sign(text)).decode()}"
    key = b64decode(secret.removeprefix(_SHARED))
    return f"v1,{b64encode(hmac.digest(key, text, 'sha256')).decode()}"


def _key(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b64decode(secret.removeprefix(_PRIVATE))[:32])


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
