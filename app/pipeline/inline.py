"""Secrets inside a pipeline file: base64(nonce + AES-256-GCM) with the repository's key (contract drone-yaml 13).

The library of the cipher takes 8 MB of memory, so each function imports it when called: most runners call neither.
"""

import base64
import secrets

from app.errors import Invalid

_KEY = 32
_NONCE = 12


def encrypt(text: str, key: str) -> str:
    """The `data` of a `kind: secret` document, with a fresh nonce. Raises Invalid."""
    try:
        secret, data = key.encode(), text.encode()
    except UnicodeEncodeError as error:
        raise Invalid("data must be valid Unicode, without lone surrogates") from error
    if len(secret) != _KEY:
        raise Invalid(f"the key of a repository has {_KEY} bytes, this one has {len(secret)}")
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE)
    return base64.b64encode(nonce + AESGCM(secret).encrypt(nonce, data, None)).decode()


def decrypt(sealed: str, key: str) -> str:
    """The decrypted text; the empty string if the data cannot be decrypted, as for an absent secret."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        secret = key.encode()
        data = base64.b64decode("".join(sealed.split()), validate=True)
        if len(secret) != _KEY or len(data) <= _NONCE:
            return ""
        return AESGCM(secret).decrypt(data[:_NONCE], data[_NONCE:], None).decode()
    except (ValueError, InvalidTag):
        return ""
