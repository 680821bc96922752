"""Versions of release bundles as clients read them."""

from collections.abc import Iterator
from typing import Any

import httpx2
import orjson
import pytest

from app.artifacts import properties, repositories
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import Received
from app.artifacts.model import Sums
from app.bundles import promotions, store
from app.bundles.model import Artifact, Bundle, Promotion
from app.db.tx import Tx, one, run
from tests.artifacts.site import ADD_GRANT, ADD_SECTION, ADD_TARGET, NOW, Site

API = "/lifecycle/api/v2/release_bundle"
TIME = "2023-11-14T22:13:20.000Z"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("bundles")) as site:
        site.write(_some())
        yield site


@pytest.fixture(scope="module")
def bob(site: Site) -> httpx2.Client:
    """A caller who may read the versions 1.x of `shop`, and all of `other-1`."""
    client = site.caller("bob")
    site.write(_grant("bob", ["shop/1.*", "other-1/**"]))
    return client


def _grant(login: str, includes: list[str]) -> Tx[None]:
    target = yield from one(ADD_TARGET, name=f"{login}-bundles")
    assert target is not None
    yield from run(
        ADD_SECTION, target_id=target["id"], section="releaseBundle", repositories='["release-bundles-v2"]',
        includes=orjson.dumps(includes).decode(), excludes="[]",
    )  # fmt: skip
    yield from run(ADD_GRANT, target_id=target["id"], section="releaseBundle", login=login, actions='["read"]')


def _some() -> Tx[None]:
    common = yield from repositories.ensure_system("release-bundles-v2", "bundles", "", NOW)
    shop = yield from repositories.ensure_system("web-release-bundles-v2", "bundles", "web", NOW)
    for at, version in enumerate(["1.0", "1.1", "2.0-rc", "2.0"]):
        yield from _version(common.id, "shop", version, at)
    for at in range(3):
        yield from _version(common.id, f"other-{at}", "1", at + 10)
    yield from _version(shop.id, "web", "7+b", 0)
    full = yield from _version(common.id, "full", "1", 20, files=2, sources={"aql": "items.find()"}, tag="gold")
    set_id = yield from properties.set_of({"build.name": ["app"], "k": ["b", "a"]})
    blob = yield from rows.add(Received(Sums("a" * 64, "b" * 40, "c" * 32), 5, "place"), 1)
    artifacts = [
        Artifact("generic", "x/y", "a.txt", "dev-local", blob.id, set_id, "text/plain", "", 0),
        Artifact("maven", ".", "b.txt", "gone-local", blob.id, 1, "text/plain", "", 0),
    ]
    yield from store.add_artifacts(full.id, artifacts)
    yield from promotions.add(
        Promotion(0, full.id, common.id, "full", NOW, "PROD", "DEV", "copy", "COMPLETED", 1, "ada")
    )
    draft = yield from _version(common.id, "draft", "1", 30, status="DRAFT")
    assert draft.status == "DRAFT"
    busy = yield from _version(common.id, "busy", "1", 31, status="PROCESSING")
    yield from run(
        "INSERT INTO bundle_work (bundle_id, promotion_id, kind, request, owner, lease, done, total)"
        " VALUES (:id, 0, 'create', '{}', 'another', :lease, 2, 9)", id=busy.id, lease=2**60,
    )  # fmt: skip


def _version(repo_id: int, name: str, version: str, at: int, **more: Any) -> Tx[Bundle]:
    fields = {"status": "COMPLETED", **more}
    made = yield from store.add(Bundle(0, repo_id, name, version, created=NOW + at, by_id=1, by_name="ada", **fields))
    assert made is not None
    return made


def versions(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["release_bundle_version"] for entry in answer.json()["release_bundles"]]


def groups(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [entry["release_bundle_name"] for entry in answer.json()["release_bundles"]]


def test_existence_is_told_and_is_never_404(site: Site) -> None:
    for path, exists in (
        ("shop/1.0", True),
        ("shop/9", False),
        ("none/1", False),
        ("draft/1", True),
        ("web/7+b", False),
    ):
        assert site.json("GET", f"{API}/existence/{path}") == {"exists": exists}
    assert site.json("GET", f"{API}/existence/web/7+b?project=web") == {"exists": True}
    assert site.json("GET", f"{API}/existence/shop/1.0?project=default") == {"exists": True}
    assert site.json("GET", f"{API}/existence/shop/1.0?repository_key=default-release-bundles-v2") == {"exists": True}


def test_the_specification_tells_all_that_is_in_a_version(site: Site) -> None:
    told = site.json("GET", f"{API}/records/full/1")

    assert told.pop("service_id").startswith("jfrt@")
    assert told == {
        "schema_version": "1.0.0",
        "created_by": "ada",
        "created": "2023-11-14T22:13:20.020Z",
        "created_millis": NOW + 20,
        "artifacts": [
            {
                "path": "x/y/a.txt",
                "checksum": "a" * 64,
                "source_repository_key": "dev-local",
                "package_type": "generic",
                "size": 5,
                "properties": [{"key": "build.name", "values": ["app"]}, {"key": "k", "values": ["b", "a"]}],
            },
            {
                "path": "b.txt",
                "checksum": "a" * 64,
                "source_repository_key": "gone-local",
                "package_type": "maven",
                "size": 5,
                "properties": [],
            },
        ],
        "checked_webhooks": [],
        "source": {"aql": "items.find()"},
    }


def test_a_version_of_one_project_is_found_without_naming_the_project(site: Site) -> None:
    assert site.json("GET", f"{API}/records/web/7+b")["created_millis"] == NOW
    assert site.json("GET", f"{API}/statuses/web/7%2Bb")["status"] == "COMPLETED"


@pytest.mark.parametrize("path", ["records/shop/9", "records/none/1", "statuses/shop/9", "statuses/shop/9?project=web"])
def test_what_is_not_there_is_named(site: Site, path: str) -> None:
    answer = site.ask("GET", f"{API}/{path}")

    assert answer.status_code == 404
    [error] = answer.json()["errors"]
    assert "not found" in error["message"]
    assert error["code"] == "no_bundle"


def test_states_and_progress_are_told(site: Site) -> None:
    assert site.json("GET", f"{API}/statuses/shop/1.0") == {"status": "COMPLETED", "messages": []}
    assert site.json("GET", f"{API}/statuses/draft/1") == {"status": "DRAFT", "messages": []}
    progress = {"done": 2, "total": 9}
    told = site.json("GET", f"{API}/statuses/busy/1")
    assert told == {"status": "PROCESSING", "messages": [], "progress": progress}


def test_versions_are_listed_the_newest_first(site: Site) -> None:
    answer = site.ask("GET", f"{API}/records/shop")

    assert versions(answer) == ["2.0", "2.0-rc", "1.1", "1.0"]
    told = answer.json()
    assert (told["total"], told["limit"], told["offset"]) == (4, 1000, 0)
    assert told["release_bundles"][3] == {
        "status": "COMPLETED",
        "repository_key": "release-bundles-v2",
        "release_bundle_name": "shop",
        "release_bundle_version": "1.0",
        "service_id": told["release_bundles"][3]["service_id"],
        "created_by": "ada",
        "created": TIME,
        "release_status": "PRE_RELEASE",
    }
    [full] = site.json("GET", f"{API}/records/full?include=messages,permissions")["release_bundles"]
    assert (full["release_status"], full["release_bundle_tag"], full["messages"]) == ("RELEASED", "gold", [])
    assert set(full["permissions"]) >= {"read", "promote", "delete"}


@pytest.mark.parametrize(
    ("query", "expected", "total"),
    [
        ("limit=2&offset=1", ["2.0-rc", "1.1"], 4),
        ("offset=9", [], 4),
        ("limit=0", [], 4),
        ("order_asc=true", ["1.0", "1.1", "2.0-rc", "2.0"], 4),
        ("order_by=release_bundle_version&order_asc=true", ["1.0", "1.1", "2.0", "2.0-rc"], 4),
        ("order_by=release_bundle_version", ["2.0-rc", "2.0", "1.1", "1.0"], 4),
        ("filter_by=2.0", ["2.0"], 1),
        ("filter_by=2.0*", ["2.0", "2.0-rc"], 2),
        ("filter_by=*1", ["1.1"], 1),
        ("filter_by=%25", [], 0),
    ],
)
def test_a_list_is_paged_sorted_and_filtered(site: Site, query: str, expected: list[str], total: int) -> None:
    answer = site.ask("GET", f"{API}/records/shop?{query}")

    assert (versions(answer), answer.json()["total"]) == (expected, total)


def test_an_unknown_name_has_no_versions(site: Site) -> None:
    assert versions(site.ask("GET", f"{API}/records/none")) == []
    assert versions(site.ask("GET", f"{API}/records/shop?project=nobody")) == []


def test_names_are_grouped_with_their_newest_version(site: Site) -> None:
    told = site.json("GET", f"{API}/groups?filter_by=shop")

    [group] = told["release_bundles"]
    assert (told["total"], told["limit"], told["offset"]) == (1, 1000, 0)
    assert group.pop("service_id").startswith("jfrt@")
    assert group == {
        "repository_key": "release-bundles-v2",
        "project_key": "default",
        "project_name": "Default",
        "created": "2023-11-14T22:13:20.003Z",
        "release_bundle_name": "shop",
        "release_bundle_version_latest": "2.0",
        "release_bundle_versions_count": 4,
    }
    assert groups(site.ask("GET", f"{API}/groups?filter_by=other-*")) == ["other-2", "other-1", "other-0"]
    assert groups(site.ask("GET", f"{API}/groups?limit=2&offset=1")) == ["draft", "full"]
    assert groups(site.ask("GET", f"{API}/groups?project=web")) == ["web"]
    names = site.ask("GET", f"{API}/names")
    assert groups(names) == ["busy", "draft", "full", "other-0", "other-1", "other-2", "shop"]
    assert names.json()["release_bundles"][6] == {
        "repository_key": "release-bundles-v2",
        "release_bundle_name": "shop",
        "project_key": "default",
        "project_name": "Default",
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=x", "limit"),
        ("offset=-1", "offset"),
        ("order_by=size", "order_by"),
        ("order_asc=perhaps", "order_asc"),
        (f"filter_by={'x' * 200}", "filter_by"),
        ("repository_key=libs-release", "repository_key"),
        ("project=a/b", "project"),
    ],
)
def test_what_is_wrong_in_a_query_is_named(site: Site, query: str, field: str) -> None:
    for path in ("records/shop", "groups"):
        answer = site.ask("GET", f"{API}/{path}?{query}")

        assert answer.status_code == 400, path
        assert any(error["message"].startswith(f"{field}: ") for error in answer.json()["errors"])


def test_callers_see_what_they_may_read(site: Site, bob: httpx2.Client) -> None:
    assert versions(bob.get(f"{API}/records/shop")) == ["1.1", "1.0"]
    assert bob.get(f"{API}/records/shop").json()["total"] == 2
    assert groups(bob.get(f"{API}/groups")) == ["other-1", "shop"]
    assert bob.get(f"{API}/groups").json()["total"] == 2
    assert bob.get(f"{API}/groups?filter_by=shop").json()["release_bundles"][0]["release_bundle_versions_count"] == 2
    assert bob.get(f"{API}/existence/shop/1.0").status_code == 200
    for path in ("existence/shop/2.0", "records/shop/2.0", "records/none/1", "statuses/full/1", "groups?project=web"):
        assert bob.get(f"{API}/{path}").status_code == 403, path
    stranger = site.stranger()
    for path in ("existence/shop/1.0", "records/shop", "records/shop/1.0", "groups", "names", "statuses/shop/1.0"):
        assert stranger.get(f"{API}/{path}").status_code == 401, path


def test_a_tag_is_set_replaced_and_removed(site: Site, bob: httpx2.Client) -> None:
    path = f"{API}/records/shop/1.1/tag?project=default"
    named = {"repository_key": "release-bundles-v2", "release_bundle_name": "shop", "release_bundle_version": "1.1"}
    for sent, tag in (
        ({"tag": "a", "exist": True}, "a"),
        ({"tag": "☃", "exist": True}, "☃"),
        ({"exist": True}, None),
        ({"tag": "b"}, "b"),
        ({"tag": ""}, None),
    ):
        assert site.json("PUT", path, json=sent) == {**named, "release_bundle_tag": tag}
        [entry] = site.json("GET", f"{API}/records/shop?filter_by=1.1")["release_bundles"]
        assert entry.get("release_bundle_tag") == tag
    assert bob.put(path, json={"tag": "x"}).status_code == 403
    assert site.ask("PUT", f"{API}/records/shop/9/tag", json={"tag": "x"}).status_code == 404
    assert site.ask("PUT", path, json={"tag": "x" * 129}).status_code == 400
    assert site.ask("PUT", path, json={"tag": 1}).status_code == 400
    told = site.rows("SELECT before, after FROM audit WHERE verb = 'bundle.tag' ORDER BY id")
    assert [tuple(row) for row in told][:2] == [('{"tag":""}', '{"tag":"a"}'), ('{"tag":"a"}', '{"tag":"☃"}')]
