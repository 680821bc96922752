"""Sealing what must not be read from the database file: AES-256-GCM, with the key's id beside the text.

Layout: one byte of version, four of key id, twelve of nonce, then ciphertext and tag. The purpose is
authenticated with it, so that a sealed value moved to another column does not open.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import AppError

_VERSION = b"\x01"


class CannotOpen(AppError):
    """A sealed value that this key does not open: the key was changed or the value damaged."""

    code = "cannot_open"


class Seal:
    """Seals and opens with one key."""

    def __init__(self, secret: str) -> None:
        key = HKDF(hashes.SHA256(), 32, salt=None, info=b"gantry sealing").derive(secret.encode())
        self._cipher = AESGCM(key)
        self._key_id = hashlib.sha256(key).digest()[:4]

    def seal(self, text: str, purpose: str) -> bytes:
        """The text, unreadable without the key."""
        nonce = os.urandom(12)
        return _VERSION + self._key_id + nonce + self._cipher.encrypt(nonce, text.encode(), purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> str:
        """The text again; CannotOpen with another key or purpose."""
        if sealed[:5] != _VERSION + self._key_id:
            raise CannotOpen(f"a value of {purpose} was sealed with another key; set GANTRY_SECRET_KEY back to it")
        try:
            return self._cipher.decrypt(sealed[5:17], sealed[17:], purpose.encode()).decode()
        except (InvalidTag, ValueError) as error:  # a ValueError when it was cut
            raise CannotOpen(f"a value of {purpose} is damaged") from error
