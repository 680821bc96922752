"""Promote, rollback, restart and create: what they start, what they say when they start nothing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server
from tests.scm.repository import Repository

BUILDS = f"/api/repos/{SLUG}/builds"
SECRET = "correct-horse-battery"
PIPELINE = """
kind: pipeline
type: exec
name: build
clone: {disable: true}
steps:
- name: make
  commands:
  - echo "made of $BY on $DRONE_BRANCH at $DRONE_COMMIT"
trigger:
  event: [push, custom, tag]
---
kind: pipeline
type: exec
name: deploy
clone: {disable: true}
steps:
- name: first
  commands:
  - printf '<%s>' "$VERSION" "$TEXT" "$DRONE_DEPLOY_TO" "$DRONE_BUILD_EVENT" "$DRONE_BUILD_PARENT" "$EMPTY"
- name: second
  environment:
    TOKEN: {from_secret: token}
  commands:
  - printf '<%s>' "$VERSION" "$TEXT" "$TOKEN"
trigger:
  event: [promote, rollback]
  target: [production, staging]
---
kind: pipeline
type: docker
name: container
steps:
- name: never
  image: alpine
trigger:
  event: [promote]
  target: [container]
"""


@pytest.fixture(scope="module")
def site(begin: Begin) -> tuple[Server, Repository]:
    server, repository = begin(PIPELINE)
    server.json("POST", f"/api/repos/{SLUG}/secrets", json={"name": "token", "data": SECRET})
    return server, repository


@pytest.fixture
def server(site: tuple[Server, Repository]) -> Server:
    return site[0]


@pytest.fixture
def repository(site: tuple[Server, Repository]) -> Repository:
    return site[1]


def test_a_promotion_runs_with_its_parameters_in_every_step(server: Server) -> None:
    made = server.promote(SLUG, VERSION="1.2.3", TEXT="naïve ☃ 日本\nsecond line\ttab", EMPTY="")

    assert (made["status"], made["event"], made["parent"]) == ("pending", "promote", 1)
    assert (made["deploy_to"], made["trigger"], made["started"]) == ("production", "octocat", 0)
    assert [stage["name"] for stage in made["stages"]] == ["deploy"]
    build = server.finished(SLUG, made["number"])
    assert build["status"] == "success"
    assert build["params"] == {"VERSION": "1.2.3", "TEXT": "naïve ☃ 日本\nsecond line\ttab", "EMPTY": ""}
    first, second = (server.output(SLUG, made["number"], 1, step) for step in (1, 2))
    assert "<1.2.3><naïve ☃ 日本\nsecond line\ttab><production><promote><1><>" in first
    assert "<1.2.3><naïve ☃ 日本\nsecond line\ttab><[secret:token]>" in second


def test_a_secret_shows_nowhere(server: Server) -> None:
    number = server.promote(SLUG, VERSION="1")["number"]
    server.finished(SLUG, number)

    texts = [
        server.ask("GET", path).text
        for path in (
            f"{BUILDS}/{number}",
            f"{BUILDS}/{number}/logs/1/2",
            f"/api/repos/{SLUG}/secrets",
            f"/api/repos/{SLUG}/secrets/token",
            f"/api/repos/{SLUG}",
            BUILDS,
        )
    ]

    assert "[secret:token]" in texts[1]
    assert not [text for text in texts if SECRET in text]
    assert SECRET not in server.log.read_text()
    assert not [path for path in server.data.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("path", [f"{BUILDS}/1/promote", f"{BUILDS}/1/rollback", f"/api/repos/{SLUG}/promote", BUILDS])
def test_a_request_that_is_sent_again_with_its_key_begins_nothing(server: Server, path: str) -> None:
    query = {"target": "production", "branch": "main"} if path.endswith(f"{SLUG}/promote") else {"target": "staging"}
    query = {"branch": "main"} if path == BUILDS else query

    def ask(key: str = f"key of {path}", **more: str) -> Any:
        return server.ask("POST", path, params=query | more, headers={"Idempotency-Key": key.encode()})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(), range(4)))
    other, bad = ask(VERSION="2"), ask("naïve")

    assert [answer.status_code for answer in answers] == [200] * 4, answers[0].text
    (number,) = {answer.json()["number"] for answer in answers}
    assert {answer.json()["status"] for answer in answers} <= {"pending", "running", "success"}
    assert (other.status_code, other.json()["code"], other.json()["build"]) == (409, "key_reused", number)
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_request_key")
    dry = ask(dry_run="true", VERSION="2")
    assert (dry.status_code, dry.json()["number"]) == (200, 0)


def test_the_key_of_a_restart_holds_across_a_kill_of_the_server(server: Server) -> None:
    def restart() -> Any:
        return server.json("POST", f"{BUILDS}/1", headers={"Idempotency-Key": "r"})

    number = restart()["number"]
    server.kill()
    server.start()

    assert restart()["number"] == number
    server.finished(SLUG, number)


def test_of_a_repeated_parameter_the_first_value_counts(server: Server) -> None:
    build = server.json("POST", f"{BUILDS}/1/promote?target=production&A=1&A=2&target=nowhere&B=&B=x&access_token=")

    assert build["params"] == {"A": "1", "B": ""}
    assert build["deploy_to"] == "production"


def test_the_target_may_come_in_a_form_and_wins_there(server: Server) -> None:
    build = server.json("POST", f"{BUILDS}/1/promote?target=production&A=1", data={"target": "staging", "B": "2"})

    assert build["deploy_to"] == "staging"
    assert build["params"] == {"A": "1"}


def test_chains_inherit_and_each_link_may_override(server: Server) -> None:
    first = server.promote(SLUG, VERSION="1", REGION="eu")
    second = server.promote(SLUG, first["number"], "staging", VERSION="2")
    third = server.json("POST", f"{BUILDS}/{second['number']}/rollback", params={"target": "production", "WHY": "bad"})
    fourth = server.json("POST", f"{BUILDS}/{third['number']}", params={"VERSION": "4", "debug": "true"})

    assert second["params"] == {"VERSION": "2", "REGION": "eu"}
    assert (third["event"], third["parent"]) == ("rollback", second["number"])
    assert third["params"] == {"VERSION": "2", "REGION": "eu", "WHY": "bad"}
    assert (fourth["event"], fourth["parent"], fourth["debug"]) == ("rollback", third["number"], True)
    assert fourth["params"] == {"VERSION": "4", "REGION": "eu", "WHY": "bad"}
    assert fourth["deploy_to"] == "production"
    assert server.finished(SLUG, fourth["number"])["status"] == "success"
    assert "<4><><production><rollback>" in server.output(SLUG, fourth["number"])


def test_a_build_is_created_of_a_branch_or_a_commit(server: Server, repository: Repository) -> None:
    old = repository.git("rev-parse", "main")
    repository.git("branch", "-f", "topic", "main")
    new = repository.commit({"more": "text"}, "One more")

    made = [
        server.json("POST", BUILDS, params=params)
        for params in (
            {"BY": "default"},
            {"branch": "topic", "BY": "branch"},
            {"branch": "topic", "commit": new[:10], "BY": "commit", "message": "by hand"},
        )
    ]

    assert [build["after"] for build in made] == [new, old, new]
    assert [build["target"] for build in made] == ["main", "topic", "topic"]
    assert [build["message"].strip() for build in made] == ["One more", "Add the pipeline", "by hand"]
    assert {build["event"] for build in made} == {"custom"}
    for build in made:
        assert server.finished(SLUG, build["number"])["status"] == "success"
    assert f"made of commit on topic at {new}" in server.output(SLUG, made[2]["number"])


@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_nothing_to_run_says_why_for_each_pipeline_and_takes_no_number(server: Server, verb: str) -> None:
    before = _counter(server)

    answer = server.ask("POST", f"{BUILDS}/1/{verb}", params={"target": "moon"})

    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "nothing_to_run")
    assert [(p["pipeline"], [c["condition"] for c in p["conditions"]]) for p in body["pipelines"]] == [
        ("build", ["event"]),
        ("deploy", ["target"]),
        ("container", ["target"] if verb == "promote" else ["event", "target"]),
    ]
    assert sorted(body["targets"]) == ["container", "production", "staging"]
    assert body["message"] == (
        f'no pipeline for {verb} has the target "moon". The file has: production, staging, container'
    )
    assert [(problem["field"], problem["code"]) for problem in body["errors"]] == [
        (name, "excluded") for name in ("build", "deploy", "container")
    ]
    assert body["errors"][1]["message"] == (
        'pipeline "deploy": trigger.target includes production, staging, not "moon"'
    )
    assert _counter(server) == before


def _counter(server: Server) -> int:
    counter: int = server.json("GET", f"/api/repos/{SLUG}")["counter"]
    return counter


def test_a_create_and_a_restart_that_start_nothing_say_so_too(server: Server, repository: Repository) -> None:
    only = "kind: pipeline\ntype: exec\nname: only\nsteps: []\ntrigger: {branch: [release]}\n"
    sha = repository.commit({".drone.yml": only}, "Only for releases")
    repository.commit({".drone.yml": PIPELINE}, "Back")

    answer = server.ask("POST", BUILDS, params={"commit": sha})

    assert answer.status_code == 422
    assert 'pipeline "only": trigger.branch includes release, not "main"' in answer.json()["message"]


def test_promotions_at_one_moment_get_a_number_each(server: Server) -> None:
    before = _counter(server)
    count = 50

    with ThreadPoolExecutor(count) as threads:
        made = list(threads.map(lambda n: server.promote(SLUG, 1, "container", N=str(n)), range(count)))

    assert sorted(build["number"] for build in made) == list(range(before + 1, before + 1 + count))
    assert sorted(int(build["params"]["N"]) for build in made) == list(range(count))
    for build in made:
        stored = server.json("GET", f"{BUILDS}/{build['number']}")
        assert [stage["status"] for stage in stored["stages"]] == ["pending"]
        assert stored["params"] == build["params"]
        assert server.ask("DELETE", f"{BUILDS}/{build['number']}").json()["status"] == "killed"


def test_a_pipeline_that_no_runner_serves_waits_and_says_why(server: Server) -> None:
    number = server.promote(SLUG, 1, "container")["number"]

    stage: Any = server.json("GET", f"{BUILDS}/{number}")["stages"][0]

    assert stage["status"] == "pending"
    assert stage["pending_reason"] == "no runner that is free serves type docker on linux/amd64"
    server.json("DELETE", f"{BUILDS}/{number}")
    assert "pending_reason" not in server.json("GET", f"{BUILDS}/{number}")["stages"][0]


@pytest.mark.parametrize("kind", ["branch", "tag", "commit"])
def test_what_no_push_has_built_is_promoted(server: Server, repository: Repository, kind: str) -> None:
    repository.git("checkout", "-q", "-B", f"by-{kind}")
    sha = repository.commit(message="Never pushed")
    repository.git("tag", "-f", "-a", "-m", "The tag", f"v-{kind}")
    repository.git("checkout", "-q", "main")
    name = {"branch": "by-branch", "tag": "v-tag", "commit": sha[:9]}[kind]
    form = {"VERSION": "nowhere", "target": "staging", kind: name}

    made = server.json("POST", f"/api/repos/{SLUG}/promote", params={"target": "x", "VERSION": "7"}, data=form)

    assert (made["event"], made.get("parent", 0), made["after"]) == ("promote", 0, sha)
    assert made["params"] == {"VERSION": "7"}
    assert [stage["name"] for stage in made["stages"]] == ["deploy"]
    build = server.finished(SLUG, made["number"])
    assert (build["status"], build["message"].strip()) == ("success", "Never pushed")
    assert "<7><><staging><promote><0>" in server.output(SLUG, made["number"])


def test_a_promotion_of_a_commit_asks_for_the_same_right_and_obeys_the_same_rules(server: Server) -> None:
    path, before = f"/api/repos/{SLUG}/promote", _counter(server)
    main = {"target": "staging", "branch": "main"}
    with server.account("reads") as reader, server.visitor() as stranger:
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/reads", json={"read": True})
        refused = [
            (reader.post(path, params=main), 403, "forbidden"),
            (stranger.post(path, params=main), 401, "unauthorized"),
            (server.ask("POST", path, params={"target": "staging"}), 400, "missing_ref"),
            (server.ask("POST", path, params=main | {"tag": "v"}), 400, "ambiguous_ref"),
            (server.ask("POST", path, params=main | {"target": ""}), 400, "missing_target"),
            (server.ask("POST", path, params=main | {"PATH": "x"}), 400, "parameter_reserved"),
            (server.ask("POST", path, params=main | {"branch": "none"}), 404, "not_found"),
            (server.ask("POST", path, params=main | {"target": "stagin"}), 422, "nothing_to_run"),
        ]

    assert [(answer.status_code, answer.json()["code"]) for answer, _, _ in refused] == [
        (status, code) for _, status, code in refused
    ]
    assert "did you mean staging?" in refused[-1][0].json()["message"]
    assert _counter(server) == before
