"""The SQL of environments, to which repositories belong (contract artifactory-storage 9)."""

from collections import Counter
from collections.abc import Iterator, Sequence

import orjson

from app.db.tx import Tx, many, one, run
from app.errors import Conflict, Invalid, Problem

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
#: Keeps the environments until the transaction ends, so that nobody removes one that a new row names.
AMONG = "SELECT name FROM environments WHERE name IN (SELECT name FROM :rows(names; name text) AS wanted) :shared"
HOLD = "SELECT name FROM environments WHERE name = :name :exclusive"
RENAME = """
    UPDATE environments SET name = :new WHERE name = :name
        AND NOT EXISTS (SELECT 1 FROM environments AS other WHERE other.name = :new)
    RETURNING name
"""
REMOVE = "DELETE FROM environments WHERE name = :name RETURNING name"
ORDER = "SELECT name FROM environment_order ORDER BY position"
CLEAR_ORDER = "DELETE FROM environment_order"
ADD_ORDER = """
    INSERT INTO environment_order (position, name)
    SELECT entry.position, entry.name FROM :rows(entries; position bigint, name text) AS entry
    WHERE TRUE ON CONFLICT DO NOTHING RETURNING name
"""
RENAME_IN_ORDER = "UPDATE environment_order SET name = :new WHERE name = :name"
RENAME_IN_RIGHTS = "UPDATE section_environments SET name = :new WHERE name = :name"
#: The permission targets whose *promote* is for an environment.
NAMED_BY = """
    SELECT DISTINCT permission_targets.name FROM section_environments
    JOIN permission_targets ON permission_targets.id = target_id
    WHERE section_environments.name = :name ORDER BY permission_targets.name LIMIT 10
"""


def check(name: str, field: str, longest: int = 2 * LONGEST + 1) -> Iterator[Problem]:
    """What is wrong with the name of an environment."""
    if not (0 < len(name) <= longest and name.isprintable() and name.strip() == name and not set("/\\") & set(name)):
        words = f"{field}: {name[:100]!r} is no environment; a name is 1 to {longest} printable characters, no slashes"
        yield Problem(field, "bad_environment", words)


def all_names() -> Tx[list[str]]:
    """The names of all environments, those that are always there first."""
    rows = yield from many(ALL)
    return [*ALWAYS, *(row["name"] for row in rows if row["name"] not in ALWAYS)]


def among(names: Sequence[str]) -> Tx[set[str]]:
    """Those of some names that environments have; these environments stay until the transaction ends."""
    rows = yield from many(AMONG, names=orjson.dumps([[name] for name in dict.fromkeys(names)]).decode())
    return {*(row["name"] for row in rows), *(name for name in names if name in ALWAYS)}


def add(names: Sequence[str], now: int) -> Tx[list[str]]:
    """Add the environments that are not there; their names."""
    entries = orjson.dumps([[name] for name in dict.fromkeys(names) if name not in ALWAYS]).decode()
    return [row["name"] for row in (yield from many(ADD, entries=entries, now=now))]


def rename(name: str, new: str) -> Tx[bool]:
    """Give an environment another name, also in the order of environments and in rights; False when there is no such
    environment, or the other name is taken."""
    if (yield from one(RENAME, name=name, new=new)) is None:
        return False
    yield from run(RENAME_IN_ORDER, name=name, new=new)
    yield from run(RENAME_IN_RIGHTS, name=name, new=new)
    return True


def remove(name: str) -> Tx[bool]:
    """Remove an environment; whether it was there."""
    return (yield from one(REMOVE, name=name)) is not None


def hold(name: str) -> Tx[bool]:
    """Let no other transaction name an environment until this one ends; whether it is there."""
    return name in ALWAYS or (yield from one(HOLD, name=name)) is not None


def named_by(name: str) -> Tx[list[str]]:
    """The permission targets, the first ten, whose *promote* is for an environment."""
    return [row["name"] for row in (yield from many(NAMED_BY, name=name))]


def order() -> Tx[list[str]]:
    """The environments in the order in which versions of release bundles go through them; none without an order."""
    return [row["name"] for row in (yield from many(ORDER))]


def set_order(names: Sequence[str]) -> Tx[None]:
    """Let versions of release bundles go through these environments, in this order; no names remove the order.

    Invalid names those that are no environments, or that are there twice.
    """
    known = yield from among(names)
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    twice = [name for name, count in Counter(names).items() if count > 1]
    problems = []
    if unknown:
        problems.append(Problem("order", "no_environment", f"order: there is no environment {_listed(unknown)}"))
    if twice:
        words = f"order: an environment stands in it once, and these are there twice: {_listed(twice)}"
        problems.append(Problem("order", "environment_twice", words))
    if problems:
        raise Invalid.of(problems)
    yield from run(CLEAR_ORDER)
    entries = orjson.dumps(list(enumerate(names))).decode()
    if len((yield from many(ADD_ORDER, entries=entries))) < len(names):
        raise Conflict("another caller has changed the order of environments at the same moment; try again")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:100]) for name in names[:10])
