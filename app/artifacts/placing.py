"""The SQL of putting files into a repository, any number of them with the same few statements.

The transaction shares the repository first. What is at the paths is read, judged and then replaced; when another
transaction has put something there meanwhile, ChangedMeanwhile is raised, and the whole transaction may be repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from app.artifacts import items
from app.artifacts.items import Found, Stamp, found_of
from app.artifacts.model import Sums, depth, parted, whole
from app.db.tx import Tx, many
from app.errors import Conflict

#: SQLite reads the tables of a CROSS JOIN in their order; else it would read all items of the repository.
AMONG = f"""
    SELECT {items.COLUMNS} FROM :rows(entries; path text, name text) AS entry CROSS JOIN items {items.JOIN}
    WHERE items.repo_id = :repo_id AND items.path = entry.path AND items.name = entry.name
"""  # noqa: S608 - fixed texts
#: The same bytes may have been put there meanwhile; nothing is returned for other bytes, and for a folder.
ADD = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
        updated
    )
    SELECT :repo_id, entry.path, entry.name, FALSE, entry.depth, entry.blob_id, :set_id, entry.mime, entry.sent,
        :now, :by, :now, :by, :now
    FROM :rows(entries; path text, name text, depth bigint, blob_id bigint, mime text, sent text) AS entry
    WHERE TRUE ON CONFLICT (repo_id, path, name) DO UPDATE SET set_id = excluded.set_id, mime = excluded.mime,
        sent = excluded.sent, modified = excluded.modified, modified_by = excluded.modified_by,
        updated = excluded.updated
    WHERE NOT items.folder AND items.blob_id = excluded.blob_id RETURNING id, path, name
"""
#: Nothing is returned for an item that has other bytes meanwhile, or is gone.
REPLACE = """
    UPDATE items SET blob_id = entry.blob_id, set_id = :set_id, mime = entry.mime, sent = entry.sent,
        modified = :now, modified_by = :by, updated = :now
    FROM :rows(entries; id bigint, was bigint, blob_id bigint, mime text, sent text) AS entry
    WHERE items.id = entry.id AND items.blob_id = entry.was RETURNING items.id AS id
"""


class ChangedMeanwhile(Conflict):
    """Another caller has put something at the same path at the same moment."""

    code = "changed_meanwhile"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that shall be at a path: its bytes, its media type, and the checksums that the client sent."""

    path: str
    blob_id: int
    mime: str
    sent: Sums


def among(repo_id: int, paths: Iterable[str]) -> Tx[dict[str, Found]]:
    """The items that are at these paths, by path."""
    entries = orjson.dumps([parted(path) for path in dict.fromkeys(paths)]).decode()
    found = [found_of(row) for row in (yield from many(AMONG, repo_id=repo_id, entries=entries))]
    return {each.item.whole_path: each for each in found}


def folders_of(path: str) -> list[str]:
    """The folders around a path, the outermost first, without the folder of the whole repository."""
    names = path.split("/")[:-1]
    return ["/".join(names[: at + 1]) for at in range(len(names))]


def put(
    repo_id: int, wanted: Sequence[Wanted], there: Mapping[str, Found], set_id: int, stamp: Stamp
) -> Tx[dict[str, int]]:
    """Put files, no two of them at one path, in place of those that were found there; the ids of the items by path.

    The folders around them must be there. The caller has judged whether the old files may go.
    """
    new = [each for each in wanted if each.path not in there]
    old = [each for each in wanted if each.path in there]
    ids: dict[str, int] = {}
    if new:
        rows = [[*parted(w.path), depth(w.path), w.blob_id, w.mime, items.write_sums(w.sent)] for w in new]
        entries = orjson.dumps(rows).decode()
        added = yield from many(ADD, repo_id=repo_id, entries=entries, set_id=set_id, now=stamp.at, by=stamp.by)
        ids = {whole(row["path"], row["name"]): row["id"] for row in added}
    if old:
        known = {w.path: there[w.path].item for w in old}
        rows = [[known[w.path].id, known[w.path].blob_id, w.blob_id, w.mime, items.write_sums(w.sent)] for w in old]
        entries = orjson.dumps(rows).decode()
        replaced = yield from many(REPLACE, entries=entries, set_id=set_id, now=stamp.at, by=stamp.by)
        paths = {item.id: path for path, item in known.items()}
        ids |= {paths[row["id"]]: row["id"] for row in replaced}
    if missed := [w.path for w in wanted if w.path not in ids]:
        raise ChangedMeanwhile(f"another caller has put something at {missed[0]} at the same moment; try again")
    return ids
