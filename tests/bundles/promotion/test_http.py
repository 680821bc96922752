"""Promotions over HTTP, as clients ask for them and read the answers."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.bundles import store
from app.bundles.model import BUNDLES
from app.db.tx import Tx, one, run
from tests.acceptance.server import TOKEN
from tests.artifacts.site import ADD_GRANT, ADD_SECTION, ADD_TARGET, Site

pytestmark = pytest.mark.postgres

API = "/lifecycle/api/v2"
PROMOTION = f"{API}/promotion/records"
RECORDS = f"{API}/release_bundle/records"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("promotion")) as site:
        for key, environment in (("dev-local", "DEV"), ("qa-local", "QA"), ("qa2-local", "QA"), ("prod-local", "PROD")):
            site.repo(key, environments=(environment,))
        yield site


def create(site: Site, name: str, *paths: str, version: str = "1.0", **params: str) -> None:
    """A version of files in dev-local, each below a folder of the name."""
    for path in paths:
        assert site.put(f"dev-local/{name}/{path};from=dev;who=ada", f"{name} {path}".encode()).status_code == 201
    body = {
        "release_bundle_name": name,
        "release_bundle_version": version,
        "source_type": "artifacts",
        "source": {"artifacts": [{"path": f"dev-local/{name}/{path}"} for path in paths]},
    }
    answer = site.ask("POST", f"{API}/release_bundle", json=body, params={"async": "false", **params})
    assert answer.status_code == 201, answer.text


def promote(
    site: Site, name: str, environment: str, client: httpx2.Client | None = None, version: str = "1.0", **more: Any
) -> httpx2.Response:
    """Promote a version, sync unless `params` say otherwise."""
    params = {"async": "false", **more.pop("params", {})}
    body = {"environment": environment, **more}
    return (client or site.client).post(f"{PROMOTION}/{name}/{version}", params=params, json=body)


def files(site: Site, repo: str, name: str) -> list[str]:
    """The files of a name in a repository."""
    answer = site.get(f"api/storage/{repo}/{name}?list&deep=1")
    if answer.status_code == 404:
        return []
    return sorted(one["uri"].removeprefix("/") for one in answer.json()["files"])


def test_the_sample_of_the_documentation(site: Site) -> None:
    create(site, "Commons-Bundle", "a.jar", version="1.0.0")
    sample = {
        "environment": "QA",
        "included_repository_keys": [],
        "excluded_repository_keys": [],
        "artifact_additional_properties": [
            {"key": "env", "values": ["QA"]},
            {"key": "testers", "values": ["LouiseR", "PhilipG", "PavelN"]},
        ],
    }

    answer = site.ask("POST", f"{PROMOTION}/Commons-Bundle/1.0.0?async=false&operation=copy", json=sample)

    assert answer.status_code == 201
    said = answer.json()
    created, millis = said.pop("created"), said.pop("created_millis")
    assert said == {
        "repository_key": "release-bundles-v2",
        "release_bundle_name": "Commons-Bundle",
        "release_bundle_version": "1.0.0",
        "environment": "QA",
        "included_repository_keys": ["qa-local", "qa2-local"],
        "excluded_repository_keys": [],
        "artifact_additional_properties": sample["artifact_additional_properties"],
        "source_environment": "DEV",
    }
    assert isinstance(millis, int)
    assert created.endswith(f".{millis % 1000:03}Z")
    assert site.properties("qa-local", "Commons-Bundle/a.jar") == {
        "from": ["dev"], "who": ["ada"], "env": ["QA"], "testers": ["LouiseR", "PhilipG", "PavelN"],
    }  # fmt: skip


def test_an_async_promotion_is_answered_before_it_is_done(site: Site) -> None:
    create(site, "later", "a")
    answer = site.ask("POST", f"{PROMOTION}/later/1.0", json={"environment": "PROD"})

    assert answer.status_code == 200
    where = f"{API}/promotion/statuses/later/1.0/{answer.json()['created_millis']}"
    site.until(lambda: site.json("GET", where)["status"] == "COMPLETED", "the promotion is completed")
    assert site.json("GET", where)["messages"] == []
    assert files(site, "prod-local", "later") == ["a"]
    assert site.ask("GET", f"{API}/promotion/statuses/later/1.0/7").status_code == 404
    assert site.ask("GET", f"{API}/promotion/statuses/later/1.0/x").status_code == 400


@pytest.mark.parametrize(
    ("path", "content", "status", "words"),
    [
        ("refused/1.0", b"{", 400, "JSON"),
        ("refused/1.0", b"", 400, "the body is empty"),
        ("refused/1.0", b"[]", 400, "JSON object"),
        ("refused/1.0", b'{"environment": 7}', 400, "environment"),
        ("refused/1.0", b'{"environment": null}', 400, "environment: is missing or blank"),
        ("refused/1.0?operation=link", b'{"environment": "QA"}', 400, "operation: say copy or move, not 'link'"),
        ("refused/1.0?async=perhaps", b'{"environment": "QA"}', 400, "neither true nor false"),
        ("refused/1.0?project=a/b", b'{"environment": "QA"}', 400, "project"),
        ("refused/1.0", b'{"environment": "NOENV"}', 400, "no repository in environment NOENV"),
        (
            "refused/1.0",
            b'{"environment": "QA", "included_repository_keys": ["prod-local"]}',
            400,
            "is called prod-local",
        ),
        ("refused/1.0", b'{"environment": "QA\\u0000"}', 400, "NUL"),
        ("refused/9.9", b'{"environment": "QA"}', 404, "there is no version 9.9 of the release bundle refused"),
        ("refused/1.0?project=web", b'{"environment": "QA"}', 404, "web-release-bundles-v2"),
    ],
)
def test_refusals_in_both_modes(site: Site, path: str, content: bytes, status: int, words: str) -> None:
    if site.json("GET", f"{API}/release_bundle/existence/refused/1.0")["exists"] is False:
        create(site, "refused", "a")
    for mode in ("async=true", "async=false"):
        text = path if "async=" in path else f"{path}{'&' if '?' in path else '?'}{mode}"
        answer = site.ask("POST", f"{PROMOTION}/{text}", content=content)

        assert answer.status_code == status, answer.text
        [error] = answer.json()["errors"]
        assert error["status"] == status
        assert words in error["message"]
    assert site.json("GET", f"{PROMOTION}/refused/1.0")["total"] == 0


def test_who_lacks_a_right_is_refused(site: Site) -> None:
    create(site, "guarded", "a")
    stranger = site.stranger()
    assert promote(site, "guarded", "QA", stranger).status_code == 401
    nobody = site.caller("nobody")
    answer = promote(site, "guarded", "QA", nobody)
    assert answer.status_code == 403
    assert "the right read is needed on release-bundles-v2:guarded/1.0" in answer.json()["errors"][0]["message"]
    for method, path in (
        ("GET", f"{PROMOTION}/guarded/1.0"), ("GET", f"{PROMOTION}/guarded"), ("GET", f"{PROMOTION}/guarded/1.0/7"),
        ("DELETE", f"{PROMOTION}/guarded/1.0/7"), ("DELETE", f"{RECORDS}/guarded/1.0"),
        ("GET", f"{API}/promotion/statuses/guarded/1.0/7"),
    ):  # fmt: skip
        assert nobody.request(method, path).status_code == 403, (method, path)


@pytest.mark.parametrize("mode", ["true", "false"])
def test_a_clash_is_409_in_both_modes_and_is_recorded(site: Site, mode: str) -> None:
    name = f"clash-{mode}"
    create(site, name, "a", "b")
    site.put(f"prod-local/{name}/b", b"other")

    answer = promote(site, name, "PROD", params={"async": mode})

    assert answer.status_code == 409
    [error] = answer.json()["errors"]
    assert f"target artifact already exists: prod-local/{name}/b" in error["message"]
    [record] = site.json("GET", f"{PROMOTION}/{name}/1.0")["promotions"]
    assert record["status"] == "FAILED"
    assert [message["text"] for message in record["messages"]] == [
        "1 of 2 files cannot be put, so no file was changed",
        f"target artifact already exists: prod-local/{name}/b has other bytes there",
    ]
    assert files(site, "prod-local", name) == ["b"]


def test_a_move_and_its_alias(site: Site) -> None:
    create(site, "moved", "lib/a")
    assert promote(site, "moved", "QA", params={"operation": "move"}).status_code == 201

    answer = promote(site, "moved", "PROD", params={"promotion_type": "MOVE"})

    assert answer.json()["source_environment"] == "QA"
    assert files(site, "qa-local", "moved") == []
    assert files(site, "prod-local", "moved") == ["lib/a"]
    assert files(site, "dev-local", "moved") == ["lib/a"]


def test_promotions_are_listed(site: Site) -> None:
    create(site, "listed", "a")
    create(site, "listed", "b", version="2.0")
    for version, environment in (("1.0", "QA"), ("1.0", "PROD"), ("2.0", "QA")):
        assert promote(site, "listed", environment, version=version).status_code == 201

    of_name = site.json("GET", f"{PROMOTION}/listed")
    assert {name: of_name[name] for name in ("total", "limit", "offset")} == {"total": 3, "limit": 1000, "offset": 0}
    assert _places(of_name) == ["2.0 QA", "1.0 PROD", "1.0 QA"]
    newest = of_name["promotions"][1]
    assert newest.keys() >= {
        "status", "repository_key", "release_bundle_name", "release_bundle_version", "environment", "service_id",
        "created_by", "created", "created_millis", "xray_retrieval_status",
    }  # fmt: skip
    assert (newest["xray_retrieval_status"], newest["source_environment"]) == ("NOT_APPLICABLE", "QA")
    assert newest["created_by"] == "octocat"
    assert "messages" not in newest
    for query, places in (
        ("?order_asc=true", ["1.0 QA", "1.0 PROD", "2.0 QA"]),
        ("?limit=1&offset=1", ["1.0 PROD"]),
        ("?limit=0", []),
        ("?order_by=environment&order_asc=true", ["1.0 PROD", "1.0 QA", "2.0 QA"]),
        ("?order_by=release_bundle_version", ["2.0 QA", "1.0 PROD", "1.0 QA"]),
        ("?order_by=created_by", ["2.0 QA", "1.0 PROD", "1.0 QA"]),
        ("?order_by=created_millis&filter_by=QA", ["2.0 QA", "1.0 QA"]),
        ("?filter_by=promotion_environment=Q*,bundle_version=1.0", ["1.0 QA"]),
        ("?filter_by=promotion_created_by=nobody", []),
        ("?filter_by=colour=red", ["2.0 QA", "1.0 PROD", "1.0 QA"]),
    ):
        assert _places(site.json("GET", f"{PROMOTION}/listed{query}")) == places, query
    of_version = site.json("GET", f"{PROMOTION}/listed/1.0?include=messages")
    assert _places(of_version) == ["1.0 PROD", "1.0 QA"]
    assert [one["messages"] for one in of_version["promotions"]] == [[], []]
    for query in ("order_by=size", "limit=x", "offset=-1", "order_asc=7"):
        assert site.ask("GET", f"{PROMOTION}/listed?{query}").status_code == 400, query
    assert site.json("GET", f"{PROMOTION}/nobody")["promotions"] == []
    assert site.ask("GET", f"{PROMOTION}/nobody/1.0").status_code == 404
    bob = site.caller("reads-two")
    site.write(_grant("reads-two", ["listed/2.0"], ["read"]))
    assert _places(bob.get(f"{PROMOTION}/listed").json()) == ["2.0 QA"]
    assert bob.get(f"{PROMOTION}/listed").json()["total"] == 1


def _places(said: Any) -> list[str]:
    return [f"{one['release_bundle_version']} {one['environment']}" for one in said["promotions"]]


def _grant(login: str, includes: list[str], actions: list[str]) -> Tx[None]:
    target = yield from one(ADD_TARGET, name=f"{login}-bundles")
    assert target is not None
    section = {"target_id": target["id"], "section": "releaseBundle"}
    yield from run(
        ADD_SECTION, **section, repositories=json.dumps([BUNDLES]), includes=json.dumps(includes), excludes="[]"
    )
    yield from run(ADD_GRANT.replace("'repo'", ":section"), **section, login=login, actions=json.dumps(actions))


def test_a_promotion_has_the_files_that_it_put(site: Site) -> None:
    create(site, "whole", "a", "lib/b")
    millis = promote(site, "whole", "QA", included_repository_keys=["qa-local"]).json()["created_millis"]

    said = site.json("GET", f"{PROMOTION}/whole/1.0/{millis}")

    assert (said["environment"], said["created_by"], said["created_millis"]) == ("QA", "octocat", millis)
    assert [one["path"] for one in said["artifacts"]] == ["qa-local/whole/a", "qa-local/whole/lib/b"]
    assert said["artifacts"][0].keys() == {"path", "checksum", "package_type", "package_name", "package_version"}
    assert len(said["artifacts"][0]["checksum"]) == 64


def test_promotions_and_versions_are_deleted(site: Site) -> None:
    create(site, "gone", "a")
    one, two = (promote(site, "gone", environment).json()["created_millis"] for environment in ("QA", "PROD"))

    answer = site.ask("DELETE", f"{PROMOTION}/gone/1.0/{one}?async=false")
    assert (answer.status_code, answer.content) == (204, b"")
    assert site.ask("DELETE", f"{PROMOTION}/gone/1.0/{one}?async=false").status_code == 404
    assert files(site, "qa-local", "gone") == []
    answer = site.ask("DELETE", f"{PROMOTION}/gone/1.0/{two}?async=true")
    assert (answer.status_code, answer.content) == (200, b"")
    site.until(lambda: site.json("GET", f"{PROMOTION}/gone/1.0")["total"] == 0, "the promotion is deleted")
    promote(site, "gone", "PROD")

    body = {"distribution_rules": [{"site_name": "*"}], "dry_run": False}
    answer = site.client.request("DELETE", f"{RECORDS}/gone/1.0", json=body)
    assert answer.status_code == 200
    assert site.json("GET", f"{API}/release_bundle/existence/gone/1.0")["exists"] is True
    assert site.ask("DELETE", f"{RECORDS}/gone/1.0?async=false").status_code == 204
    assert site.ask("DELETE", f"{RECORDS}/gone/1.0?async=false").status_code == 404
    assert files(site, "prod-local", "gone") == []
    assert files(site, BUNDLES, "gone") == []
    assert files(site, "dev-local", "gone") == ["a"]
    create(site, "gone", "a")
    assert site.ask("DELETE", f"{RECORDS}/gone/1.0").status_code == 200
    site.until(
        lambda: site.json("GET", f"{API}/release_bundle/existence/gone/1.0")["exists"] is False,
        "the version is deleted",
    )


def test_a_dry_run_is_answered_with_what_would_go_where(site: Site) -> None:
    create(site, "dry", "a", "b", "c")
    promote(site, "dry", "PROD")
    site.put("qa-local/dry/a", b"dry a")
    site.put("qa2-local/dry/b", b"other")

    answer = promote(site, "dry", "QA", params={"dry_run": "true", "operation": "move"})

    assert answer.status_code == 200
    said = answer.json()
    assert (said["operation"], said["files"], said["kept"], said["removed"]) == ("move", 6, 1, 3)
    assert said["source_environment"] == "PROD"
    assert said["targets"] == [
        {"repository_key": "qa-local", "package_type": "generic", "files": 3, "kept": 1},
        {"repository_key": "qa2-local", "package_type": "generic", "files": 3, "kept": 0},
    ]
    assert said["artifacts"][0]["target"] == "qa-local/dry/a"
    assert [one["effect"] for one in said["artifacts"]] == ["keep", "write", "write", "write", "write", "write"]
    assert said["clashes"] == ["target artifact already exists: qa2-local/dry/b has other bytes there"]
    assert said["clash_count"] == 1
    assert site.json("GET", f"{PROMOTION}/dry/1.0")["total"] == 1
    assert files(site, "qa-local", "dry") == ["a"]


def test_the_order_of_environments_is_kept_to_and_overridden(site: Site) -> None:
    create(site, "ordered", "a")
    site.ask("POST", "/access/api/v1/environments", json={"name": "QA"})
    assert site.ask("PUT", "/api/environments/order", json={"order": ["DEV", "QA", "PROD"]}).status_code == 200
    try:
        answer = promote(site, "ordered", "PROD")
        assert answer.status_code == 409
        assert "promote it to QA first" in answer.json()["errors"][0]["message"]
        assert promote(site, "ordered", "PROD", override_reason="hotfix").status_code == 201
    finally:
        site.ask("PUT", "/api/environments/order", json={"order": []})
    [record] = site.json("GET", f"{PROMOTION}/ordered/1.0")["promotions"]
    assert record["override_reason"] == "hotfix"


def test_a_client_that_hangs_up_does_not_stop_the_work(site: Site) -> None:
    create(site, "hung", "a")
    body = json.dumps({"environment": "PROD"}).encode()
    head = (
        f"POST {PROMOTION}/hung/1.0?async=false HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", site.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        site.json("GET", f"{PROMOTION}/hung/1.0")  # answered after the body was read

    site.until(lambda: files(site, "prod-local", "hung") == ["a"], "the promotion is completed")


def test_a_version_of_a_project_is_named_by_project_or_by_key(site: Site) -> None:
    create(site, "own", "a", project="web")

    assert promote(site, "own", "QA").status_code == 404
    said = promote(site, "own", "QA", params={"project": "web"}).json()
    assert said["repository_key"] == "web-release-bundles-v2"
    assert promote(site, "own", "QA", params={"repository_key": "web-release-bundles-v2"}).status_code == 201
    assert site.json("GET", f"{PROMOTION}/own/1.0")["total"] == 2  # the only repository that has it


def test_what_was_promoted_is_verified(site: Site) -> None:
    create(site, "true", "a")
    one = promote(site, "true", "QA").json()["created_millis"]
    promote(site, "true", "PROD")
    site.ask("DELETE", f"{PROMOTION}/true/1.0/{one}?async=false")

    assert store  # the version is there
    verdict = site.json("GET", "/api/bundles/true/1.0/verify")

    assert verdict["problems"] == []
