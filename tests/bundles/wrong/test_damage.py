"""What is damaged on the disk or changed in the database: verification names it, and no download hides it."""

import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from tests.artifacts.site import Site
from tests.bundles.wrong import asking
from tests.bundles.wrong.asking import BUNDLES, OWN, created, promote, verified

pytestmark = pytest.mark.postgres

MANIFEST = "release-bundle.json.evd"
PLACE = """
    SELECT blobs.place FROM items JOIN blobs ON blobs.id = items.blob_id
    JOIN artifact_repos ON artifact_repos.id = items.repo_id
    WHERE artifact_repos.key = 'release-bundles-v2' AND items.path = :path AND items.name = :name
"""
#: The statements of a version, whose name is unique.
OF = "WHERE bundle_id = (SELECT id FROM bundles WHERE name = '{name}')"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("damage")) as site:
        asking.stage(site)
        yield site
        log = site.log.read_text()
        assert "Traceback" not in log
        assert "deadlock" not in log


def version(site: Site, name: str) -> str:
    """A version that was promoted twice."""
    created(site, name, f"dev-local/{name}/a", f"dev-local/{name}/b")
    for environment in ("QA", "PROD"):
        assert promote(site.client, name, environment).status_code == 201
    assert verified(site.client, name) == []
    return name


def file_of(site: Site, path: str) -> Path:
    """The file with the bytes of an item in the repository of bundles."""
    folder, _, name = path.rpartition("/")
    [row] = site.rows(PLACE, path=folder, name=name)
    return site.data / "blobs" / str(row["place"])


def flipped(file: Path) -> bytes:
    """Change one byte of a file; what was there."""
    old = file.read_bytes()
    file.write_bytes(old[:-9] + bytes([old[-9] ^ 1]) + old[-8:])
    return old


def test_a_manifest_that_was_changed_on_the_disk_is_named_and_is_not_given_out(site: Site) -> None:
    name = version(site, "changed")
    file = file_of(site, f"{name}/1.0/{MANIFEST}")
    old = flipped(file)

    [problem] = verified(site.client, name)
    assert problem.startswith("the manifest was changed: its bytes have the SHA-256 ")
    answer = site.get(f"{BUNDLES}/{name}/1.0/{MANIFEST}")
    assert (answer.status_code, answer.json()["errors"][0]["status"]) == (500, 500)
    assert "SHA-256" in answer.text
    assert site.ask("GET", f"{OWN}/{name}/1.0/export").status_code == 200  # the evidence has the manifest, too

    file.write_bytes(old)
    assert verified(site.client, name) == []
    assert site.get(f"{BUNDLES}/{name}/1.0/{MANIFEST}").content == old


def test_a_manifest_that_is_lost_is_named(site: Site) -> None:
    name = version(site, "lost")
    file_of(site, f"{name}/1.0/{MANIFEST}").unlink()

    assert verified(site.client, name) == ["the bytes of the manifest are lost"]
    assert site.get(f"{BUNDLES}/{name}/1.0/{MANIFEST}").status_code == 500
    assert promote(site.client, name, "DEV").status_code == 201  # its content is in the database


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE bundle_evidence SET envelope = replace(envelope, '\"sig\":\"', '\"sig\":\"AAAA') {of} AND seq = 2",
         "the statement 2 was changed: its envelope has the SHA-256"),
        ("UPDATE bundle_evidence SET envelope = '{{}}' {of} AND seq = 3", "the statement 3 cannot be trusted"),
        ("UPDATE bundle_evidence SET envelope = '' {of} AND seq = 1", "the statement 1 cannot be trusted"),
        ("UPDATE bundle_evidence SET digest = 'x' {of} AND seq = 2", "the statement 2 was changed"),
        ("UPDATE bundle_evidence SET kind = 'delete_promotion' {of} AND seq = 2", "is kept as 'delete_promotion'"),
        ("DELETE FROM bundle_evidence {of} AND seq = 2", "the statement 2 is missing"),
        ("DELETE FROM bundle_evidence {of} AND seq = 3", "to PROD has no statement"),
        ("DELETE FROM bundle_evidence {of}", "there is no statement"),
        ("UPDATE bundle_evidence SET seq = 7 {of} AND seq = 3", "the statements 3 to 6 are missing"),
        ("UPDATE bundle_promotions SET environment = 'MARS' {of} AND environment = 'QA'", "tells otherwise"),
        ("UPDATE bundle_promotions SET by_name = 'eve' {of} AND environment = 'QA'", "tells otherwise"),
        ("DELETE FROM bundle_promotions {of} AND environment = 'PROD'", "to PROD has no record any more"),
        ("UPDATE bundles SET by_name = 'eve' WHERE name = '{name}'", "the record of the version tells otherwise"),
        ("UPDATE bundles SET manifest = 'x' WHERE name = '{name}'", "the first statement is not the manifest"),
        ("UPDATE bundle_artifacts SET name = 'c' {of} AND name = 'a'", "does not describe the artifacts"),
        ("DELETE FROM bundle_artifacts {of} AND name = 'a'", "does not describe the artifacts"),
    ],
    ids=lambda value: None,
)  # fmt: skip
def test_evidence_and_records_that_were_changed_in_the_database_are_named(site: Site, change: str, words: str) -> None:
    name = version(site, f"row-{zlib.crc32(change.encode())}")

    site.execute(change.format(of=OF.format(name=name), name=name))

    problems = verified(site.client, name)
    assert any(words in problem for problem in problems), problems
    told = site.ask("GET", f"{OWN}/{name}/1.0/evidence")
    assert told.status_code == 200
    assert orjson.loads(told.content)["release_bundle_name"] == name
    assert site.ask("GET", f"{OWN}/{name}/1.0/export").status_code in (200, 409)
    assert promote(site.client, name, "DEV").status_code in (201, 409)
    assert asking.delete(site.client, name).status_code == 204


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE items SET blob_id = (SELECT max(id) FROM blobs) {at} AND name = 'a'",
        "UPDATE items SET name = 'c' {at} AND name = 'a'",
        "DELETE FROM items {at} AND name = 'a'",
    ],
    ids=["other bytes", "another name", "gone"],
)
def test_files_of_a_version_that_downloads_would_find_otherwise_are_named(site: Site, change: str) -> None:
    name = version(site, f"item-{zlib.crc32(change.encode())}")
    asking.put(site, [f"dev-local/{name}/other"])

    site.execute(change.format(at=f"WHERE path = '{name}/1.0/artifacts/generic/{name}'"))

    words = f"files are not stored with the bytes of the version: generic/{name}/a"
    assert verified(site.client, name) == [words]


@pytest.mark.parametrize("damage", [flipped, lambda file: file.write_bytes(b"short"), lambda file: file.unlink()])
def test_an_artifact_that_is_damaged_is_never_given_out_as_whole(site: Site, damage: Callable[[Path], Any]) -> None:
    name = f"bytes{len(site.rows('SELECT id FROM bundles'))}"
    path = f"dev-local/{name}/only"
    asking.put(site, [path], f"only {name} ".encode() * 100_000)
    assert asking.create(site.client, name, path).status_code == 201
    assert promote(site.client, name, "QA").status_code == 201
    file = file_of(site, f"{name}/1.0/artifacts/generic/{name}/only")
    shutil.copy(file, keep := file.with_name("keep"))

    damage(file)

    for at in (path, f"qa-local/{name}/only", f"{BUNDLES}/{name}/1.0/artifacts/generic/{name}/only"):
        with pytest.raises((httpx2.TransportError, AssertionError)):
            assert site.get(at).status_code == 200
    with pytest.raises((httpx2.TransportError, AssertionError)):
        assert site.ask("GET", f"{OWN}/{name}/1.0/export").status_code == 200
    assert verified(site.client, name) == []  # the evidence is right: no bytes are read for it
    lines = site.ask("POST", "/artifactory/api/system/storage/verify").text.splitlines()
    [found] = [
        line for line in map(orjson.loads, lines) if line.get("place") == str(file.relative_to(site.data / "blobs"))
    ]
    assert f"{BUNDLES}/{name}/1.0/artifacts/generic/{name}/only" in found["files"]
    shutil.move(keep, file)
    assert site.get(path).status_code == 200
