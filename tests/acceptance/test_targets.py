"""What runs where, what a promotion would change, and what lies between two commits: over HTTP, with real hosts."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.acceptance.hosting import Person, hosting, owned
from tests.acceptance.server import Server

PIPELINE = """
kind: pipeline
type: exec
name: build
clone: {disable: true}
steps:
- name: step
  commands: [test "$BREAK" != yes]
trigger: {event: [push]}
---
kind: pipeline
type: exec
name: deploy
clone: {disable: true}
steps:
- name: step
  commands: [test "$BREAK" != yes]
trigger:
  event: [promote, rollback]
  target: [staging, production]
"""
SLUG = "github-dev/shop"
REPO = f"/api/repos/{SLUG}"
BUILDS = f"{REPO}/builds"


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Builds: 1 push, 2 to staging, 3 to production; 4 and 5 pushes, 6 of these to staging, 7 to production, failed."""
    begun = hosting(tmp_path_factory.mktemp("targets"), "github")
    with begun as (server, sides), closing(Person(server, "github", sides["github"])) as person:
        project = owned(person.side, SLUG, person.login)
        assert person.log_in().status_code == 303
        assert SLUG in person.synchronised()
        person.json("POST", REPO)
        project.push({".drone.yml": PIPELINE, "README": "one"})
        over(server, 1)
        promote(server, 1, "staging")
        promote(server, 1, "production")
        for number, words in ((4, "two"), (5, "three")):
            project.push({"README": words})
            over(server, number)
        promote(server, 5, "staging")
        promote(server, 5, "production", BREAK="yes")
        yield person


@pytest.fixture
def server(person: Person) -> Server:
    return person.server


def over(server: Server, number: int) -> None:
    server.until(lambda: len(server.json("GET", BUILDS)) >= number, f"build {number} was made")
    server.finished(SLUG, number)


def promote(server: Server, number: int, target: str, **params: str) -> None:
    made = server.json("POST", f"{BUILDS}/{number}/promote", params={"target": target, **params})
    server.finished(SLUG, made["number"])


def commit(server: Server, number: int) -> str:
    return str(server.json("GET", f"{BUILDS}/{number}")["after"])


def dry(server: Server, path: str, **query: str) -> Any:
    """The answer to a rehearsal, after which there are as many builds as before."""
    before = server.json("GET", REPO), server.json("GET", BUILDS)
    answer = server.json("POST", f"{BUILDS}/{path}", params={**query, "dry_run": "true"})
    assert (server.json("GET", REPO), server.json("GET", BUILDS)) == before
    return answer


def test_the_last_success_of_each_target_is_shown_with_what_failed_since(server: Server) -> None:
    def counted() -> bool:
        return all(target["behind"] is not None for target in server.json("GET", f"{REPO}/targets")[1:])

    server.until(counted, "the host has compared")
    staging, production = server.json("GET", f"{REPO}/targets")

    assert (staging["name"], staging["current"]["number"], staging["since"]) == ("staging", 6, [])
    assert ("before" in staging, staging["behind"]) == (False, None)
    assert (production["name"], production["current"]["number"]) == ("production", 3)
    assert [(build["number"], build["status"]) for build in production["since"]] == [(7, "failure")]
    assert (production["before"], production["behind"]) == ("staging", 2)
    (listed,) = server.json("GET", "/api/targets")
    assert (listed["slug"], listed["targets"]) == (SLUG, [staging, production])


def test_targets_are_told_to_those_who_may_read_the_repository(server: Server) -> None:
    with server.account("stranger") as stranger, server.visitor() as nobody:
        assert (stranger.get(f"{REPO}/targets").status_code, nobody.get(f"{REPO}/targets").status_code) == (404, 401)
        assert (stranger.get("/api/targets").json(), nobody.get("/api/targets").status_code) == ([], 401)
        assert (stranger.get("/api/user/approvals").json(), nobody.get("/api/user/approvals").status_code) == ([], 401)
    assert server.ask("GET", "/api/targets", params={"cursor": "after:x"}).status_code == 400


@pytest.mark.parametrize("words", ["1...5", "%231...%235", "3...main", "{1}...{5}", "{1}...refs/heads/main"])
def test_builds_branches_and_commits_are_compared(server: Server, words: str) -> None:
    shas = {number: commit(server, int(number)) for number in ("1", "4", "5")}
    words = words.replace("{1}", shas["1"]).replace("{5}", shas["5"])

    found = server.json("GET", f"{REPO}/compare/{words}")

    assert (found["before"], found["after"], found["files"]) == (shas["1"], shas["5"], ["README"])
    assert [one["sha"] for one in found["commits"]] == [shas["4"], shas["5"]]
    assert found["commits"][0].keys() == {
        *("sha", "message", "author_login", "author_name", "author_email", "timestamp"),
    }


def test_an_older_commit_has_nothing_new(server: Server) -> None:
    assert server.json("GET", f"{REPO}/compare/5...1")["commits"] == []
    assert server.json("GET", f"{REPO}/compare/2...1")["commits"] == []


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ("1", 400, "bad_range"),
        ("1..5", 400, "bad_range"),
        ("...5", 400, "bad_range"),
        ("1...", 400, "bad_range"),
        ("%2399...1", 404, "not_found"),
        ("1...nowhere", 404, "not_found"),
        ("1...a%20b", 400, "invalid"),
        (f"1...{'e' * 40}", 404, "not_found"),
    ],
)
def test_what_cannot_be_compared_says_why(server: Server, words: str, status: int, code: str) -> None:
    answer = server.ask("GET", f"{REPO}/compare/{words}")

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_dry_promotion_says_what_would_run_and_change(server: Server) -> None:
    found = dry(server, "7/promote", target="production", VERSION="1.4")

    assert (found["id"], found["number"], found["parent"], found["status"]) == (0, 0, 7, "pending")
    assert [(stage["name"], stage["id"], stage["build_id"]) for stage in found["stages"]] == [("deploy", 0, 0)]
    assert found["params"] == {"BREAK": "yes", "VERSION": "1.4"}
    told = found["dry_run"]
    assert told["params_from"] == {"BREAK": "build 7", "VERSION": "given"}
    assert told["current"]["number"] == 3
    changes = told["changes"]
    assert (changes["before"], changes["after"]) == (commit(server, 3), commit(server, 5))
    assert [one["sha"] for one in changes["commits"]] == [commit(server, 4), commit(server, 5)]
    assert (changes["undone"], changes["files"]) == ([], ["README"])
    assert server.json("GET", changes["link"])["commits"] == changes["commits"]


def test_a_dry_rollback_says_what_would_be_undone(server: Server) -> None:
    changes = dry(server, "2/rollback", target="staging")["dry_run"]["changes"]

    assert [one["sha"] for one in changes["undone"]] == [commit(server, 4), commit(server, 5)]
    assert changes["commits"] == []


def test_a_dry_restart_and_a_dry_build_of_a_branch_answer_as_well(server: Server) -> None:
    restarted = dry(server, "7", BREAK="no")
    assert (restarted["event"], restarted["dry_run"]["params_from"]) == ("promote", {"BREAK": "given"})
    assert restarted["dry_run"]["current"]["number"] == 3

    refused = server.ask("POST", BUILDS, params={"branch": "main", "dry_run": "true"})
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_to_run")


def test_a_dry_run_is_refused_as_the_call_would_be(server: Server) -> None:
    for query in ({"target": "prod"}, {"target": ""}, {"target": "production", "PATH": "/evil"}):
        said = [server.ask("POST", f"{BUILDS}/5/promote", params=query | more) for more in ({}, {"dry_run": "true"})]
        assert said[0].status_code >= 400
        assert (said[0].status_code, said[0].json()) == (said[1].status_code, said[1].json())
    with server.account("looker") as looker:
        server.json("PUT", f"{REPO}/collaborators/looker", json={"read": True})
        answer = looker.post(f"{BUILDS}/5/promote", params={"target": "production", "dry_run": "true"})
    assert answer.status_code == 403


@pytest.mark.parametrize("said", ["1", "yes", "True", ""])
def test_a_misspelt_dry_run_does_nothing(server: Server, said: str) -> None:
    before = server.json("GET", BUILDS)

    for path in ("5/promote", "5/rollback", "5", ""):
        answer = server.ask("POST", f"{BUILDS}/{path}", params={"target": "production", "dry_run": said})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_dry_run"), path

    assert server.json("GET", BUILDS) == before
