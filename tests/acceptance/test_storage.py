"""The database is locked, the disk is full: 503 for a while, nothing half-written, and on it goes without a restart."""

import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests import postgres
from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import Server, on_sqlite
from tests.scm.repository import Repository

BUILDS = f"/api/repos/{SLUG}/builds"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- name: wait
  commands:
  - echo waiting
  - while [ ! -e "$FLAG" ]; do sleep 0.05; done
  - echo done; touch "$FLAG.seen"
trigger: {event: [promote], target: [wait]}
---
kind: pipeline
type: exec
name: greedy
clone: {disable: true}
steps:
- {name: fill, commands: ["while :; do cat /dev/zero >> big || :; done 2> /dev/null"]}
trigger: {event: [promote], target: [fill]}
---
kind: pipeline
type: exec
name: quick
clone: {disable: true}
steps:
- {name: only, commands: [echo quick]}
trigger: {target: {exclude: [wait, fill]}}
"""


class Disk(Protocol):
    """A disk that a test can fill and empty."""

    def fill(self) -> None: ...

    def empty(self) -> None: ...


class SmallDisk:
    """A real file system of few megabytes below the data folder."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def empty(self) -> None:
        self._filler.unlink()


class Quota:
    """No file of the server's process may grow beyond a few bytes any more."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def fill(self) -> None:
        self._limit(1)

    def empty(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        assert self._server.process is not None
        resource.prlimit(self._server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def _mounted(folder: Path, size: str = "24m") -> Iterator[bool]:
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield mounted
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Repository, Disk]]:
    """A server with a first build on a disk that can be filled; the log of the server is elsewhere."""
    server, repository = Server(tmp_path / "server", git_roots=str(tmp_path)), Repository(tmp_path / "hello-world")
    small = request.param == "small disk"
    with _mounted(server.data) as mounted:
        if small and not mounted:
            pytest.skip("only root may mount a file system; the quota is tested in its place")
        with server:
            first_build(server, repository, PIPELINE)
            yield server, repository, (SmallDisk(server.data) if small else Quota(server))


def _consistent(server: Server) -> list[int]:
    """Every build that there is has its stages, and their numbers have no gaps."""
    builds = server.json("GET", BUILDS, params={"per_page": 100})
    numbers = [build["number"] for build in builds]
    assert numbers == list(range(len(numbers), 0, -1))
    assert server.json("GET", f"/api/repos/{SLUG}")["counter"] == len(numbers)
    for number in numbers:
        assert len(server.json("GET", f"{BUILDS}/{number}")["stages"]) == 1
    return numbers


def _refused(answer: Any) -> str:
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
    assert int(answer.headers["Retry-After"]) > 0
    return str(answer.json()["message"])


@on_sqlite
@pytest.mark.parametrize("full", ["small disk", "quota"], indirect=True)
def test_a_full_disk_refuses_what_writes_and_recovers_by_itself(
    full: tuple[Server, Repository, Disk], tmp_path: Path
) -> None:
    server, _, disk = full
    flag = tmp_path / "flag"
    waiting = server.promote(SLUG, 1, "wait", FLAG=str(flag))["number"]
    server.running(SLUG, waiting, shows="waiting")
    promote = f"{BUILDS}/1/promote?target=quick&BIG={'x' * 20_000}"

    disk.fill()
    answers = [server.ask("POST", promote) for _ in range(20)]
    refusals = [answer for answer in answers if answer.status_code != 200]

    assert refusals
    for answer in refusals:
        assert "nothing was changed, try again" in _refused(answer)
    _refused(server.ask("DELETE", f"{BUILDS}/{waiting}"))
    made = [answer.json()["number"] for answer in answers if answer.status_code == 200]
    assert _consistent(server)[0] == max([waiting, *made])
    assert server.json("GET", f"{BUILDS}/{waiting}")["status"] == "running"
    assert server.ask("GET", "/healthz").status_code == 200
    flag.touch()
    server.until(flag.with_suffix(".seen").exists, "the step goes on to its end")

    disk.empty()

    build = server.finished(SLUG, waiting)
    assert (build["status"], build["stages"][0]["steps"][0]["status"]) == ("success", "success")
    assert server.output(SLUG, waiting).endswith("\ndone\n")
    for number in [*made, server.promote(SLUG, 1, "quick")["number"]]:
        assert server.finished(SLUG, number)["status"] == "success"
    _consistent(server)
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[tuple[Server, SmallDisk]]:
    """A server with a first build, not yet started again, on a disk that has room for a reserve."""
    server = Server(tmp_path / "server", git_roots=str(tmp_path))
    with _mounted(server.data, "240m") as mounted:
        if not mounted:
            pytest.skip("only root may mount a file system")
        with server:
            first_build(server, Repository(tmp_path / "hello-world"), PIPELINE)
            yield server, SmallDisk(server.data)


@on_sqlite
def test_on_a_full_disk_the_reserve_keeps_promotions_cancels_and_logs_going(
    roomy: tuple[Server, SmallDisk], tmp_path: Path
) -> None:
    server, disk = roomy
    reserve = server.data / "reserve"
    waiting = server.promote(SLUG, 1, "wait", FLAG=str(tmp_path / "flag"))["number"]
    server.running(SLUG, waiting, shows="waiting")
    server.until(lambda: reserve.exists() and reserve.stat().st_blocks * 512 == 64 * 1024**2, "there is a reserve")

    disk.fill()
    server.until(lambda: not reserve.exists(), "the reserve was given back")
    quick = server.promote(SLUG, 1, "quick", BIG="x" * 20_000)["number"]

    assert server.json("DELETE", f"{BUILDS}/{waiting}")["status"] == "killed"
    assert server.finished(SLUG, quick)["status"] == "success"
    assert server.output(SLUG, quick) == "+ echo quick\nquick\n"
    assert not reserve.exists()
    server.until(lambda: "the disk is full" in server.log.read_text(), "the log says so")
    disk.empty()
    server.until(reserve.exists, "the reserve is made anew")
    assert server.stop() == 0
    assert not reserve.exists()


@on_sqlite
def test_a_step_that_fills_the_disk_ends_with_a_sentence_and_the_server_goes_on(
    roomy: tuple[Server, SmallDisk],
) -> None:
    server, _ = roomy
    server.until((server.data / "reserve").exists, "there is a reserve")

    ended = server.finished(SLUG, server.promote(SLUG, 1, "fill")["number"])

    assert (ended["status"], ended["stages"][0]["status"]) == ("failure", "failure")
    assert "GANTRY_WORKSPACE_LIMIT allows 90% of what was free when the step began" in ended["stages"][0]["error"]
    assert ended["stages"][0]["steps"][0]["error"] == ended["stages"][0]["error"]
    assert ended["stages"][0]["error"] in server.output(SLUG, ended["number"])
    assert not list((server.data / "work").iterdir())
    assert server.finished(SLUG, server.promote(SLUG, 1, "quick")["number"])["status"] == "success"
    assert "Traceback" not in server.log.read_text()


@on_sqlite
def test_a_server_that_was_killed_on_a_disk_that_a_step_has_filled_starts_again(
    roomy: tuple[Server, SmallDisk],
) -> None:
    server, _ = roomy
    server.stop()
    server.environment["GANTRY_WORKSPACE_LIMIT"] = "100%"
    server.start()
    number = server.promote(SLUG, 1, "fill")["number"]
    server.until(lambda: shutil.disk_usage(server.data).free < 4096, "the disk is full")

    server.kill()
    server.start()

    build = server.finished(SLUG, number)
    assert build["stages"][0]["error"] == "runner lost"
    assert not list((server.data / "work").iterdir())
    assert server.finished(SLUG, server.promote(SLUG, 1, "quick")["number"])["status"] == "success"


@on_sqlite
@pytest.mark.parametrize("full", ["small disk"], indirect=True)
def test_a_commit_that_cannot_be_fetched_onto_a_full_disk_is_a_503_too(full: tuple[Server, Repository, Disk]) -> None:
    server, repository, disk = full
    repository.commit({".drone.yml": PIPELINE + "# more"})

    disk.fill()
    refused = server.ask("POST", BUILDS)
    disk.empty()

    assert str(server.data) not in _refused(refused)
    assert server.finished(SLUG, server.json("POST", BUILDS)["number"])["status"] == "success"


@on_sqlite
def test_a_locked_database_is_a_503_after_a_while_and_recovers(
    place: tuple[Server, Repository], tmp_path: Path
) -> None:
    server, repository = place
    server.start()
    first_build(server, repository, PIPELINE)
    flag = tmp_path / "flag"
    waiting = server.promote(SLUG, 1, "wait", FLAG=str(flag))["number"]
    server.running(SLUG, waiting, shows="waiting")

    with closing(sqlite3.connect(server.data / "gantry.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        flag.touch()
        message = _refused(server.ask("POST", f"{BUILDS}/1/promote?target=quick"))
        assert server.ask("GET", "/readyz").status_code == 200
        assert [build["number"] for build in server.json("GET", BUILDS)] == [waiting, 1]
        other.execute("COMMIT")

    assert "locked by another program" in message
    assert server.finished(SLUG, waiting)["status"] == "success"
    assert server.finished(SLUG, server.promote(SLUG, 1, "quick")["number"])["status"] == "success"
    assert _consistent(server) == [3, 2, 1]
    assert "Traceback" not in server.log.read_text()


@on_sqlite
def test_a_stage_that_could_not_be_taken_while_the_database_was_locked_is_taken_soon(
    place: tuple[Server, Repository],
) -> None:
    server, repository = place
    server.start()
    first_build(server, repository, PIPELINE)

    with closing(sqlite3.connect(server.data / "gantry.sqlite", isolation_level=None, timeout=30)) as other:
        while True:
            number = server.promote(SLUG, 1, "quick")["number"]
            other.execute("BEGIN IMMEDIATE")
            if not server.json("GET", f"{BUILDS}/{number}")["stages"][0].get("machine"):
                break  # locked before a runner took it
            other.execute("COMMIT")
        server.until(lambda: "the manager is unavailable" in server.log.read_text(), "the runner has tried")
        other.execute("COMMIT")

    assert server.finished(SLUG, number)["status"] == "success"


@postgres.real
def test_connections_that_the_database_ends_are_made_anew(place: tuple[Server, Repository]) -> None:
    server, repository = place
    server.start()
    first_build(server, repository, PIPELINE)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "

    statuses = set()
    for _ in range(10):
        server.execute(f"{end} current_database()")
        statuses |= {server.ask("POST", f"{BUILDS}/1/promote?target=quick").status_code for _ in range(3)}

    assert statuses <= {200, 503}
    assert server.ask("POST", f"{BUILDS}/1/promote?target=quick").status_code == 200
    for number in _consistent(server):
        assert server.finished(SLUG, number)["status"] == "success"
    assert "Traceback" not in server.log.read_text()


def test_builds_that_expire_are_purged_by_a_server_whose_settings_say_so(place: tuple[Server, Repository]) -> None:
    server, repository = place
    server.start()
    first_build(server, repository, PIPELINE)
    current = server.finished(SLUG, server.promote(SLUG, 1, "quick")["number"])["number"]
    for _ in range(3):
        server.finished(SLUG, server.json("POST", f"{BUILDS}/1")["number"])
    server.stop()
    server.environment |= {"GANTRY_RETENTION_BUILDS": "2"}
    server.start()

    server.until(lambda: server.ask("GET", f"{BUILDS}/1").status_code == 404, "old builds are purged")

    assert [build["number"] for build in server.json("GET", BUILDS)] == [5, 4, current]
    assert server.output(SLUG, current) == "+ echo quick\nquick\n"
    assert len(list((server.data / "logs").rglob("*.json"))) == 3
    (purged,) = server.json("GET", "/api/audit", params={"verb": "builds.purge"})
    assert (purged["actor"]["kind"], purged["after"]["below"]) == ("server", 4)
