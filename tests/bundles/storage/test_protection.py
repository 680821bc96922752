"""Storage calls leave versions of release bundles whole, and say which call does what was wanted."""

import io
import zipfile
from collections.abc import Iterator

import pytest

from tests.artifacts.site import message
from tests.bundles.storage.conftest import Bundles

pytestmark = pytest.mark.postgres

KEY = "release-bundles-v2"
VERSION = f"{KEY}/shop/1.0"
FILE = f"{VERSION}/artifacts/generic/lib/b1.in"
MANIFEST = f"{VERSION}/release-bundle.json.evd"
DELETION = "DELETE /lifecycle/api/v2/release_bundle/records"


def state(bundles: Bundles) -> list[tuple[object, ...]]:
    """All items of repositories of bundles."""
    sql = "SELECT items.* FROM items JOIN artifact_repos ON artifact_repos.id = repo_id WHERE system = 'bundles'"
    return sorted(tuple(row) for row in bundles.rows(sql))


@pytest.fixture(autouse=True)
def unchanged(bundles: Bundles) -> Iterator[None]:
    """Nothing that a test does changes an item."""
    before = state(bundles)
    yield
    assert state(bundles) == before


@pytest.mark.parametrize("path", [FILE, MANIFEST, f"{VERSION}/new.txt", f"{KEY}/new/1.0/x", f"{KEY}/x", f"{KEY}/new/"])
def test_nothing_is_put(bundles: Bundles, path: str) -> None:
    answer = bundles.put(path, b"" if path.endswith("/") else b"other")

    assert answer.status_code == 403
    assert "POST /lifecycle/api/v2/release_bundle makes versions" in message(answer)


def test_nothing_is_put_by_checksum_or_unpacked(bundles: Bundles) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x", "x")

    for answer in (
        bundles.put(f"{VERSION}/y", X_Checksum_Deploy="true", X_Checksum_Sha1="0" * 40),
        bundles.put(f"{VERSION}/y.zip", archive.getvalue(), X_Explode_Archive="true"),
    ):
        assert answer.status_code == 403
        assert "POST /lifecycle/api/v2/release_bundle makes versions" in message(answer)


@pytest.mark.parametrize(
    ("path", "version"),
    [
        (FILE, "shop/1.0"),
        (MANIFEST, "shop/1.0"),
        (f"{VERSION}/", "shop/1.0"),
        (VERSION, "shop/1.0"),
        (f"{KEY}/shop", "NAME/VERSION"),
        (f"{KEY}/", "NAME/VERSION"),
        (f"{KEY}/none/2%2B1/x", "none/2+1"),
    ],
)
def test_nothing_is_removed(bundles: Bundles, path: str, version: str) -> None:
    answer = bundles.client.delete(f"/artifactory/{path}")

    assert answer.status_code == 403
    assert f"{DELETION}/{version}?repository_key={KEY} removes a version" in message(answer)


def test_of_a_project_the_call_names_the_repository(bundles: Bundles) -> None:
    answer = bundles.client.delete("/artifactory/apps-release-bundles-v2/shop/1.0")

    assert f"{DELETION}/shop/1.0?repository_key=apps-release-bundles-v2" in message(answer)


@pytest.mark.parametrize("verb", ["copy", "move"])
@pytest.mark.parametrize("target", [VERSION, f"{VERSION}/x", f"{KEY}/new/1.0", KEY])
def test_nothing_is_copied_or_moved_into_a_version(bundles: Bundles, verb: str, target: str) -> None:
    for dry in ("0", "1"):
        answer = bundles.ask("POST", f"/artifactory/api/{verb}/dev/lib", params={"to": f"/{target}", "dry": dry})

        assert answer.status_code == 403
        assert "POST /lifecycle/api/v2/release_bundle makes versions" in answer.text


def test_copies_leave_a_version_with_all_properties_and_moves_do_not(bundles: Bundles) -> None:
    bundles.repo("copies")

    moved = bundles.ask("POST", f"/artifactory/api/move/{VERSION}", params={"to": "/copies/shop"})
    copied = bundles.ask("POST", f"/artifactory/api/copy/{VERSION}", params={"to": "/copies/shop"})

    assert (moved.status_code, copied.status_code) == (403, 200)
    assert "copy it instead" in moved.text
    assert bundles.properties("copies", "shop/artifacts/generic/lib/b1.in") == {
        "build.name": ["app"],
        "build.number": ["1"],
    }


@pytest.mark.parametrize("path", [FILE, VERSION, f"{KEY}/shop", KEY, f"{VERSION}/artifacts/release-bundle.json.evd"])
def test_what_is_frozen_takes_no_properties(bundles: Bundles, path: str) -> None:
    for answer in (
        bundles.ask("PUT", f"/artifactory/api/storage/{path}", params={"properties": "a=b"}),
        bundles.ask("DELETE", f"/artifactory/api/storage/{path}", params={"properties": "build.name"}),
        bundles.ask("PATCH", f"/artifactory/api/metadata/{path}", json={"props": {"a": "b"}}),
    ):
        assert answer.status_code == 403
        assert "stays as it was signed" in message(answer)
        assert "release-bundle.json.evd" in message(answer)


def test_the_repository_of_bundles_stays_as_it_is(bundles: Bundles) -> None:
    path = f"/artifactory/api/repositories/{KEY}"
    for answer in (
        bundles.ask("DELETE", path),
        bundles.ask("POST", path, json={"rclass": "local", "excludesPattern": "**"}),
    ):
        assert answer.status_code == 403
        assert f"{DELETION}/NAME/VERSION" in message(answer)
    assert bundles.ask("PUT", path, json={"rclass": "local"}).status_code == 400


def test_a_caller_without_the_right_is_told_of_the_right_first(bundles: Bundles) -> None:
    reader = bundles.bundler("reader", ("read", "shop/**"))

    assert "the right delete is needed" in message(reader.delete(f"/artifactory/{VERSION}"))
    assert "the right deploy is needed" in message(reader.put(f"/artifactory/{VERSION}/x", content=b"x"))
