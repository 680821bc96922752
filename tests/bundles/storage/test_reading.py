"""Versions of release bundles in storage: info, lists, downloads, the page of a folder, with the right to read them."""

import httpx2
import pytest

from tests.bundles.storage.conftest import Bundles

pytestmark = pytest.mark.postgres

KEY = "release-bundles-v2"
STORAGE = f"/artifactory/api/storage/{KEY}"
ARTIFACTS = ["artifacts/generic/a1.in", "artifacts/generic/lib/b1.in"]
FILES = ["release-bundle.json.evd", *ARTIFACTS]


@pytest.fixture(scope="module")
def of_shop(bundles: Bundles) -> httpx2.Client:
    """Who may read shop 1.0 alone."""
    return bundles.bundler("ofshop", ("read", "shop/1.0"))


def listed(client: httpx2.Client, path: str) -> list[str]:
    answer = client.get(f"{STORAGE}/{path}", params={"list": "", "deep": "1"})
    return [file["uri"].lstrip("/") for file in answer.json()["files"]]


def found(client: httpx2.Client, condition: str) -> list[str]:
    answer = client.post("/artifactory/api/search/aql", content=f"items.find({condition})")
    return [f"{item['repo']}/{item['path']}/{item['name']}" for item in answer.json()["results"]]


def test_info_of_a_version_and_of_a_file(bundles: Bundles, of_shop: httpx2.Client) -> None:
    for client in (bundles.client, of_shop):
        folder = client.get(f"{STORAGE}/shop/1.0").json()
        assert (folder["path"], [child["uri"] for child in folder["children"]]) == (
            "/shop/1.0",
            ["/artifacts", "/release-bundle.json.evd"],
        )
        file = client.get(f"{STORAGE}/shop/1.0/artifacts/generic/lib/b1.in")
        assert file.json()["checksums"]["sha1"] == bundles.get("dev/lib/b1.in.sha1").text
        assert client.get(f"{STORAGE}/shop/1.0/{ARTIFACTS[1]}?properties").json()["properties"]["build.number"] == ["1"]
        assert listed(client, "shop/1.0") == FILES


def test_only_what_may_be_read_is_shown(bundles: Bundles, of_shop: httpx2.Client) -> None:
    def children(client: httpx2.Client, path: str) -> list[str]:
        return [child["uri"] for child in client.get(f"{STORAGE}{path}").json()["children"]]

    assert (children(bundles.client, ""), children(bundles.client, "/shop")) == (["/shop", "/web"], ["/1.0", "/2.0"])
    assert (children(of_shop, ""), children(of_shop, "/shop")) == (["/shop"], ["/1.0"])
    assert listed(of_shop, "") == [f"shop/1.0/{path}" for path in FILES]
    for path in ("shop/2.0", "shop/2.0/artifacts/generic/a1.in", "web", "web/1.0", "none/1.0"):
        assert of_shop.get(f"{STORAGE}/{path}").status_code == 403
        assert of_shop.get(f"/artifactory/{KEY}/{path}").status_code == 403


def test_a_version_is_downloaded_as_jf_does(bundles: Bundles, of_shop: httpx2.Client) -> None:
    """`jf rt dl --bundle=shop/1.0`: a search in the repository, then the files, the manifest too."""
    places = f'"$or":[{{"$and":[{{"repo":"{KEY}","path":"shop","name":"1.0"}}]}},'
    places += f'{{"$and":[{{"repo":"{KEY}","path":"shop/1.0","name":{{"$match":"*"}}}}]}},'
    places += f'{{"$and":[{{"repo":"{KEY}","path":{{"$match":"shop/1.0/*"}},"name":{{"$match":"*"}}}}]}}]'
    for client in (bundles.client, of_shop):
        paths = found(client, f'{{"path":{{"$ne":"."}},{places}}}')
        assert paths == [f"{KEY}/shop/1.0/{path}" for path in FILES]
        bodies = [client.get(f"/artifactory/{path}") for path in paths]
        assert [body.status_code for body in bodies] == [200, 200, 200]
        assert bodies[1].content == bundles.get("dev/a1.in").content


NAME, VERSION = '"release_artifact.release.name":', '"release_artifact.release.version":'
OF_PROJECT = "apps-release-bundles-v2/shop/1.0/artifacts/generic/a1.in"
SHOP_1 = [f"{KEY}/shop/1.0/{path}" for path in ARTIFACTS]
SHOP_2 = [f"{KEY}/shop/2.0/artifacts/generic/{path}" for path in ("a1.in", "lib/b1.in", "lib/x/c1.in")]
WEB = f"{KEY}/web/1.0/artifacts/generic/lib/x/c1.in"
#: As `jf rt s --bundle=shop/1.0 release-bundles-v2/*/a*` asks.
QUERY = '"$and":[{' + NAME + '"shop",' + VERSION + '"1.0"}],'
QUERY += '"$or":[{"$and":[{"repo":"' + KEY + '","path":{"$match":"*"},"name":{"$match":"a*"}}]}]'


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (NAME + '"shop",' + VERSION + '"1.0"', [OF_PROJECT, *SHOP_1]),
        (NAME + '"shop"', [OF_PROJECT, *SHOP_1, *SHOP_2]),
        (VERSION + '{"$match":"2*"},' + NAME + '{"$ne":"web"}', SHOP_2),
        (NAME + '{"$match":"*ho*"},"name":"c1.in"', SHOP_2[2:]),
        (NAME + '"none"', []),
        (NAME + '"shop","repo":"dev"', []),
        (NAME + '"shop","@build.number":"1"', [SHOP_1[1], SHOP_2[1]]),
        ('"$or":[{' + NAME + '"web"},{"$and":[{"repo":"dev","name":"a1.in"}]}]', ["dev/./a1.in", WEB]),
        (QUERY, SHOP_1[:1]),
    ],
)
def test_a_search_for_a_release_bundle(bundles: Bundles, condition: str, expected: list[str]) -> None:
    assert found(bundles.client, f"{{{condition}}}") == expected


def test_a_search_for_a_release_bundle_finds_what_may_be_read(of_shop: httpx2.Client) -> None:
    assert found(of_shop, "{" + VERSION + '{"$match":"*"}}') == [OF_PROJECT, *SHOP_1]


def test_a_search_that_names_no_repository_finds_no_bundled_file(bundles: Bundles) -> None:
    for condition in ('{"name":"b1.in"}', '{"repo":{"$match":"*"},"name":"b1.in"}', '{"@build.number":"1"}'):
        assert found(bundles.client, condition) == ["dev/lib/b1.in"]


def test_the_pages_of_folders_show_names_versions_and_files(bundles: Bundles, of_shop: httpx2.Client) -> None:
    page = bundles.get(f"{KEY}/").text
    assert 'href="./shop/"' in page
    assert 'href="./web/"' in page
    assert 'href="./2.0/"' in bundles.get(f"{KEY}/shop/").text

    assert 'href="./web/"' not in of_shop.get(f"/artifactory/{KEY}/").text
    versions = of_shop.get(f"/artifactory/{KEY}/shop/").text
    assert 'href="./1.0/"' in versions
    assert 'href="./2.0/"' not in versions
    assert 'href="./release-bundle.json.evd"' in of_shop.get(f"/artifactory/{KEY}/shop/1.0/").text


def test_the_repository_is_listed_for_who_may_read_a_version(bundles: Bundles, of_shop: httpx2.Client) -> None:
    [repo, _] = [each for each in of_shop.get("/artifactory/api/repositories").json() if "bundles" in each["key"]][::-1]

    assert (repo["key"], repo["type"]) == (KEY, "LOCAL")


def test_a_search_for_a_build_lists_each_file_once(bundles: Bundles) -> None:
    run = {"name": "app", "number": "1", "started": "2026-01-31T12:00:00.000+0000"}
    sha1 = bundles.get("dev/lib/b1.in.sha1").text
    run["modules"] = [{"id": "m", "artifacts": [{"name": "b1.in", "sha1": sha1}]}]  # type: ignore[assignment]
    assert bundles.ask("PUT", "/artifactory/api/build", json=run).status_code == 204

    [artifact] = bundles.json("GET", "/artifactory/api/build/app/1")["buildInfo"]["modules"][0]["artifacts"]

    assert artifact["path"] == "lib/b1.in"
