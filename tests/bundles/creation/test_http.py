"""Creation of versions over HTTP: both modes, all forms of sources, and refusals."""

from typing import Any

import pytest

from app.bundles.model import BUNDLES
from tests.artifacts.site import Site
from tests.bundles.creation.calls import (
    API,
    BUNDLE,
    PROMOTIONS,
    RECORDS,
    STARTED,
    TIME,
    ask,
    build,
    bundle,
    content,
    create,
    exists,
    files,
    package,
    query,
    single,
    status,
)
from tests.bundles.transfer.scene import PAIRS

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize(
    ("mode", "code"), [("", 200), ("async=true", 200), ("async=false", 201), ("async=true&fail_safe=false", 200)]
)
def test_the_answer_names_the_version(site: Site, name: str, mode: str, code: int) -> None:
    answer = ask(site, name, mode, **single(files("dev-local/a")), skip_docker_manifest_resolution=True)

    assert (answer.status_code, answer.headers["content-type"]) == (code, "application/json")
    said = answer.json()
    created, millis = said.pop("created"), said.pop("created_millis")
    assert said == {"repository_key": BUNDLES, "release_bundle_name": name, "release_bundle_version": "1.0"}
    assert TIME.fullmatch(created)
    assert isinstance(millis, int)
    assert created.endswith(f".{millis % 1000:03}Z")
    if code == 201:
        assert status(site, name) == "COMPLETED"
    site.until(lambda: status(site, name) == "COMPLETED", "the version is completed")
    assert site.json("GET", f"{RECORDS}/{name}/1.0")["created_millis"] == millis


BUILD_TOLD = {
    "build_repository": "artifactory-build-info", "build_name": "app", "build_number": "1", "build_started": STARTED,
}  # fmt: skip
BUNDLE_TOLD = {
    "project_key": "default", "repository_key": BUNDLES, "release_bundle_name": "part", "release_bundle_version": "1.0",
}  # fmt: skip
SOURCES: list[tuple[dict[str, Any], list[str], dict[str, Any]]] = [
    (files("dev-local/a", "dev-local/lib/b"), ["dev-local/a", "dev-local/lib/b"], {}),
    (
        query('items.find({"repo": "dev-local", "path": "lib"})'),
        ["dev-local/lib/b"],
        {"aql": 'items.find({"repo": "dev-local", "path": "lib"})'},
    ),
    (build("1"), ["dev-local/a"], {"builds": [BUILD_TOLD | {"include_dependencies": False}]}),
    (
        build("1", build_repository="artifactory-build-info", include_dependencies=True),
        ["dev-local/a", "dev-local/dep"],
        {"builds": [BUILD_TOLD | {"include_dependencies": True}]},
    ),
    (bundle("part", project="default"), ["dev-local/a"], {"release_bundles": [BUNDLE_TOLD]}),
    (bundle("part", project="other", repository_key=BUNDLES), ["dev-local/a"], {"release_bundles": [BUNDLE_TOLD]}),
    (
        package(),
        ["npm-local/left-pad.tgz"],
        {
            "packages": [
                {
                    "repository_key": "npm-local",
                    "package_type": "npm",
                    "package_name": "left-pad",
                    "package_version": "1.3.0",
                }
            ]
        },
    ),
]


@pytest.mark.parametrize(("source", "expected", "told"), SOURCES)
def test_each_kind_of_source_in_both_forms(
    site: Site, name: str, source: dict[str, Any], expected: list[str], told: dict[str, Any]
) -> None:
    create(site, f"{name}-single", **single(source))
    create(site, f"{name}-several", source)

    for made in (f"{name}-single", f"{name}-several"):
        assert content(site, made) == expected
        assert site.json("GET", f"{RECORDS}/{made}/1.0")["source"] == told


def test_all_kinds_of_sources_together(site: Site, name: str) -> None:
    create(site, name, *(source for source, _, _ in SOURCES))

    expected = {path for _, paths, _ in SOURCES for path in paths}
    assert content(site, name) == sorted(expected)
    assert site.json("GET", f"{RECORDS}/{name}/1.0")["source"].keys() == {
        *("aql", "builds", "release_bundles", "packages"),
    }


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "sources: is missing, and so are source_type and source"),
    ({"sources": []}, 400, "sources: is missing"),
    ({"sources": [files("dev-local/a")], **single(files("dev-local/a"))}, 400, "sources: stands beside source_type"),
    ({"sources": [{"source_type": "tags"}]}, 400, "sources[0].source_type: is 'tags'; known are aql, artifacts"),
    ({"sources": {"source_type": "aql"}}, 400, "sources: must be a list"),
    ({"source_type": "aql", "source": []}, 400, "source: must be an object"),
    ({"source_type": "builds", "source": {"aql": "items.find()"}}, 400, "source.builds: names no build"),
    ({"sources": [files("dev-local/a")], "draft": "yes"}, 400, "draft: must be true or false"),
    ({"sources": [files("dev-local")]}, 400, "sources[0].artifacts[0].path: is 'dev-local'"),
    ({"sources": [files("dev-local/a", sha256="0" * 64)]}, 400, "sources[0].artifacts[0].path: dev-local/a has the"),
    ({"sources": [query("items.find(")]}, 400, "sources[0].aql: the query"),
    ({"sources": [query('items.find({"name": "none"})')]}, 400, "sources[0].aql: the query finds no file"),
    ({"sources": [files("dev-local/a", "other-local/a")]}, 400, "a comes from dev-local and from other-local"),
    ({"sources": [package(package_name="right-pad")]}, 400, "no file in npm-local that you may read has the prop"),
    ({"sources": [package(package_type="docker")]}, 400, "the docker package left-pad 1.3.0 cannot be found"),
    ({"sources": [files(f"{BUNDLES}/part/1.0/artifacts/generic/a")]}, 400, f"{BUNDLES} is kept by the server"),
    ({"sources": [bundle("draft")]}, 400, "sources[0].release_bundles[0]: the version 1.0 of draft in"),
    ({"sources": [bundle("part", repository_key="libs")]}, 400, "sources[0].release_bundles[0].repository_key: 'libs'"),
    ({"sources": [files("dev-local/none", "none/a")]}, 404, "the file dev-local/none, the file none/a"),
    ({"sources": [build("9")]}, 404, "the build 'app' #9 in 'artifactory-build-info'"),
    ({"sources": [build("1", build_repository="web-build-info")]}, 404, "the build 'app' #1 in 'web-build-info'"),
    ({"sources": [bundle("none")]}, 404, "the version 1.0 of the release bundle none in"),
    ({"sources": [bundle("part", project="web")]}, 404, f"release bundle part in web-{BUNDLES}"),
    ({"sources": [build("2")]}, 422, "1 of 1 artifacts are not stored here: dev-local:gone"),
]


@pytest.mark.parametrize(("said", "code", "words"), REFUSED, ids=[f"{code} {words}" for _, code, words in REFUSED])
def test_refusals_in_both_modes(site: Site, name: str, said: dict[str, Any], code: int, words: str) -> None:
    for mode in ("async=true", "async=false"):
        answer = ask(site, name, mode, **said)

        assert answer.status_code == code, answer.text
        errors = answer.json()["errors"]
        assert {error["status"] for error in errors} == {code}
        assert any(words in error["message"] for error in errors), answer.text
    assert not exists(site, name)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'"a"', b"{}", b"\xff", b'{"release_bundle_name": "\\ud800"}']
)
def test_a_body_that_is_no_creation_is_refused(site: Site, content: bytes) -> None:
    for method in ("POST", "PATCH"):
        answer = site.ask(method, f"{BUNDLE}?async=false", content=content)

        assert answer.status_code == 400, answer.text
        assert all(error["message"] for error in answer.json()["errors"])


@pytest.mark.parametrize(
    ("name", "version", "fields"),
    [
        ("n" * 129, "1.0", ["release_bundle_name"]),
        (".a", "1.0", ["release_bundle_name"]),
        ("-a", "-1", ["release_bundle_name", "release_bundle_version"]),
        ("a/b", "1/0", ["release_bundle_name", "release_bundle_version"]),
        ("a b", "1 0", ["release_bundle_name", "release_bundle_version"]),
        ("a+b", "1", ["release_bundle_name"]),
        ("ä", "ä", ["release_bundle_name", "release_bundle_version"]),
        ("a\n", "1\n", ["release_bundle_name", "release_bundle_version"]),
        ("", "", ["release_bundle_name", "release_bundle_version"]),
        ("a", "1" * 33, ["release_bundle_version"]),
        ("a", "+1", ["release_bundle_version"]),
    ],
)
def test_names_and_versions_that_cannot_be_are_named(site: Site, name: str, version: str, fields: list[str]) -> None:
    answer = ask(site, name, version=version, sources=[files("dev-local/a")])

    assert answer.status_code == 400
    assert [error["message"].partition(":")[0] for error in answer.json()["errors"]] == fields


@pytest.mark.parametrize(
    ("of", "version"), [("n" * 128, "v" * 32), ("_", "0"), ("9.a_b-C", "1.0+b_2-c"), ("Z", "_.+-")]
)
def test_a_version_of_any_name_lives_its_whole_life(site: Site, of: str, version: str) -> None:
    assert ask(site, of, version=version, sources=[files("dev-local/a")]).status_code == 201
    quoted = version.replace("+", "%2B")
    for path in (f"{of}/{version}", f"{of}/{quoted}"):
        assert site.json("GET", f"{BUNDLE}/existence/{path}") == {"exists": True}
        assert content(site, *path.split("/")) == ["dev-local/a"]
        assert site.json("GET", f"/api/bundles/{path}/verify")["problems"] == []
        answer = site.ask("POST", f"{PROMOTIONS}/{path}?async=false", json={"environment": "PROD"})
        assert answer.status_code == 201, answer.text
        millis = answer.json()["created_millis"]
        assert site.json("GET", f"{API}/promotion/statuses/{path}/{millis}")["status"] == "COMPLETED"
        assert site.ask("DELETE", f"{PROMOTIONS}/{path}/{millis}?async=false").status_code == 204
    manifest = f"/artifactory/{BUNDLES}/{of}/{version}/release-bundle.json.evd"
    assert site.ask("GET", manifest).status_code == 200
    assert site.ask("DELETE", f"{RECORDS}/{of}/{quoted}?async=false").status_code == 204
    assert site.ask("GET", manifest).status_code == 404


def test_a_version_that_is_there_is_a_conflict(site: Site, name: str) -> None:
    create(site, name, files("dev-local/a"))
    create(site, f"{name}-draft", files("dev-local/a"), draft=True)

    for made in (name, f"{name}-draft"):
        for mode in ("async=true", "async=false"):
            answer = ask(site, made, mode, sources=[files("dev-local/lib/b")])
            assert answer.status_code == 409
            assert f"the version 1.0 of the release bundle {made} exists" in answer.json()["errors"][0]["message"]
    assert content(site, name) == ["dev-local/a"]
    create(site, name, files("dev-local/a"), mode="async=false&project=web")  # which is another version


def test_the_header_names_the_key_that_signs(site: Site, name: str) -> None:
    assert site.ask("POST", PAIRS, json={"pairName": "mine", "pairType": "ECDSA"}).status_code == 201
    mine, default = (site.json("GET", f"{PAIRS}/{pair}")["keyId"] for pair in ("mine", "default"))

    def signed(header: str, made: str) -> str:
        headers = {"X-JFrog-Signing-Key-Name": header}
        body = {"release_bundle_name": made, "release_bundle_version": "1.0", "sources": [files("dev-local/a")]}
        answer = site.ask("POST", f"{BUNDLE}?async=false", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return str(site.json("GET", f"/api/bundles/{made}/1.0/verify")["keys"][0])

    try:
        assert signed("mine", f"{name}-1") == mine
        assert signed("", f"{name}-2") == default
        body = {"release_bundle_name": name, "release_bundle_version": "1.0", "sources": [files("dev-local/a")]}
        for mode in ("async=true", "async=false"):
            headers = {"X-JFrog-Signing-Key-Name": "nobody-s"}
            refused = site.ask("POST", f"{BUNDLE}?{mode}", json=body, headers=headers)
            assert (refused.status_code, "nobody-s" in refused.text) == (400, True)
        create(site, name, files("dev-local/a"), draft=True)
        headers = {"X-JFrog-Signing-Key-Name": "mine"}
        answer = site.ask("POST", f"{BUNDLE}/{name}/1.0/finalize?async=false", headers=headers)
        assert answer.status_code == 200, answer.text
        assert site.json("GET", f"/api/bundles/{name}/1.0/verify")["keys"] == [mine]
    finally:
        site.ask("DELETE", f"{PAIRS}/mine")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/artifactory/api/release_bundles/part/1.0"),
        ("POST", f"{API}/distribution/remote_delete/part/1.0"),
        ("POST", f"{API}/distribution/distribute/part/1.0"),
        ("GET", f"{API}/distribution/trackers/part/1.0"),
    ],
)
def test_distribution_and_the_first_kind_of_bundles_are_not_there(site: Site, method: str, path: str) -> None:
    answer = site.ask(method, path)

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["status"] == 404
    assert exists(site, "part")
