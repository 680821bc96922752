"""Lists of builds: filters, pages, and the newest of each branch and target."""

from typing import Any

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server
from tests.scm.repository import Repository

BUILDS = f"/api/repos/{SLUG}/builds"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- name: step
  commands:
  - test "$DRONE_DEPLOY_TO" != bad
"""


@pytest.fixture(scope="module")
def site(begin: Begin) -> tuple[Server, Repository]:
    """Builds: 1 push main, 2 push feature/x, 3 tag, 4 and 5 promotions, 6 a rollback, 7 a pull request, 8 custom."""
    server, repository = begin(PIPELINE)
    repository.git("checkout", "-q", "-b", "feature/x")
    sha = repository.commit(message="Work")
    server.push(SLUG, sha, ref="refs/heads/feature/x")
    server.push(SLUG, sha, ref="refs/tags/v1.0")
    server.promote(SLUG, 1, "good")
    server.promote(SLUG, 2, "bad")
    server.json("POST", f"{BUILDS}/4/rollback", params={"target": "good"})
    server.push(SLUG, sha, ref="refs/pull/7/head")
    server.json("POST", BUILDS, params={"branch": "feature/x"})
    for number in range(1, 9):
        server.finished(SLUG, number)
    return server, repository


@pytest.fixture
def server(site: tuple[Server, Repository]) -> Server:
    return site[0]


def _numbers(server: Server, query: str, path: str = BUILDS) -> list[int]:
    return [build["number"] for build in server.json("GET", f"{path}?{query}")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("event=push", [2, 1]),
        ("event=promote", [5, 4]),
        ("event=rollback", [6]),
        ("event=tag", [3]),
        ("event=pull_request", [7]),
        ("event=custom", [8]),
        ("status=failure", [5]),
        ("status=success&event=promote", [4]),
        ("target=good", [6, 4]),
        ("target=good&event=promote", [4]),
        ("target=", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("branch=main", [6, 4, 1]),
        ("branch=feature/x", [8, 5, 2]),
        ("branch=feature%2Fx&per_page=1", [8]),
        ("branch=nowhere", []),
        ("tag=v1.0", [3]),
        ("branch=main&tag=v1.0", [6, 4, 1]),
        ("event=promote&status=failure&target=bad&branch=feature/x", [5]),
        ("target=%F0%9F%9A%80%27%3B--", []),
        ("status=blocked", []),
        ("status=", [8, 7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_a_list_is_filtered(server: Server, query: str, expected: list[int]) -> None:
    assert _numbers(server, query) == expected


def test_a_list_is_filtered_by_the_beginning_of_a_commit_s_id(server: Server) -> None:
    sha = server.json("GET", f"{BUILDS}/3")["after"]

    assert _numbers(server, f"commit={sha}") == [8, 7, 5, 3, 2]
    assert _numbers(server, f"commit={sha[:7].upper()}&event=tag") == [3]
    assert _numbers(server, "commit=0000000") == []


@pytest.mark.parametrize("commit", ["abc", "x" * 7, "a" * 65])
def test_what_is_no_commit_is_refused_as_a_filter(server: Server, commit: str) -> None:
    answer = server.ask("GET", f"{BUILDS}?commit={commit}")

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_commit")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("per_page=3", [8, 7, 6]),
        ("per_page=3&page=2", [5, 4, 3]),
        ("per_page=3&page=3", [2, 1]),
        ("per_page=3&page=4", []),
        ("per_page=100000", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("per_page=1&per_page=2", [8]),
        ("per_page=1&event=push&page=2", [1]),
        ("page=999999999999999999&per_page=100", []),
        ("page=999999999999999999999999999999", [8, 7, 6, 5, 4, 3, 2, 1]),
        *((f"page={odd}&per_page={odd}", [8, 7, 6, 5, 4, 3, 2, 1]) for odd in ("0", "-1", "x", "1.5", "", "٣", "%00")),
    ],
)
def test_a_list_is_paged_and_odd_pages_are_the_first(server: Server, query: str, expected: list[int]) -> None:
    assert _numbers(server, query) == expected


def test_builds_in_lists_have_no_stages_and_are_as_when_asked_for_alone(server: Server) -> None:
    for listed in server.json("GET", BUILDS):
        alone = server.json("GET", f"{BUILDS}/{listed['number']}")
        assert "stages" not in listed
        assert {key: alone[key] for key in alone if key != "stages"} == listed


def test_the_newest_of_each_branch_target_and_pull_request(server: Server) -> None:
    assert sorted(_numbers(server, "", f"{BUILDS}/branches")) == [1, 2]
    assert sorted(_numbers(server, "", f"{BUILDS}/deployments")) == [5, 6]
    assert sorted(_numbers(server, "", f"{BUILDS}/pulls")) == [7]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 6),
        ("branch=feature/x", 8),
        ("ref=refs/tags/v1.0", 3),
        ("branch=main&ref=refs/tags/v1.0", 6),
        ("ref=refs/pull/7/head", 7),
    ],
)
def test_the_latest_build_of_a_ref(server: Server, query: str, expected: int) -> None:
    build = server.json("GET", f"{BUILDS}/latest?{query}")

    assert build["number"] == expected
    assert build["stages"][0]["steps"][0]["name"] == "step"


def test_no_build_of_a_ref_is_a_404(server: Server) -> None:
    answer = server.ask("GET", f"{BUILDS}/latest?branch=nowhere")

    assert (answer.status_code, answer.json()["message"]) == (404, "no build of this branch or ref yet")


def test_a_deleted_branch_leaves_the_newest_of_each_branch_but_not_the_history(
    site: tuple[Server, Repository],
) -> None:
    server, repository = site
    sha = repository.git("rev-parse", "HEAD")
    number = server.push(SLUG, sha, ref="refs/heads/short-lived").json()["number"]
    assert number in _numbers(server, "", f"{BUILDS}/branches")

    gone = server.push(SLUG, "0" * 40, ref="refs/heads/short-lived", before=sha)

    assert (gone.status_code, gone.content) == (204, b"")
    assert number not in _numbers(server, "", f"{BUILDS}/branches")
    assert _numbers(server, "branch=short-lived") == [number]
    server.finished(SLUG, number)


def test_the_feed_shows_the_newest_builds_of_what_one_may_read(server: Server) -> None:
    feed: Any = server.json("GET", "/api/user/builds")
    repos: Any = server.json("GET", "/api/user/repos?latest=true")

    newest = _numbers(server, "per_page=1")[0]
    assert feed[0]["build"]["number"] == repos[0]["build"]["number"] == newest
    assert [repo["slug"] for repo in repos] == [SLUG]
    stranger = server.account("stranger")
    assert stranger.get("/api/user/builds").json() == stranger.get("/api/user/repos").json() == []
    stranger.close()


def test_a_filter_that_no_build_can_meet_is_refused_with_what_is_known(server: Server) -> None:
    answer = server.ask("GET", f"{BUILDS}?status=suces&event=promotion&target=good")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    event, status = answer.json()["errors"]
    assert (event["field"], event["code"]) == ("event", "unknown_event")
    assert event["message"] == (
        "no build has the event 'promotion'; did you mean promote? "
        "Known: push, pull_request, tag, promote, rollback, cron, custom"
    )
    assert (status["field"], status["code"]) == ("status", "unknown_status")
    assert "'suces'; did you mean success? Known: blocked, pending, running, " in status["message"]
    assert _numbers(server, "status=&event=") == _numbers(server, "")
