"""Puts the files of a promotion to their places, and gives them their properties.

Files are rows: no byte is copied. Each statement changes the rows of all files at once.
"""

from collections.abc import Iterable, Mapping, Sequence

from app.artifacts import items, properties, pruning
from app.artifacts.items import Stamp
from app.artifacts.model import parted
from app.artifacts.properties import Properties
from app.buildinfo.candidates import array, folder_rows, folders_of
from app.buildinfo.links import File
from app.buildinfo.selection import Decision
from app.buildinfo.store import Stale
from app.db.tx import Tx, many, run

REMOVE = "DELETE FROM items WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS gone)"
COPY = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
        updated
    )
    SELECT :repo_id, items.path, items.name, FALSE, items.depth, items.blob_id, entry.set_id, items.mime, items.sent,
        items.created, items.created_by, items.modified, items.modified_by, :now
    FROM :rows(entries; item_id bigint, set_id bigint) AS entry JOIN items ON items.id = entry.item_id
    WHERE TRUE ON CONFLICT (repo_id, path, name) DO NOTHING RETURNING id
"""
MOVE = """
    UPDATE items SET repo_id = :repo_id, set_id = entry.set_id, updated = :now
    FROM :rows(entries; item_id bigint, set_id bigint) AS entry WHERE items.id = entry.item_id RETURNING id
"""
SET_PROPERTIES = """
    UPDATE items SET set_id = entry.set_id, updated = :now
    FROM :rows(entries; item_id bigint, set_id bigint) AS entry WHERE items.id = entry.item_id
"""


def place(
    decision: Decision,
    repo_id: int,
    builds: Sequence[tuple[str, str]],
    said: Properties,
    stamp: Stamp,
    *,
    copy: bool,
    repos: Mapping[str, int],
) -> Tx[None]:
    """Put the files into a repository. `said` are the properties that artifacts get; `repos` are ids by key.

    Stale when another transaction has changed one of the files first.
    """
    moves, settled = decision.moves, decision.settled
    files = [*((move.file, move.run) for move in moves), *((done.file, done.run) for done in settled)]
    sets = yield from _sets({(file.set_id, run_at) for file, run_at in files if run_at >= 0}, builds, said)
    replaced = [move.replaces for move in moves if move.replaces]
    sources = [done.source for done in settled if done.source is not None]
    yield from _remove([*replaced, *(file.id for file in sources)])
    if moves:
        yield from _add_folders(repo_id, [move.file.path for move in moves], stamp)
        entries = [(move.file.id, sets.get((move.file.set_id, move.run), move.file.set_id)) for move in moves]
        done = yield from many(COPY if copy else MOVE, repo_id=repo_id, entries=array(entries), now=stamp.at)
        if len(done) != len(moves):
            raise Stale("another caller has changed the files at the same time; try again")
    yield from _annotate(((done.file, done.run) for done in settled), sets, stamp)
    if not copy:
        yield from _prune((repos[file.repo], file.path) for file in (*(move.file for move in moves), *sources))


def annotate(decision: Decision, said: Properties, stamp: Stamp) -> Tx[None]:
    """Give files that stay where they are the properties that artifacts get."""
    wanted = {(done.file.set_id, done.run) for done in decision.settled if done.run >= 0}
    sets = yield from _sets(wanted, [], said)
    yield from _annotate(((done.file, done.run) for done in decision.settled), sets, stamp)


def _annotate(files: Iterable[tuple[File, int]], sets: Mapping[tuple[int, int], int], stamp: Stamp) -> Tx[None]:
    changed = {
        file.id: new for file, run_at in files if (new := sets.get((file.set_id, run_at), file.set_id)) != file.set_id
    }
    if changed:
        yield from run(SET_PROPERTIES, entries=array(changed.items()), now=stamp.at)


def _sets(
    wanted: Iterable[tuple[int, int]], builds: Sequence[tuple[str, str]], said: Properties
) -> Tx[dict[tuple[int, int], int]]:
    """The set of properties that takes the place of a set, for each set and run."""
    keys = sorted(wanted)
    old = yield from properties.of_sets([set_id for set_id, _ in keys])
    new = [_properties(old[set_id], builds[run_at] if builds else None, said) for set_id, run_at in keys]
    ids = yield from properties.sets_of(new)
    return dict(zip(keys, ids, strict=True))


def _properties(old: Properties, build: tuple[str, str] | None, said: Properties) -> dict[str, Sequence[str]]:
    """The properties of a file that is promoted: those that were said replace values of the same key, and the file
    says of which run it is."""
    new = {**old, **said}
    for key, value in zip(("build.name", "build.number"), build or (), strict=False):
        if value not in new.get(key, ()):
            new[key] = [*new.get(key, ()), value]
    return new


def _remove(ids: Sequence[int]) -> Tx[None]:
    if ids:
        yield from run(REMOVE, ids=array([item_id] for item_id in ids))


def _add_folders(repo_id: int, paths: Iterable[str], stamp: Stamp) -> Tx[None]:
    rows = folder_rows(folders_of(paths))
    if rows:
        yield from run(items.ADD_FOLDERS, repo_id=repo_id, entries=array(rows), now=stamp.at, by=stamp.by)


def _prune(left: Iterable[tuple[int, str]]) -> Tx[None]:
    """Remove the folders that are empty now."""
    folders: dict[int, set[str]] = {}
    for repo_id, path in left:
        folders.setdefault(repo_id, set()).add(parted(path)[0])
    for repo_id in sorted(folders):
        yield from pruning.prune(repo_id, folders[repo_id])
