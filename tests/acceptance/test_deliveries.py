"""Deliveries that came in, page by page, and sent again: over HTTP, for those who may."""

from collections.abc import Sequence

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server

DELIVERIES = f"/api/repos/{SLUG}/deliveries"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps: [{name: say, commands: [echo hello]}]
trigger: {branch: [main]}
"""


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    """A server with a push that made a build, and three pushes that started nothing."""
    server, repository = begin(PIPELINE)
    sha = repository.git("rev-parse", "HEAD").strip()
    for branch in ("one", "two", "three"):
        assert server.push(SLUG, sha, ref=f"refs/heads/{branch}").status_code == 200
    return server


def refs(known: Sequence[dict[str, str]]) -> list[str]:
    return [one["ref"].removeprefix("refs/heads/") for one in known]


def test_deliveries_say_what_became_of_each(server: Server) -> None:
    known = server.json("GET", DELIVERIES)

    assert refs(known) == ["three", "two", "one", "main"]
    assert [one["outcome"] for one in known] == ["nothing"] * 3 + ["build"]
    assert "branch" in known[0]["error"]
    assert (known[-1]["build"], known[-1]["error"]) == (1, "")


def test_deliveries_come_in_pages(server: Server) -> None:
    first = server.ask("GET", f"{DELIVERIES}?per_page=3")
    second = server.ask("GET", first.links["next"]["url"].removeprefix(server.url))

    assert refs(first.json()) == ["three", "two", "one"]
    assert refs(second.json()) == ["main"]
    assert refs(server.json("GET", f"{DELIVERIES}?per_page=3&page=2")) == ["main"]
    assert "next" not in second.links
    assert server.ask("GET", f"{DELIVERIES}?cursor=after:x").status_code == 400


def test_a_delivery_is_sent_again_and_says_what_becomes_of_it(server: Server) -> None:
    *_, nothing, built = server.json("GET", DELIVERIES)

    again = server.ask("POST", f"{DELIVERIES}/{nothing['id']}/repeat")
    has_build = server.ask("POST", f"{DELIVERIES}/{built['id']}/repeat")
    unknown = server.ask("POST", f"{DELIVERIES}/a%2Fb/repeat")

    assert (again.status_code, again.json()["code"]) == (422, "nothing_to_run")
    assert (has_build.status_code, has_build.json()["code"]) == (409, "delivered")
    assert "build 1" in has_build.json()["message"]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    repeated = server.json("GET", "/api/audit?verb=delivery.repeat")
    assert [row["subject"] for row in repeated] == [f"{SLUG}#deliveries/{nothing['id']}"]


def test_a_disabled_repository_takes_none(server: Server) -> None:
    (newest, *_) = server.json("GET", DELIVERIES)
    server.json("DELETE", f"/api/repos/{SLUG}")
    try:
        refused = server.ask("POST", f"{DELIVERIES}/{newest['id']}/repeat")
    finally:
        server.json("POST", f"/api/repos/{SLUG}")

    assert (refused.status_code, refused.json()["code"]) == (409, "repo_disabled")
    assert f"gantry repo enable {SLUG}" in refused.json()["message"]


@pytest.mark.parametrize(("rights", "status"), [({}, 404), ({"read": True}, 403), ({"write": True}, 422)])
def test_who_may_write_sends_again(server: Server, rights: dict[str, bool], status: int) -> None:
    (newest, *_) = server.json("GET", DELIVERIES)
    login = "-".join(rights or ["none"])
    with server.account(login) as client:
        if rights:
            server.json("PUT", f"/api/repos/{SLUG}/collaborators/{login}", json=rights)
        assert client.post(f"{DELIVERIES}/{newest['id']}/repeat").status_code == status
