"""The SQL of properties. Items with equal properties share a set, and a set never changes.

A property is a key with an ordered set of values. Copies and promotions of many items cost one row an item.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson

from app.artifacts.model import NO_PROPERTIES
from app.db.tx import Tx, many, one, run
from app.errors import Invalid, Problem

#: Keys in their order, each with its values in their order, no value twice.
Properties: TypeAlias = Mapping[str, Sequence[str]]

#: Characters that a key cannot have (contract artifactory-storage 4.1). A space may stand inside a key, though the
#: contract forbids spaces: the command line of JFrog sends such keys with its uploads, and would fail.
FORBIDDEN = frozenset("`)(}{][*+^$/~\\!@#%&<>;=,±§")
#: Keeps the set until the transaction ends, so that what collects unused sets leaves it.
BY_DIGEST = "SELECT id FROM property_sets WHERE digest = :digest :shared"
#: Waits for another transaction that adds the same set, and finds the set then.
ADD_SET = "INSERT INTO property_sets (digest) VALUES (:digest) ON CONFLICT (digest) DO NOTHING RETURNING id"
ADD = """
    INSERT INTO properties (set_id, key, position, value)
    SELECT :set_id, entry.key, entry.position, entry.value
    FROM :rows(entries; key text, position bigint, value text) AS entry
"""
OF_SETS = """
    SELECT set_id, key, value FROM properties
    WHERE set_id IN (SELECT id FROM :rows(ids; id bigint) AS wanted) ORDER BY set_id, key, position
"""


def of_pairs(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Properties of keys and values in their order. Invalid names every key that is forbidden."""
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        values = found.setdefault(key, [])
        if value not in values:
            values.append(value)
    check_keys(found)
    return found


def check_keys(found: Mapping[str, object]) -> None:
    """Invalid names every key that is forbidden."""
    problems = [
        Problem("properties", "bad_key", f"properties: the key {key[:100]!r} is empty or has a forbidden character")
        for key in found
        if not key or key != key.strip() or FORBIDDEN & set(key) or "\0" in key
    ]
    if problems:
        raise Invalid.of(problems)


def set_of(wanted: Properties) -> Tx[int]:
    """The id of the set of these properties; the set is added if it is not there."""
    if not wanted:
        return NO_PROPERTIES
    entries = [(key, list(wanted[key])) for key in sorted(wanted)]
    digest = hashlib.sha256(orjson.dumps(entries)).hexdigest()
    row = yield from one(BY_DIGEST, digest=digest)
    if row is not None:
        return int(row["id"])
    row = yield from one(ADD_SET, digest=digest)
    if row is None:  # another transaction has added the set meanwhile
        row = yield from one(BY_DIGEST, digest=digest)
        assert row is not None
        return int(row["id"])
    rows = [(key, at, value) for key, values in entries for at, value in enumerate(values)]
    yield from run(ADD, set_id=row["id"], entries=orjson.dumps(rows).decode())
    return int(row["id"])


def of_sets(ids: Sequence[int]) -> Tx[dict[int, dict[str, list[str]]]]:
    """The properties of some sets, by id."""
    found: dict[int, dict[str, list[str]]] = {set_id: {} for set_id in ids}
    wanted = orjson.dumps([[set_id] for set_id in found if set_id != NO_PROPERTIES]).decode()
    if wanted == "[]":
        return found
    for row in (yield from many(OF_SETS, ids=wanted)):
        found[row["set_id"]].setdefault(row["key"], []).append(row["value"])
    return found
