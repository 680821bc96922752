"""The SQL that puts the files of a version into repositories. Files are rows: no byte is copied.

Each statement is about all files at once. A CROSS JOIN says that the rows on its left are read first, each found in the
table on its right by an index.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from app.artifacts import items, properties
from app.artifacts.items import Stamp
from app.artifacts.model import parted, whole
from app.artifacts.properties import Properties
from app.bundles.selection import Blocker, Target, with_properties
from app.bundles.union import folders_of
from app.db.tx import Rows, Tx, many, run

#: The items at the places of a version's files.
_THERE = """
    :rows(targets; repo_id bigint, package_type text) AS target CROSS JOIN bundle_artifacts AS artifact
    CROSS JOIN items
    WHERE artifact.bundle_id = :bundle_id AND artifact.package_type = target.package_type
        AND items.repo_id = target.repo_id AND items.path = artifact.path AND items.name = artifact.name
"""
BLOCKED = f"""
    SELECT items.repo_id, items.path, items.name, items.folder FROM {_THERE}
        AND (items.folder OR items.blob_id <> artifact.blob_id)
"""  # noqa: S608 - fixed texts
FILES_ABOVE = """
    SELECT items.repo_id, items.path, items.name
    FROM :rows(folders; repo_id bigint, path text, name text) AS wanted CROSS JOIN items
    WHERE items.repo_id = wanted.repo_id AND items.path = wanted.path AND items.name = wanted.name AND NOT items.folder
"""
#: The files that are there with the same bytes: their properties, and those of the version.
KEPT = f"""
    SELECT items.id, items.repo_id, items.path, items.name, items.set_id AS there, artifact.set_id AS frozen
    FROM {_THERE} AND items.blob_id = artifact.blob_id
"""  # noqa: S608 - fixed texts
ANNOTATE = """
    UPDATE items SET set_id = entry.set_id, updated = :now
    FROM :rows(entries; item_id bigint, set_id bigint) AS entry WHERE items.id = entry.item_id
"""
_PUT = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
        updated
    )
    SELECT target.repo_id, artifact.path, artifact.name, FALSE,
        CASE artifact.path WHEN '.' THEN 1
            ELSE length(artifact.path) - length(replace(artifact.path, '/', '')) + 2 END,
        artifact.blob_id, {set_id}, artifact.mime, '', :now, :by, :now, :by, :now
    FROM :rows(targets; repo_id bigint, package_type text) AS target CROSS JOIN {artifacts}
    WHERE artifact.bundle_id = :bundle_id AND artifact.package_type = target.package_type {among}
    ON CONFLICT (repo_id, path, name) DO NOTHING
"""
#: Files with their frozen properties. Those that are there are kept.
PUT = _PUT.format(set_id="artifact.set_id", artifacts="bundle_artifacts AS artifact", among="")
#: Files with other properties, each with the set that it gets.
PUT_WITH_SETS = _PUT.format(
    set_id="entry.set_id",
    artifacts="""
    :rows(entries; package_type text, path text, name text, set_id bigint) AS entry
    CROSS JOIN bundle_artifacts AS artifact
    """,
    among="""
    AND entry.package_type = target.package_type AND artifact.path = entry.path AND artifact.name = entry.name
    """,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is at its place with the same bytes."""

    item_id: int
    repo_id: int
    path: str
    #: The set of its properties, and that of the version's.
    there: int
    frozen: int


def parameter(targets: Sequence[Target]) -> str:
    """The parameter of repositories and package types."""
    return orjson.dumps([(target.repo.id, target.repo.package_type) for target in targets]).decode()


def blockers(bundle_id: int, targets: Sequence[Target]) -> Tx[list[Blocker]]:
    """What is in the way of files of a version, and of the folders around them."""
    rows = yield from many(BLOCKED, bundle_id=bundle_id, targets=parameter(targets))
    found = [Blocker(row["repo_id"], whole(row["path"], row["name"]), folder=bool(row["folder"])) for row in rows]
    folders = [(target.repo.id, *parted(folder)) for target in targets for folder in _folders(target)]
    above: Rows = yield from many(FILES_ABOVE, folders=orjson.dumps(folders).decode())
    found += [Blocker(row["repo_id"], whole(row["path"], row["name"]), above=True) for row in above]
    return found


def kept(bundle_id: int, targets: Sequence[Target]) -> Tx[list[Kept]]:
    """The files of a version that are at their places already."""
    rows = yield from many(KEPT, bundle_id=bundle_id, targets=parameter(targets))
    return [
        Kept(item_id, repo_id, whole(path, name), there, frozen) for item_id, repo_id, path, name, there, frozen in rows
    ]


def put(bundle_id: int, targets: Sequence[Target], said: Properties, stamp: Stamp) -> Tx[int]:
    """Put the files of a version to their places; how many were there already. Nothing is in the way of any.

    A file gets the frozen properties, and in their place those that were `said` of the same key. A file that is there
    with the same bytes keeps what other properties it has (contract release-bundle 6.3, 6.4).
    """
    there = yield from kept(bundle_id, targets)
    yield from _annotate(there, said, stamp)
    for target in targets:
        yield from items.add_folders_at(target.repo.id, sorted(_folders(target)), stamp)
    values = {"bundle_id": bundle_id, "targets": parameter(targets), "now": stamp.at, "by": stamp.by}
    if said:
        yield from run(PUT_WITH_SETS, entries=(yield from _entries(targets, said)), **values)
    else:
        yield from run(PUT, **values)
    return len(there)


def _entries(targets: Sequence[Target], said: Properties) -> Tx[str]:
    """The parameter of files, each with the set of its frozen properties and those that were said."""
    artifacts = {target.repo.package_type: target.artifacts for target in targets}
    frozen = sorted({artifact.set_id for some in artifacts.values() for artifact in some})
    old = yield from properties.of_sets(frozen)
    new = yield from properties.sets_of([with_properties(old[set_id], said) for set_id in frozen])
    sets = dict(zip(frozen, new, strict=True))
    rows = [(a.package_type, a.path, a.name, sets[a.set_id]) for some in artifacts.values() for a in some]
    return orjson.dumps(rows).decode()


def _annotate(files: Sequence[Kept], said: Properties, stamp: Stamp) -> Tx[None]:
    pairs = sorted({(file.there, file.frozen) for file in files})
    old = yield from properties.of_sets(sorted({set_id for pair in pairs for set_id in pair}))
    new = yield from properties.sets_of([with_properties(old[there], old[frozen], said) for there, frozen in pairs])
    sets = dict(zip(pairs, new, strict=True))
    changed = [(file.item_id, sets[file.there, file.frozen]) for file in files]
    entries = [
        (item_id, set_id) for (item_id, set_id), file in zip(changed, files, strict=True) if set_id != file.there
    ]
    yield from run(ANNOTATE, entries=orjson.dumps(entries).decode(), now=stamp.at)


def _folders(target: Target) -> set[str]:
    return folders_of({artifact.path for artifact in target.artifacts})
