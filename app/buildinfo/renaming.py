"""Gives all runs of a build another name.

Contract artifactory-build 4.9.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from app.artifacts import items, properties, pruning, repositories
from app.artifacts.access import Visitor
from app.artifacts.blobs import rows
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository, Blob, depth
from app.buildinfo import access, files, linking, moments, names, store
from app.buildinfo.files import Ports
from app.buildinfo.model import Run
from app.buildinfo.store import Rewritten, Stale
from app.db.tx import Tx, one, run
from app.errors import Invalid, Problem

RENAME = "UPDATE runs SET name = :name, version = version + 1 WHERE id = :id AND version = :version RETURNING id"
MOVE = """
    UPDATE items
    SET path = :path, depth = :depth, blob_id = :blob_id, modified = :now, modified_by = :by, updated = :now
    WHERE id = :id
"""
RENAME_PROMOTIONS = "UPDATE build_promotions SET name = :new WHERE repo_id = :repo_id AND name = :old"
#: A policy that was posted for the new name stays.
RENAME_POLICY = """
    UPDATE build_retention SET name = :new WHERE repo_id = :repo_id AND name = :old AND NOT EXISTS (
        SELECT 1 FROM build_retention AS other WHERE other.repo_id = :repo_id AND other.name = :new
    )
"""
#: A file whose properties were changed meanwhile keeps them.
SET_PROPERTIES = """
    UPDATE items SET set_id = :set_id, updated = :now
    WHERE set_id = :was AND id IN (SELECT id FROM :rows(ids; id bigint) AS changed)
"""


async def rename(ports: Ports, visitor: Visitor, repo: ArtifactRepository, old: str, new: str) -> int:
    """Rename a build; how many runs it has. Invalid when both names have a run of one number and start.

    NoRun when the build has no run.
    """

    async def attempt() -> int:
        runs = await ports.db.read(store.runs_of(repo.id, old))
        if not runs:
            raise store.no_build(old, repo.key)
        for found in runs:
            for action in ("deploy", "delete"):
                visitor.require(action, repo, names.path_of(old, found.number, found.started))
        changes = list[Rewritten]()
        try:
            for found in runs:
                changes.append(await files.rewritten(ports, found, lambda content: _rename(content, new)))
        except BaseException:  # also when the client hangs up: no row names these bytes
            await files.removed(ports, [change.received for change in changes])
            raise
        tx = _renaming(ports, visitor, repo, old, new, changes, visitor.stamp(ports.now_ms()))
        return await files.settled(ports, [change.received for change in changes], tx)

    return await files.repeated(attempt)


def _rename(content: dict[str, Any], new: str) -> None:
    content["name"] = new


def _renaming(
    ports: Ports,
    visitor: Visitor,
    repo: ArtifactRepository,
    old: str,
    new: str,
    changes: Sequence[Rewritten],
    stamp: Stamp,
) -> Tx[tuple[int, list[Blob]]]:
    yield from repositories.hold(repo.id)
    runs = yield from store.runs_of(repo.id, old)
    if {found.id for found in runs} != {change.run.id for change in changes}:
        raise Stale("another caller has changed the build at the same time; try again")
    there = {(found.number, found.started) for found in (yield from store.runs_of(repo.id, new))}
    if both := [found for found in runs if (found.number, found.started) in there]:
        words = (
            f"to: '{new}' has a run #{both[0].number} of {both[0].started_text} already, so the runs cannot be joined"
        )
        raise Invalid.of([Problem("to", "run_exists", words)])
    count = yield from _rename_files(repo, old, new, runs, stamp)
    blobs = list[Blob]()
    for change in changes:
        blobs.append((yield from _move(repo, new, change, stamp)))
    yield from pruning.prune(repo.id, [names.folder(old)])
    yield from run(RENAME_PROMOTIONS, repo_id=repo.id, old=old, new=new)
    yield from run(RENAME_POLICY, repo_id=repo.id, old=old, new=new)
    yield from ports.recorders.record(moments.renamed(visitor.by, repo, old, new, len(runs), count))
    return len(runs), blobs


def _move(repo: ArtifactRepository, new: str, change: Rewritten, stamp: Stamp) -> Tx[Blob]:
    found, folder = change.run, names.folder(new)
    if (yield from one(RENAME, id=found.id, version=found.version, name=new)) is None:
        raise Stale("another caller has changed a run of the build at the same time; try again")
    path = names.path_of(new, found.number, found.started)
    there = yield from items.find(repo.id, path)
    if there is not None and there.item.id != found.item_id:
        raise store.path_taken(path)
    yield from items.add_folders(repo.id, folder, stamp)
    blob = yield from rows.add(change.received, stamp.at // 1000)
    yield from run(MOVE, id=found.item_id, path=folder, depth=depth(path), blob_id=blob.id, now=stamp.at, by=stamp.by)
    return blob


def _rename_files(repo: ArtifactRepository, old: str, new: str, runs: Sequence[Run], stamp: Stamp) -> Tx[int]:
    """Give the artifacts of runs the new name of the build; how many there are."""
    by_set: dict[int, set[int]] = {}
    for found in runs:
        entries = yield from store.entries(found.id)
        known = yield from linking.candidates(old, found.number, repo.key)
        for _, fitting in linking.belonging(entries.artifacts, known):
            for file in fitting:
                by_set.setdefault(file.set_id, set()).add(file.item_id)
    sets = yield from properties.of_sets(sorted(by_set))
    for set_id, ids in by_set.items():
        values = dict.fromkeys(new if value == old else value for value in sets[set_id]["build.name"])
        renamed = yield from properties.set_of({**sets[set_id], "build.name": list(values)})
        entries_of = orjson.dumps([[item_id] for item_id in ids]).decode()
        yield from run(SET_PROPERTIES, set_id=renamed, was=set_id, now=stamp.at, ids=entries_of)
    return sum(len(ids) for ids in by_set.values())


def require(visitor: Visitor, key: str, old: Sequence[str], new: str) -> list[str]:
    """Of the names that a request may mean those that the caller may rename; Forbidden."""
    visitor.require("deploy", access.judged(key), access.all_of(new))
    return [name for name in access.named(visitor, "delete", key, old) if access.named(visitor, "deploy", key, [name])]
