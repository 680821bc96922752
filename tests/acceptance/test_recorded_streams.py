"""The recorded event streams of `streams.json`: the same frames in the same order, with more of them in between."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance import recorded
from tests.acceptance.recorded import SLUG, Replay
from tests.acceptance.server import Server
from tests.soon import PATIENCE

RECORDED = recorded.recording("streams")
END = ["event: error", "data: eof"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server, repository, sha = recorded.scene(tmp_path_factory.mktemp("streams"))
    with server:
        recorded.first_build(server, repository, sha)
        yield server


def frames(lines: list[str]) -> list[list[str]]:
    """The lines of each frame, without the ids, which are ours."""
    found: list[list[str]] = [[]]
    for line in lines:
        if line and not line.startswith("id: "):
            found[-1].append(line)
        elif not line and found[-1]:
            found.append([])
    return [frame for frame in found if frame and frame != ["<end of stream>"]]


def events(name_or_frames: list[list[str]]) -> list[Any]:
    """What each frame of a build tells."""
    return [json.loads(frame[0].removeprefix("data: ")) for frame in name_or_frames if frame[0].startswith("data: {")]


def state(event: Any) -> Any:
    """How the build, its stages and its steps are."""
    stages = event["build"].get("stages", [])
    return event["build"]["status"], [(s["status"], [step["status"] for step in s.get("steps", [])]) for s in stages]


def read(server: Server, path: str) -> list[list[str]]:
    """Every frame until the build is over, or the stream ends."""
    lines: list[str] = []
    with server.client.stream("GET", path) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-cache"
        for line in answer.iter_lines():
            lines.append(line)
            if line.startswith("data: {") and json.loads(line[6:]).get("build", {}).get("status") == "failure":
                break
    return frames(lines)


def test_streams_say_what_was_recorded(server: Server) -> None:
    threads = ThreadPoolExecutor()
    both = [threads.submit(read, server, RECORDED[name]["path"]) for name in list(RECORDED)[:2]]
    try:
        server.until(lambda: server.json("GET", "/api/system/stats")["events"]["subscribers"] == 2, "two readers")
        number = server.promote(SLUG, target="slow")["number"]
        server.running(SLUG, number)
        log = read(server, RECORDED["log of a running step"]["path"])
        told = [reading.result(PATIENCE) for reading in both]
        server.finished(SLUG, number)
    finally:
        threads.shutdown(wait=False)

    for name, ours in zip(RECORDED, told, strict=False):
        then, now = events(frames(RECORDED[name]["raw"])), events(ours)
        assert ours[0] == frames(RECORDED[name]["raw"])[0] == [": ping"]
        missing = iter([state(event) for event in now])
        assert all(state(event) in missing for event in then), [state(event) for event in now]
        assert [*recorded.compared("", normal(server, then[-1]), normal(server, now[-1]))] == []
    assert_log(log)
    assert read(server, RECORDED["log of a step that has finished"]["path"]) == [[": ping"], END]


def normal(server: Server, event: Any) -> Any:
    event["build"].pop("timestamp")
    return Replay(server).normal(event)


def assert_log(log: list[list[str]]) -> None:
    then = frames(RECORDED["log of a running step"]["raw"])
    text = ["".join(line["out"] for line in events(read_)) for read_ in (then, log)]
    assert text[0] == text[1]
    assert (log[0], log[-1]) == (then[0], then[-1])
    assert [line["pos"] for line in events(log)] == list(range(len(log) - 2))
