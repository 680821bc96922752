"""The SQL of key pairs that clients register (contract artifactory-storage 11)."""

from dataclasses import dataclass

from app.db import releases, schema
from app.db.tx import Row, Tx, many, one

ALL = "SELECT * FROM signing_keys WHERE retired = 0 ORDER BY name"
BY_NAME = "SELECT * FROM signing_keys WHERE name = :name AND retired = 0"
ADD = schema.insert_sql(releases.signing_keys, "ON CONFLICT DO NOTHING RETURNING name")
REMOVE = "DELETE FROM signing_keys WHERE name = :name RETURNING name"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The public half of a key pair."""

    name: str
    type: str
    alias: str
    public_key: str


def list_all() -> Tx[list[KeyPair]]:
    """All key pairs, by name."""
    return [_pair(row) for row in (yield from many(ALL))]


def find(name: str) -> Tx[KeyPair | None]:
    """The key pair of a name."""
    row = yield from one(BY_NAME, name=name)
    return _pair(row) if row is not None else None


def add(pair: KeyPair, now: int) -> Tx[bool]:
    """Add a key pair; False when its name is taken."""
    row = yield from one(
        ADD, name=pair.name, keyid="", type=pair.type, alias=pair.alias, public_key=pair.public_key, created=now,
        retired=0,
    )  # fmt: skip
    return row is not None


def remove(name: str) -> Tx[bool]:
    """Remove a key pair; whether it was there."""
    return (yield from one(REMOVE, name=name)) is not None


def _pair(row: Row) -> KeyPair:
    return KeyPair(row["name"], row["type"], row["alias"], row["public_key"])
