"""The SQL of versions of release bundles, and of the artifacts in them.

What changes a version holds its row first, so that changes of a version come one after another.
"""

from collections.abc import Iterable, Sequence

import orjson

from app.bundles.model import Artifact, Bundle, MessageJSON, Status
from app.db import releases, schema
from app.db.mapper import Codec, Mapper
from app.db.tx import Tx, many, one, run
from app.errors import NotFound

ADD = schema.insert_sql(releases.bundles, "ON CONFLICT (repo_id, name, version) DO NOTHING RETURNING id")
BY_ID = "SELECT * FROM bundles WHERE id = :id"
HOLD = f"{BY_ID} :exclusive"
FIND = """
    SELECT bundles.* FROM artifact_repos JOIN bundles ON bundles.repo_id = artifact_repos.id
    WHERE artifact_repos.key = :key AND artifact_repos.system = 'bundles'
        AND bundles.name = :name AND bundles.version = :version
"""
#: SQLite reads the tables of a CROSS JOIN in their order; else it would read all versions.
EVERYWHERE = """
    SELECT artifact_repos.key, bundles.id FROM artifact_repos CROSS JOIN bundles
    WHERE bundles.repo_id = artifact_repos.id AND artifact_repos.system = 'bundles'
        AND bundles.name = :name AND bundles.version = :version
"""
SET_STATUS = "UPDATE bundles SET status = :status, messages = :messages WHERE id = :id"
SIGNED = "UPDATE bundles SET status = 'COMPLETED', manifest = :manifest WHERE id = :id"
SET_TAG = "UPDATE bundles SET tag = :tag WHERE id = :id"
SET_CONTENT = "UPDATE bundles SET sources = :sources, files = :files, size = :size WHERE id = :id"
REMOVE = "DELETE FROM bundles WHERE id = :id"
REMOVE_FAILED = "DELETE FROM bundles WHERE id = :id AND status = 'FAILED'"
ADD_ARTIFACTS = """
    INSERT INTO bundle_artifacts (bundle_id, package_type, path, name, source, blob_id, set_id, mime)
    SELECT :bundle_id, entry.package_type, entry.path, entry.name, entry.source, entry.blob_id, entry.set_id, entry.mime
    FROM :rows(
        entries; package_type text, path text, name text, source text, blob_id bigint, set_id bigint, mime text
    ) AS entry
"""
ARTIFACTS = """
    SELECT package_type, path, name, source, blob_id, set_id, mime, blobs.sha256, blobs.size
    FROM bundle_artifacts JOIN blobs ON blobs.id = bundle_artifacts.blob_id
    WHERE bundle_id = :bundle_id ORDER BY package_type, path, name
"""


def _dump(value: object) -> str:
    return orjson.dumps(value).decode()


MESSAGES: Codec = (lambda value: _dump(list(value)), orjson.loads)
OBJECT: Codec = (lambda value: _dump(dict(value)), orjson.loads)
MAPPER = Mapper(Bundle, releases.bundles, codecs={"sources": OBJECT, "messages": MESSAGES})


class NoBundle(NotFound):
    """There is no such version of a release bundle."""

    code = "no_bundle"


def no_bundle(key: str, name: str, version: str) -> NoBundle:
    """The error that names the version that is not there."""
    return NoBundle(f"there is no version {version} of the release bundle {name} in {key}: not found")


def add(bundle: Bundle) -> Tx[Bundle | None]:
    """Add a version; None when it is there already."""
    row = yield from one(ADD, **MAPPER.values(bundle))
    return (yield from by_id(row["id"])) if row is not None else None


def by_id(bundle_id: int) -> Tx[Bundle | None]:
    """The version of an id."""
    row = yield from one(BY_ID, id=bundle_id)
    return MAPPER.make(row) if row is not None else None


def hold(bundle_id: int) -> Tx[Bundle | None]:
    """The version as it is now; no other transaction changes it until this one ends."""
    row = yield from one(HOLD, id=bundle_id)
    return MAPPER.make(row) if row is not None else None


def find(key: str, name: str, version: str) -> Tx[Bundle | None]:
    """A version in the repository of a key."""
    row = yield from one(FIND, key=key, name=name, version=version)
    return MAPPER.make(row) if row is not None else None


def homes_of(name: str, version: str) -> Tx[list[str]]:
    """The keys of the repositories that have a version of this name."""
    return [str(row["key"]) for row in (yield from many(EVERYWHERE, name=name, version=version))]


def set_status(bundle_id: int, status: Status, messages: Sequence[MessageJSON] = ()) -> Tx[None]:
    """Give a version another state, and what is told of it."""
    yield from run(SET_STATUS, id=bundle_id, status=status, messages=_dump(list(messages)))


def signed(bundle_id: int, manifest: str) -> Tx[None]:
    """The version is completed; `manifest` is the SHA-256 of its signed manifest."""
    yield from run(SIGNED, id=bundle_id, manifest=manifest)


def set_tag(bundle_id: int, tag: str) -> Tx[None]:
    """Give a version a tag; an empty one removes it."""
    yield from run(SET_TAG, id=bundle_id, tag=tag)


def set_content(bundle_id: int, sources: object, files: int, size: int) -> Tx[None]:
    """Store what a draft is made from now."""
    yield from run(SET_CONTENT, id=bundle_id, sources=_dump(sources), files=files, size=size)


def remove(bundle_id: int) -> Tx[None]:
    """Remove a version with its artifacts, promotions, evidence and work; not its items."""
    yield from run(REMOVE, id=bundle_id)


def give_way(failed: Bundle) -> Tx[None]:
    """Remove a version whose creation has failed; nothing happens if another caller deletes it, or has made it anew."""
    yield from run(REMOVE_FAILED, id=failed.id)


def add_artifacts(bundle_id: int, artifacts: Iterable[Artifact]) -> Tx[None]:
    """Freeze artifacts. The caller has made sure that no two have one type and path, and that their blobs stay."""
    entries = [artifact[:7] for artifact in artifacts]
    yield from run(ADD_ARTIFACTS, bundle_id=bundle_id, entries=_dump(entries))


def artifacts_of(bundle_id: int) -> Tx[list[Artifact]]:
    """The artifacts of a version, in the order of type and path."""
    return [Artifact(*row) for row in (yield from many(ARTIFACTS, bundle_id=bundle_id))]
