"""Versions of release bundles as rows, with the items that show them in storage."""

from collections.abc import Iterable

from app.artifacts import items, repositories
from app.artifacts.blobs import rows as blobs
from app.artifacts.blobs.store import Received
from app.artifacts.items import Found, Stamp
from app.artifacts.model import Item, depth, parted
from app.bundles import names, store
from app.bundles.model import BUNDLES, Artifact, Bundle, Status
from app.db.tx import Tx

NOW = 1_700_000_000_000


def frozen(
    name: str,
    version: str,
    source: str,
    paths: Iterable[str],
    *,
    key: str = BUNDLES,
    manifest: Received | None = None,
    status: Status = "COMPLETED",
) -> Tx[Bundle]:
    """Freeze files of a repository into a version; with a manifest, the version is there in storage."""
    repo = yield from repositories.ensure_system(key, "bundles", names.project_of(key), NOW)
    made = yield from store.add(Bundle(0, repo.id, name, version, status, NOW, 1, "octocat"))
    assert made is not None
    origin = yield from repositories.find(source)
    files = []
    for path in paths:
        found = yield from items.find(origin.id, path)
        assert found is not None
        files.append(found)
    yield from store.add_artifacts(made.id, [_artifact(found, source) for found in files])
    if manifest is not None:
        yield from _show(repo.id, names.artifacts(name, version, "generic"), files)
        blob = yield from blobs.add(manifest, NOW // 1000)
        path = names.manifest(name, version)
        yield from items.put(Item(0, repo.id, *parted(path), False, depth(path), blob.id, created_by="octocat"))
    return made


def _artifact(found: Found, source: str) -> Artifact:
    item, blob = found.item, found.file
    return Artifact("generic", item.path, item.name, source, blob.id, item.set_id, item.mime, blob.sha256, blob.size)


def _show(repo_id: int, folder: str, files: Iterable[Found]) -> Tx[None]:
    for found in files:
        path = f"{folder}/{found.item.whole_path}"
        yield from items.add_folders(repo_id, path.rpartition("/")[0], Stamp("octocat", NOW))
        item = Item(0, repo_id, *parted(path), False, depth(path), found.file.id, found.item.set_id, found.item.mime)
        yield from items.put(item)
