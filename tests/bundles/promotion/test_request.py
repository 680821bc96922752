"""Every query parameter and body field of a promotion, with what it means when it is left out, and its refusals.

The documentation that this retells is the first of the seeds: "Promote Release Bundle v2 Version".
"""

import itertools
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.artifacts.site import Site
from tests.bundles.promotion.test_http import API, PROMOTION, create, files, promote
from tests.bundles.transfer.scene import PAIRS

pytestmark = pytest.mark.postgres

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("request")) as site:
        for key, environment in (("dev-local", "DEV"), ("qa-local", "QA"), ("qa2-local", "QA"), ("prod-local", "PROD")):
            site.repo(key, environments=(environment,))
        site.repo("qa-npm", environments=("QA",), package_type="npm")
        site.repo("none-local")
        yield site


@pytest.fixture
def name(site: Site) -> str:
    """A version 1.0 of one file."""
    name = f"of-{next(_numbers)}"
    create(site, name, "a")
    return name


def asked(site: Site, name: str, query: str = "async=false", **body: Any) -> httpx2.Response:
    """Promote a version to QA, unless the body says otherwise."""
    return site.ask("POST", f"{PROMOTION}/{name}/1.0?{query}", json={"environment": "QA", **body})


def refused(answer: httpx2.Response, field: str) -> None:
    """The answer is 400 and names the field."""
    assert answer.status_code == 400, answer.text
    assert all(error["status"] == 400 for error in answer.json()["errors"])
    assert any(error["message"].startswith(field) for error in answer.json()["errors"]), answer.text


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("async=", 200), ("async=true", 200), ("async=1", 200), ("async=false", 201), ("async=FALSE", 201)],
)
def test_async_is_true_unless_the_query_says_false(site: Site, name: str, query: str, status: int) -> None:
    answer = asked(site, name, query)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    if status == 201:
        assert files(site, "qa-local", name) == ["a"]
    site.until(lambda: files(site, "qa2-local", name) == ["a"], "the promotion is completed")


@pytest.mark.parametrize(
    ("query", "operation"),
    [
        ("", "copy"),
        ("operation=", "copy"),
        ("operation=copy", "copy"),
        ("operation=move", "move"),
        ("promotion_type=move", "move"),
        ("operation=copy&promotion_type=move", "copy"),
        ("operation=&promotion_type=move", "move"),
    ],
)
def test_operation_is_copy_unless_the_query_says_move(site: Site, name: str, query: str, operation: str) -> None:
    assert asked(site, name, "async=false&operation=move").status_code == 201  # the first one copies
    assert files(site, "dev-local", name) == ["a"]

    assert asked(site, name, f"async=false&{query}", environment="PROD").status_code == 201

    assert files(site, "qa-local", name) == (["a"] if operation == "copy" else [])
    assert files(site, "dev-local", name) == files(site, "prod-local", name) == ["a"]
    [newest, _] = site.json("GET", f"{PROMOTION}/{name}/1.0")["promotions"]
    assert newest["operation"] == operation


def test_a_move_to_the_environment_where_the_version_is_copies(site: Site, name: str) -> None:
    for _ in range(2):
        assert asked(site, name, "async=false&operation=move").status_code == 201

    assert files(site, "qa-local", name) == ["a"]
    assert site.json("GET", f"{PROMOTION}/{name}/1.0")["promotions"][0]["operation"] == "copy"


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("", "release-bundles-v2"),
        ("project=default", "release-bundles-v2"),
        ("project=&repository_key=", "release-bundles-v2"),
        ("repository_key=release-bundles-v2", "release-bundles-v2"),
        ("repository_key=default-release-bundles-v2", "release-bundles-v2"),
        ("repository_key=release-bundles-v2&project=web", "release-bundles-v2"),
        ("project=web", "web-release-bundles-v2"),
        ("repository_key=web-release-bundles-v2", "web-release-bundles-v2"),
        ("repository_key=web-release-bundles-v2&project=other", "web-release-bundles-v2"),
    ],
)
def test_the_repository_is_named_by_its_key_or_by_the_project(site: Site, name: str, query: str, key: str) -> None:
    create(site, name, "a", project="web")

    answer = asked(site, name, f"async=false&{query}")

    assert answer.status_code == 201, answer.text
    assert answer.json()["repository_key"] == key


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("async=perhaps", "async"),
        ("async=false&operation=link", "operation"),
        ("async=false&promotion_type=link", "operation"),
        ("async=false&repository_key=libs", "repository_key"),
        ("async=false&repository_key=web-release_bundles-v2", "repository_key"),
        ("async=false&project=a/b", "project"),
        ("async=false&dry_run=perhaps", "dry_run"),
    ],
)
def test_a_parameter_that_is_wrong_is_named_and_nothing_is_done(site: Site, name: str, query: str, field: str) -> None:
    refused(asked(site, name, query), field)

    assert site.json("GET", f"{PROMOTION}/{name}/1.0")["total"] == 0


@pytest.mark.parametrize("nothing", [[], None])
def test_lists_that_are_empty_null_or_left_out_say_nothing(site: Site, name: str, nothing: Any) -> None:
    lists = ("included_repository_keys", "excluded_repository_keys", "artifact_additional_properties")

    said = [asked(site, name, **dict.fromkeys(lists, nothing)).json(), asked(site, name).json()]

    for one in said:
        assert {field: one[field] for field in lists} == {
            "included_repository_keys": ["qa-local", "qa2-local"],
            "excluded_repository_keys": [],
            "artifact_additional_properties": [],
        }


@pytest.mark.parametrize(
    ("fields", "targets"),
    [
        ({"included_repository_keys": ["qa2-local"]}, ["qa2-local"]),
        ({"included_repository_keys": ["qa*"]}, ["qa-local", "qa2-local"]),
        ({"included_repository_keys": ["qa2-local"], "excluded_repository_keys": ["qa2-local"]}, ["qa2-local"]),
        ({"excluded_repository_keys": ["qa2-local"]}, ["qa-local"]),
        ({"excluded_repository_keys": ["qa2*", "unknown"]}, ["qa-local"]),
    ],
)
def test_repositories_are_included_or_else_excluded(
    site: Site, name: str, fields: dict[str, Any], targets: list[str]
) -> None:
    said = asked(site, name, **fields).json()

    assert said["included_repository_keys"] == targets
    assert said["excluded_repository_keys"] == fields.get("excluded_repository_keys", [])
    assert [repo for repo in ("qa-local", "qa2-local") if files(site, repo, name)] == targets


def test_additional_properties_replace_those_of_their_keys(site: Site, name: str) -> None:
    added = [{"key": "from", "values": ["qa"]}, {"key": "testers", "values": ["LouiseR", "PhilipG"]}]

    said = asked(site, name, artifact_additional_properties=added).json()

    assert said["artifact_additional_properties"] == added
    there = site.properties("qa-local", f"{name}/a")
    assert there == {"from": ["qa"], "who": ["ada"], "testers": ["LouiseR", "PhilipG"]}
    assert site.properties("dev-local", f"{name}/a") == {"from": ["dev"], "who": ["ada"]}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"environment": ""}, "environment: is missing or blank"),
        ({"environment": " "}, "environment: is missing or blank"),
        ({"environment": None}, "environment: is missing or blank"),
        ({"environment": ["QA"]}, "environment: "),
        ({"environment": "qa"}, "no repository in environment qa"),
        ({"environment": "NOENV"}, "no repository in environment NOENV"),
        ({"included_repository_keys": "qa-local"}, "included_repository_keys: "),
        ({"included_repository_keys": [7]}, "included_repository_keys.0: "),
        ({"included_repository_keys": ["unknown"]}, "included_repository_keys: "),
        ({"included_repository_keys": ["prod-local"]}, "included_repository_keys: "),
        ({"included_repository_keys": ["none-local"]}, "included_repository_keys: "),
        ({"included_repository_keys": ["qa-npm"]}, "no repository among the included repositories"),
        ({"excluded_repository_keys": {"qa-local": 1}}, "excluded_repository_keys: "),
        ({"excluded_repository_keys": ["qa*-local"]}, "no repository in the environment QA takes the package type"),
        ({"artifact_additional_properties": {"env": ["QA"]}}, "artifact_additional_properties: "),
        ({"artifact_additional_properties": [{"values": ["QA"]}]}, "artifact_additional_properties.0.key: "),
        ({"artifact_additional_properties": [{"key": "env"}]}, "artifact_additional_properties.0.values: "),
        ({"artifact_additional_properties": [{"key": "env", "values": "QA"}]}, "artifact_additional_properties.0."),
        ({"artifact_additional_properties": [{"key": "env", "values": [None]}]}, "artifact_additional_properties.0."),
        ({"artifact_additional_properties": [{"key": "", "values": ["QA"]}]}, "artifact_additional_properties: "),
        ({"artifact_additional_properties": [{"key": "a=b", "values": ["1"]}]}, "artifact_additional_properties: "),
    ],
)
def test_a_field_that_is_wrong_is_named_in_both_modes(
    site: Site, name: str, fields: dict[str, Any], field: str
) -> None:
    for query in ("async=true", "async=false"):
        refused(asked(site, name, query, **fields), field)

    assert site.json("GET", f"{PROMOTION}/{name}/1.0")["total"] == 0
    assert files(site, "qa-local", name) == []


def test_the_environment_of_the_source_is_left_out_when_there_is_none(site: Site) -> None:
    assert site.put("none-local/plain", b"x").status_code == 201
    body = {
        "release_bundle_name": "plain",
        "release_bundle_version": "1.0",
        "source_type": "artifacts",
        "source": {"artifacts": [{"path": "none-local/plain"}]},
    }
    assert site.ask("POST", f"{API}/release_bundle?async=false", json=body).status_code == 201

    first, second = promote(site, "plain", "QA").json(), promote(site, "plain", "PROD").json()

    assert "source_environment" not in first
    assert second["source_environment"] == "QA"
    assert second["created_millis"] > first["created_millis"]


def test_the_header_names_the_key_that_signs_and_that_of_the_version_is_the_default(site: Site, name: str) -> None:
    keyids = {}
    for pair in ("one", "two"):
        assert site.ask("POST", PAIRS, json={"pairName": pair, "pairType": "ED25519"}).status_code == 201
        keyids[pair] = site.json("GET", f"{PAIRS}/{pair}")["keyId"]
    signed = f"{name}-signed"
    assert site.put(f"dev-local/{signed}", b"x").status_code == 201
    body = {
        "release_bundle_name": signed,
        "release_bundle_version": "1.0",
        "source_type": "artifacts",
        "source": {"artifacts": [{"path": f"dev-local/{signed}"}]},
    }
    header = "X-JFrog-Signing-Key-Name"
    made = site.ask("POST", f"{API}/release_bundle?async=false", json=body, headers={header: "one"})
    assert made.status_code == 201, made.text
    for value in (None, "", "two"):
        answer = site.ask(
            "POST", f"{PROMOTION}/{signed}/1.0?async=false", json={"environment": "QA"},
            headers={header: value} if value is not None else {},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
    unknown = site.ask(
        "POST", f"{PROMOTION}/{signed}/1.0?async=true", json={"environment": "QA"}, headers={header: "three"}
    )
    assert (unknown.status_code, "three" in unknown.text) == (400, True)

    evidence = site.json("GET", f"/api/bundles/{signed}/1.0/evidence")["evidence"]

    assert [_keyid(one["envelope"]) for one in evidence] == [keyids[pair] for pair in ("one", "one", "one", "two")]


def _keyid(envelope: str) -> str:
    [signature] = httpx2.Response(200, text=envelope).json()["signatures"]
    return str(signature["keyid"])


@pytest.mark.parametrize("what", ["version", "promotion"])
def test_a_deletion_with_a_parameter_that_is_wrong_deletes_nothing(site: Site, name: str, what: str) -> None:
    millis = asked(site, name).json()["created_millis"]
    path = f"{PROMOTION}/{name}/1.0/{millis}" if what == "promotion" else f"{API}/release_bundle/records/{name}/1.0"

    refused(site.ask("DELETE", f"{path}?async=perhaps"), "async")

    assert site.json("GET", f"{API}/release_bundle/statuses/{name}/1.0")["status"] == "COMPLETED"
    assert [one["status"] for one in site.json("GET", f"{PROMOTION}/{name}/1.0")["promotions"]] == ["COMPLETED"]
