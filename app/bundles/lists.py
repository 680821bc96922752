"""Lists of versions and of names, as far as the caller may read (contract release-bundle 4.4-4.6).

The rows of a page are found first, by an index, and only they are looked at further: so the last page of a long list
costs little more than the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

import orjson

from app.artifacts.visible import Visible, visible
from app.bundles.model import Bundle
from app.bundles.store import MAPPER
from app.db.tx import Tx, many, one

T = TypeVar("T")
Order: TypeAlias = Literal["created", "release_bundle_version", "release_bundle_name"]

_VISIBLE = visible("bundles.repo_id", "bundles.name || '/' || bundles.version")
_VERSIONS = "FROM bundles WHERE bundles.repo_id = :repo_id AND bundles.name = :name"
_NAMES = "FROM bundles WHERE bundles.repo_id = :repo_id"
#: The columns by which lists are sorted, for both directions.
_VERSION_ORDERS: Mapping[Order, str] = {
    "created": "bundles.created {way}, bundles.id {way}",
    "release_bundle_version": "bundles.version {way}",
}
_NAME_ORDERS: Mapping[Order, str] = {
    "created": "max(bundles.created) {way}, bundles.name {way}",
    "release_bundle_name": "bundles.name {way}",
}
#: The version is where its last promotion put it.
RELEASED = """
    SELECT bundle_id, environment FROM bundle_promotions
    WHERE bundle_id IN (SELECT id FROM :rows(ids; id bigint) AS wanted) AND status = 'COMPLETED'
"""
LATEST = """
    SELECT bundles.name, bundles.version FROM :rows(wanted; name text, created bigint) AS wanted
    JOIN bundles ON bundles.repo_id = :repo_id AND bundles.name = wanted.name AND bundles.created = wanted.created
    ORDER BY bundles.id
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a list is asked for."""

    limit: int
    offset: int = 0
    order: Order = "created"
    ascending: bool = False
    #: What the version, or the name, must be; `*` is any text. Empty for all.
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and how long the whole list is."""

    rows: Sequence[T]
    total: int


@dataclass(frozen=True, slots=True)
class Group:
    """All versions of a name: how many there are, which is the newest, and when that was created."""

    name: str
    versions: int
    created: int
    latest: str = ""


def versions(repo_id: int, name: str, asked: Asked, seen: Visible) -> Tx[Page[Bundle]]:
    """The versions of a name."""
    where, values = _where(_VERSIONS, "bundles.version", asked, seen)
    values |= {"repo_id": repo_id, "name": name}
    row = yield from one(f"SELECT count(*) AS total {where}", **values)
    order = _VERSION_ORDERS[asked.order].format(way="ASC" if asked.ascending else "DESC")
    page = f"SELECT bundles.id {where} ORDER BY {order} LIMIT :limit OFFSET :offset"
    # Made of fixed texts and names of columns alone.
    sql = f"SELECT bundles.* FROM ({page}) AS page JOIN bundles ON bundles.id = page.id ORDER BY {order}"  # noqa: S608 - SQL of ours
    rows = yield from many(sql, **values, limit=asked.limit, offset=asked.offset)
    return Page([MAPPER.make(found) for found in rows], row["total"] if row is not None else 0)


def environments_of(ids: Sequence[int]) -> Tx[dict[int, set[str]]]:
    """The environments to which versions were promoted, by the id of the version."""
    found: dict[int, set[str]] = {}
    if ids:
        wanted = "[" + ",".join(f"[{bundle_id}]" for bundle_id in ids) + "]"
        for row in (yield from many(RELEASED, ids=wanted)):
            found.setdefault(row["bundle_id"], set()).add(row["environment"])
    return found


def groups(repo_id: int, asked: Asked, seen: Visible) -> Tx[Page[Group]]:
    """The names of a repository, with what `Group` tells of them."""
    where, values = _where(_NAMES, "bundles.name", asked, seen)
    values["repo_id"] = repo_id
    row = yield from one(f"SELECT count(DISTINCT bundles.name) AS total {where}", **values)
    order = _NAME_ORDERS[asked.order].format(way="ASC" if asked.ascending else "DESC")
    sql = f"""
        SELECT bundles.name, count(*) AS versions, max(bundles.created) AS created {where}
        GROUP BY bundles.name ORDER BY {order} LIMIT :limit OFFSET :offset
    """
    rows = yield from many(sql, **values, limit=asked.limit, offset=asked.offset)
    found = [(each["name"], each["created"], each["versions"]) for each in rows]
    wanted = orjson.dumps([(name, created) for name, created, _ in found]).decode()
    latest = {each["name"]: each["version"] for each in (yield from many(LATEST, repo_id=repo_id, wanted=wanted))}
    made = [Group(name, count, created, latest.get(name, "")) for name, created, count in found]
    return Page(made, row["total"] if row is not None else 0)


def _where(base: str, column: str, asked: Asked, seen: Visible) -> tuple[str, dict[str, int | str]]:
    """The rows of a list, and the parameters. What need not be asked is left out, so that an index serves the rest."""
    values: dict[str, int | str] = {}
    if asked.pattern and "*" not in asked.pattern:
        base, values = f"{base} AND {column} = :pattern", {"pattern": asked.pattern}
    elif asked.pattern:
        base, values = f"{base} AND {column} :glob(pattern)", {"pattern": asked.pattern}
    if seen.partial:
        base, values = f"{base} AND {_VISIBLE}", {**values, **seen.parameters()}
    return base, values
