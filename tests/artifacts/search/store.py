"""Artifact repositories with files, properties and runs, made by the store's own functions."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.artifacts import items, properties, repositories
from app.artifacts.blobs import rows as blobs
from app.artifacts.blobs.store import Received
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository, Item, Sums, depth, parted
from app.artifacts.rights import Rights
from app.artifacts.search import query
from app.artifacts.search.search import search, text_of
from app.db.connect import Database
from app.db.tx import Tx, run
from tests.artifacts.conftest import NOW

EVERYTHING = Rights(everything=True)
BUILDS = "artifactory-build-info"


def sums_of(content: str) -> Sums:
    """The checksums of a text."""
    data = content.encode()
    return Sums(*(hashlib.new(name, data).hexdigest() for name in ("sha256", "sha1", "md5")))


def add_repository(key: str, **fields: Any) -> Tx[ArtifactRepository]:
    made = yield from repositories.add(ArtifactRepository(0, key, created=NOW, **fields), "ada")
    assert made is not None
    return made


def add_virtual(key: str, *members: ArtifactRepository) -> Tx[ArtifactRepository]:
    made = yield from add_repository(key, kind="virtual")
    for position, member in enumerate(members):
        yield from run(
            "INSERT INTO virtual_members (virtual_id, position, member_id) VALUES (:made, :at, :member)",
            made=made.id, at=position, member=member.id,
        )  # fmt: skip
    return made


def put(
    repo: ArtifactRepository, path: str, content: str = "", props: Mapping[str, Sequence[str]] | None = None,
    *, at: int = NOW, by: str = "ada", size: int | None = None,
) -> Tx[int]:  # fmt: skip
    """Put a file; the id of the item."""
    sums = sums_of(content)
    received = Received(sums, len(content) if size is None else size, sums.sha256)
    blob = yield from blobs.add(received, at // 1000)
    folder, name = parted(path)
    yield from items.add_folders(repo.id, "" if folder == "." else folder, Stamp(by, at))
    set_id = yield from properties.set_of(props or {})
    item = Item(0, repo.id, folder, name, False, depth(path), blob.id, set_id, "", sums, at, by, at, by, at)
    return (yield from items.put(item))


def add_run(
    name: str, number: str, artifacts: Sequence[str] = (), dependencies: Sequence[str] = (), *,
    at: int = NOW, key: str = BUILDS,
) -> Tx[int]:  # fmt: skip
    """Add a run that lists the checksums of these contents; the id of its item. The name must need no encoding."""
    repo = yield from repositories.ensure_system(key, "buildinfo", "", NOW)
    path = f"{name}/{number}-{at}.json"
    item_id = yield from put(repo, path, f"{key}:{path}", at=at)
    yield from run(ADD_RUN, repo_id=repo.id, item_id=item_id, name=name, number=number, started=at)
    for table, contents in (("module_artifacts", artifacts), ("module_dependencies", dependencies)):
        entries = [[position, *_sums(content)] for position, content in enumerate(contents)]
        more = "type, path, repo" if table == "module_artifacts" else "type, scopes, repo"
        yield from run(
            ADD_PARTS.format(table=table, more=more), item_id=item_id, entries=orjson.dumps(entries).decode()
        )
    return item_id


def _sums(content: str) -> tuple[str, str, str]:
    sums = sums_of(content)
    return sums.sha1, sums.md5, sums.sha256


ADD_RUN = """
    INSERT INTO runs (
        repo_id, item_id, name, number, started, started_text, published, published_by, statuses, version
    ) VALUES (:repo_id, :item_id, :name, :number, :started, '', :started, 'ada', '[]', 1)
"""
ADD_PARTS = """
    INSERT INTO {table} (run_id, position, module, name, {more}, sha1, md5, sha256)
    SELECT runs.id, entry.position, 'm', 'n', '', '', '', entry.sha1, entry.md5, entry.sha256
    FROM :rows(entries; position bigint, sha1 text, md5 text, sha256 text) AS entry CROSS JOIN runs
    WHERE runs.item_id = :item_id
"""


async def answer(db: Database, text: str, rights: Rights = EVERYTHING) -> dict[str, Any]:
    """The answer to a query."""
    found, first = await search(db, query.read(text, NOW), rights)
    whole = b"".join([part async for part in text_of(db, found, first)])
    read: dict[str, Any] = orjson.loads(whole)
    return read


async def paths(db: Database, text: str, rights: Rights = EVERYTHING) -> list[str]:
    """The whole paths of what a query finds, in its order, with their repositories."""
    found = await answer(db, text, rights)
    assert found["range"]["total"] == len(found["results"])
    return [
        f"{item['repo']}:{item['name']}" if item["path"] == "." else f"{item['repo']}:{item['path']}/{item['name']}"
        for item in found["results"]
    ]
