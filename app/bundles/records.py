"""Lists of promotions, as far as the caller may read their versions (contract release-bundle 6.7).

The rows of a page are found first, by an index, and only they are looked at further.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from app.artifacts.visible import Visible, visible
from app.bundles.model import Promotion
from app.bundles.promotions import MAPPER
from app.db.tx import Tx, many, one

Order: TypeAlias = Literal["created", "created_millis", "created_by", "release_bundle_version", "environment"]
Subject: TypeAlias = Literal["environment", "created_by", "release_bundle_version", "status"]

_VISIBLE = visible("bundle_promotions.repo_id", "bundles.name || '/' || bundles.version")
_ROWS = "FROM bundle_promotions"
_WITH_VERSIONS = "FROM bundle_promotions JOIN bundles ON bundles.id = bundle_promotions.bundle_id"
_COLUMNS: Mapping[Order | Subject, str] = {
    "created": "bundle_promotions.created",
    "created_millis": "bundle_promotions.created",
    "created_by": "bundle_promotions.by_name",
    "release_bundle_version": "bundles.version",
    "environment": "bundle_promotions.environment",
    "status": "bundle_promotions.status",
}
#: What filters may be called.
_SUBJECTS: Mapping[str, Subject] = {
    "environment": "environment",
    "promotion_environment": "environment",
    "created_by": "created_by",
    "promotion_created_by": "created_by",
    "release_bundle_version": "release_bundle_version",
    "bundle_version": "release_bundle_version",
    "status": "status",
}


class Record(NamedTuple):
    """A promotion, and the version that was promoted."""

    promotion: Promotion
    version: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a list is asked for."""

    limit: int
    offset: int = 0
    order: Order = "created"
    ascending: bool = False
    #: What promotions must have; `*` is any text.
    filters: Mapping[Subject, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and how long the whole list is."""

    records: list[Record]
    total: int


def filters_of(text: str) -> dict[Subject, str]:
    """The filters in a text such as `environment=PROD,created_by=ada`; a word alone is an environment.

    Filters of other names are left out: other servers know them.
    """
    found: dict[Subject, str] = {}
    for part in re.split("[,;&]", text):
        name, equals, value = part.partition("=")
        subject = _SUBJECTS.get(name.strip()) if equals else "environment"
        value = (value if equals else name).strip()
        if subject is not None and value:
            found[subject] = value
    return found


def of_version(bundle_id: int, asked: Asked) -> Tx[Page]:
    """The promotions of a version."""
    return (yield from _page("bundle_promotions.bundle_id = :bundle_id", {"bundle_id": bundle_id}, asked, Visible()))


def of_name(repo_id: int, name: str, asked: Asked, seen: Visible) -> Tx[Page]:
    """The promotions of all versions of a name."""
    where = "bundle_promotions.repo_id = :repo_id AND bundle_promotions.name = :name"
    return (yield from _page(where, {"repo_id": repo_id, "name": name}, asked, seen))


def _page(where: str, values: Mapping[str, int | str], asked: Asked, seen: Visible) -> Tx[Page]:
    values = dict(values)
    for subject, pattern in asked.filters.items():
        values[f"filter_{subject}"] = pattern
        test = f":glob(filter_{subject})" if "*" in pattern else f"= :filter_{subject}"
        where += f" AND {_COLUMNS[subject]} {test}"
    if seen.partial:
        where, values = f"{where} AND {_VISIBLE}", {**values, **seen.parameters()}
    joins = "release_bundle_version" in (asked.order, *asked.filters) or bool(seen.partial)
    rows = f"{_WITH_VERSIONS if joins else _ROWS} WHERE {where}"
    way = "ASC" if asked.ascending else "DESC"
    columns = dict.fromkeys([_COLUMNS[asked.order], "bundle_promotions.created", "bundle_promotions.id"])
    order = ", ".join(f"{column} {way}" for column in columns)
    row = yield from one(f"SELECT count(*) AS total {rows}", **values)
    page = f"SELECT bundle_promotions.id {rows} ORDER BY {order} LIMIT :limit OFFSET :offset"
    sql = f"""
        SELECT bundle_promotions.*, bundles.version FROM ({page}) AS page
        JOIN bundle_promotions ON bundle_promotions.id = page.id
        JOIN bundles ON bundles.id = bundle_promotions.bundle_id
        ORDER BY {order}
    """  # noqa: S608 - fixed texts
    found = yield from many(sql, **values, limit=asked.limit, offset=asked.offset)
    return Page([Record(MAPPER.make(each), each["version"]) for each in found], row["total"] if row is not None else 0)
