"""Runners over HTTP: who may speak, and what becomes of what they say wrongly, late or too much.

Contract drone-rpc.
"""

import json
import socket
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE

SECRET = "a-secret-of-all-runners"
SLUG = "octocat/hello-world"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- name: one
  commands: [echo one]
"""
DOCKER = """
kind: pipeline
type: docker
name: default
image_pull_secrets: [.dockerconfigjson]
steps:
- name: one
  image: registry.example.com/acme/build
  commands: [make]
"""
WANTED = {"kind": "pipeline", "type": "exec", "os": "linux", "arch": "amd64"}


class Runner:
    """Speaks the protocol, one call at a time."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = server.visitor({"X-Drone-Token": SECRET})

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        return self.client.request(method, f"/rpc/v2/{path}", json=body, **options)

    def json(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def handed(self) -> Any:
        return self.json("POST", "stage", WANTED)

    def accepted(self, machine: str = "lab") -> Any:
        return self.json("POST", f"stage/{self.handed()['id']}?machine={machine}")

    def started(self, *names: str) -> Any:
        """A stage that runs, with steps of these names."""
        stage = self.accepted()
        steps = [_step(stage["id"], number, name) for number, name in enumerate(names or ("one",), 1)]
        return self.json("PUT", f"stage/{stage['id']}", stage | {"status": "running", "started": 1, "steps": steps})

    def running(self, step: Any) -> Any:
        return self.json("PUT", f"step/{step['id']}", step | {"status": "running", "started": 1})


def _step(stage_id: int, number: int, name: str) -> Any:
    return {"step_id": stage_id, "number": number, "name": name, "status": "pending"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("rpc")
    repository = Repository(folder / "hello-world")
    sha = repository.commit({".drone.yml": PIPELINE})
    with Server(folder / "server", git_roots=str(folder), rpc_secret=SECRET, runner_capacity="0") as server:
        server.register(repository.url, SLUG)
        server.sha = sha  # type: ignore[attr-defined]
        server.repository = repository  # type: ignore[attr-defined]
        yield server


@pytest.fixture
def runner(server: Server) -> Iterator[Runner]:
    """A runner, for which one build waits; all that is left of it is cancelled at the end."""
    runner = Runner(server)
    number = server.push(SLUG, server.sha).json()["number"]  # type: ignore[attr-defined]
    yield runner
    server.ask("DELETE", f"/api/repos/{SLUG}/builds/{number}")
    runner.client.close()


def newest(server: Server) -> Any:
    number = server.json("GET", f"/api/repos/{SLUG}/builds")[0]["number"]
    return server.json("GET", f"/api/repos/{SLUG}/builds/{number}")


def cancel(server: Server) -> None:
    server.json("DELETE", f"/api/repos/{SLUG}/builds/{newest(server)['number']}")


@pytest.mark.parametrize("secret", ["", "wrong", SECRET[:-1], SECRET + "x", "é"])
def test_nobody_speaks_without_the_secret(server: Server, secret: str) -> None:
    headers = {b"X-Drone-Token": secret.encode()} if secret else {}
    with httpx2.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as stranger:
        answers = [stranger.post("/rpc/v2/ping"), stranger.get("/rpc/v2/stage/1")]

    assert [(answer.status_code, answer.text) for answer in answers] == [(401, ""), (401, "")]


def test_an_administrator_s_token_is_no_runner_s_secret(server: Server) -> None:
    assert server.ask("POST", "/rpc/v2/ping").status_code == 401


def test_a_server_without_a_secret_lets_no_runner_in(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Server(tmp_path_factory.mktemp("closed")) as server, Runner(server).client as client:
        answer = client.post("/rpc/v2/ping")

    assert (answer.status_code, answer.text) == (403, "")


def test_a_ping_with_the_secret_is_answered_with_nothing(runner: Runner) -> None:
    answer = runner.ask("POST", "ping")

    assert (answer.status_code, answer.text) == (200, "")
    assert "no-cache" in answer.headers["cache-control"]


def test_only_calls_that_fail_are_logged(runner: Runner) -> None:
    log = runner.server.log
    began = log.stat().st_size
    runner.server.ask("GET", "/healthz")
    runner.server.until(lambda: b"/healthz" in log.read_bytes()[began:], "all that came before is logged")
    began = log.stat().st_size
    assert runner.ask("POST", "ping").status_code == 200
    assert runner.ask("GET", "ping").status_code == 405
    assert runner.ask("GET", "stage/0").status_code == 404
    runner.server.ask("GET", "/version")

    runner.server.until(lambda: b"/version" in log.read_bytes()[began:], "what came last is logged")
    lines = log.read_bytes()[began:].decode().splitlines()
    logged = [(entry["path"], entry["status"]) for entry in map(json.loads, lines) if entry["logger"] == "app.request"]
    assert logged == [("/rpc/v2/ping", 405), ("/rpc/v2/stage/0", 404), ("/version", 200)]


def test_a_request_without_content_type_and_in_other_letter_case_is_read(runner: Runner) -> None:
    body = json.dumps({"Kind": "pipeline", "TYPE": "exec", "os": None, "labels": None, "more": 1})
    answer = runner.client.post("/rpc/v2/stage", content=body.encode())

    assert answer.json()["name"] == "default"


def test_a_stage_is_accepted_once(runner: Runner) -> None:
    stage = runner.handed()
    assert runner.ask("POST", f"stage/{stage['id']}?machine=lab").status_code == 200

    late = runner.ask("POST", f"stage/{stage['id']}?machine=other")
    assert (late.status_code, late.text) == (409, "Optimistic Lock Error")
    assert newest(runner.server)["stages"][0]["machine"] == "lab"


def test_a_runner_names_itself_in_a_form_as_well(runner: Runner) -> None:
    stage = runner.handed()
    answer = runner.client.post(f"/rpc/v2/stage/{stage['id']}", data={"machine": "the lab"})

    assert answer.json()["machine"] == "the lab"


def test_a_stage_that_was_cancelled_after_it_was_handed_out_is_not_accepted(runner: Runner) -> None:
    stage = runner.handed()
    cancel(runner.server)

    assert runner.ask("POST", f"stage/{stage['id']}?machine=lab").status_code == 409
    assert newest(runner.server)["stages"][0]["status"] == "skipped"


@pytest.mark.parametrize("status", ["success", "failure", "running"])
def test_a_report_after_a_cancel_is_refused_and_changes_nothing(runner: Runner, status: str) -> None:
    stage = runner.started()
    runner.running(stage["steps"][0])
    cancel(runner.server)
    before = newest(runner.server)

    assert runner.ask("PUT", f"stage/{stage['id']}", stage | {"status": status}).status_code == 409
    assert (
        runner.ask("PUT", f"step/{stage['steps'][0]['id']}", stage["steps"][0] | {"status": "success"}).status_code
        == 409
    )
    assert runner.ask("POST", f"step/{stage['steps'][0]['id']}/logs/batch", []).status_code == 409
    assert newest(runner.server) == before


def test_a_log_that_is_uploaded_after_a_cancel_is_kept(runner: Runner) -> None:
    step = runner.running(runner.started()["steps"][0])
    cancel(runner.server)

    assert (
        runner.ask("POST", f"step/{step['id']}/logs/upload", [{"pos": 0, "out": "bye\n", "time": 0}]).status_code == 200
    )
    assert runner.server.output(SLUG, newest(runner.server)["number"]) == "bye\n"


def test_a_call_that_is_repeated_because_its_answer_was_lost_is_answered_as_the_first(runner: Runner) -> None:
    accepted = runner.accepted()
    report = accepted | {"status": "running", "started": 1, "steps": [_step(accepted["id"], 1, "one")]}
    first = runner.json("PUT", f"stage/{accepted['id']}", report)
    assert runner.json("PUT", f"stage/{accepted['id']}", report) == first

    step = first["steps"][0] | {"status": "running", "started": 1}
    assert runner.json("PUT", f"step/{step['id']}", step) == runner.json("PUT", f"step/{step['id']}", step)
    lines = [{"pos": 0, "out": "one\n", "time": 0}]
    for _ in range(2):
        assert runner.ask("POST", f"step/{step['id']}/logs/upload", lines).status_code == 200
    assert runner.server.output(SLUG, newest(runner.server)["number"]) == "one\n"


def test_what_a_runner_does_not_own_stays_as_it_is(runner: Runner) -> None:
    stage = runner.accepted()
    claims = {"name": "evil", "number": 9, "type": "docker", "on_success": False, "limit": 7, "labels": {"a": "b"}}
    answer = runner.json("PUT", f"stage/{stage['id']}", stage | claims | {"status": "running", "started": 1})

    assert {key: answer[key] for key in ("name", "number", "type", "on_success")} == {
        "name": "default", "number": 1, "type": "exec", "on_success": True,
    }  # fmt: skip
    assert "limit" not in answer
    assert "labels" not in answer


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "stage", b"{", "not JSON"),
        ("POST", "stage", b"", "empty"),
        ("POST", "stage", b"[]", "object"),
        ("POST", "stage", b'{"labels": {"a": 1}}', "labels.a"),
        ("POST", "stage/{stage}", b"", "machine"),
        ("PUT", "stage/{stage}", b"{}", "status"),
        ("PUT", "stage/{stage}", b'{"status": "declined"}', "status"),
        ("PUT", "stage/{stage}", b'{"status": "running", "started": -1}', "started"),
        ("PUT", "stage/{stage}", b'{"status": "running", "started": 9223372036854775808}', "started"),
        ("PUT", "stage/{stage}", b'{"id": 99999, "status": "running"}', "id"),
        (
            "PUT",
            "stage/{stage}",
            b'{"status": "running", "steps": [{"status": "pending", "step_id": 99999}]}',
            "step_id",
        ),
        (
            "PUT",
            "stage/{stage}",
            b'{"status": "running", "steps": [{"number": 1, "status": "pending"}, {"number": 1, "status": "pending"}]}',
            "twice",
        ),
        ("PUT", "step/{step}", b'{"status": "blocked"}', "status"),
        ("PUT", "step/{step}", b'{"id": 99999, "status": "running"}', "id"),
        ("POST", "step/{step}/logs/batch", b"{}", "array"),
        ("POST", "step/{step}/logs/batch", b'[{"pos": "x"}]', "array"),
        ("POST", "step/{step}/logs/batch", b"nonsense", "array"),
        ("POST", "step/{step}/logs/upload", b"nonsense", "array"),
        ("POST", "step/{step}/logs/upload", b'{"pos": 0}', "array"),
        ("POST", "step/{step}/card", b"nonsense", "not JSON"),
        ("GET", "stage/x", b"", "number"),
        ("GET", "stage/99999999999999999999", b"", "number"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(
    runner: Runner, method: str, path: str, body: bytes, words: str
) -> None:
    stage = runner.started()
    before = newest(runner.server)
    path = path.format(stage=stage["id"], step=stage["steps"][0]["id"])
    answer = runner.client.request(method, f"/rpc/v2/{path}", content=body)

    assert answer.status_code == 400
    assert words in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert newest(runner.server) == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "stage/99999?machine=lab", None),
        ("GET", "stage/99999", None),
        ("PUT", "stage/99999", {"status": "running"}),
        ("PUT", "step/99999", {"status": "running"}),
        ("POST", "step/99999/logs/batch", []),
        ("POST", "step/99999/logs/upload", []),
        ("POST", "step/99999/card", {"data": {}}),
    ],
)
def test_what_is_not_there_is_not_found(server: Server, method: str, path: str, body: Any) -> None:
    with Runner(server).client as client:
        answer = client.request(method, f"/rpc/v2/{path}", json=body)

    assert answer.status_code == 404


def test_ten_megabytes_of_lines_in_one_batch_are_kept_and_more_is_refused(runner: Runner) -> None:
    step = runner.running(runner.started()["steps"][0])
    lines = [{"pos": pos, "out": "x" * 999 + "\n", "time": 0} for pos in range(10_000)]

    assert runner.ask("POST", f"step/{step['id']}/logs/batch", lines).status_code == 200
    assert len(runner.server.output(SLUG, newest(runner.server)["number"])) == 10_000_000
    assert runner.ask("POST", f"step/{step['id']}/logs/batch", lines * 2).status_code == 413


def test_a_step_that_does_not_run_has_no_log_to_add_to(runner: Runner) -> None:
    mine, other = runner.started("one", "two")["steps"]
    mine = runner.running(mine)
    line = [{"pos": 0, "out": "mine\n", "time": 0}]
    foreign = [{"pos": 0, "out": "foreign\n", "time": 0}]
    assert runner.ask("POST", f"step/{mine['id']}/logs/batch", line).status_code == 200
    assert runner.ask("POST", f"step/{mine['id']}/logs/upload", line).status_code == 200
    runner.json("PUT", f"step/{mine['id']}", mine | {"status": "success", "stopped": 2})

    for step in (mine, other):
        for verb in ("batch", "upload"):
            answer = runner.ask("POST", f"step/{step['id']}/logs/{verb}", foreign)
            assert (answer.status_code, answer.text) == (409, "Optimistic Lock Error")
    number = newest(runner.server)["number"]
    assert runner.server.ask("GET", f"/api/repos/{SLUG}/builds/{number}/logs/1/1").json() == line


def test_the_password_file_of_a_registry_reaches_the_runner_of_a_docker_pipeline(runner: Runner) -> None:
    server = runner.server
    config = '{"auths":{"registry.example.com":{"username":"bot","password":"hush"}}}'
    server.json("POST", f"/api/repos/{SLUG}/secrets", json={"name": ".dockerconfigjson", "data": config})
    repository: Repository = server.repository  # type: ignore[attr-defined]
    sha = repository.commit({".drone.yml": DOCKER}, "with containers")
    number = server.push(SLUG, sha).json()["number"]

    handed = runner.json("POST", "stage", WANTED | {"type": "docker"})
    runner.json("POST", f"stage/{handed['id']}?machine=docker")
    context = runner.json("GET", f"stage/{handed['id']}")

    assert [(one["name"], one["data"]) for one in context["secrets"]] == [(".dockerconfigjson", config)]
    assert "image_pull_secrets: [.dockerconfigjson]" in b64decode(context["config"]["Data"]).decode()
    assert (context["stage"]["type"], context["stage"]["machine"]) == ("docker", "docker")
    server.json("DELETE", f"/api/repos/{SLUG}/builds/{number}")
    server.ask("DELETE", f"/api/repos/{SLUG}/secrets/.dockerconfigjson")


def test_a_card_may_be_said_twice_and_is_shown(runner: Runner) -> None:
    step = runner.running(runner.started()["steps"][0])
    for text in ("first", "second"):
        answer = runner.ask("POST", f"step/{step['id']}/card", {"schema": "", "data": {"text": text}})
        assert answer.status_code == 200

    number = newest(runner.server)["number"]
    assert runner.server.json("GET", f"/api/repos/{SLUG}/cards/{number}/1/1") == {"text": "second"}


def test_a_runner_whose_clock_is_off_harms_only_its_own_times(runner: Runner) -> None:
    stage = runner.started()
    hour_ago = int(time.time()) - 3600
    over = stage | {"status": "success", "started": hour_ago, "stopped": hour_ago + 5}
    runner.json("PUT", f"stage/{stage['id']}", over | {"steps": []})

    build = newest(runner.server)
    assert build["status"] == "success"
    assert build["created"] <= build["started"] <= build["finished"]


def test_a_runner_that_hangs_up_while_it_waits_is_handed_nothing(server: Server) -> None:
    body = json.dumps(WANTED).encode()
    head = f"POST /rpc/v2/stage HTTP/1.1\r\nHost: x\r\nX-Drone-Token: {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            connection.sendall(head.encode() + body)
        server.until(lambda: server.waiting() == 20, "all are waiting")
    number = server.push(SLUG, server.sha).json()["number"]  # type: ignore[attr-defined]

    with Runner(server).client as client:
        assert client.post("/rpc/v2/stage", json=WANTED).json()["status"] == "pending"
    server.json("DELETE", f"/api/repos/{SLUG}/builds/{number}")


def test_a_server_that_stops_keeps_nobody_waiting(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "hello-world")
    sha = repository.commit({".drone.yml": PIPELINE})
    with Server(tmp_path / "server", git_roots=str(tmp_path), rpc_secret=SECRET, runner_capacity="0") as server:
        server.register(repository.url, SLUG)
        server.push(SLUG, sha)
        runner = Runner(server)
        with runner.client, ThreadPoolExecutor() as pool:
            stage = runner.accepted()
            watch, sent = f"/rpc/v2/build/{stage['build_id']}/watch", threading.Event()
            trace = {"trace": lambda name, _: sent.set() if "receive_response_headers" in name else None}
            polls = [
                pool.submit(runner.ask, "POST", "stage", WANTED),
                pool.submit(runner.client.post, watch, extensions=trace),
            ]
            assert sent.wait(PATIENCE)
            server.until(lambda: server.waiting() == 1, "both wait")
            began = time.monotonic()
            assert server.stop() == 0
            answers = [poll.result(PATIENCE) for poll in polls]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert time.monotonic() - began < 5
    assert "Traceback" not in server.log.read_text()


def test_fifty_waiting_runners_get_a_stage_once(server: Server) -> None:
    with ThreadPoolExecutor(50) as pool:
        runners = [Runner(server) for _ in range(50)]
        handed = [pool.submit(runner.handed) for runner in runners]
        numbers = [server.push(SLUG, server.sha).json()["number"] for _ in range(50)]  # type: ignore[attr-defined]
        stages = [one.result(PATIENCE)["id"] for one in handed]
    for number in numbers:
        server.json("DELETE", f"/api/repos/{SLUG}/builds/{number}")
    for runner in runners:
        runner.client.close()

    assert len(set(stages)) == 50
    assert TOKEN not in server.log.read_text()
    assert SECRET not in server.log.read_text()
