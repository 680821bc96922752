"""Lists of what is in a folder, and totals of repositories, as far as the caller may read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from app.artifacts import repositories, trees
from app.artifacts.access import Visitor
from app.artifacts.items import COLUMNS, ITEMS, JOIN, Found, found_of
from app.artifacts.model import TOP, ArtifactRepository
from app.artifacts.model import depth as depth_of
from app.artifacts.visible import VISIBLE, WHOLE_PATH, visible_in, visible_to
from app.db.tx import Tx, many, one

#: More children than any folder has.
MOST = 2**31

_CHILDREN = f"""
    SELECT {COLUMNS} FROM :rows(members; at bigint, id bigint) AS member CROSS JOIN items {JOIN}
    WHERE items.repo_id = member.id AND items.path = :path AND items.name <> '.' AND {{condition}}
    ORDER BY items.name, member.at LIMIT :limit
"""  # noqa: S608 - fixed texts
CHILDREN = _CHILDREN.format(condition="TRUE")
#: Items that the caller may read, and folders with anything below that the caller may read.
VISIBLE_CHILDREN = _CHILDREN.format(
    condition=f"""(
        {VISIBLE} OR items.folder AND (
            EXISTS (SELECT 1 FROM items AS inner_item WHERE inner_item.repo_id = items.repo_id
                AND inner_item.path = {WHOLE_PATH} AND {VISIBLE.replace("items.", "inner_item.")})
            OR EXISTS (SELECT 1 FROM items AS inner_item WHERE inner_item.repo_id = items.repo_id
                AND inner_item.path > {WHOLE_PATH} || '/' AND inner_item.path < {WHOLE_PATH} || '0'
                AND {VISIBLE.replace("items.", "inner_item.")})
        )
    )"""  # noqa: S608 - fixed texts
)
BELOW = trees.statement(f"""
    {ITEMS} WHERE {{tree}} AND items.depth > :start AND items.depth <= :end AND (:folders = 1 OR NOT items.folder)
        AND {VISIBLE}
    ORDER BY items.path, items.name
""")
NEWEST = trees.statement(
    # Made of fixed texts and names of columns alone.
    f"SELECT coalesce(max(modified), 0) AS at FROM items WHERE {{tree}} AND NOT items.folder AND {VISIBLE}"  # noqa: S608 - a constant
)
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


def children(
    visitor: Visitor, repos: Sequence[ArtifactRepository], path: str, limit: int = MOST
) -> Tx[tuple[list[Found], bool]]:
    """The items directly in a folder that lead to what the caller may read, by name, and whether there are more.

    Of items with one name, that of the first repository.
    """
    seen = visible_in(visitor.rights, repos)
    rows = yield from many(
        VISIBLE_CHILDREN if seen.partial else CHILDREN,
        members=orjson.dumps([(at, repo.id) for at, repo in enumerate(repos) if repo.id in seen.ids]).decode(),
        path=path or TOP,
        limit=limit + 1,
        **(seen.parameters() if seen.partial else {}),
    )
    return _first_of_each(found_of(row) for row in rows[:limit]), len(rows) > limit


def below(
    visitor: Visitor, repos: Sequence[ArtifactRepository], path: str, *, depth: int, folders: bool
) -> Tx[list[Found]]:
    """The files, and with `folders` the folders, at most `depth` names below a folder, by path.

    Of items with one path, that of the first repository.
    """
    seen, start, found = visible_in(visitor.rights, repos), depth_of(path), list[Found]()
    for repo_id in (repo.id for repo in repos if repo.id in seen.ids):
        rows = yield from many(
            BELOW.of(path),
            start=start,
            end=start + depth,
            folders=int(folders),
            **trees.parameters(repo_id, path),
            **seen.parameters(),
        )
        found.extend(map(found_of, rows))
    return _first_of_each(sorted(found, key=_place) if len(repos) > 1 else found)


def _first_of_each(found: Iterable[Found]) -> list[Found]:
    by_place: dict[tuple[str, str], Found] = {}
    for each in found:
        by_place.setdefault(_place(each), each)
    return list(by_place.values())


def _place(found: Found) -> tuple[str, str]:
    return found.item.path, found.item.name


def newest(visitor: Visitor, repo: ArtifactRepository, path: str) -> Tx[int]:
    """When a file below a folder was changed last, Unix milliseconds; 0 without one that the caller may read."""
    seen = visible_in(visitor.rights, [repo]).parameters()
    row = yield from one(NEWEST.of(path), **trees.parameters(repo.id, path), **seen)
    return row["at"] if row is not None else 0


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
