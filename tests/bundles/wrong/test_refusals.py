"""Requests that are wrong: each is refused with the field, the rule and the way out, and never with a bug."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.artifacts.site import Site
from tests.bundles.wrong import asking
from tests.bundles.wrong.asking import OWN, PROMOTIONS, RECORDS, VERSIONS, body

pytestmark = pytest.mark.postgres

A = "dev-local/a"
NUL, LONE = '"a\\u0000b"', '"a\\ud800b"'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("refusals")) as site:
        asking.stage(site)
        asking.created(site, "shop", A)
        asking.created(site, "draft-of", "dev-local/b")
        assert asking.create(site.client, "draft", A, draft=True).status_code == 201
        yield site
        asking.quiet(site)


def told(answer: httpx2.Response) -> str:
    """The messages of an error that is no bug."""
    assert 400 <= answer.status_code < 500, f"{answer.status_code} {answer.text}"
    said = answer.json()
    return "; ".join(each["message"] for each in said["errors"]) if "errors" in said else str(said["message"])


def sources(**source: Any) -> dict[str, Any]:
    """The body of a version with one source."""
    made = body("wrong")
    del made["source_type"], made["source"]
    return made | {"sources": [source]}


def files(*paths: Any) -> dict[str, Any]:
    return {"source_type": "artifacts", "artifacts": [{"path": path} for path in paths]}


@pytest.mark.parametrize(
    "name", ["", " ", "-a", ".a", "a/b", "a b", "ä", "a\u0000", "a" * 129, "a\n", "..", "a+b", "💥"]
)
def test_names_with_other_characters_are_refused(site: Site, name: str) -> None:
    answer = site.ask("POST", VERSIONS, json=body(name, A))

    assert answer.status_code == 400
    assert "release_bundle_name" in told(answer)


@pytest.mark.parametrize("version", ["", "-1", "1/2", "1 2", "1" * 33, "1\n", "ü", "1;2", "1\u0000"])
def test_versions_with_other_characters_are_refused(site: Site, version: str) -> None:
    answer = site.ask("POST", VERSIONS, json=body("wrong", A, version=version))

    assert answer.status_code == 400
    assert "release_bundle_version" in told(answer)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "the body is empty"),
        (b"[]", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"null", "JSON object"),
        (b"[" * 100_000, "JSON"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nests too deep"),
        (b'{"release_bundle_name": NaN}', "not JSON"),
        (b'{"release_bundle_name": 1e999}', "JSON"),
        (b'{"release_bundle_name": ' + LONE.encode() + b"}", "not JSON"),
        (body("wrong"), "artifacts: names no artifact"),
        (body("wrong", A, source_type="x"), "source_type: is 'x'; known are"),
        (body("wrong", A, source_type=1), "source_type: must be a text"),
        (body("wrong", A, source_type=None), "source_type: is ''; known are"),
        (body("wrong", A, source=[]), "artifacts: names no artifact"),
        (body("wrong", A, source="x"), "source: must be an object"),
        (body("wrong", A, sources=[files(A)]), "stands beside source_type"),
        (body("wrong", A, draft="perhaps"), "draft: must be true or false"),
        (body("wrong", A, release_bundle_version=1), "release_bundle_version: must be a text"),
        (body("wrong", A, release_bundle_name={}), "release_bundle_name: must be a text"),
        ({"release_bundle_name": "wrong", "release_bundle_version": "1"}, "sources: is missing"),
        (sources(), "source_type: is ''"),
        (sources(source_type="aql"), "aql"),
        (sources(source_type="aql", aql=1), "sources[0].aql: must be a text"),
        (sources(source_type="aql", aql="items.find("), "sources[0].aql"),
        (sources(source_type="aql", aql='items.find({"name":"nothing"})'), "finds no file that you may read"),
        (sources(source_type="artifacts"), "names no artifact"),
        (sources(source_type="artifacts", artifacts="x"), "sources[0].artifacts: must be a list"),
        (sources(source_type="artifacts", artifacts=["x"]), "artifacts[0]: must be an object"),
        (sources(**files("")), "write the key of the repository, a slash and the path"),
        (sources(**files("dev-local")), "write the key of the repository, a slash and the path"),
        (sources(**files(1)), "path: must be a text"),
        (sources(**files("dev-local/nothing")), "not found: the file dev-local/nothing"),
        (sources(**files("nothing/a")), "not found: the file nothing/a"),
        (sources(**files("dev-local/a\u0000")), "has a NUL"),
        (sources(**files("dev-local/" + "a" * 5000)), "not found"),
        (sources(**files("release-bundles-v2/shop/1.0/release-bundle.json.evd")), "kept by the server"),
        (sources(source_type="artifacts", artifacts=[{"path": A, "sha256": "0" * 64}]), "has the sha256"),
        (sources(source_type="artifacts", artifacts=[{"path": A, "sha256": 5}]), "sha256: must be a text"),
        (sources(source_type="builds", builds=[{}]), "build_name: is missing"),
        (sources(source_type="builds", builds=[{"build_name": "app", "build_number": "1"}]), "not found: the build"),
        (sources(source_type="builds", builds=[{"build_name": "a\u0000", "build_number": "1"}]), "has a NUL"),
        (sources(source_type="builds", builds=[{"build_name": "a", "build_number": [1]}]), "build_number: must be"),
        (sources(source_type="release_bundles", release_bundles=[{}]), "release_bundle_name: is missing"),
        (
            sources(
                source_type="release_bundles",
                release_bundles=[{"release_bundle_name": "shop", "release_bundle_version": "9"}],
            ),
            "not found: the version 9 of the release bundle shop",
        ),
        (
            sources(
                source_type="release_bundles",
                release_bundles=[{"release_bundle_name": "draft", "release_bundle_version": "1.0"}],
            ),
            "is a draft: finalize it",
        ),
        (
            sources(
                source_type="release_bundles",
                release_bundles=[{"release_bundle_name": "a", "release_bundle_version": "1", "repository_key": "x"}],
            ),
            "is no repository of release bundles",
        ),
        (sources(source_type="packages", packages=[{}]), "package_name: is missing"),
        (
            sources(
                source_type="packages",
                packages=[
                    {
                        "package_name": "a\u0000", "package_version": "1", "package_type": "npm",
                        "repository_key": "dev-local",
                    }
                ],
            ),
            "has a NUL",
        ),
    ],
    ids=lambda value: None,
)  # fmt: skip
def test_a_creation_that_is_wrong_is_refused_with_its_reason(site: Site, said: Any, words: str) -> None:
    data = said if isinstance(said, bytes) else orjson.dumps(said)

    assert words in told(site.ask("POST", VERSIONS, params={"async": "false"}, content=data))
    assert asking.status(site.client, "wrong") == ""


def test_a_hundred_sources_are_taken_and_one_more_is_not(site: Site) -> None:
    made = sources()
    made["sources"] = [files(A)] * 101
    assert "101 sources are named; at most 100 are taken" in told(site.ask("POST", VERSIONS, json=made))

    builds = [{"build_name": "a", "build_number": str(at)} for at in range(101)]
    refused = site.ask("POST", VERSIONS, json=sources(source_type="builds", builds=builds))
    assert "at most 100 are taken" in told(refused)

    made["sources"] = [files(A)] * 100
    made["release_bundle_name"] = "hundred"
    assert site.ask("POST", f"{VERSIONS}?async=false", json=made).status_code == 201


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "the body is empty"),
        (b"[]", "must be a JSON object"),
        (b"[" * 100_000, "JSON"),
        (b"{", "not JSON"),
        (b'{"environment": NaN}', "environment"),
        (b'{"environment": ' + LONE.encode() + b"}", "no Unicode"),
        (b'{"environment": ' + NUL.encode() + b"}", "NUL"),
        ({}, "environment: is missing or blank"),
        ({"environment": "  "}, "environment: is missing or blank"),
        ({"environment": 1}, "environment"),
        ({"environment": ["PROD"]}, "environment"),
        ({"environment": "MARS"}, "no repository in environment MARS"),
        ({"environment": "X" * 500_000}, "no repository in environment X"),
        ({"environment": "PROD", "included_repository_keys": "prod-local"}, "included_repository_keys"),
        ({"environment": "PROD", "included_repository_keys": [1]}, "included_repository_keys.0"),
        ({"environment": "PROD", "included_repository_keys": ["nothing"]}, "is called nothing"),
        ({"environment": "PROD", "included_repository_keys": ["qa-local"]}, "is called qa-local"),
        ({"environment": "PROD", "excluded_repository_keys": ["prod-local"]}, "no repository in the environment PROD"),
        ({"environment": "PROD", "artifact_additional_properties": {}}, "artifact_additional_properties"),
        ({"environment": "PROD", "artifact_additional_properties": [{"key": "a"}]}, "values"),
        ({"environment": "PROD", "artifact_additional_properties": [{"key": "", "values": ["x"]}]}, "key"),
        ({"environment": "PROD", "artifact_additional_properties": [{"key": "a b", "values": [1]}]}, "values"),
        (
            {"environment": "PROD", "artifact_additional_properties": [{"key": "a", "values": ["x"] * 1001}]},
            "at most 1000",
        ),
        ({"environment": "PROD", "override_reason": "x" * 1001}, "override_reason: has more than 1000"),
        ({"environment": "PROD", "override_reason": 5}, "override_reason"),
    ],
    ids=lambda value: None,
)
def test_a_promotion_that_is_wrong_is_refused_with_its_reason(site: Site, said: Any, words: str) -> None:
    data = said if isinstance(said, bytes) else orjson.dumps(said)

    for mode in ("async=false", "async=true", "dry_run=true"):
        assert words in told(site.ask("POST", f"{PROMOTIONS}/shop/1.0?{mode}", content=data))
    assert asking.records(site.client, "shop") == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("dry_run=maybe", "dry_run: 'maybe' is neither true nor false"),
        ("async=perhaps", "async: 'perhaps' is neither true nor false"),
        ("operation=link", "operation: say copy or move, not 'link'"),
        ("promotion_type=link", "operation: say copy or move, not 'link'"),
        ("project=a/b", "project: 'a/b' is no key of a project"),
        ("repository_key=dev-local", "repository_key: 'dev-local' is no repository of release bundles"),
        ("project=%00", "project"),
        ("project=" + "a" * 300, "project"),
        ("dry_run=%FF", "dry_run"),
    ],
)
def test_a_query_that_is_wrong_is_refused_with_its_reason(site: Site, query: str, words: str) -> None:
    assert words in told(site.ask("POST", f"{PROMOTIONS}/shop/1.0?{query}", json={"environment": "PROD"}))
    assert asking.records(site.client, "shop") == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{RECORDS}/{{name}}/1.0"),
        ("GET", f"{VERSIONS}/statuses/{{name}}/1.0"),
        ("POST", f"{VERSIONS}/{{name}}/1.0/finalize"),
        ("DELETE", f"{RECORDS}/{{name}}/1.0"),
        ("POST", f"{PROMOTIONS}/{{name}}/1.0"),
        ("GET", f"{PROMOTIONS}/{{name}}/1.0"),
        ("GET", f"{PROMOTIONS}/{{name}}/1.0/1"),
        ("DELETE", f"{PROMOTIONS}/{{name}}/1.0/1"),
        ("GET", f"{OWN}/{{name}}/1.0/verify"),
        ("GET", f"{OWN}/{{name}}/1.0/evidence"),
        ("GET", f"{OWN}/{{name}}/1.0/export"),
        ("PUT", f"{RECORDS}/{{name}}/1.0/tag"),
    ],
)
@pytest.mark.parametrize("name", ["%00", "%FF", "..", "%2F", "a%2Fb", "%20", "ä", "x" * 3000, "%F0%9F%92%A5", "-", "*"])
def test_versions_that_cannot_be_are_not_there(site: Site, method: str, path: str, name: str) -> None:
    answer = site.ask(
        method, path.format(name=name), json={"environment": "PROD"} if method in ("POST", "PUT") else None
    )

    assert 400 <= answer.status_code < 500, f"{answer.status_code} {answer.text}"


@pytest.mark.parametrize("at", ["0", "-1", "x", "1.5", "9" * 18, "9" * 19, "9" * 400, "%00", "1e3", "٣"])
def test_promotions_that_cannot_be_are_not_there(site: Site, at: str) -> None:
    for method, path in (
        ("GET", f"{PROMOTIONS}/shop/1.0/{at}"),
        ("DELETE", f"{PROMOTIONS}/shop/1.0/{at}"),
        ("GET", f"{asking.LIFECYCLE}/promotion/statuses/shop/1.0/{at}"),
    ):
        assert told(site.ask(method, path))


@pytest.mark.parametrize(
    "query",
    [
        *("limit=-1", "limit=x", "offset=-1", "offset=99999999999", "order_by=x", "order_asc=perhaps"),
        f"filter_by={'x' * 2000}",
    ],
)
def test_lists_say_what_is_wrong_with_their_query(site: Site, query: str) -> None:
    for path in (f"{RECORDS}/shop", f"{PROMOTIONS}/shop", f"{PROMOTIONS}/shop/1.0", f"{VERSIONS}/groups"):
        assert query.partition("=")[0] in told(site.ask("GET", f"{path}?{query}"))


@pytest.mark.parametrize("query", ["filter_by=%00", "filter_by=environment%3D%00", "filter_by=%FF", "include=%00"])
def test_lists_find_nothing_by_what_no_name_has(site: Site, query: str) -> None:
    for path in (f"{RECORDS}/shop", f"{PROMOTIONS}/shop", f"{PROMOTIONS}/shop/1.0", f"{VERSIONS}/groups"):
        answer = site.ask("GET", f"{path}?{query}")
        assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("said", ['{"tag": ' + NUL + "}", '{"tag": 5}', '{"tag": "%s"}' % ("x" * 129), "[]", "{", ""])
def test_a_tag_that_is_wrong_is_refused(site: Site, said: str) -> None:
    words = told(site.ask("PUT", f"{RECORDS}/shop/1.0/tag", content=said))

    assert "tag" in words or "body" in words


def test_bodies_that_are_too_large_are_not_read(site: Site) -> None:
    for path, size in ((VERSIONS, 33), (f"{PROMOTIONS}/shop/1.0", 20), (f"{RECORDS}/shop/1.0/tag", 20)):
        data = b'{"x":"' + b"x" * size * 1024**2 + b'"}'
        method = "PUT" if path.endswith("tag") else "POST"
        assert site.ask_plainly(method, path, data)[0] == 413
    large = orjson.dumps(body("wrong", A) | {"x": "x" * 20 * 1024**2})
    status, _ = site.ask_plainly("POST", f"{VERSIONS}?async=false", large.replace(b'"wrong"', b'"fat"'))
    assert status == 201  # a list of files may be long


def test_a_signing_key_that_is_no_name_signs_nothing(site: Site) -> None:
    pairs = "/artifactory/api/security/keypair"
    assert site.ask("POST", pairs, json={"pairName": "mine", "pairType": "ED25519"}).status_code < 300
    try:
        for name in ("nothing", "x" * 5000, "ä", "%00", "';--"):
            headers = {"X-JFrog-Signing-Key-Name": name.encode()}
            for path, said in ((VERSIONS, body("wrong", A)), (f"{PROMOTIONS}/shop/1.0", {"environment": "PROD"})):
                answer = site.ask("POST", path, json=said, headers=headers)
                assert answer.status_code == 400
                assert "X-JFrog-Signing-Key-Name" in told(answer)
    finally:
        site.ask("DELETE", f"{pairs}/mine")


texts = st.one_of(
    st.sampled_from(["", "shop", "1.0", A, "aql", "artifacts", "PROD", "true", "\u0000", "*", "release-bundles-v2"]),
    st.text(st.characters(exclude_categories=()), max_size=20),
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
FIELDS = {
    *("release_bundle_name", "release_bundle_version", "source_type", "source", "sources", "add_sources", "draft"),
    *("aql", "artifacts", "path", "sha256", "builds", "build_name", "build_number", "build_repository"),
    *("include_dependencies", "release_bundles", "project", "repository_key", "packages", "package_name"),
    *("package_version", "package_type", "environment", "included_repository_keys", "excluded_repository_keys"),
    *("artifact_additional_properties", "key", "values", "override_reason"),
}
fields = st.sampled_from(sorted(FIELDS))
bodies = st.recursive(
    values, lambda inner: st.dictionaries(fields, inner, max_size=5) | st.lists(inner, max_size=3), max_leaves=12
)


def _changed(draw: st.DrawFn, whole: Any) -> Any:
    """A right body of which one part is something else."""
    if isinstance(whole, dict) and whole and draw(st.booleans()):
        at = draw(st.sampled_from(sorted(whole)))
        return {**whole, at: _changed(draw, whole[at])}
    if isinstance(whole, list) and whole and draw(st.booleans()):
        return [_changed(draw, whole[0]), *whole[1:]]
    return draw(bodies)


RIGHT = {
    "POST": sources(source_type="artifacts", artifacts=[{"path": A, "sha256": ""}]) | {"draft": False},
    "PATCH": {
        "release_bundle_name": "draft", "release_bundle_version": "1.0",
        "add_sources": [
            {"source_type": "aql", "aql": 'items.find({"repo":"dev-local"})'},
            {"source_type": "builds", "builds": [{"build_name": "a", "build_number": 1}]},
            {"source_type": "packages", "packages": [
                {"package_name": "a", "package_version": "1", "package_type": "npm", "repository_key": "dev-local"}
            ]},
            {"source_type": "release_bundles", "release_bundles": [
                {"release_bundle_name": "shop", "release_bundle_version": "1.0", "project": "", "repository_key": ""}
            ]},
        ],
    },
    "PROMOTE": {
        "environment": "PROD", "included_repository_keys": ["prod-*"], "excluded_repository_keys": [],
        "artifact_additional_properties": [{"key": "k", "values": ["v"]}], "override_reason": "",
    },
}  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, Any]:
    kind = draw(st.sampled_from(sorted(RIGHT)))
    return kind, draw(bodies) if draw(st.integers(0, 4)) == 0 else _changed(draw, RIGHT[kind])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=requests())
def test_no_body_makes_the_server_fail(site: Site, request: tuple[str, Any]) -> None:
    kind, said = request
    method, path = ("POST", f"{PROMOTIONS}/shop/1.0?dry_run=true") if kind == "PROMOTE" else (kind, VERSIONS)

    answer = site.ask(method, path, content=json.dumps(said).encode())

    assert answer.status_code in (200, 201, 400, 404, 409, 422), f"{answer.status_code} {answer.text}"
    if answer.status_code >= 400:
        assert told(answer)
