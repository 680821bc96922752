"""Two servers on one PostgreSQL: who promotes at one, and reads there, need not know that a runner serves the other."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from tests import postgres
from tests.acceptance.frames import Frames
from tests.acceptance.remote import SLUG, Place, serving
from tests.acceptance.server import Server, sleeping

SHARED = {"secret_key": "one key for both of them"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Server]]:
    """The server that people use, and the one that a runner is attached to."""
    folder = tmp_path_factory.mktemp("pair")
    shared = SHARED | {"logs": str(folder / "logs"), "runner_lease": "4s"}
    with Place(folder, **shared) as place:
        other = serving(folder, "other", **shared, database_url=place.server.database)
        with other, place.runner("lab", f"127.0.0.1:{other.port}"):
            place.finished(1)
            yield place, other


@postgres.real
def test_a_promotion_is_run_by_the_runner_of_the_other_and_its_log_is_here(pair: tuple[Place, Server]) -> None:
    place, _ = pair
    number = place.promote("production", VERSION="1.2.3")

    assert place.finished(number)["status"] == "success"
    assert "1.2.3 to production on lab with [secret:key]" in place.output(number)


@postgres.real
def test_what_happens_there_is_streamed_here_with_every_line_once(pair: tuple[Place, Server]) -> None:
    place, _ = pair
    statuses: list[str] = []
    with place.server.client.stream("GET", f"/api/stream/{SLUG}") as answer:
        frames = Frames(answer)
        number = place.promote("long")
        place.server.running(SLUG, number, shows="line 1\n")
        live = place.server.ask("GET", f"/api/stream/{SLUG}/{number}/1/1").text
        while "success" not in statuses:
            build = frames.event()["build"]
            statuses += [build["status"]] if build["number"] == number else []

    assert [f"line {n}\\n" in live for n in range(1, 21)] == [True] * 20
    assert live.count("line 7\\n") == 1
    assert live.rstrip().endswith("eof")
    assert {"pending", "running"} <= set(statuses)


@postgres.real
def test_a_cancel_here_kills_the_step_there(pair: tuple[Place, Server]) -> None:
    place, _ = pair
    number = place.promote("hang")
    place.server.running(SLUG, number, shows="hanging")
    place.server.json("DELETE", f"/api/repos/{SLUG}/builds/{number}")

    place.server.until(lambda: not sleeping("4711"), "the step is killed")
    assert place.finished(number)["status"] == "killed"


@postgres.real
def test_a_server_that_dies_costs_no_stage_of_its_runner(pair: tuple[Place, Server]) -> None:
    place, other = pair
    number = place.promote("long")
    place.server.running(SLUG, number, shows="line 2\n")
    other.kill()
    threading.Timer(1, other.start).start()

    assert place.finished(number)["status"] == "success"
    lines = [line for line in place.output(number).splitlines() if line.startswith("line")]
    assert lines == [f"line {n}" for n in range(1, 21)]


@postgres.real
def test_a_runner_that_dies_there_is_found_lost_though_its_server_is_gone(pair: tuple[Place, Server]) -> None:
    place, other = pair
    with place.runner("doomed", f"127.0.0.1:{other.port}", runner_labels="zone:eu") as doomed:
        number = place.promote("labelled_hang")
        place.server.running(SLUG, number, shows="hanging")
        doomed.end(signal.SIGKILL)
    other.kill()
    try:
        build = place.finished(number)
    finally:
        other.start()

    assert (build["status"], build["stages"][0]["error"]) == ("error", "runner lost")
    for pid in sleeping("4712"):  # nobody is left who would
        os.kill(pid, signal.SIGKILL)
