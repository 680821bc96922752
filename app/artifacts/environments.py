"""The SQL of environments, to which repositories belong (contract artifactory-storage 9)."""

from collections.abc import Iterator, Sequence

import orjson

from app.db.tx import Tx, many, one
from app.errors import Problem

#: These are always there, and have no row.
ALWAYS = ("DEV", "PROD")
#: The most characters of a name; the names of a project begin with its key and a dash.
LONGEST = 32
ALL = "SELECT name FROM environments ORDER BY name"
ADD = """
    INSERT INTO environments (name, created)
    SELECT entry.name, :now FROM :rows(entries; name text) AS entry
    WHERE TRUE ON CONFLICT (name) DO NOTHING RETURNING name
"""
RENAME = """
    UPDATE environments SET name = :new WHERE name = :name
        AND NOT EXISTS (SELECT 1 FROM environments AS other WHERE other.name = :new)
    RETURNING name
"""
ORDER = "SELECT name FROM environment_order ORDER BY position"
REMOVE = "DELETE FROM environments WHERE name = :name RETURNING name"


def check(name: str, field: str, longest: int = 2 * LONGEST + 1) -> Iterator[Problem]:
    """What is wrong with the name of an environment."""
    if not (0 < len(name) <= longest and name.isprintable() and name.strip() == name and not set("/\\") & set(name)):
        words = f"{field}: {name[:100]!r} is no environment; a name is 1 to {longest} printable characters, no slashes"
        yield Problem(field, "bad_environment", words)


def all_names() -> Tx[list[str]]:
    """The names of all environments, those that are always there first."""
    rows = yield from many(ALL)
    return [*ALWAYS, *(row["name"] for row in rows if row["name"] not in ALWAYS)]


def add(names: Sequence[str], now: int) -> Tx[list[str]]:
    """Add the environments that are not there; their names."""
    entries = orjson.dumps([[name] for name in dict.fromkeys(names) if name not in ALWAYS]).decode()
    return [row["name"] for row in (yield from many(ADD, entries=entries, now=now))]


def rename(name: str, new: str) -> Tx[bool]:
    """Give an environment another name; False when there is no such environment, or the other name is taken."""
    return (yield from one(RENAME, name=name, new=new)) is not None


def remove(name: str) -> Tx[bool]:
    """Remove an environment; whether it was there."""
    return (yield from one(REMOVE, name=name)) is not None


def order() -> Tx[list[str]]:
    """The order in which versions of release bundles go through environments; empty when there is none."""
    return [row["name"] for row in (yield from many(ORDER))]
