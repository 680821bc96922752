"""Lists of what is in a folder, and totals of repositories, as far as the caller may read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.artifacts import repositories, trees
from app.artifacts.access import Visitor
from app.artifacts.items import ITEMS, Found, found_of
from app.artifacts.model import TOP, ArtifactRepository
from app.artifacts.model import depth as depth_of
from app.artifacts.visible import VISIBLE, visible_to
from app.db.tx import Tx, many, one

CHILDREN = f"""
    {ITEMS} WHERE items.repo_id = :repo_id AND items.path = :path AND items.name <> '.' AND {VISIBLE}
    ORDER BY items.name
"""
BELOW = trees.statement(f"""
    {ITEMS} WHERE {{tree}} AND items.depth > :start AND items.depth <= :end AND (:folders = 1 OR NOT items.folder)
        AND {VISIBLE}
    ORDER BY items.path, items.name
""")
STATS = "SELECT downloads, last, last_by FROM item_stats WHERE item_id = :id"
TOTALS = f"""
    SELECT items.repo_id, sum(CASE WHEN items.folder THEN 1 ELSE 0 END) AS folders,
        sum(CASE WHEN items.folder THEN 0 ELSE 1 END) AS files, coalesce(sum(blobs.size), 0) AS size
    FROM items LEFT JOIN blobs ON blobs.id = items.blob_id
    WHERE items.name <> '.' AND {VISIBLE} GROUP BY items.repo_id
"""  # noqa: S608 - fixed texts
BLOBS = f"""
    SELECT count(*) AS blobs, coalesce(sum(size), 0) AS size FROM blobs
    WHERE id IN (SELECT blob_id FROM items WHERE blob_id IS NOT NULL AND {VISIBLE})
"""  # noqa: S608 - fixed texts


@dataclass(frozen=True, slots=True)
class Total:
    """What a repository holds; the size in bytes, of bytes that several files share once for each file."""

    folders: int
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What all repositories hold that the caller may read; each blob counts once in `blobs` and `size`."""

    of_repos: Sequence[tuple[ArtifactRepository, Total]]
    blobs: int
    size: int


@dataclass(frozen=True, slots=True)
class Stats:
    """How often a file was downloaded, and when last: Unix milliseconds, 0 = never."""

    downloads: int = 0
    last: int = 0
    last_by: str = ""


def children(visitor: Visitor, repo_id: int, path: str) -> Tx[list[Found]]:
    """The items directly in a folder that the caller may read, by name."""
    seen = yield from _seen(visitor)
    rows = yield from many(CHILDREN, repo_id=repo_id, path=path or TOP, **seen)
    return [found_of(row) for row in rows]


def below(visitor: Visitor, repo_id: int, path: str, *, depth: int, folders: bool) -> Tx[list[Found]]:
    """The files, and with `folders` the folders, at most `depth` names below a folder, by path."""
    seen = yield from _seen(visitor)
    start = depth_of(path)
    rows = yield from many(
        BELOW.of(path),
        start=start,
        end=start + depth,
        folders=int(folders),
        **trees.parameters(repo_id, path),
        **seen,
    )
    return [found_of(row) for row in rows]


def stats(item_id: int) -> Tx[Stats]:
    """The downloads of a file."""
    row = yield from one(STATS, id=item_id)
    return Stats(row["downloads"], row["last"], row["last_by"]) if row is not None else Stats()


def totals(visitor: Visitor) -> Tx[Totals]:
    """What all repositories hold; repositories by key."""
    all_repos = yield from repositories.read_all()
    visible = visible_to(visitor.rights, all_repos)
    seen = visible.parameters()
    found = {
        row["repo_id"]: Total(row["folders"], row["files"], row["size"]) for row in (yield from many(TOTALS, **seen))
    }
    known = [repo for repo in all_repos.by_key.values() if repo.id in visible.ids]
    row = yield from one(BLOBS, **seen)
    assert row is not None
    return Totals([(repo, found.get(repo.id, Total(0, 0, 0))) for repo in known], row["blobs"], row["size"])


def _seen(visitor: Visitor) -> Tx[Mapping[str, str]]:
    return visible_to(visitor.rights, (yield from repositories.read_all())).parameters()
