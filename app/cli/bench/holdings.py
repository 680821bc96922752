"""Fills the database of a server that does not run with artifact repositories and files; their bytes are not stored."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from app.artifacts import items, properties, repositories
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository
from app.db.connect import connect
from app.db.tx import Tx, run

BY = Stamp("bench", 1)
#: Files of a folder, and files that are added by one transaction.
FOLDER, CHUNK = 100, 10_000
ADD_BLOBS = """
    INSERT INTO blobs (sha256, sha1, md5, size, place, used)
    SELECT entry.sha256, entry.sha1, entry.md5, 10, entry.sha256, 1
    FROM :rows(entries; path text, name text, sha256 text, sha1 text, md5 text) AS entry
"""
ADD_FILES = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
        updated
    )
    SELECT :repo_id, entry.path, entry.name, FALSE, 3, blobs.id, :set_id, '', '', 1, 'bench', 1, 'bench', 1
    FROM :rows(entries; path text, name text, sha256 text, sha1 text, md5 text) AS entry
    JOIN blobs ON blobs.sha256 = entry.sha256
"""


def add_repositories(url: str, keys: Iterable[str]) -> None:
    """Add local repositories."""
    asyncio.run(_write(url, [_repositories(keys)]))


def add_files(url: str, key: str, number: str, count: int) -> None:
    """Add files that a build of this number made."""
    asyncio.run(_write(url, (_files(key, number, range(at, min(at + CHUNK, count))) for at in range(0, count, CHUNK))))


def build_info(key: str, number: str, count: int) -> bytes:
    """The build-info that lists these files."""
    listed = [
        {"name": name, "path": f"{folder}/{name}", "originalDeploymentRepo": key, "sha1": sha1, "sha256": sha256,
         "md5": md5}
        for folder, name, sha256, sha1, md5 in _rows(number, range(count))
    ]  # fmt: skip
    said = {"name": "bench", "number": number, "started": "2024-03-09T14:05:06.700+0000"}
    return orjson.dumps(said | {"modules": [{"id": "m", "artifacts": listed}]})


async def _write(url: str, transactions: Iterable[Tx[Any]]) -> None:
    db = connect(url)
    await db.open()
    try:
        for tx in transactions:
            await db.alter(tx)
    finally:
        await db.close()


def _repositories(keys: Iterable[str]) -> Tx[None]:
    for key in keys:
        yield from repositories.add(ArtifactRepository(0, key), BY.by)


def _files(key: str, number: str, numbers: range) -> Tx[None]:
    repo = yield from repositories.find(key)
    entries = list(_rows(number, numbers))
    for folder in dict.fromkeys(entry[0] for entry in entries):
        yield from items.add_folders(repo.id, folder, BY)
    set_id = yield from properties.set_of({"build.name": ["bench"], "build.number": [number]})
    rows = orjson.dumps(entries).decode()
    yield from run(ADD_BLOBS, entries=rows)
    yield from run(ADD_FILES, entries=rows, repo_id=repo.id, set_id=set_id)


def _rows(number: str, numbers: range) -> Iterator[tuple[str, str, str, str, str]]:
    """Folder, name, SHA-256, SHA-1 and MD5 of files."""
    for at in numbers:
        data = f"{number}/{at}".encode()
        sums = (hashlib.sha256(data), hashlib.sha1(data), hashlib.md5(data))  # noqa: S324 - names of bytes
        sha256, sha1, md5 = (found.hexdigest() for found in sums)
        yield f"{number}/d{at // FOLDER}", f"file-{at}.jar", sha256, sha1, md5
