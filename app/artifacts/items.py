"""The SQL of items: files and folders in local repositories.

Every folder of an item is an item, too. What puts items shares its repository (`repositories.share`), and what removes
or moves folders holds it, so that no item is left without its folder.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from app.artifacts import trees
from app.artifacts.model import Blob, Item, Sums, depth, parted, whole
from app.db import holdings, schema
from app.db.mapper import Codec, Mapper
from app.db.tx import Row, Tx, one, run
from app.errors import Conflict

#: The columns of `found_of`: of items, and of their bytes, which JOIN adds.
COLUMNS = "items.*, blobs.sha256, blobs.sha1, blobs.md5, blobs.size, blobs.place, blobs.used"
JOIN = "LEFT JOIN blobs ON blobs.id = items.blob_id"
ITEMS = f"SELECT {COLUMNS} FROM items {JOIN}"  # noqa: S608 - fixed texts
FIND = f"{ITEMS} WHERE items.repo_id = :repo_id AND items.path = :path AND items.name = :name"
#: Folder rows of a path that are not there yet.
ADD_FOLDERS = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, set_id, mime, sent, created, created_by, modified, modified_by, updated
    )
    SELECT :repo_id, entry.path, entry.name, TRUE, entry.depth, 1, '', '', :now, :by, :now, :by, :now
    FROM :rows(entries; path text, name text, depth bigint) AS entry
    WHERE TRUE ON CONFLICT (repo_id, path, name) DO NOTHING
"""
#: SQLite reads the tables of a CROSS JOIN in their order; else it would read all items of the repository.
FILES_AMONG = """
    SELECT items.path, items.name FROM :rows(entries; path text, name text) AS entry
    CROSS JOIN items WHERE items.repo_id = :repo_id AND items.path = entry.path AND items.name = entry.name
        AND NOT items.folder LIMIT 1
"""
#: Replaces the file at the same path. Nothing is returned when a folder is there.
PUT = schema.insert_sql(
    holdings.items,
    """
    ON CONFLICT (repo_id, path, name) DO UPDATE SET blob_id = excluded.blob_id, set_id = excluded.set_id,
        mime = excluded.mime, sent = excluded.sent, modified = excluded.modified, modified_by = excluded.modified_by,
        updated = excluded.updated
    WHERE NOT items.folder RETURNING id
    """,
)
REMOVE = "DELETE FROM items WHERE id = :id"
REMOVE_TREE = trees.statement("DELETE FROM items WHERE {tree} AND depth > 0")
SET_PROPERTIES = "UPDATE items SET set_id = :set_id, updated = :now WHERE id = :id"


def write_sums(sums: Sums) -> str:
    """The text of checksums in the column `sent`."""
    return orjson.dumps([sums.sha256, sums.sha1, sums.md5]).decode() if sums else ""


_SUMS: Codec = (write_sums, lambda text: Sums(*orjson.loads(text)) if text else Sums())
MAPPER = Mapper(Item, holdings.items, codecs={"sent": _SUMS})


@dataclass(frozen=True, slots=True)
class Found:
    """An item and its bytes; a folder has none."""

    item: Item
    blob: Blob | None

    @property
    def file(self) -> Blob:
        """The bytes of a file."""
        assert self.blob is not None
        return self.blob


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who changes items, and when: the name of the account, and Unix milliseconds."""

    by: str
    at: int


def found_of(row: Row) -> Found:
    """The item of a row with COLUMNS."""
    item = MAPPER.make(row)
    blob = None
    if item.blob_id is not None:
        blob = Blob(item.blob_id, row["sha256"], row["sha1"], row["md5"], row["size"], row["place"], row["used"])
    return Found(item, blob)


def find(repo_id: int, path: str) -> Tx[Found | None]:
    """The item at a whole path of a local repository; None without one. The empty path is the folder of all."""
    folder, name = parted(path)
    row = yield from one(FIND, repo_id=repo_id, path=folder, name=name)
    return found_of(row) if row is not None else None


def add_folders(repo_id: int, path: str, stamp: Stamp) -> Tx[None]:
    """Make a folder, and the folders around it, unless they are there. Conflict when one of them is a file."""
    if not path:
        return
    row = yield from one(FIND, repo_id=repo_id, path=parted(path)[0], name=parted(path)[1])
    if row is not None and row["folder"]:
        return
    names = path.split("/")
    yield from add_folders_at(repo_id, ["/".join(names[: at + 1]) for at in range(len(names))], stamp)


def add_folders_at(repo_id: int, paths: Collection[str], stamp: Stamp) -> Tx[None]:
    """Make the folders at these paths unless they are there; all folders around them must be among them. Conflict when
    one of them is a file."""
    if not paths:
        return
    entries = orjson.dumps([[*parted(path), depth(path)] for path in paths]).decode()
    yield from run(ADD_FOLDERS, repo_id=repo_id, entries=entries, now=stamp.at, by=stamp.by)
    clash = yield from one(FILES_AMONG, repo_id=repo_id, entries=entries)
    if clash is not None:
        raise file_in_the_way(whole(clash["path"], clash["name"]))


def file_in_the_way(path: str) -> Conflict:
    """The error for a path of which a folder, this one, is a file."""
    return Conflict(f"{path} is a file, so nothing can be below it; choose another path", code="file_in_the_way")


def folder_in_the_way(path: str) -> Conflict:
    """The error for a file at the path of a folder."""
    return Conflict(f"{path} is a folder, so no file can be put there; choose another path", code="folder_in_the_way")


def put(item: Item) -> Tx[int]:
    """Put a file in place of the file at the same path; the id of the item. Conflict when a folder is there.

    The folders around it must be there. The caller has judged whether the old file may go.
    """
    values: dict[str, Any] = MAPPER.values(item)
    row = yield from one(PUT, **values)
    if row is None:
        raise folder_in_the_way(item.whole_path)
    return int(row["id"])


def remove_tree(repo_id: int, path: str) -> Tx[None]:
    """Remove an item, and all below it; of the empty path all but the folder of the whole repository."""
    yield from run(REMOVE_TREE.of(path), **trees.parameters(repo_id, path))


def set_properties(item_id: int, set_id: int, at: int) -> Tx[None]:
    """Give an item the properties of a set."""
    yield from run(SET_PROPERTIES, id=item_id, set_id=set_id, now=at)
