"""What a hostile step can reach of the server that runs it, and what a step can still do on its machine."""

import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import TOKEN, Server, sleeping
from tests.scm.repository import Repository

NAP = f"8{os.getpid():07}"
ROOT = os.geteuid() == 0
KEY = "the-key-that-opens-all-secrets"
USERS = ["", "nobody"] if ROOT else [""]

PIPELINE = f"""
kind: pipeline
type: exec
name: look
steps:
- name: environ
  commands:
  - cat /proc/[0-9]*/environ /proc/$PPID/environ | tr '\\0' '\\n' | grep -c -e {TOKEN} -e {KEY} || true
- name: data
  commands:
  - find "$DATA" -maxdepth 2 -not -type l | sort | sed "s:$DATA:DATA:; s:drone-.*:drone:"
  - cat "$DATA"/keys/* "$DATA"/gantry.sqlite* && exit 1 || true
  - touch "$DATA"/mine "$DATA"/repos/hello-world/mine && exit 1 || true
  - umount -l "$DATA" && exit 1 || true
  - ls "$DATA"/keys && exit 1 || true
  - test -s "$DATABASE" && cat "$DATABASE" && exit 1 || true
  - ls -A "$LOGS" | sed 's/^/LOG /'
- name: machine
  commands:
  - git fetch -q origin && git log -1 --format=%s
  - echo deployed > "$OUTSIDE"/deployed
  - grep NoNewPrivs /proc/self/status
  - echo kept > kept && cat "$HOME"/../../drone/src/kept
  - echo to-the-card > /dev/stdout
- name: kill
  commands:
  - kill -9 "$SERVER" && exit 1 || true
trigger: {{event: [promote], target: [look]}}
---
kind: pipeline
type: exec
name: leave
clone: {{disable: true}}
steps:
- name: leave
  commands:
  - (env -i setsid sleep {NAP}.1 > /dev/null 2>&1 &) &
  - setsid sh -c 'trap "" TERM HUP INT; sleep {NAP}.2' &
  - echo left
  - sleep "$PAUSE"
trigger: {{event: [promote], target: [leave]}}
---
kind: pipeline
type: exec
name: first
clone: {{disable: true}}
steps:
- {{name: one, commands: ["true"]}}
trigger: {{event: [push]}}
---
kind: pipeline
type: exec
name: loader
clone: {{disable: true}}
steps:
- name: loader
  environment: {{LD_PRELOAD: /tmp/evil.so, BASH_ENV: /tmp/evil}}
  commands:
  - env | grep LD_PRELOAD
trigger: {{event: [promote], target: [loader]}}
"""


def naps() -> list[int]:
    return [pid for number in (1, 2) for pid in sleeping(f"{NAP}.{number}")]


@pytest.fixture(scope="module", params=[("auto", user) for user in USERS], ids=lambda one: "-".join(one))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that was really started with secrets in its environment; its repository lies in its data folder."""
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    sandbox, user = request.param
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)  # every account may pass; pytest lets only its own pass its folders
        (folder / "elsewhere").mkdir()
        places = {"logs": str(folder / "logs"), "database_url": f"sqlite:///{folder}/elsewhere/gantry.sqlite"}
        server = Server(folder, runner_sandbox=sandbox, runner_user=user, secret_key=KEY, **places)
        server.program = (sys.executable, "-m", "app")
        server.start()
        repository = Repository(server.data / "repos" / "hello-world")
        first_build(server, repository, PIPELINE)
        yield server
        server.__exit__()


def promote(server: Server, target: str, **params: str) -> int:
    number: int = server.promote(SLUG, 1, target, **params)["number"]
    return number


@pytest.fixture(scope="module")
def looked(server: Server) -> int:
    """A build of the hostile pipeline, once it is over."""
    outside = server.folder / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    assert server.process
    pid = str(server.process.pid)
    database = str(server.folder / "elsewhere" / "gantry.sqlite")
    places = {"DATA": str(server.data), "OUTSIDE": str(outside), "DATABASE": database, "LOGS": f"{server.folder}/logs"}
    number = promote(server, "look", SERVER=pid, **places)
    server.finished(SLUG, number)
    return number


def output(server: Server, number: int, step: int) -> list[str]:
    lines = server.output(SLUG, number, 1, step).splitlines()
    return [line for line in lines if not line.startswith("+ ")]


def test_no_secret_of_the_server_is_in_an_environment(server: Server, looked: int) -> None:
    assert output(server, looked, 2)[-1] == "0"
    assert server.process
    shown = Path(f"/proc/{server.process.pid}/environ").read_bytes()
    assert not any(word in shown for word in (b"GANTRY_ADMIN", TOKEN.encode(), KEY.encode()))


def test_of_the_data_folder_only_the_workspace_and_the_cloned_repository_are_there(server: Server, looked: int) -> None:
    said = output(server, looked, 3)

    assert [line for line in said if line.startswith("DATA")] == [
        "DATA",
        "DATA/repos",
        "DATA/repos/hello-world",
        "DATA/work",
        "DATA/work/drone",
    ]
    assert not any(line.startswith("LOG") or "SQLite" in line for line in said)
    assert not (server.data / "mine").exists()
    assert not (server.data / "repos/hello-world/mine").exists()
    assert server.finished(SLUG, looked)["stages"][0]["steps"][2]["status"] == "success"


def test_the_rest_of_the_machine_stays_as_it_is(server: Server, looked: int) -> None:
    outside = server.folder / "outside" / "deployed"

    assert output(server, looked, 4) == ["Add the pipeline", "NoNewPrivs:\t1", "kept", "to-the-card"]
    assert outside.read_text() == "deployed\n"
    assert outside.owner() == (server.environment["GANTRY_RUNNER_USER"] or pwd.getpwuid(os.geteuid()).pw_name)


def test_a_step_ends_no_process_but_its_own(server: Server, looked: int) -> None:
    assert server.finished(SLUG, looked)["stages"][0]["steps"][4]["name"] == "kill"
    assert server.process
    assert server.process.poll() is None


def test_no_variable_of_a_step_reaches_a_program_outside_of_the_sandbox(server: Server) -> None:
    number = promote(server, "loader")

    assert server.finished(SLUG, number)["status"] == "success"
    said = server.output(SLUG, number)
    assert "\nLD_PRELOAD=/tmp/evil.so\n" in said


def test_what_left_the_step_ends_with_the_step(server: Server) -> None:
    number = promote(server, "leave", PAUSE="0")

    assert server.finished(SLUG, number)["status"] == "success"
    assert naps() == []


def test_what_left_the_step_ends_with_a_cancel(server: Server) -> None:
    number = promote(server, "leave", PAUSE="600")
    server.running(SLUG, number, shows="left")
    server.until(lambda: len(naps()) == 2, "the children have left")

    server.json("DELETE", f"/api/repos/{SLUG}/builds/{number}")

    server.until(lambda: not naps(), "the children have ended")


def test_what_left_the_step_ends_with_the_server(server: Server) -> None:
    number = promote(server, "leave", PAUSE="600")
    server.running(SLUG, number, shows="left")
    server.until(lambda: len(naps()) == 2, "the children have left")

    server.kill()

    server.until(lambda: not naps(), "the children have ended")
    server.start()
    assert server.finished(SLUG, number)["stages"][0]["error"] == "runner lost"
