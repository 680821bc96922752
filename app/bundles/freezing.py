"""Freezes the content of a version: the rows of its artifacts, each only if its file is as it was when it was found.

One statement for all files of repositories, and one for all artifacts of other versions.
"""

from collections.abc import Iterable, Sequence

from app.buildinfo.candidates import array
from app.buildinfo.store import Stale
from app.bundles.union import Picked
from app.db.tx import Tx, one, run

#: Locks blobs and sets of properties in the order in which what collects unused ones does.
KEEP_BLOBS = """
    SELECT count(*) AS count FROM (
        SELECT id FROM blobs WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS wanted) ORDER BY sha256 :shared
    ) AS kept
"""
KEEP_SETS = """
    SELECT count(*) AS count FROM (
        SELECT id FROM property_sets WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS wanted) ORDER BY id :shared
    ) AS kept
"""
ADD_FILES = """
    INSERT INTO bundle_artifacts (bundle_id, package_type, path, name, source, blob_id, set_id, mime)
    SELECT :bundle_id, artifact_repos.package_type, items.path, items.name, artifact_repos.key, items.blob_id,
        items.set_id, items.mime
    FROM :rows(
        entries; item_id bigint, repo_id bigint, path text, name text, blob_id bigint, set_id bigint
    ) AS entry CROSS JOIN items CROSS JOIN artifact_repos
    WHERE items.id = entry.item_id AND items.repo_id = entry.repo_id AND items.path = entry.path
        AND items.name = entry.name AND items.blob_id = entry.blob_id AND items.set_id = entry.set_id
        AND artifact_repos.id = items.repo_id AND artifact_repos.kind = 'local'
"""
ADD_FROM_VERSIONS = """
    INSERT INTO bundle_artifacts (bundle_id, package_type, path, name, source, blob_id, set_id, mime)
    SELECT :bundle_id, old.package_type, old.path, old.name, old.source, old.blob_id, old.set_id, old.mime
    FROM :rows(entries; bundle_id bigint, package_type text, path text, name text) AS entry
    CROSS JOIN bundle_artifacts AS old CROSS JOIN bundles
    WHERE old.bundle_id = entry.bundle_id AND old.package_type = entry.package_type AND old.path = entry.path
        AND old.name = entry.name AND bundles.id = old.bundle_id AND bundles.status = 'COMPLETED'
"""
COUNT = "SELECT count(*) AS count FROM bundle_artifacts WHERE bundle_id = :bundle_id"


class Changed(Stale):
    """Another caller has changed a file first; the look-up can be made anew."""

    code = "source_changed"


def freeze(bundle_id: int, picked: Iterable[Picked], before: int = 0) -> Tx[None]:
    """Add the artifacts of a version that has `before` artifacts; Changed when one of the files is not the same."""
    new = list(picked)
    yield from _kept(KEEP_BLOBS, {each.artifact.blob_id for each in new})
    yield from _kept(KEEP_SETS, {each.artifact.set_id for each in new})
    files = [_file(each) for each in new if each.item_id]
    others = [(each.bundle_id, *each.artifact[:3]) for each in new if not each.item_id]
    if files:
        yield from run(ADD_FILES, bundle_id=bundle_id, entries=array(files))
    if others:
        yield from run(ADD_FROM_VERSIONS, bundle_id=bundle_id, entries=array(others))
    row = yield from one(COUNT, bundle_id=bundle_id)
    if row is None or row["count"] != before + len(new):
        raise _changed()


def _kept(sql: str, ids: set[int]) -> Tx[None]:
    """Keep rows until the transaction ends."""
    row = yield from one(sql, ids=array([row_id] for row_id in sorted(ids)))
    if row is None or row["count"] != len(ids):
        raise _changed()


def _file(each: Picked) -> Sequence[object]:
    artifact = each.artifact
    return each.item_id, each.repo_id, artifact.path, artifact.name, artifact.blob_id, artifact.set_id


def _changed() -> Changed:
    return Changed("another caller has changed the files of the sources at the same time; try again")
