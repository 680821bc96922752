"""The record over HTTP: who did what is there soon after, stays when builds go, and shows what was changed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import SLUG
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository

PIPELINE = """
kind: pipeline
type: docker
name: deploy
steps: [{name: a, image: alpine, commands: [true]}]
"""
REPO = f"/api/repos/{SLUG}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("audit")
    repository = Repository(folder / "hello-world")
    sha = repository.commit({".drone.yml": PIPELINE}, "Add the pipeline")
    with Server(folder / "server", git_roots=str(folder), runner_capacity="0") as server:
        server.register(repository.url, SLUG)
        assert server.push(SLUG, sha).json()["number"] == 1
        yield server


def rows(server: Server, path: str = "/api/audit", **query: Any) -> Any:
    return server.json("GET", path, params=query)


def sealed(server: Server) -> Any:
    """What verifying says, once every row is sealed."""
    return server.until(
        lambda: (said := server.json("GET", "/api/audit/verify"))["unsealed"] == 0 and said, "all rows are sealed"
    )


def gantry(server: Server, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN}
    command = [sys.executable, "-m", "app", "audit", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_promotion_is_remembered_with_who_and_where(server: Server) -> None:
    answer = server.ask("POST", f"{REPO}/builds/1/promote", params={"target": "production", "KEY": "hush"})
    number = answer.json()["number"]

    (row,) = rows(server, subject=f"{SLUG}#{number}")

    assert (row["verb"], row["subject"], row["before"]) == ("build.promote", f"{SLUG}#{number}", {})
    assert (row["after"]["target"], row["after"]["parent"], row["after"]["status"]) == ("production", 1, "pending")
    assert {name: row["actor"][name] for name in ("kind", "name", "address", "way")} == {
        "kind": "person",
        "name": "octocat",
        "address": "127.0.0.1",
        "way": "token",
    }
    assert row["request_id"] == answer.headers["X-Request-ID"]
    assert "hush" not in json.dumps(row)
    assert sealed(server)["status"] == "whole"
    assert rows(server, subject=f"{SLUG}#{number}")[0]["seq"] > 0


def test_a_repository_shows_its_own_rows_to_who_administers_it(server: Server) -> None:
    with server.account("rita") as rita, server.account("walt") as walt:
        server.json("PUT", f"{REPO}/collaborators/rita", json={"admin": True})
        server.json("PUT", f"{REPO}/collaborators/walt", json={"write": True})

        found = rita.get(f"{REPO}/audit", params={"verb": "build."}).json()
        shown = rows(server, verb="build.", subject=SLUG)
        assert [row["id"] for row in found] == [row["id"] for row in shown]
        assert found[-1]["actor"] == {"kind": "hook", "name": "octocat", "id": 0, "address": "127.0.0.1", "way": "hook"}
        statuses = [walt.get(f"{REPO}/audit"), rita.get("/api/audit"), rita.get("/api/audit/verify")]
        assert [answer.status_code for answer in statuses] == [403, 403, 403]
        assert rita.get("/api/audit/chain").status_code == 403


def test_pages_are_linked_newest_first(server: Server) -> None:
    for target in ("a", "b", "c"):
        server.promote(SLUG, 1, target)
    answer = server.ask("GET", "/api/audit", params={"per_page": 2, "verb": "build.promote"})

    assert [row["after"]["target"] for row in answer.json()] == ["c", "b"]
    following = server.client.get(answer.links["next"]["url"])
    assert following.json()[0]["after"]["target"] == "a"
    back = server.client.get(following.links["prev"]["url"])
    assert [row["id"] for row in back.json()] == [row["id"] for row in answer.json()]


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"until": "-1"}, {"cursor": "after:x"}])
def test_what_cannot_be_asked_is_told(server: Server, query: dict[str, str]) -> None:
    assert server.ask("GET", "/api/audit", params=query).status_code == 400


def test_rows_are_kept_when_builds_are_purged(server: Server) -> None:
    number = server.promote(SLUG, 1, "gone")["number"]
    server.json("DELETE", f"{REPO}/builds/{number}")
    before = rows(server, subject=f"{SLUG}#{number}")

    assert server.ask("DELETE", f"{REPO}/builds", params={"before": number + 1}).status_code == 204

    assert server.ask("GET", f"{REPO}/builds/{number}").status_code == 404
    kept = rows(server, subject=f"{SLUG}#{number}")
    assert [row["verb"] for row in kept] == [row["verb"] for row in before] == ["build.cancel", "build.promote"]
    assert kept[0]["before"] == {"status": "pending"}
    assert kept[0]["after"] == {"status": "killed"}


def test_the_command_exports_and_verifies_until_somebody_changes_a_row(server: Server) -> None:
    said = sealed(server)
    lines = [json.loads(line) for line in gantry(server, "export").stdout.splitlines()]
    verified = gantry(server, "verify")

    assert [row["seq"] for row in lines] == list(range(1, said["holds"] + 1))
    assert verified.returncode == 0
    assert f"Rows that hold:  {said['holds']}" in verified.stdout
    server.execute("UPDATE audit SET actor_name = 'nobody' WHERE seq = 2")
    broken = gantry(server, "verify")
    assert broken.returncode == 1
    assert "row 2 (id " in broken.stderr
    assert server.json("GET", "/api/audit/verify")["broken"]["fault"] == "changed"
