"""A server that is killed while it promotes: all of the promotion is done, or nothing."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from app.artifacts import items, properties, repositories
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository
from app.db.tx import Tx, run
from tests.acceptance.server import Server
from tests.buildinfo.project import Project, module

pytestmark = pytest.mark.postgres

COUNT = 10_000
BLOBS = """
    INSERT INTO blobs (sha256, sha1, md5, size, place, used)
    SELECT entry.sha256, entry.sha1, entry.md5, 1, entry.sha256, 1
    FROM :rows(entries; sha256 text, sha1 text, md5 text) AS entry
"""
ITEMS = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
        updated
    )
    SELECT :repo_id, 'lib', blobs.sha1, FALSE, 2, blobs.id, :set_id, '', '', 1, 'test', 1, 'test', 1 FROM blobs
    WHERE blobs.sha1 IN (SELECT sha1 FROM :rows(entries; sha256 text, sha1 text, md5 text) AS entry)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A server of its own, with a build of 10,000 artifacts."""
    with Server(tmp_path / "server") as server:
        project = Project(server, "default")
        sums = [(f"{at:064x}", f"{at:040x}", f"{at:032x}") for at in range(COUNT)]
        project.drive(_store(orjson.dumps(sums).decode()))
        listed = [
            {"name": sha1, "path": f"lib/{sha1}", "originalDeploymentRepo": "dev-local", "sha1": sha1}
            for _, sha1, _ in sums
        ]
        project.publish("app", "1", modules=[module(*listed)])
        yield project


def _store(entries: str) -> Tx[None]:
    dev = yield from repositories.add(ArtifactRepository(0, "dev-local"), "test")
    yield from repositories.add(ArtifactRepository(0, "stage-local"), "test")
    assert dev is not None
    yield from items.add_folders(dev.id, "lib", Stamp("test", 1))
    set_id = yield from properties.set_of({"build.name": ["app"], "build.number": ["1"]})
    yield from run(BLOBS, entries=entries)
    yield from run(ITEMS, entries=entries, repo_id=dev.id, set_id=set_id)


def _promote(project: Project, **body: Any) -> None:
    try:
        answer = project.ask("POST", "build/promote/app/1", content=orjson.dumps(body))
        assert answer.status_code == 200, answer.text
    except httpx2.TransportError:
        pass  # the server was killed


def test_all_of_a_promotion_or_nothing_is_done(project: Project) -> None:
    began = time.monotonic()
    _promote(project, targetRepo="stage-local", status="s", dryRun=True)
    lasts = time.monotonic() - began
    source, target, statuses = "dev-local", "stage-local", 0

    for part in (0.5, 0.75, 0.95):
        call = threading.Thread(target=_promote, args=(project,), kwargs={"targetRepo": target, "status": "s"})
        call.start()
        call.join(lasts * part)
        project.server.kill()
        call.join()
        project.server.start()

        there, here = (len(project.files(key)) for key in (target, source))
        assert (there, here) in ((COUNT, 0), (0, COUNT))
        assert project.folders(target if there else source) == ["lib"]
        assert project.folders(source if there else target) == []
        statuses += 1 if there else 0
        info = project.ask("GET", "build/app/1", params={"project": ""}).json()["buildInfo"]
        assert len(info.get("statuses", [])) == statuses
        assert len(project.json("build/promotions/app/1")["promotions"]) == statuses
        if there:
            source, target = target, source

    _promote(project, targetRepo=target, status="s")
    assert len(project.files(target)) == COUNT
