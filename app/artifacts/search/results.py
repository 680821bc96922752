"""What a search finds, as the JSON of an answer (contract artifactory-storage 7.1, 7.2).

The database first gives the ids of all that is found, then the rows of so many at a time: neither the number of results
nor a slow client makes the server hold rows, or a snapshot of the database.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired

import orjson
from typing_extensions import TypedDict

from app.artifacts import properties
from app.artifacts.model import whole
from app.artifacts.repositories import Repositories
from app.artifacts.rights import Rights
from app.artifacts.search.model import Query, matches
from app.artifacts.times import text_of
from app.db.tx import Row, Tx, many
from app.encoding import encode

#: Items whose rows are read together.
BATCH = 500
#: Characters of the text of ids that are looked at together.
_PIECE = BATCH * 8
ROWS = """
    SELECT items.*, blobs.sha256, blobs.sha1, blobs.md5, blobs.size,
        item_stats.downloads, item_stats.last, item_stats.last_by
    FROM :rows(ids; id bigint) AS wanted CROSS JOIN items
    LEFT JOIN blobs ON blobs.id = items.blob_id LEFT JOIN item_stats ON item_stats.item_id = items.id
    WHERE items.id = wanted.id
"""


class PropertyJSON(TypedDict):
    """One value of a property."""

    key: str
    value: str


class StatsJSON(TypedDict):
    """Downloads of a file."""

    downloads: int
    downloaded: NotRequired[str]
    downloaded_by: NotRequired[str]


class ItemJSON(TypedDict, total=False):
    """The fields of an item that the query includes."""

    repo: str
    path: str
    name: str
    type: str
    size: int
    depth: int
    created: str
    created_by: str
    modified: str
    modified_by: str
    updated: str
    actual_sha1: str
    actual_md5: str
    original_sha1: str
    original_md5: str
    sha256: str
    properties: list[PropertyJSON]
    stats: list[StatsJSON]


class RangeJSON(TypedDict):
    """Which part of all that is found the results are."""

    start_pos: int
    end_pos: int
    total: int
    limit: NotRequired[int]


class SearchJSON(TypedDict):
    """What a search found."""

    results: list[ItemJSON]
    range: RangeJSON


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found for a caller with these rights: ids with commas between them, and how many."""

    query: Query
    repositories: Repositories
    rights: Rights
    ids: str = ""
    total: int = 0

    def batches(self) -> Iterator[list[int]]:
        """The ids, so many at a time."""
        at = 0
        while at < len(self.ids):
            end = self.ids.find(",", at + _PIECE)
            end = len(self.ids) if end < 0 else end
            yield list(map(int, self.ids[at:end].split(",")))
            at = end + 1

    @property
    def is_whole(self) -> bool:
        """Whether the first batch is all."""
        return len(self.ids) <= _PIECE or "," not in self.ids[_PIECE:]

    def end(self) -> bytes:
        """The end of the answer, behind the results."""
        query = self.query
        part = RangeJSON(start_pos=query.offset, end_pos=query.offset + self.total, total=self.total)
        if query.limit is not None:
            part["limit"] = query.limit
        return b'],"range":' + encode(part) + b"}\n"


BEGIN = b'{"results":['

_FIELDS: dict[str, Callable[[Row], Any]] = {
    "path": lambda row: row["path"],
    "name": lambda row: row["name"],
    "type": lambda row: "folder" if row["folder"] else "file",
    "size": lambda row: row["size"] or 0,
    "depth": lambda row: row["depth"],
    "created": lambda row: text_of(row["created"]),
    "created_by": lambda row: row["created_by"],
    "modified": lambda row: text_of(row["modified"]),
    "modified_by": lambda row: row["modified_by"],
    "updated": lambda row: text_of(row["updated"]),
    "actual_sha1": lambda row: row["sha1"] or "",
    "actual_md5": lambda row: row["md5"] or "",
    "original_sha1": lambda row: row["sha1"] or "",
    "original_md5": lambda row: row["md5"] or "",
    "sha256": lambda row: row["sha256"] or "",
}


def rendered(found: Found, ids: Sequence[int]) -> Tx[bytes]:
    """The JSON of some items in the order of their ids, with commas between them. What was deleted meanwhile, or moved
    to where the caller may not read, is left out."""
    rows = {row["id"]: row for row in (yield from many(ROWS, ids=orjson.dumps([[id_] for id_ in ids]).decode()))}
    shown: dict[int, list[PropertyJSON]] = {}
    if found.query.properties:
        sets = yield from properties.of_sets(sorted({row["set_id"] for row in rows.values()}))
        shown = {set_id: _shown(sets[set_id], found.query.properties) for set_id in sets}
    keys = {repo.id: repo.key for repo in found.repositories.by_key.values()}
    may_read = {repo.id: found.rights.judge("read", repo) for repo in found.repositories.by_key.values()}
    fields = [(field, _FIELDS[field]) for field in found.query.fields if field != "repo"]
    texts = list[bytes]()
    for id_ in ids:
        if (row := rows.get(id_)) is None:
            continue
        if row["repo_id"] not in keys or not may_read[row["repo_id"]](whole(row["path"], row["name"])):
            continue
        item: dict[str, Any] = {"repo": keys[row["repo_id"]]} if "repo" in found.query.fields else {}
        item |= {field: read(row) for field, read in fields}
        if pairs := shown.get(row["set_id"]):
            item["properties"] = pairs
        if found.query.stats:
            item["stats"] = [_stats(row)]
        texts.append(encode(item))
    return b",".join(texts)


def _shown(all_of_them: dict[str, list[str]], wanted: frozenset[str]) -> list[PropertyJSON]:
    return [
        PropertyJSON(key=key, value=value)
        for key, values in all_of_them.items()
        if any(matches(key, pattern) for pattern in wanted)
        for value in values
    ]


def _stats(row: Row) -> StatsJSON:
    if not row["downloads"]:
        return StatsJSON(downloads=0)
    return StatsJSON(downloads=row["downloads"], downloaded=text_of(row["last"]), downloaded_by=row["last_by"])
