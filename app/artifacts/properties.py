"""The SQL of properties. Items with equal properties share a set, and a set never changes.

A property is a key with an ordered set of values. Copies and promotions of many items cost one row an item.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import orjson

from app.artifacts.model import NO_PROPERTIES
from app.db.tx import Tx, many, run
from app.errors import Invalid, Problem

#: Keys in their order, each with its values in their order, no value twice.
Properties: TypeAlias = Mapping[str, Sequence[str]]

#: Characters that a key cannot have (contract artifactory-storage 4.1). A space may stand inside a key, though the
#: contract forbids spaces: the command line of JFrog sends such keys with its uploads, and would fail.
FORBIDDEN = frozenset("`)(}{][*+^$/~\\!@#%&<>;=,±§")
#: Keeps the sets until the transaction ends, so that what collects unused sets leaves them.
BY_DIGESTS = """
    SELECT id, digest FROM property_sets
    WHERE digest IN (SELECT digest FROM :rows(digests; digest text) AS wanted) ORDER BY digest :shared
"""
#: Waits for another transaction that adds one of the sets, and does not return that set.
ADD_SETS = """
    INSERT INTO property_sets (digest) SELECT wanted.digest FROM :rows(digests; digest text) AS wanted
    WHERE TRUE ON CONFLICT (digest) DO NOTHING RETURNING id, digest
"""
ADD = """
    INSERT INTO properties (set_id, key, position, value)
    SELECT entry.set_id, entry.key, entry.position, entry.value
    FROM :rows(entries; set_id bigint, key text, position bigint, value text) AS entry
"""
OF_SETS = """
    SELECT set_id, key, value FROM properties
    WHERE set_id IN (SELECT id FROM :rows(ids; id bigint) AS wanted) ORDER BY set_id, key, position
"""


def of_pairs(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Properties of keys and values in their order. Invalid names every key that is forbidden."""
    found: dict[str, dict[str, None]] = {}  # not lists: to look for a value in ten thousand others takes its time
    for key, value in pairs:
        found.setdefault(key, {})[value] = None
    check_keys(found)
    return {key: list(values) for key, values in found.items()}


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
    return (yield from sets_of([wanted]))[0]


def sets_of(wanted: Sequence[Properties]) -> Tx[list[int]]:
    """The ids of the sets of some properties, in their order; what is not there is added."""
    entries = [[(key, list(each[key])) for key in sorted(each)] for each in wanted]
    digests = [hashlib.sha256(orjson.dumps(each)).hexdigest() if each else "" for each in entries]
    contents = {digest: each for digest, each in zip(digests, entries, strict=True) if each}
    known = {"": NO_PROPERTIES, **(yield from _known(contents))}
    missing = sorted(contents.keys() - known.keys())
    if missing:
        new = {row["digest"]: row["id"] for row in (yield from many(ADD_SETS, digests=_column(missing)))}
        rows = [
            (set_id, key, at, value)
            for digest, set_id in new.items()
            for key, values in contents[digest]
            for at, value in enumerate(values)
        ]
        if rows:
            yield from run(ADD, entries=orjson.dumps(rows).decode())
        others = [digest for digest in missing if digest not in new]  # those that another transaction added meanwhile
        known |= {**new, **(yield from _known(others))}
    return [known[digest] for digest in digests]


def _known(digests: Iterable[str]) -> Tx[dict[str, int]]:
    wanted = _column(sorted(digests))
    if wanted == "[]":
        return {}
    return {row["digest"]: row["id"] for row in (yield from many(BY_DIGESTS, digests=wanted))}


def _column(values: Iterable[str]) -> str:
    return orjson.dumps([[value] for value in values]).decode()


def of_sets(ids: Sequence[int]) -> Tx[dict[int, dict[str, list[str]]]]:
    """The properties of some sets, by id."""
    found: dict[int, dict[str, list[str]]] = {set_id: {} for set_id in ids}
    wanted = orjson.dumps([[set_id] for set_id in found if set_id != NO_PROPERTIES]).decode()
    if wanted == "[]":
        return found
    for row in (yield from many(OF_SETS, ids=wanted)):
        found[row["set_id"]].setdefault(row["key"], []).append(row["value"])
    return found
