"""The SQL of key pairs (contract artifactory-storage 11), and of their private halves, which are sealed.

A name has one pair in use. Pairs that were replaced or deleted are kept as retired, without their private halves, so
that what they have signed can be verified.
"""

from dataclasses import dataclass
from typing import NamedTuple

from app.bundles.signing.keys import TYPES
from app.db import releases, schema
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one, run

#: The column of the sealed private halves; the name is also the purpose of its values.
DATA = "private_keys.data"

IN_USE = "SELECT * FROM signing_keys WHERE retired = 0 ORDER BY name"
ALL = "SELECT * FROM signing_keys ORDER BY name, retired, id"
BY_NAME = "SELECT * FROM signing_keys WHERE name = :name AND retired = 0"
HELD = """
    SELECT signing_keys.*, private_keys.data FROM signing_keys
    LEFT JOIN private_keys ON private_keys.key_id = signing_keys.id
    WHERE name = :name AND retired = 0
"""
ANY = "SELECT id FROM signing_keys WHERE name = :name LIMIT 1"
ANY_OTHER = "SELECT id FROM signing_keys WHERE name <> :name LIMIT 1"
ADD = schema.insert_sql(releases.signing_keys, "ON CONFLICT (name) WHERE retired = 0 DO NOTHING RETURNING id")
ADD_PRIVATE = "INSERT INTO private_keys (key_id, data) VALUES (:key_id, :data)"
RETIRE = "UPDATE signing_keys SET retired = :now WHERE id = :id AND retired = 0 RETURNING id"
ERASE = "DELETE FROM private_keys WHERE key_id = :key_id"
FORGET = "DELETE FROM signing_keys WHERE name = :name RETURNING id"


@dataclass(frozen=True)
class KeyPair:
    """The public half of a key pair. Times are Unix seconds."""

    id: int
    name: str
    #: Names the key in signatures; empty for a type that is only stored.
    keyid: str
    type: str
    alias: str
    #: PEM, or what a client has sent for a type that is only stored.
    public_key: str
    created: int
    #: Since when it is not in use any more; 0 for one that is in use.
    retired: int = 0

    @property
    def verifies(self) -> bool:
        """Whether signatures of this pair can be verified here."""
        return self.type in TYPES


class Held(NamedTuple):
    """A pair with its sealed private half; None when this server does not have that half."""

    pair: KeyPair
    data: bytes | None


MAPPER = Mapper(KeyPair, releases.signing_keys)


def in_use() -> Tx[list[KeyPair]]:
    """The pairs in use, by name."""
    return [MAPPER.make(row) for row in (yield from many(IN_USE))]


def everything() -> Tx[list[KeyPair]]:
    """All pairs by name, for each name the one in use first, then the retired ones from the oldest on."""
    return [MAPPER.make(row) for row in (yield from many(ALL))]


def find(name: str) -> Tx[KeyPair | None]:
    """The pair in use of a name."""
    row = yield from one(BY_NAME, name=name)
    return MAPPER.make(row) if row is not None else None


def held(name: str) -> Tx[Held | None]:
    """The same, with its private half."""
    row = yield from one(HELD, name=name)
    if row is None:
        return None
    return Held(MAPPER.make(row), bytes(row["data"]) if row["data"] is not None else None)


def is_known(name: str) -> Tx[bool]:
    """Whether a name has a pair, in use or retired."""
    return (yield from one(ANY, name=name)) is not None


def is_managed(default: str) -> Tx[bool]:
    """Whether anybody has ever registered a pair, besides the one that the server makes."""
    return (yield from one(ANY_OTHER, name=default)) is not None


def add(pair: KeyPair, data: bytes | None) -> Tx[bool]:
    """Add a pair with its sealed private half; False when its name is taken."""
    row = yield from one(ADD, **MAPPER.values(pair))
    if row is not None and data is not None:
        yield from run(ADD_PRIVATE, key_id=row["id"], data=data)
    return row is not None


def retire(pair: KeyPair, now: int) -> Tx[bool]:
    """Take a pair out of use and erase its private half; False when it is not in use any more."""
    row = yield from one(RETIRE, id=pair.id, now=now)
    if row is not None:
        yield from run(ERASE, key_id=pair.id)
    return row is not None


def forget(name: str) -> Tx[int]:
    """Remove all pairs of a name, retired ones included; how many there were."""
    return len((yield from many(FORGET, name=name)))
