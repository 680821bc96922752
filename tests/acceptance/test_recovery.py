"""The server is killed, stopped, or in a race with itself: nothing is lost, doubled, half-written or stuck."""

import os
import random
import resource
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import Server, sleeping
from tests.scm.repository import Repository

BUILDS = f"/api/repos/{SLUG}/builds"
#: Seconds of sleeps that no other process of this machine has, another run of these tests included.
NAPS = tuple(f"9{os.getpid():07}.{number}" for number in range(4))
#: Steps that run side by side.
WIDE = "\n".join(f"- {{name: s{n}, commands: [sleep 0.3], depends_on: [first]}}" for n in range(60))
PIPELINE = f"""
kind: pipeline
type: exec
name: quick
clone: {{disable: true}}
steps:
- {{name: only, commands: [echo quick]}}
trigger: {{event: [push], }}
---
kind: pipeline
type: exec
name: slow
clone: {{disable: true}}
steps:
- name: before
  commands: [echo kept]
- name: during
  commands:
  - sleep {NAPS[0]} &
  - setsid sleep {NAPS[1]} &
  - (env -i setsid sh -c 'trap "" TERM HUP INT; sleep {NAPS[2]}' > /dev/null 2>&1 &)
  - echo napping
  - sleep {NAPS[3]}
- name: after
  commands: [echo never]
trigger: {{event: [promote], target: [slow]}}
---
kind: pipeline
type: exec
name: later
clone: {{disable: true}}
steps:
- {{name: only, commands: [echo later]}}
depends_on: [slow]
trigger: {{event: [promote], target: [slow]}}
---
kind: pipeline
type: exec
name: race
clone: {{disable: true}}
steps:
- {{name: one, commands: [echo one]}}
- {{name: two, commands: [echo two]}}
trigger: {{event: [promote], target: [race]}}
---
kind: pipeline
type: exec
name: wide
clone: {{disable: true}}
steps:
- {{name: first, commands: [exit 0]}}
{WIDE}
trigger: {{event: [promote], target: [wide]}}
---
kind: pipeline
type: docker
name: waiting
trigger: {{event: [promote], target: [waiting]}}
---
kind: pipeline
type: docker
name: waiting too
depends_on: [waiting]
trigger: {{event: [promote], target: [waiting]}}
"""


@pytest.fixture(params=["none"])
def sandbox(request: pytest.FixtureRequest) -> str:
    """What the settings say of the sandbox; tests of processes that a step leaves behind ask for both."""
    if request.param == "bwrap" and not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    return str(request.param)


both = pytest.mark.parametrize("sandbox", ["none", "bwrap"], indirect=True)


@pytest.fixture
def server(place: tuple[Server, Repository], sandbox: str) -> Server:
    server, repository = place
    server.environment["GANTRY_RUNNER_SANDBOX"] = sandbox
    server.start()
    first_build(server, repository, PIPELINE)
    return server


def _naps() -> list[int]:
    """Processes of the slow step that are still there."""
    return [pid for seconds in NAPS for pid in sleeping(seconds)]


def _statuses(build: Any) -> dict[str, list[str]]:
    return {stage["name"]: [step["status"] for step in stage.get("steps", [])] for stage in build["stages"]}


def _begin_slow(server: Server) -> int:
    number: int = server.promote(SLUG, 1, "slow")["number"]
    server.running(SLUG, number, 1, 2, shows="napping")
    assert len(_naps()) == len(NAPS)
    return number


@both
def test_a_stage_of_a_killed_server_is_lost_and_all_else_goes_on(server: Server, sandbox: str) -> None:
    number = _begin_slow(server)
    waiting = server.promote(SLUG, 1, "waiting")["number"]

    server.kill()
    if sandbox == "none":
        assert _naps()
    else:
        server.until(lambda: not _naps(), "a sandbox ends with its server")
    server.start()

    build = server.finished(SLUG, number)
    assert _naps() == []
    lost = build["stages"][0]
    assert (build["status"], lost["status"], lost["error"]) == ("error", "error", "runner lost")
    assert _statuses(build) == {"slow": ["success", "error", "skipped"], "later": []}
    assert build["stages"][1]["status"] == "skipped"
    assert build["finished"] >= lost["stopped"] >= lost["started"] > 0
    assert server.output(SLUG, number, 1, 1) == "+ echo kept\nkept\n"
    assert "napping" in server.output(SLUG, number, 1, 2)
    assert server.ask("GET", f"{BUILDS}/{number}/logs/1/3").status_code == 404
    assert not list((server.data / "work").iterdir())
    assert server.json("GET", f"{BUILDS}/{waiting}")["status"] == "pending"
    again = server.json("POST", f"{BUILDS}/{number}")["number"]
    server.running(SLUG, again, 1, 2, shows="napping")
    assert server.json("DELETE", f"{BUILDS}/{again}")["status"] == "killed"
    server.until(lambda: not _naps(), "the processes of a cancelled build are gone")


@pytest.mark.parametrize("left", [10, 40, 70])
def test_a_stage_with_more_steps_than_the_server_may_open_files_ends(server: Server, left: int) -> None:
    assert server.process is not None
    pid = server.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    number = server.promote(SLUG, 1, "wide")["number"]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (files + left, limits[1]))

    server.until(lambda: _has_ended(server, number), "the stage has ended, as far as anybody can ask")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)

    build = server.finished(SLUG, number)
    assert build["status"] in ("success", "error"), build
    assert set(_statuses(build)["wide"]) <= {"success", "error", "skipped"}
    assert server.finished(SLUG, server.promote(SLUG, 1, "race")["number"])["status"] == "success"


def _has_ended(server: Server, number: int) -> bool:
    try:
        return server.json("GET", f"{BUILDS}/{number}")["status"] not in ("pending", "running")
    except (AssertionError, httpx2.TransportError):
        return False


def test_a_stage_that_was_waiting_when_the_server_died_runs_afterwards(place: tuple[Server, Repository]) -> None:
    server, repository = place
    server.environment["GANTRY_RUNNER_CAPACITY"] = "0"
    server.start()
    sha = repository.commit({".drone.yml": PIPELINE})
    server.register(repository.url, SLUG)
    assert server.push(SLUG, sha).json()["number"] == 1
    reason = server.json("GET", f"{BUILDS}/1")["stages"][0]["pending_reason"]
    assert reason == "no runner that is free serves type exec on linux/amd64"

    server.kill()
    server.environment["GANTRY_RUNNER_CAPACITY"] = "1"
    server.start()

    assert server.finished(SLUG, 1)["status"] == "success"


class Stream:
    """Promotions from several clients, one after another each, until the server is gone."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.answered: dict[int, Any] = {}
        self.refused: list[httpx2.Response] = []
        self.first = threading.Event()

    def run(self, number: int) -> None:
        headers = dict(self._server.client.headers)
        with self._server.visitor({"Authorization": headers["authorization"]}) as client:
            path = f"{BUILDS}/1/promote?target=waiting&BY={number}"
            while True:
                try:
                    answer = client.post(path)
                except httpx2.TransportError:
                    return
                if answer.status_code == 200:
                    self.answered[answer.json()["number"]] = answer.json()
                    self.first.set()
                else:
                    self.refused.append(answer)


def test_every_promotion_that_was_answered_survives_a_kill_at_any_moment(server: Server) -> None:
    moments = random.Random(20_240)  # the same moments in every run, as far as a machine can
    answered: dict[int, Any] = {}
    for _ in range(8):
        stream = Stream(server)
        with ThreadPoolExecutor(8) as threads:
            clients = [threads.submit(stream.run, n) for n in range(8)]
            assert stream.first.wait(60)
            threading.Event().wait(moments.uniform(0, 0.15))
            server.kill()
            for client in clients:
                client.result()
        assert stream.refused == []
        answered |= stream.answered
        server.start()

    counter = server.json("GET", f"/api/repos/{SLUG}")["counter"]
    kept = {build["number"]: build for build in _all(server)}
    assert sorted(kept) == list(range(1, counter + 1))
    assert len(answered) <= counter - 1
    for number in range(2, counter + 1):
        found = server.json("GET", f"{BUILDS}/{number}")
        assert [stage["name"] for stage in found["stages"]] == ["waiting", "waiting too"]
        if number in answered:
            for key in ("id", "params", "created", "parent", "deploy_to"):
                assert found[key] == answered[number][key]
    newest = server.json("GET", f"{BUILDS}/deployments")
    assert [build["number"] for build in newest] == [counter]
    assert not list(server.data.rglob("*.new"))


def _all(server: Server) -> Iterator[Any]:
    page = 1
    while builds := server.json("GET", BUILDS, params={"per_page": 100, "page": page}):
        yield from builds
        page += 1


def test_of_cancel_and_finish_one_wins_and_nothing_sticks(server: Server) -> None:
    moments = random.Random(7)
    seen = set()
    for _ in range(25):
        number = server.promote(SLUG, 1, "race")["number"]
        threading.Event().wait(moments.uniform(0, 0.06))
        with ThreadPoolExecutor(3) as threads:
            answers = list(threads.map(lambda n: server.ask("DELETE", f"{BUILDS}/{n}"), [number] * 3))

        assert [answer.status_code for answer in answers] == [200] * 3
        outcomes = {answer.json()["status"] for answer in answers}
        build = server.finished(SLUG, number)
        assert outcomes == {build["status"]}
        assert build["status"] in ("killed", "success")
        assert build["stages"][0]["status"] in (
            ("killed", "skipped", "success") if build["status"] == "killed" else ("success",)
        )
        assert all(status not in ("pending", "running") for [*steps] in _statuses(build).values() for status in steps)
        seen.add(build["status"])
    assert "killed" in seen
    number = server.promote(SLUG, 1, "race")["number"]
    assert server.finished(SLUG, number)["status"] == "success"
    server.until(lambda: not list((server.data / "work").iterdir()), "every workspace is gone")
    assert '"level":"error"' not in server.log.read_text()


@both
def test_a_cancelled_build_frees_its_runner_and_the_log_is_kept(server: Server) -> None:
    number = _begin_slow(server)

    first = server.json("DELETE", f"{BUILDS}/{number}")
    second = server.json("DELETE", f"{BUILDS}/{number}")

    assert first == second
    assert first["status"] == "killed"
    assert _statuses(first) == {"slow": ["success", "killed", "skipped"], "later": []}
    assert [step["exit_code"] for step in first["stages"][0]["steps"]] == [0, 130, 130]
    server.until(lambda: not _naps(), "the processes of a cancelled build are gone")
    assert "napping" in server.output(SLUG, number, 1, 2)
    server.until(lambda: not list(server.data.rglob("*.ndjson")), "the live log is no longer needed")
    assert server.finished(SLUG, server.promote(SLUG, 1, "race")["number"])["status"] == "success"


def test_a_stop_records_how_running_stages_ended_and_ends_the_streams(server: Server) -> None:
    number = _begin_slow(server)
    stream = server.client.stream("GET", f"/api/stream/{SLUG}")
    log = server.client.stream("GET", f"/api/stream/{SLUG}/{number}/1/2")

    with stream as builds, log as lines:
        pieces, changes = lines.iter_raw(), builds.iter_raw()
        ping, shown = next(changes), b""
        while b"napping" not in shown:
            shown += next(pieces)
        code = server.stop()
        texts = ping + b"".join(changes), shown + b"".join(pieces)

    assert code == 0, server.tail()
    assert _naps() == []
    for text in texts:
        assert text.startswith(b": ping\n\n")
        assert text.endswith(b"event: error\ndata: eof\n\n")
    assert "Traceback" not in server.log.read_text()
    server.start()
    build = server.json("GET", f"{BUILDS}/{number}")
    assert build["status"] == "killed"
    assert build["stages"][0]["error"] == "the runner was stopped"
    assert _statuses(build)["slow"] == ["success", "killed", "skipped"]
    assert "napping" in server.output(SLUG, number, 1, 2)


def test_a_second_signal_ends_all_grace(server: Server) -> None:
    number = _begin_slow(server)
    assert server.process is not None

    server.process.send_signal(signal.SIGINT)
    server.until(lambda: "shutting down" in server.log.read_text(), "it begins to stop")
    assert server.stop() == 0

    assert _naps() == []
    server.start()
    build = server.json("GET", f"{BUILDS}/{number}")
    assert (build["status"], build["stages"][0]["error"]) == ("killed", "the runner was stopped")
