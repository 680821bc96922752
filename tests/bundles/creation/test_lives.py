"""Drafts over HTTP, and what becomes of versions when they are made."""

from typing import Any

import pytest

from app.bundles.model import BUNDLES
from tests.artifacts.site import Site
from tests.bundles.creation.calls import (
    BUNDLE,
    PROMOTIONS,
    RECORDS,
    TIME,
    build,
    bundle,
    content,
    create,
    exists,
    files,
    status,
)

pytestmark = pytest.mark.postgres


class TestDrafts:
    @pytest.mark.parametrize("mode", ["async=true", "async=false"])
    def test_a_draft_grows_until_it_is_finalized(self, site: Site, name: str, mode: str) -> None:
        made = create(site, name, files("dev-local/a"), mode=mode, draft=True)
        assert status(site, name) == "DRAFT"
        body = {
            "release_bundle_name": name,
            "release_bundle_version": "1.0",
            "add_sources": [files("dev-local/a"), build("1", include_dependencies=True)],
        }

        updated = site.ask("PATCH", f"{BUNDLE}?{mode}", json=body)

        assert updated.status_code == 200, updated.text
        assert updated.json() == made
        assert status(site, name) == "DRAFT"
        assert content(site, name) == ["dev-local/a", "dev-local/dep"]
        [message] = site.json("GET", f"{BUNDLE}/statuses/{name}/1.0")["messages"]
        assert message.keys() == {"source", "text", "created"}
        assert message["text"].endswith("are not stored here, and left out: far")
        assert TIME.fullmatch(message["created"])
        finalized = site.ask(
            "POST", f"{BUNDLE}/{name}/1.0/finalize?{mode}", headers={"Content-Type": "application/json"}
        )
        assert finalized.status_code == 200, finalized.text
        assert finalized.json() == made
        if mode == "async=false":
            assert status(site, name) == "COMPLETED"
        site.until(lambda: status(site, name) == "COMPLETED", "the draft is finalized")
        [entry] = site.json("GET", f"{RECORDS}/{name}?limit=100")["release_bundles"]
        assert (entry["status"], entry["created"]) == ("COMPLETED", made["created"])
        assert content(site, name) == ["dev-local/a", "dev-local/dep"]

    def test_a_draft_is_listed_read_and_deleted_but_neither_promoted_nor_stored(self, site: Site, name: str) -> None:
        create(site, name, files("dev-local/a"), draft=True)

        assert exists(site, name)
        assert content(site, name) == ["dev-local/a"]
        assert [one["status"] for one in site.json("GET", f"{RECORDS}/{name}")["release_bundles"]] == ["DRAFT"]
        assert site.json("GET", f"{BUNDLE}/groups?filter_by={name}")["total"] == 1
        assert site.json("GET", f"{PROMOTIONS}/{name}/1.0")["promotions"] == []
        refused = site.ask("POST", f"{PROMOTIONS}/{name}/1.0?async=false", json={"environment": "PROD"})
        assert refused.status_code == 400
        assert "is a draft, which cannot be promoted; finalize it first" in refused.json()["errors"][0]["message"]
        assert site.ask("GET", f"/artifactory/{BUNDLES}/{name}/1.0/release-bundle.json.evd").status_code == 404
        for word in ("verify", "export"):
            assert site.ask("GET", f"/api/bundles/{name}/1.0/{word}").status_code == 409
        assert site.ask("DELETE", f"{RECORDS}/{name}/1.0?async=false").status_code == 204
        assert not exists(site, name)

    def test_what_is_no_draft_is_not_changed(self, site: Site, name: str) -> None:
        body = {"release_bundle_name": name, "release_bundle_version": "1.0", "add_sources": [files("dev-local/lib/b")]}

        def asked() -> list[int]:
            patch = site.ask("PATCH", f"{BUNDLE}?async=false", json=body)
            return [patch.status_code, site.ask("POST", f"{BUNDLE}/{name}/1.0/finalize?async=false").status_code]

        assert asked() == [404, 404]
        create(site, name, files("dev-local/a"))
        assert asked() == [409, 409]
        assert content(site, name) == ["dev-local/a"]

    @pytest.mark.parametrize(("said", "code", "words"), [
        ({}, 400, "add_sources: is missing or empty"),
        ({"add_sources": []}, 400, "add_sources: is missing or empty"),
        ({"add_sources": [{"source_type": "x"}]}, 400, "add_sources[0].source_type: is 'x'"),
        ({"add_sources": [files("other-local/a")]}, 400, "a comes from dev-local and from other-local"),
        ({"add_sources": [build("9")]}, 404, "the build 'app' #9"),
        ({"add_sources": [build("2")]}, 422, "not stored here"),
    ])  # fmt: skip
    def test_what_cannot_be_added_leaves_the_draft_as_it_was(
        self, site: Site, name: str, said: dict[str, Any], code: int, words: str
    ) -> None:
        create(site, name, files("dev-local/a"), draft=True)

        answer = site.ask(
            "PATCH", f"{BUNDLE}?async=false",
            json={"release_bundle_name": name, "release_bundle_version": "1.0", **said},
        )  # fmt: skip

        assert answer.status_code == code, answer.text
        assert words in answer.text
        assert content(site, name) == ["dev-local/a"]


def test_a_version_that_was_a_source_may_go_and_what_was_made_of_it_is_promoted(site: Site, name: str) -> None:
    site.put(f"dev-local/{name}", b"x")
    create(site, f"{name}-part", files(f"dev-local/{name}"))
    create(site, name, bundle(f"{name}-part"))
    site.ask("DELETE", f"/artifactory/dev-local/{name}")
    assert site.ask("DELETE", f"{RECORDS}/{name}-part/1.0?async=false").status_code == 204

    answer = site.ask("POST", f"{PROMOTIONS}/{name}/1.0?async=false", json={"environment": "PROD"})

    assert answer.status_code == 201, answer.text
    assert site.get(f"prod-local/{name}").content == b"x"
    assert site.json("GET", f"/api/bundles/{name}/1.0/verify")["problems"] == []


@pytest.mark.parametrize(("state", "promoted"), [("PROCESSING", 409), ("DELETING", 409), ("FAILED", 400)])
def test_a_version_that_is_not_completed_says_so(site: Site, name: str, state: str, promoted: int) -> None:
    create(site, name, files("dev-local/a"))
    site.execute(f"UPDATE bundles SET status = '{state}' WHERE name = '{name}'")

    answer = site.ask("POST", f"{PROMOTIONS}/{name}/1.0?async=false", json={"environment": "PROD"})

    assert answer.status_code == promoted
    assert status(site, name) == state
    assert exists(site, name)
    deleted = site.ask("DELETE", f"{RECORDS}/{name}/1.0?async=false")
    assert deleted.status_code == (204 if state == "FAILED" else 409)
    if state == "FAILED":
        create(site, name, files("dev-local/a"))


def test_every_time_in_a_list_is_one_that_clients_read(site: Site, name: str) -> None:
    create(site, name, files("dev-local/a"))
    assert site.ask("POST", f"{PROMOTIONS}/{name}/1.0?async=false", json={"environment": "PROD"}).status_code == 201

    for path, field in (
        (f"{RECORDS}/{name}", "release_bundles"), (f"{BUNDLE}/groups", "release_bundles"),
        (f"{PROMOTIONS}/{name}", "promotions"), (f"{PROMOTIONS}/{name}/1.0", "promotions"),
    ):  # fmt: skip
        entries = site.json("GET", path)[field]
        assert entries
        assert [one["created"] for one in entries if not TIME.fullmatch(one["created"])] == [], path
