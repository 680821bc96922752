"""`gantry runner` on another machine: real processes and sockets, killed, cut off, started again."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests import gantry
from tests.acceptance.remote import SECRET, SLUG, Place, RunnerProcess, Wire
from tests.acceptance.server import sleeping
from tests.soon import PATIENCE


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One that no test breaks, and a runner of its own."""
    with Place(tmp_path_factory.mktemp("shared")) as place, place.runner(runner_environ="FROM_RUNNER:hello"):
        place.finished(1)
        yield place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """One whose runners are soon found lost."""
    with Place(tmp_path, runner_lease="3s") as place:
        yield place


def test_a_promotion_runs_elsewhere_with_its_parameters_and_without_telling_secrets(shared: Place) -> None:
    number = shared.promote("production", VERSION="1.2.3")

    assert shared.finished(number)["status"] == "success"
    assert "1.2.3 to production on lab with [secret:key]" in shared.output(number)
    assert "hush-hush" not in shared.output(number) + (shared.folder / "lab.log").read_text()
    assert SECRET not in (shared.folder / "lab.log").read_text()


def test_the_runner_s_own_variables_reach_every_step(shared: Place) -> None:
    number = shared.promote("fast")
    shared.finished(number)

    assert "on lab, hello" in shared.output(number)


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_a_step_sees_neither_the_runner_nor_the_workspaces_of_others(shared: Place) -> None:
    (shared.folder / "work" / "gantry-runner-lab" / "other").mkdir()
    number = shared.promote("look")

    assert shared.finished(number)["status"] == "success"
    secrets, workspaces, processes = (line for line in shared.output(number).splitlines() if line.isdecimal())
    assert (secrets, workspaces) == ("0", "1")
    assert int(processes) < 10


def test_a_cancel_kills_the_step_on_the_other_machine(shared: Place) -> None:
    number = shared.promote("hang")
    shared.server.running(SLUG, number, shows="hanging")
    assert sleeping("4711")

    shared.server.json("DELETE", f"/api/repos/{SLUG}/builds/{number}")

    shared.server.until(lambda: not sleeping("4711"), "the step is killed")
    assert shared.finished(number)["stages"][0]["status"] == "killed"
    assert "hanging" in shared.output(number)


def test_a_stage_goes_to_a_runner_with_exactly_its_labels(shared: Place) -> None:
    number = shared.promote("labelled")
    shared.finished(shared.promote("fast"))  # the runner has gone past it
    assert "machine" not in shared.server.json("GET", f"/api/repos/{SLUG}/builds/{number}")["stages"][0]

    with shared.runner("eu", runner_labels="zone:eu"):
        assert shared.finished(number)["status"] == "success"
        other = shared.promote("fast")
        assert shared.machine(other) == "lab"
    assert "eu\n" in shared.output(number)


def test_a_runner_with_the_wrong_secret_says_so_and_tries_on(shared: Place) -> None:
    with shared.runner("stranger", rpc_secret="not-the-secret") as stranger:
        stranger.says("the server refuses the secret")
        assert stranger.process.poll() is None
        assert stranger.end(signal.SIGTERM) == 0
    assert "not-the-secret" not in stranger.log.read_text()


def test_a_runner_that_may_not_run_a_stage_says_why(shared: Place) -> None:
    with shared.runner("eu", runner_labels="zone:eu", limit_repos="acme/*,other/*"):
        build = shared.finished(shared.promote("labelled"))

    assert build["status"] == "error"
    assert build["stages"][0]["error"] == (
        "insufficient permission to run the pipeline: this runner serves acme/*, other/*, not octocat/hello-world"
    )


def test_wrong_settings_are_told_at_once(tmp_path: Path) -> None:
    runner = RunnerProcess(
        tmp_path,
        "http://127.0.0.1:1",
        rpc_secret="",
        rpc_proto="ftp",
        runner_capacity="0",
        runner_labels="zone",
        http_bind="3000",
    )
    said = gantry.run(["runner", "--check"], runner.environment)

    named = {line.split()[0] for line in said.stderr.splitlines()[1:]}
    assert said.returncode == 1
    assert named == {
        "DRONE_RPC_HOST",
        "DRONE_RPC_SECRET",
        "DRONE_RPC_PROTO",
        "DRONE_RUNNER_CAPACITY",
        "DRONE_RUNNER_LABELS",
        "DRONE_HTTP_BIND",
    }


def test_whoever_watches_over_runners_asks_one_whether_it_lives(shared: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with shared.runner("unlucky", http_bind=address) as unlucky:
            assert unlucky.process.wait(PATIENCE) == 1
        assert f"cannot listen on {address}: Address already in use; see DRONE_HTTP_BIND" in unlucky.log.read_text()

    with shared.runner("watched", http_bind=address) as watched:
        watched.says("the runner is attached")
        answer = httpx2.get(f"http://{address}/healthz")
        assert (answer.status_code, answer.text) == (200, "OK")
        assert watched.end(signal.SIGTERM) == 0


def test_two_runners_of_one_name_do_not_clear_each_other_s_workspaces_away(shared: Place) -> None:
    with shared.runner() as second:
        assert second.process.wait(PATIENCE) == 1
    assert "another runner of this name works in" in second.log.read_text()


def test_a_runner_that_was_killed_is_lost_and_the_other_goes_on(place: Place) -> None:
    with place.runner("first", runner_capacity="1") as first:
        place.finished(1)
        lost = place.promote("hang")
        assert place.machine(lost) == "first"
        place.server.running(SLUG, lost, shows="hanging")
        with place.runner("second"):
            kept = place.promote("long")
            place.server.running(SLUG, kept, shows="line 1\n")
            first.end(signal.SIGKILL)

            build = place.finished(lost)
            assert (build["status"], build["stages"][0]["error"]) == ("error", "runner lost")
            assert build["stages"][0]["steps"][0]["status"] == "error"
            assert place.finished(kept)["status"] == "success"
            assert place.finished(place.promote("fast"))["status"] == "success"
            assert "hanging" in place.output(lost)
    for pid in sleeping("4711"):  # nobody is left who would
        os.kill(pid, signal.SIGKILL)


def test_a_runner_that_stands_still_is_lost_within_its_lease_and_five_seconds(place: Place) -> None:
    with place.runner() as runner:
        place.finished(1)
        lost = place.promote("hang")
        place.server.running(SLUG, lost, shows="hanging")
        silent_since = time.monotonic()
        while time.monotonic() < silent_since + 4:  # a runner that lives is kept, although its step says nothing
            assert place.server.json("GET", f"/api/repos/{SLUG}/builds/{lost}")["status"] == "running"
            time.sleep(0.2)
        runner.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()

        build = place.finished(lost)
        took = time.monotonic() - began
        runner.process.send_signal(signal.SIGCONT)
        place.server.until(lambda: not sleeping("4711"), "the runner ends what it has lost")

    assert (build["status"], build["stages"][0]["error"]) == ("error", "runner lost")
    assert took < 3 + 5


def test_a_stage_goes_on_while_its_server_is_killed_and_started_again(place: Place) -> None:
    with place.runner() as runner:
        place.finished(1)
        number = place.promote("long")
        place.server.running(SLUG, number, shows="line 2\n")
        place.server.kill()
        runner.says("cannot watch a build")
        place.server.start()

        with httpx2.stream(
            "GET", f"{place.server.url}/api/stream/{SLUG}/{number}/1/1", headers=place.server.client.headers,
            timeout=PATIENCE,
        ) as stream:  # fmt: skip
            live = "".join(stream.iter_text())
        assert place.finished(number)["status"] == "success"

    log = place.output(number)
    assert [line for line in log.splitlines() if line.startswith("line")] == [f"line {n}" for n in range(1, 21)]
    assert "line 20" in live
    assert all(live.count(f"line {n}\\n") <= 1 for n in range(1, 21))


@pytest.mark.parametrize("request_line", [b"POST /rpc/v2/stage/", b"GET /rpc/v2/stage/", b"PUT /rpc/v2/stage/"])
def test_a_cut_wire_costs_no_stage(place: Place, request_line: bytes) -> None:
    with closing(Wire(place.server.port)) as wire, place.runner(address=wire.address):
        place.finished(1)
        wire.cut_after = request_line
        number = place.promote("fast")
        place.server.until(lambda: wire.is_cut, "the wire is cut")
        place.server.until(lambda: wire.refused, "the runner comes back in vain")
        wire.mend()

        assert place.finished(number)["status"] == "success"
    assert place.output(number).count("on lab") == 1


def test_a_runner_that_is_stopped_takes_nothing_more_and_reports_what_it_had(place: Place) -> None:
    with place.runner() as runner:
        place.finished(1)
        ends, hangs = place.promote("short"), place.promote("hang")
        place.server.running(SLUG, ends, shows="begun\n")
        place.server.running(SLUG, hangs, shows="hanging")
        assert runner.end(signal.SIGTERM) == 0

    assert place.finished(ends)["status"] == "success"
    stopped = place.finished(hangs)
    assert (stopped["status"], stopped["stages"][0]["status"]) == ("killed", "killed")
    assert "runner" in stopped["stages"][0]["error"]
    assert not sleeping("4711")
    assert list((place.folder / "work").glob("*/drone-*")) == []


def test_a_second_signal_ends_all_grace(place: Place) -> None:
    with place.runner() as runner:
        place.finished(1)
        hangs = place.promote("hang")
        place.server.running(SLUG, hangs, shows="hanging")
        runner.process.send_signal(signal.SIGTERM)
        place.server.until(lambda: place.server.waiting() == 0, "the runner takes nothing more")
        began = time.monotonic()
        assert runner.end(signal.SIGTERM) == 0

    assert time.monotonic() - began < 8
    assert place.finished(hangs)["status"] == "killed"


def test_a_runner_waits_for_a_server_that_is_not_there_yet(place: Place) -> None:
    place.server.stop()
    with place.runner() as runner:
        runner.says("the server is not ready for this runner")
        place.server.start()
        assert place.finished(1)["status"] == "success"
