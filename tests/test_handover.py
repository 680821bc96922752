"""A long-running process does not show the environment that it was started with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings.handover import harmless
from tests.soon import soon_sync

ROOT = Path(__file__).parents[1]
CODE = """
import json, os, sys
from app.settings import handover
before = os.getpid()
handover.hide()
shown = open("/proc/self/environ", "rb").read().decode(errors="surrogateescape")
files = sorted(os.listdir("/proc/self/fd"))
print(json.dumps({"environ": dict(os.environ), "shown": shown, "args": sys.argv, "files": len(files)}))
"""


def hidden(*arguments: str, **environment: str) -> dict[str, object]:
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("name", ["GANTRY_SECRET_KEY", "DRONE_RPC_SECRET", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "X"])
def test_no_value_is_shown_and_all_are_there(name: str) -> None:
    found = hidden("serve", "a b", **{name: 'hush = \n"hush" é', "PATH": "/usr/bin", "LC_CTYPE": "C.UTF-8"})

    assert found["environ"] == {name: 'hush = \n"hush" é', "PATH": "/usr/bin", "LC_CTYPE": "C.UTF-8"}
    assert "hush" not in str(found["shown"])
    assert found["args"] == ["-c", "serve", "a b"]


def test_what_no_encoding_can_read_is_kept() -> None:
    assert hidden(GANTRY_X="\udcff")["environ"] == {"GANTRY_X": "\udcff", "LC_CTYPE": "C.UTF-8"}


@pytest.mark.parametrize("value", ["0", "99", "x", "../../../etc", "\u0663"])
def test_a_descriptor_that_a_user_names_is_ignored(value: str) -> None:
    assert hidden(GANTRY_HANDOVER=value, LC_CTYPE="C.UTF-8")["environ"] == {"LC_CTYPE": "C.UTF-8"}


def test_a_large_environment_is_kept() -> None:
    given = {f"GANTRY_{number}": "x" * 100_000 for number in range(10)}

    assert hidden(**given, LC_CTYPE="C.UTF-8")["environ"] == {**given, "LC_CTYPE": "C.UTF-8"}


def test_a_process_that_shows_nothing_does_not_start_anew_and_no_file_is_left_open() -> None:
    assert hidden(PATH="/usr/bin")["files"] == hidden(PATH="/usr/bin", GANTRY_ADMIN="x")["files"]


def test_a_runner_shows_no_secret(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {
        "DRONE_RPC_HOST": "127.0.0.1:1",
        "DRONE_RPC_SECRET": "hush-hush-hush",
        "DRONE_RUNNER_ROOT": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    with log.open("wb") as file:
        command = [sys.executable, "-m", "app", "runner"]
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=file, stderr=file)
    try:
        soon_sync(lambda: "is not ready" in log.read_text(), "the runner has begun", about=log.read_text)
        assert b"hush" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["PATH", "LANG", "LC_ALL", "PYTHONUNBUFFERED", "LD_LIBRARY_PATH", "TZ"])
def test_what_the_interpreter_needs_stays(name: str) -> None:
    assert harmless(name)
