"""Protected repositories: signed files run, others wait for an administrator, who approves or declines."""

import itertools
import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import gantry as command
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository

SLUG = "acme/web"
REPO = f"/api/repos/{SLUG}"
BUILDS = f"{REPO}/builds"
FILE = """\
# comments are signed as well
kind: pipeline
type: exec
name: test
clone:
  disable: true
steps:
- name: a
  commands:
  - echo {word}
---
kind: pipeline
type: exec
name: after
clone:
  disable: true
depends_on:
- test
steps:
- name: b
  commands:
  - echo b
"""
_WORDS = itertools.count()
WAITING = [("test", "blocked"), ("after", "blocked")]
DONE = [("test", "success"), ("after", "success")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("protection")
    with Server(folder / "server", git_roots=str(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def repository(server: Server) -> Repository:
    made = Repository(server.folder.parent / "web")
    made.commit({".drone.yml": FILE.format(word="first")})
    server.register(made.url, SLUG, default_branch="main")
    server.execute("UPDATE repos SET protected = TRUE")
    return made


@pytest.fixture(scope="module")
def people(server: Server, repository: Repository) -> Iterator[dict[str, httpx2.Client]]:
    made = {right: server.account(right) for right in ("read", "write", "admin")}
    for right in made:
        server.json("PUT", f"{REPO}/collaborators/{right}", json={right: True})
    made |= {"stranger": server.account("stranger"), "nobody": server.visitor()}
    yield made
    for client in made.values():
        client.close()


def push(server: Server, repository: Repository, text: str = "") -> int:
    """The number of the build of a push of this text, or of a text that nobody has decided upon."""
    sha = repository.commit({".drone.yml": text or FILE.format(word=f"unsigned {next(_WORDS)}")})
    build = server.push(SLUG, sha).json()
    assert (build["status"], "stages" in build) == ("pending", False)
    number: int = build["number"]
    return number


def stages(server: Server, number: int) -> list[tuple[str, str]]:
    return [(stage["name"], stage["status"]) for stage in server.json("GET", f"{BUILDS}/{number}")["stages"]]


def hmac(server: Server, text: str) -> str:
    value: str = server.json("POST", f"{REPO}/sign", json={"data": text})["data"]
    return value


def gantry(server: Server, folder: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    client = {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN}
    done = command.run(args, os.environ | client, cwd=folder)
    assert done.returncode == 0, done
    return done


def test_a_file_that_the_command_signed_runs_and_one_that_was_changed_waits(
    server: Server, repository: Repository
) -> None:
    (repository.path / ".drone.yml").write_text(FILE.format(word="signed"))
    gantry(server, repository.path, "sign", SLUG, "--save")
    text = (repository.path / ".drone.yml").read_text()

    signed, tampered = push(server, repository, text), push(server, repository, text.replace("signed", "evil", 2))

    assert server.finished(SLUG, signed)["status"] == "success"
    assert stages(server, signed) == DONE
    assert stages(server, tampered) == WAITING
    server.ask("POST", f"{BUILDS}/{tampered}/decline")


def test_what_is_not_approved_waits_whoever_begins_it(server: Server, repository: Repository) -> None:
    number = push(server, repository)
    server.json("POST", f"{REPO}/cron", json={"name": "now", "expr": "@yearly", "branch": "main"})

    begun = [server.promote(SLUG, number), server.json("POST", BUILDS), server.json("POST", f"{REPO}/cron/now")]

    for build in begun:
        assert stages(server, build["number"]) == WAITING
    assert server.ask("POST", f"{BUILDS}/{number}").json()["message"] == "cannot start a blocked build"
    server.ask("POST", f"{BUILDS}/{number}/approve")
    assert server.finished(SLUG, number)["status"] == "success"
    for build in (server.promote(SLUG, number), server.json("POST", f"{BUILDS}/{number}"), server.json("POST", BUILDS)):
        assert server.finished(SLUG, build["number"])["status"] == "success"
    for build in begun:
        server.ask("DELETE", f"{BUILDS}/{build['number']}")


def test_what_was_declined_starts_nothing_and_a_push_of_it_says_why(server: Server, repository: Repository) -> None:
    number = push(server, repository)
    server.ask("POST", f"{BUILDS}/{number}/decline")

    answers = [
        server.ask("POST", f"{BUILDS}/{number}/promote?target=production"),
        server.ask("POST", f"{BUILDS}/{number}/rollback?target=production"),
        server.ask("POST", BUILDS),
        server.ask("POST", f"{REPO}/cron/now"),
    ]
    again = server.push(SLUG, repository.git("rev-parse", "HEAD")).json()

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "file_declined")
        assert f"declined this pipeline file in build {number}" in answer.json()["message"]
    assert again["status"] == "error"
    assert f"declined this pipeline file in build {number}" in again["error"]


def test_a_blocked_build_is_as_recorded_and_says_why(server: Server, repository: Repository) -> None:
    """Recorded: lifecycle.json."""
    number = push(server, repository)

    build = server.json("GET", f"{BUILDS}/{number}")

    assert (build["status"], build["trigger"], build["started"], build["finished"]) == ("pending", "@hook", 0, 0)
    assert (build["version"], build["stages"][0]["version"]) == (1, 1)
    assert build["stages"][0]["pending_reason"].startswith("an administrator of the repository must approve it")
    server.ask("POST", f"{BUILDS}/{number}/approve")
    approved = server.finished(SLUG, number)
    assert (approved["status"], approved["version"], approved["stages"][0]["version"]) == ("success", 3, 5)


def test_a_stage_is_approved_by_itself_and_waits_for_those_before_it(server: Server, repository: Repository) -> None:
    number = push(server, repository)

    assert server.ask("POST", f"{BUILDS}/{number}/approve/2").status_code == 204
    assert stages(server, number) == [("test", "blocked"), ("after", "waiting_on_dependencies")]
    assert server.ask("POST", f"{BUILDS}/{number}/approve/1").status_code == 204

    server.finished(SLUG, number)
    assert stages(server, number) == DONE


@pytest.mark.parametrize("path", ["decline", "decline/1"])
def test_a_declined_build_is_over_as_recorded(server: Server, repository: Repository, path: str) -> None:
    """Recorded: lifecycle.json."""
    number = push(server, repository)

    assert server.ask("POST", f"{BUILDS}/{number}/{path}").status_code == 204

    build = server.json("GET", f"{BUILDS}/{number}")
    assert (build["status"], build["started"], build["finished"], build["version"]) == ("declined", 0, 0, 2)
    assert (build["stages"][0]["status"], build["stages"][0]["stopped"]) == ("declined", 0)
    assert stages(server, number)[1][1] == ("declined" if path == "decline" else "blocked")
    again = server.ask("POST", f"{BUILDS}/{number}")
    assert (again.status_code, again.json()["message"]) == (400, "cannot start a declined build")
    server.ask("DELETE", f"{BUILDS}/{number}")


@pytest.mark.parametrize("path", ["", "/1"])
def test_what_is_decided_is_decided_once(server: Server, repository: Repository, path: str) -> None:
    number = push(server, repository)
    server.ask("POST", f"{BUILDS}/{number}/decline")

    approve = server.ask("POST", f"{BUILDS}/{number}/approve{path}")
    decline = server.ask("POST", f"{BUILDS}/{number}/decline{path}")

    for answer, message in (
        (approve, 'Cannot approve a Pipeline with Status "declined"'),
        (decline, 'Cannot decline build with status "declined"'),
    ):
        assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (400, "not_blocked", message)
        assert [error["field"] for error in answer.json()["errors"]] == ["stage" if path else "number"]


def test_of_two_administrators_one_decides(server: Server, repository: Repository) -> None:
    number = push(server, repository)
    verbs = ["approve", "decline"] * 4

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda verb: server.ask("POST", f"{BUILDS}/{number}/{verb}"), verbs))

    assert sorted(answer.status_code for answer in answers) == [204, *[400] * 7]
    build = server.finished(SLUG, number)
    assert build["status"] in ("success", "declined")


def test_a_blocked_build_is_cancelled_as_any_other(server: Server, repository: Repository) -> None:
    number = push(server, repository)

    assert server.json("DELETE", f"{BUILDS}/{number}")["status"] == "killed"

    assert stages(server, number) == [("test", "skipped"), ("after", "skipped")]
    assert server.ask("POST", f"{BUILDS}/{number}/approve").status_code == 400


@pytest.mark.parametrize("verb", ["approve", "decline"])
@pytest.mark.parametrize("stage", ["", "/1"])
def test_only_an_administrator_decides(
    server: Server, repository: Repository, people: dict[str, httpx2.Client], verb: str, stage: str
) -> None:
    number = push(server, repository)
    refused = {"nobody": 401, "stranger": 404, "read": 403, "write": 403}

    answers = {who: people[who].post(f"{BUILDS}/{number}/{verb}{stage}").status_code for who in refused}

    assert answers == refused
    assert stages(server, number) == WAITING
    assert people["admin"].post(f"{BUILDS}/{number}/{verb}{stage}").status_code == 204
    server.ask("DELETE", f"{BUILDS}/{number}")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("x/approve", 400, "the build number must be a number"),
        ("1/decline/x", 400, "the stage number must be a number"),
        ("9999/approve", 404, "build 9999 not found"),
        ("9999/decline", 404, "build 9999 not found"),
        ("1/approve/77", 404, "Stage not found"),
        ("1/approve/0", 404, "Stage not found"),
    ],
)
def test_what_is_not_there_is_not_decided_on(
    server: Server, repository: Repository, path: str, status: int, message: str
) -> None:
    answer = server.ask("POST", f"{BUILDS}/{path}")

    assert (answer.status_code, answer.json()["message"][: len(message)]) == (status, message)


def test_the_command_approves_and_declines(server: Server, repository: Repository) -> None:
    first, second = push(server, repository), push(server, repository)

    one = gantry(server, repository.path, "build", "approve", SLUG, str(first), "1", "--json")
    all_ = gantry(server, repository.path, "build", "decline", SLUG, str(second))

    assert [stage["status"] for stage in json.loads(one.stdout)["stages"]][1] == "blocked"
    assert all_.stdout == f"Build {second} is declined\n"
    server.ask("POST", f"{BUILDS}/{first}/approve")
    assert server.finished(SLUG, first)["status"] == "success"


def test_a_decision_is_told_to_who_listens(server: Server, repository: Repository) -> None:
    number = push(server, repository)

    with server.client.stream("GET", f"/api/stream/{SLUG}") as stream:
        server.ask("POST", f"{BUILDS}/{number}/decline")
        events = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: {"))
        build = next(event["build"] for event in events if event["build"]["number"] == number)

    assert (build["status"], [stage["status"] for stage in build["stages"]]) == ("declined", ["declined"] * 2)


JSONNET = """
local pipeline = { kind: 'pipeline', type: 'exec', name: 'made', clone: { disable: true }, steps: [] };
[pipeline, { kind: 'signature', hmac: '%s' }]
"""


def test_in_a_file_that_is_converted_the_signature_of_the_output_counts(server: Server) -> None:
    repository = Repository(server.folder.parent / "made")
    repository.commit({".drone.jsonnet": JSONNET % "none"})
    slug = "acme/made"
    server.register(repository.url, slug, config_path=".drone.jsonnet", default_branch="main")
    server.execute("UPDATE repos SET protected = TRUE")
    pipeline = {"kind": "pipeline", "type": "exec", "name": "made", "clone": {"disable": True}, "steps": []}
    output = json.dumps(pipeline, indent=2) + "\n"
    value = server.json("POST", f"/api/repos/{slug}/sign", json={"data": output})["data"]

    statuses = []
    for given in (value, "0" * 64):
        sha = repository.commit({".drone.jsonnet": JSONNET % given})
        number = server.push(slug, sha).json()["number"]
        statuses.append(server.json("GET", f"/api/repos/{slug}/builds/{number}")["stages"][0]["status"])

    assert statuses[0] != "blocked"
    assert statuses[1] == "blocked"


def test_the_signature_of_a_file_that_loads_a_template_does_not_count(server: Server, repository: Repository) -> None:
    server.json("POST", "/api/templates/acme", json={"name": "t.yaml", "data": FILE.format(word="template")})
    text = "kind: template\nload: t.yaml\n"
    signed = f"{text}---\nkind: signature\nhmac: {hmac(server, text)}\n"

    number = push(server, repository, signed)

    assert stages(server, number) == WAITING
    server.ask("POST", f"{BUILDS}/{number}/decline")


def test_a_file_that_cannot_run_is_an_error_and_nothing_to_approve(server: Server, repository: Repository) -> None:
    build = server.push(SLUG, repository.commit({".drone.yml": "kind: ["})).json()

    assert build["status"] == "error"
    answer = server.ask("POST", f"{BUILDS}/{build['number']}/approve")
    assert answer.json()["message"] == 'Cannot approve a Pipeline with Status "error"'


def test_a_signature_does_not_depend_on_separators_line_ends_and_older_signatures(
    server: Server, repository: Repository
) -> None:
    value = hmac(server, "kind: a\n")

    assert len(value) == 64
    for text in ("---\r\nkind: a\r\n", "kind: a\n---\nkind: signature\nhmac: old\n", "\ufeffkind: a\n...\n"):
        assert hmac(server, text) == value
    assert hmac(server, "kind: b\n") != value


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        ({}, ["data must be the text of a pipeline file; it is empty"]),
        ({"data": " \n"}, ["data must be the text of a pipeline file; it is empty"]),
        ({"data": "a: 1\n---\nb: [\n---\n- c\n"}, ["line 4: yaml: line ", "line 5: yaml: unmarshal errors:"]),
        ({"data": 7}, ["data: "]),
        ([], [""]),
    ],
)
def test_what_nobody_can_read_is_not_signed(
    server: Server, repository: Repository, body: Any, messages: list[str]
) -> None:
    answer = server.ask("POST", f"{REPO}/sign", json=body)

    assert answer.status_code == 400
    told = [error["message"] for error in answer.json()["errors"]]
    assert [text[: len(start)] for text, start in zip(told, messages, strict=True)] == messages


def test_only_administrators_sign_in_a_protected_repository(
    server: Server, repository: Repository, people: dict[str, httpx2.Client]
) -> None:
    answers = {who: client.post(f"{REPO}/sign", json={"data": "kind: a\n"}) for who, client in people.items()}

    assert {who: answer.status_code for who, answer in answers.items()} == {
        "nobody": 401,
        "stranger": 404,
        "read": 403,
        "write": 403,
        "admin": 200,
    }
    assert answers["write"].json()["message"] == f"admin access to {SLUG} is needed"
    assert answers["admin"].json() == {"data": hmac(server, "kind: a\n")}
    server.json("PATCH", REPO, json={"protected": False})
    assert people["write"].post(f"{REPO}/sign", json={"data": "kind: a\n"}).json() == answers["admin"].json()
