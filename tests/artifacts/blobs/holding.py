"""Repositories with files, as rows."""

import time

from app.artifacts import items, properties
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import BlobStore, Received
from app.artifacts.items import Stamp
from app.artifacts.model import TOP, Item, depth, parted
from app.db import holdings, schema
from app.db.connect import Database
from app.db.tx import Tx, one, run
from tests.artifacts.blobs.bodies import coming

#: Unix seconds; near to the times of files.
NOW = int(time.time())
DAY = 24 * 3600
REPO = schema.insert_sql(holdings.artifact_repos)


def repository(key: str) -> Tx[int]:
    """A new local repository; its id."""
    words = dict.fromkeys(("package_type", "project", "system", "description", "notes", "excludes", "layout"), "")
    row = yield from one(
        REPO, key=key, kind="local", **words, includes="**/*", environments="[]", immutable=False, deploy_to=0,
        settings="{}", created=0, updated=0,
    )  # fmt: skip
    assert row is not None
    yield from one(items.PUT, **items.MAPPER.values(Item(0, row["id"], TOP, TOP, True, 0, None)))
    return int(row["id"])


def file(
    repo_id: int, path: str, received: Received, now: int = NOW, pairs: tuple[tuple[str, str], ...] = ()
) -> Tx[str]:
    """Put a file; the place of its bytes."""
    yield from items.add_folders(repo_id, path.rpartition("/")[0], Stamp("ada", now * 1000))
    blob = yield from rows.add(received, now)
    set_id = yield from properties.set_of(properties.of_pairs(pairs))
    folder, name = parted(path)
    yield from items.put(Item(0, repo_id, folder, name, False, depth(path), blob.id, set_id))
    return blob.place


async def put(
    db: Database, store: BlobStore, repo_id: int, path: str, body: bytes, now: int = NOW, **properties: str
) -> str:
    """Upload a file; the place of its bytes."""
    received = await store.receive(coming(body), size=len(body))
    place = await db.write(file(repo_id, path, received, now, tuple(properties.items())))
    if place != received.place:
        await store.remove(received.place)
    return place


def drop(repo_id: int, path: str) -> Tx[None]:
    """Delete a file; its bytes stay."""
    yield from items.remove_tree(repo_id, path)


def unused(received: Received, now: int = NOW) -> Tx[None]:
    """A blob without an item."""
    yield from rows.add(received, now)


def unused_set(digest: str) -> Tx[None]:
    """A set of properties without an item."""
    yield from run("INSERT INTO property_sets (digest) VALUES (:digest)", digest=digest)
