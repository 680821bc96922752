"""Opens the secrets of Drone's database (AES-256-GCM with the nonce in front; `DRONE_DATABASE_SECRET` is the key).

In Drone's mixed mode some values are sealed and some, older ones, are not: a value that the key does not open is then
the secret itself. A sealed value that no key opens is not valid UTF-8, which every secret is.
"""

from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.db.foreign import Reader
from app.errors import AppError
from app.migrate.drone import ORG_SECRETS, SECRETS, Table, pages

#: Bytes of a key, of a nonce, and of the tag at the end of a sealed value.
KEY, NONCE, TAG = 32, 12, 16


class WrongKey(AppError):
    """The key does not open the secrets, or there is none and they are sealed."""

    code = "wrong_key"


class Opening:
    """Opens with one key; without a key every value is taken as it is."""

    def __init__(self, key: str) -> None:
        secret = key.encode()
        if key and len(secret) != KEY:
            raise WrongKey(f"the encryption key has {len(secret)} bytes; Drone's have {KEY}: see DRONE_DATABASE_SECRET")
        self._cipher = AESGCM(secret) if key else None

    def text(self, value: Any) -> str | None:
        """The text of a secret; None when another key sealed the secret."""
        data = value.encode() if isinstance(value, str) else bytes(value or b"")
        if self._cipher is not None and len(data) >= NONCE + TAG:
            try:
                return self._cipher.decrypt(data[:NONCE], data[NONCE:], None).decode()
            except (InvalidTag, UnicodeDecodeError):
                pass  # perhaps not sealed
        try:
            return data.decode()
        except UnicodeDecodeError:
            return None

    async def check(self, source: Reader) -> None:
        """Raise WrongKey unless all secrets can be opened; the message names no value."""
        closed = [name for table in (SECRETS, ORG_SECRETS) for name in await self._closed(source, table)]
        if not closed:
            return
        about = f"{len(closed)} secrets of the source cannot be opened, among them {closed[0]}"
        if self._cipher is None:
            raise WrongKey(f"{about}: give Drone's DRONE_DATABASE_SECRET as --encryption-key")
        raise WrongKey(f"{about}: --encryption-key is not the DRONE_DATABASE_SECRET that sealed them")

    async def _closed(self, source: Reader, table: Table) -> Sequence[str]:
        return [
            str(row["secret_name"])
            async for rows in pages(source, table)
            for row in rows
            if self.text(row["secret_data"]) is None
        ]
