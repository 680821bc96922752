"""Puts the files of a version into the repository of bundles, where downloads and searches find them.

Contract release-bundle 3.5. Files are rows: no byte is copied. One statement puts all of them.
"""

from collections.abc import Iterable, Sequence

from app.artifacts import items, repositories
from app.artifacts.items import Stamp
from app.artifacts.model import TOP, Blob, Item, depth, parted, whole
from app.bundles import names
from app.bundles.model import Artifact, Bundle
from app.bundles.union import folders_of
from app.db.tx import Tx, many, run

#: A file that lies at the path of a folder cannot be there: a version has no such files.
PUT_ALL = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
        updated
    )
    SELECT :repo_id, :root || package_type || CASE WHEN path = '.' THEN '' ELSE '/' || path END, name, FALSE,
        :depth + CASE WHEN path = '.' THEN 0 ELSE 1 + length(path) - length(replace(path, '/', '')) END,
        blob_id, set_id, mime, '', :now, :by, :now, :by, :now
    FROM bundle_artifacts WHERE bundle_id = :bundle_id
    ON CONFLICT (repo_id, path, name) DO UPDATE SET blob_id = excluded.blob_id, set_id = excluded.set_id,
        mime = excluded.mime, modified = excluded.modified, modified_by = excluded.modified_by,
        updated = excluded.updated
"""
#: The artifacts of a version at whose places there are no files with their bytes.
ASTRAY = """
    SELECT artifact.package_type, artifact.path, artifact.name FROM bundle_artifacts AS artifact
    LEFT JOIN items ON items.repo_id = :repo_id AND items.name = artifact.name AND items.blob_id = artifact.blob_id
        AND items.path = :root || artifact.package_type || CASE WHEN artifact.path = '.' THEN ''
            ELSE '/' || artifact.path END
    WHERE artifact.bundle_id = :bundle_id AND items.id IS NULL
    ORDER BY artifact.package_type, artifact.path, artifact.name
"""
MANIFEST_MIME = "application/json"


def folders(name: str, version: str, artifacts: Iterable[Artifact]) -> list[str]:
    """The folders of a version, the outermost first."""
    found = {names.folder(name, version)}
    for kind, path in {(artifact.package_type, artifact.path) for artifact in artifacts}:
        root = names.artifacts(name, version, kind)
        found.add(root if path == TOP else f"{root}/{path}")
    return sorted(folders_of(found))


def put(bundle: Bundle, folders: Sequence[str], manifest: Blob, stamp: Stamp) -> Tx[None]:
    """Put the artifacts of a version, and its signed manifest, into these folders of its repository."""
    yield from repositories.share(bundle.repo_id)
    yield from items.add_folders_at(bundle.repo_id, folders, stamp)
    root = names.artifacts(bundle.name, bundle.version, "")
    yield from run(
        PUT_ALL,
        bundle_id=bundle.id,
        repo_id=bundle.repo_id,
        root=root,
        depth=depth(root) + 1,
        now=stamp.at,
        by=stamp.by,
    )
    path = names.manifest(bundle.name, bundle.version)
    item = Item(
        0,
        bundle.repo_id,
        *parted(path),
        folder=False,
        depth=depth(path),
        blob_id=manifest.id,
        mime=MANIFEST_MIME,
        created=stamp.at,
        created_by=stamp.by,
        modified=stamp.at,
        modified_by=stamp.by,
        updated=stamp.at,
    )
    yield from items.put(item)


def astray(bundle: Bundle) -> Tx[list[str]]:
    """The artifacts of a signed version, each as type and path, that its repository does not have as they are."""
    root = names.artifacts(bundle.name, bundle.version, "")
    rows = yield from many(ASTRAY, bundle_id=bundle.id, repo_id=bundle.repo_id, root=root)
    return [f"{row['package_type']}/{whole(row['path'], row['name'])}" for row in rows]
