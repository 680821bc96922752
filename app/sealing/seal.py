"""Sealing values that must not be readable in the database file: AES-256-GCM, with the id of the key in the value.

Layout: one byte of version, four of key id, twelve of nonce, then ciphertext and tag. The purpose is authenticated
with the value, so that a sealed value that was moved to another column cannot be opened.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import AppError

_VERSION = b"\x01"
#: Bytes at the start of a sealed value that name its key.
HEAD = 5
_NONCE = 12


class CannotOpen(AppError):
    """A sealed value that no key of the seal opens: the key was changed, or the value is damaged."""

    code = "cannot_open"


class Seal:
    """Seals with the first of its keys and opens with any, so that values of older keys can be opened."""

    def __init__(self, secret: str, *older: str) -> None:
        self._ciphers = dict(map(_cipher, (secret, *older)))
        self._newest = next(iter(self._ciphers))

    def seal(self, text: str, purpose: str) -> bytes:
        """Encrypt a text with the newest key."""
        nonce = os.urandom(_NONCE)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, text.encode(), purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> str:
        """The text of a sealed value; CannotOpen without its key or with another purpose."""
        self.check(sealed, purpose)
        nonce, rest = sealed[HEAD : HEAD + _NONCE], sealed[HEAD + _NONCE :]
        try:
            return self._ciphers[sealed[:HEAD]].decrypt(nonce, rest, purpose.encode()).decode()
        except (InvalidTag, ValueError) as error:  # a ValueError when the value was cut
            raise CannotOpen(f"a value of {purpose} is damaged") from error

    def check(self, sealed: bytes, purpose: str) -> None:
        """Raise CannotOpen when the value was sealed with another key; its first HEAD bytes are enough."""
        if sealed[:HEAD] not in self._ciphers:
            raise CannotOpen(
                f"a value of {purpose} was sealed with another key; set GANTRY_SECRET_KEY back to it, "
                "or name it in GANTRY_OLD_SECRET_KEYS"
            )

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the value was sealed with the newest key."""
        return sealed[:HEAD] == self._newest

    def renew(self, sealed: bytes, purpose: str) -> bytes:
        """Seal the text of a sealed value with the newest key; CannotOpen."""
        return self.seal(self.open(sealed, purpose), purpose)


def _cipher(secret: str) -> tuple[bytes, AESGCM]:
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"gantry sealing").derive(secret.encode())
    return _VERSION + hashlib.sha256(key).digest()[: HEAD - 1], AESGCM(key)
