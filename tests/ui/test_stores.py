"""Pages of artifacts, build-info and release bundles, on a real server."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from tests.artifacts.site import Site, digests
from tests.ui.farside import BROWSER, Page

CONTENT = b"the basket"
NAME = "shop ä/<b>"
HOSTILE = "a<b>&'\"%25 ü.zip"
PATHS = {
    "/-/artifacts": "libs",
    "/-/artifacts/libs": "org/",
    "/-/artifacts/libs/org": "app.zip",
    "/-/artifacts/libs/org/app.zip": "SHA-256",
    "/-/build-info": NAME,
    "/-/build-info/shop%20%C3%A4%2F%3Cb%3E": "42",
    "/-/build-info/shop%20%C3%A4%2F%3Cb%3E/42": "libs/org/app.zip",
    "/-/bundles": "shop",
    "/-/bundles/shop": "1.0",
    "/-/bundles/shop/1.0": "org/app.zip",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with a file that a run made, which a release bundle was made of and which was promoted."""
    with Site(tmp_path_factory.mktemp("stores")) as site:
        for key, environments in (("libs", ("DEV",)), ("prod", ("PROD",))):
            site.repo(key, environments=environments)
        site.put("libs/org/app.zip;build.name=shop%20%C3%A4%2F%3Cb%3E;build.number=42;k=v1,v2", CONTENT)
        site.put("libs/a%3Cb%3E%26%27%22%2525%20%C3%BC.zip", b"x")
        artifact = {"name": "app.zip", "path": "org/app.zip", **digests(CONTENT)}
        info = {"name": NAME, "number": "42", "started": "2024-03-01T14:05:06.700+0000"}
        info |= {"modules": [{"id": "m", "artifacts": [artifact], "dependencies": [{"id": "dep:1", "sha1": "0" * 40}]}]}  # type: ignore[dict-item]
        assert site.ask("PUT", "/artifactory/api/build", content=json.dumps(info).encode()).status_code == 204
        promotion = {
            "status": "released",
            "comment": "well done",
            "sourceRepo": "libs",
            "targetRepo": "prod",
            "copy": True,
        }
        raw = "/artifactory/api/build/promote/shop%20%C3%A4%2F%3Cb%3E/42"
        assert site.ask("POST", raw, json=promotion).status_code == 200
        version = {"release_bundle_name": "shop", "release_bundle_version": "1.0", "source_type": "artifacts"}
        version |= {"source": {"artifacts": [{"path": "libs/org/app.zip"}]}}  # type: ignore[dict-item]
        made = site.ask("POST", "/lifecycle/api/v2/release_bundle?async=false", json=version)
        assert made.status_code == 201, made.text
        where = "/lifecycle/api/v2/promotion/records/shop/1.0?async=false"
        done = site.ask("POST", where, json={"environment": "PROD", "included_repository_keys": ["prod"]})
        assert done.status_code < 300, done.text
        yield site


@pytest.fixture(scope="module")
def browsers(site: Site) -> Iterator[dict[str, httpx2.Client]]:
    """The browsers of an administrator, of somebody who may read `libs`, and of somebody who may read nothing."""
    reader = site.caller("rita", ("read", "libs"))
    tokens = {"root": site.client, "rita": reader, "none": site.caller("nono")}
    made = {}
    for login, client in tokens.items():
        browser = made[login] = httpx2.Client(base_url=site.url, headers=BROWSER)
        token = client.headers["authorization"].removeprefix("Bearer ")
        answer = browser.post("/login", data={"access_token": token}, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303
    yield made
    for browser in made.values():
        browser.close()


def page(browser: httpx2.Client, path: str, status: int = 200) -> Page:
    answer = browser.get(path)
    assert answer.status_code == status, answer.text
    return Page(answer)


@pytest.mark.parametrize(("path", "shown"), PATHS.items())
def test_each_page_shows_what_is_there(browsers: dict[str, httpx2.Client], path: str, shown: str) -> None:
    assert shown in page(browsers["root"], path).text()


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ("/-/artifacts",)])
def test_whoever_may_read_nothing_is_refused_as_by_the_api(browsers: dict[str, httpx2.Client], path: str) -> None:
    answer = browsers["none"].get(path)

    assert answer.status_code in (403, 404)
    assert digests(CONTENT)["sha1"] not in answer.text


def test_whoever_may_read_no_repository_sees_none(browsers: dict[str, httpx2.Client]) -> None:
    assert "no artifact repository in which you may read" in page(browsers["none"], "/-/artifacts").text()


def test_a_reader_of_one_repository_sees_that_one(browsers: dict[str, httpx2.Client]) -> None:
    assert page(browsers["rita"], "/-/artifacts").text("tbody th") == "libs"
    assert "app.zip" in page(browsers["rita"], "/-/artifacts/libs/org").text()
    page(browsers["rita"], "/-/artifacts/prod/org", status=403)


def test_a_file_has_its_checksums_properties_and_bytes(browsers: dict[str, httpx2.Client], site: Site) -> None:
    shown = page(browsers["root"], "/-/artifacts/libs/org/app.zip")

    assert all(digest in shown.text() for digest in digests(CONTENT).values())
    assert "k v1, v2" in shown.text("dl")
    (link,) = [link for link in shown.links() if "/artifactory/" in link]
    assert browsers["root"].get(link).content == CONTENT


def test_a_run_leads_to_its_files_and_its_promotions(browsers: dict[str, httpx2.Client]) -> None:
    shown = page(browsers["root"], "/-/build-info/shop%20%C3%A4%2F%3Cb%3E/42")

    assert {"/-/artifacts/libs/org/app.zip", "/-/artifacts/prod"} <= set(shown.links())
    assert "released" in shown.text()
    assert "1 copied" in shown.text()
    assert "1 dependency" in shown.text("summary")
    assert shown.text(".command code") == f"gantry build-info promote '{NAME}' 42 --to REPOSITORY"


def test_a_version_shows_where_it_is(browsers: dict[str, httpx2.Client]) -> None:
    assert "PROD" in page(browsers["root"], "/-/bundles/shop").text("tbody")
    assert "PROD completed 1 copied prod" in page(browsers["root"], "/-/bundles/shop/1.0").text("tbody")


@pytest.mark.parametrize(
    "path",
    [
        *("/-/artifacts/nowhere", "/-/artifacts/libs/none", "/-/build-info/none", "/-/build-info/none/1"),
        *("/-/bundles/none", "/-/bundles/shop/9", "/-/artifacts/libs/org/app.zip/below"),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(browsers: dict[str, httpx2.Client], path: str) -> None:
    page(browsers["root"], path, status=404)


@pytest.mark.parametrize("path", ["/-/artifacts/..", "/-/artifacts/libs/%00", "/-/bundles?project=%20x%20y"])
def test_what_is_no_address_is_refused(browsers: dict[str, httpx2.Client], path: str) -> None:
    assert browsers["root"].get(path).status_code in (400, 404)


def test_every_name_is_a_link_that_leads_there(browsers: dict[str, httpx2.Client]) -> None:
    shown = page(browsers["root"], "/-/artifacts/libs")
    (link,) = [link for link in shown.links("tbody a") if link.endswith("zip")]

    assert HOSTILE in page(browsers["root"], link).text("h1")


def test_a_long_list_says_where_it_goes_on(browsers: dict[str, httpx2.Client]) -> None:
    shown = page(browsers["root"], "/-/bundles?offset=1")

    assert shown.links("a[rel=prev]") == ["?offset=0"]
