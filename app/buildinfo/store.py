"""The SQL of runs and of what their modules list. The file of a run is an item; the run is deleted with the item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.artifacts import items
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import Received
from app.artifacts.items import Stamp
from app.artifacts.model import Blob, Item, Sums, depth
from app.artifacts.visible import VISIBLE, Visible
from app.buildinfo import names
from app.buildinfo.document import Document
from app.buildinfo.model import Artifact, Dependency, Entries, Part, Run
from app.buildinfo.names import Pair
from app.db import holdings, schema
from app.db.mapper import Codec, Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Conflict, NotFound

#: The newest run of the first name and number that has a run.
FIRST = """
    SELECT runs.* FROM :rows(wanted; position bigint, name text, number text) AS wanted
    JOIN runs ON runs.repo_id = :repo_id AND runs.name = wanted.name AND runs.number = wanted.number
    ORDER BY wanted.position, runs.started DESC LIMIT 1
"""
AT = """
    SELECT runs.* FROM :rows(wanted; position bigint, name text, number text) AS wanted
    JOIN runs ON runs.repo_id = :repo_id AND runs.name = wanted.name AND runs.number = wanted.number
        AND runs.started = :started
    ORDER BY wanted.position LIMIT 1
"""
OF_NAME = "SELECT * FROM runs WHERE repo_id = :repo_id AND name = :name ORDER BY started DESC, id DESC"
ANY = "SELECT id FROM runs WHERE repo_id = :repo_id AND name = :name LIMIT 1"
_NEWEST = """
    SELECT runs.name, runs.started_text
    FROM (SELECT runs.name, MAX(runs.started) AS started FROM runs {which} GROUP BY runs.name) AS newest
    JOIN runs ON runs.repo_id = :repo_id AND runs.name = newest.name AND runs.started = newest.started
    ORDER BY runs.name, runs.id
"""
#: The newest run of each name.
NEWEST = _NEWEST.format(which="WHERE runs.repo_id = :repo_id")
#: The same, of the runs whose files the caller may read.
NEWEST_VISIBLE = _NEWEST.format(
    which=f"JOIN items ON items.id = runs.item_id WHERE runs.repo_id = :repo_id AND {VISIBLE}"
)
LAST = "SELECT MAX(published) AS at FROM runs WHERE repo_id = :repo_id"
FILE = "SELECT blobs.* FROM items JOIN blobs ON blobs.id = items.blob_id WHERE items.id = :item_id"
ADD = schema.insert_sql(holdings.runs)
#: Changes nothing when another transaction has changed the run first.
REPLACE = (
    "UPDATE runs SET version = version + 1, statuses = :statuses WHERE id = :id AND version = :version RETURNING id"
)
REPLACE_BLOB = """
    UPDATE items SET blob_id = :blob_id, modified = :now, modified_by = :by, updated = :now WHERE id = :item_id
"""
ADD_ARTIFACTS = """
    INSERT INTO module_artifacts (run_id, position, module, name, type, path, repo, sha1, md5, sha256)
    SELECT :run_id, entry.position, entry.module, entry.name, entry.type, entry.path, entry.repo, entry.sha1,
        entry.md5, entry.sha256
    FROM :rows(entries; position bigint, module text, name text, type text, path text, repo text, sha1 text, md5 text,
        sha256 text) AS entry
"""
ADD_DEPENDENCIES = """
    INSERT INTO module_dependencies (run_id, position, module, name, type, scopes, repo, sha1, md5, sha256)
    SELECT :run_id, entry.position, entry.module, entry.name, entry.type, entry.scopes, entry.repo, entry.sha1,
        entry.md5, entry.sha256
    FROM :rows(entries; position bigint, module text, name text, type text, scopes text, repo text, sha1 text,
        md5 text, sha256 text) AS entry
"""
ADD_PARTS = """
    INSERT INTO run_parts (run_id, position, module, sha1)
    SELECT :run_id, entry.position, entry.module, entry.sha1
    FROM :rows(entries; position bigint, module text, sha1 text) AS entry
"""
ARTIFACTS = "SELECT * FROM module_artifacts WHERE run_id = :run_id ORDER BY position"
DEPENDENCIES = "SELECT * FROM module_dependencies WHERE run_id = :run_id ORDER BY position"
PARTS = "SELECT * FROM run_parts WHERE run_id = :run_id ORDER BY position"
REMOVE_FILES = "DELETE FROM items WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS gone)"

_STATUSES: Codec = (lambda value: orjson.dumps(value).decode(), lambda text: tuple(orjson.loads(text)))
MAPPER = Mapper(Run, holdings.runs, codecs={"statuses": _STATUSES})
MIME = "application/json"


class NoRun(NotFound):
    """There is no such run."""

    code = "no_run"


class Stale(Conflict):
    """Another caller has changed the run first; the change can be made anew."""

    code = "run_changed"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A run, and the file that shall replace the file of the run."""

    run: Run
    document: Document
    received: Received


def no_run(name: str, number: str, key: str) -> NoRun:
    """The error for a run that is not there, or that the caller may not read."""
    return NoRun(f"Build '{name}' #{number} not found in '{key}'")


def no_build(name: str, key: str) -> NoRun:
    """The error for a name without a run, or without one that the caller may read."""
    return NoRun(f"Build '{name}' not found in '{key}'")


def find_run(repo_id: int, name: str, number: str, started: int | None = None) -> Tx[Run | None]:
    """The run of a name and a number that began at `started`, or else the one that began last; None without one."""
    return (yield from find_first(repo_id, [(name, number)], started))


def find_first(repo_id: int, wanted: Sequence[Pair], started: int | None = None) -> Tx[Run | None]:
    """The same, of the first of several names and numbers that has such a run."""
    entries = orjson.dumps([(at, *pair) for at, pair in enumerate(wanted)]).decode()
    if started is None:
        row = yield from one(FIRST, repo_id=repo_id, wanted=entries)
    else:
        row = yield from one(AT, repo_id=repo_id, wanted=entries, started=started)
    return MAPPER.make(row) if row is not None else None


def runs_of(repo_id: int, name: str) -> Tx[list[Run]]:
    """All runs of a name, the newest first."""
    return [MAPPER.make(row) for row in (yield from many(OF_NAME, repo_id=repo_id, name=name))]


def has_runs(repo_id: int, name: str) -> Tx[bool]:
    """Whether a name has a run."""
    return (yield from one(ANY, repo_id=repo_id, name=name)) is not None


def newest(repo_id: int, visible: Visible) -> Tx[dict[str, str]]:
    """When the newest run of each name began, by name, of the runs that the caller may read."""
    if repo_id in visible.whole:
        rows_found = yield from many(NEWEST, repo_id=repo_id)
    else:
        rows_found = yield from many(NEWEST_VISIBLE, repo_id=repo_id, **visible.parameters())
    return {row["name"]: row["started_text"] for row in rows_found}


def entries(run_id: int) -> Tx[Entries]:
    """What the modules of a run list."""
    artifacts = tuple(
        Artifact(row["module"], row["name"], row["type"], row["path"], row["repo"], _sums(row))
        for row in (yield from many(ARTIFACTS, run_id=run_id))
    )
    dependencies = tuple(
        Dependency(row["module"], row["name"], row["type"], tuple(orjson.loads(row["scopes"])), row["repo"], _sums(row))
        for row in (yield from many(DEPENDENCIES, run_id=run_id))
    )
    parts = tuple(Part(row["module"], row["sha1"]) for row in (yield from many(PARTS, run_id=run_id)))
    return Entries(artifacts, dependencies, parts)


def _sums(row: Any) -> Sums:
    return Sums(row["sha256"], row["sha1"], row["md5"])


def file_of(run: Run) -> Tx[Blob]:
    """The bytes of a run's file. Stale when the run was deleted meanwhile."""
    row = yield from one(FILE, item_id=run.item_id)
    if row is None:
        raise Stale("the run was deleted meanwhile")
    return rows.MAPPER.make(row)


def add(repo_id: int, document: Document, received: Received, stamp: Stamp) -> Tx[tuple[Run, Blob]]:
    """Add a run with its file, and the blob that the file names. Conflict when something else is at the file's path.

    The caller holds the repository. Runs are published one after another: each file is newer than all before it.
    """
    row = yield from one(LAST, repo_id=repo_id)
    at = max(stamp.at, (row["at"] or 0) + 1 if row is not None else 0)
    blob = yield from rows.add(received, stamp.at // 1000)
    item_id = yield from add_file(repo_id, document.name, document.number, document.started, blob, Stamp(stamp.by, at))
    run_made = Run(
        0, repo_id, item_id, document.name, document.number, document.started, document.started_text, at, stamp.by,
        document.statuses,
    )  # fmt: skip
    added = yield from one(ADD, **MAPPER.values(run_made))
    assert added is not None
    yield from _add_entries(added["id"], document.entries)
    return Run(**{**run_made.__dict__, "id": added["id"]}), blob


def add_file(repo_id: int, name: str, number: str, started: int, blob: Blob, stamp: Stamp) -> Tx[int]:
    """Put the file of a run; its id. Conflict when something else is at its path."""
    folder, file = names.folder(name), names.file_name(number, started)
    if (yield from items.find(repo_id, f"{folder}/{file}")) is not None:
        raise path_taken(f"{folder}/{file}")
    yield from items.add_folders(repo_id, folder, stamp)
    wanted = Item(
        0, repo_id, folder, file, False, depth(f"{folder}/{file}"), blob.id, mime=MIME,
        created=stamp.at, created_by=stamp.by, modified=stamp.at, modified_by=stamp.by, updated=stamp.at,
    )  # fmt: skip
    return (yield from items.put(wanted))


def path_taken(path: str) -> Conflict:
    """The error for a run whose path is taken: names that differ only in white space have one path."""
    words = f"{path} is there already, of a build whose name differs only in white space; choose another name"
    return Conflict(words, code="file_in_the_way")


def replace_file(rewritten: Rewritten, stamp: Stamp) -> Tx[Blob]:
    """Give a run another file and other statuses; the blob that the file names. The file keeps when it was created.

    Stale when another transaction has changed the run first. What the modules list stays, see `replace_entries`.
    """
    run_found = rewritten.run
    statuses = orjson.dumps(rewritten.document.statuses).decode()
    changed = yield from one(REPLACE, id=run_found.id, version=run_found.version, statuses=statuses)
    if changed is None:
        raise Stale("another caller has changed the run at the same time; try again")
    blob = yield from rows.add(rewritten.received, stamp.at // 1000)
    yield from run(REPLACE_BLOB, item_id=run_found.item_id, blob_id=blob.id, now=stamp.at, by=stamp.by)
    return blob


def replace_entries(run_id: int, listed: Entries) -> Tx[None]:
    """Replace what the modules of a run list."""
    for table in ("module_artifacts", "module_dependencies", "run_parts"):
        yield from run(f"DELETE FROM {table} WHERE run_id = :run_id", run_id=run_id)  # noqa: S608 - a fixed name
    yield from _add_entries(run_id, listed)


def remove(runs: Sequence[Run]) -> Tx[None]:
    """Remove runs with their files."""
    yield from run(REMOVE_FILES, ids=orjson.dumps([[found.item_id] for found in runs]).decode())


def _add_entries(run_id: int, listed: Entries) -> Tx[None]:
    artifacts = [
        (at, e.module, e.name, e.type, e.path, e.repo, e.sums.sha1, e.sums.md5, e.sums.sha256)
        for at, e in enumerate(listed.artifacts)
    ]
    dependencies = [
        (at, e.module, e.name, e.type, orjson.dumps(e.scopes).decode(), e.repo, e.sums.sha1, e.sums.md5, e.sums.sha256)
        for at, e in enumerate(listed.dependencies)
    ]
    parts = [(at, part.module, part.sha1) for at, part in enumerate(listed.parts)]
    for sql, found in ((ADD_ARTIFACTS, artifacts), (ADD_DEPENDENCIES, dependencies), (ADD_PARTS, parts)):
        if found:
            yield from run(sql, run_id=run_id, entries=orjson.dumps(found).decode())
