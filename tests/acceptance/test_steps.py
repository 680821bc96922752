"""Steps that misbehave, the log of a running step, the streams, and the recorded life of builds that fail or hang."""

import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.frames import Frames, data, id_of
from tests.acceptance.server import Server, on_sqlite, sleeping
from tests.soon import PATIENCE

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drone"
RECORDED = {
    exchange["name"]: exchange for exchange in json.loads((FIXTURES / "lifecycle.json").read_text())["exchanges"]
}
STREAMS = json.loads((FIXTURES / "streams.json").read_text())
BUILDS = f"/api/repos/{SLUG}/builds"
#: Seconds of sleeps that no other process of this machine has, another run of these tests included.
FORKED, BOMBED, DEAF = (f"8{os.getpid():07}.{number}" for number in range(3))
#: Steps by the target that runs them.
STEPS = {
    "flood": ["head -c 100000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo the end"],
    "one-line": ["head -c 20000000 /dev/zero | tr '\\0' 'y'"],
    "no-newline": ["printf 'half a line'"],
    "binary": ["printf 'a\\377\\376\\000b\\303'; head -c 100000 /dev/urandom; printf 'caf\\303\\251'"],
    "silent": ["true"],
    "gone": ["kill -9 $$$$"],
    "forks": [f"(setsid sleep {FORKED} &) ; sleep {FORKED} & echo forked"],
    "bomb": [f"i=0; while [ $i -lt 100 ]; do sleep {BOMBED} & i=$((i+1)); done; echo forked"],
    "reads": ["cat; echo read"],
    "closes": ["exec >&- 2>&-; sleep 0.3; exit 4"],
    "many": ["i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"],
    "deaf": [f"trap '' TERM INT HUP; echo deaf; while true; do sleep {DEAF}; done"],
}
#: Substitution makes one backslash of two.
PIPELINE = (FIXTURES / "pipeline.yml").read_text() + "".join(
    f"---\nkind: pipeline\ntype: exec\nname: {target}\nclone: {{disable: true}}\n"
    f"steps: [{{name: only, commands: {json.dumps(commands)}}}]\ntrigger: {{target: [{target}]}}\n"
    for target, commands in STEPS.items()
).replace("\\\\", "\\\\\\\\")


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    return begin(PIPELINE)[0]


def _run(server: Server, target: str) -> tuple[Any, str]:
    number = server.promote(SLUG, 1, target)["number"]
    build = server.finished(SLUG, number)
    return build, server.output(SLUG, number)


@pytest.mark.parametrize("target", ["flood", "one-line"])
def test_a_flood_is_kept_up_to_a_limit_with_a_note_and_the_newest_of_it(server: Server, target: str) -> None:
    assert server.process is not None
    memory = psutil.Process(server.process.pid)

    build, text = _run(server, target)

    assert build["status"] == "success"
    assert 1_000_000 < len(text) < 6_000_000
    assert "bytes" in text[:500] or "lines" in text[:500], text[:500]
    assert text.endswith("the end\n" if target == "flood" else "y")
    assert memory.memory_info().rss < 200 * 1024 * 1024


def test_output_is_text_whatever_it_was(server: Server) -> None:
    build, text = _run(server, "binary")

    assert build["status"] == "success"
    assert "a��\0b" in text
    assert text.endswith("café")


@pytest.mark.parametrize(
    ("target", "status", "code", "end"),
    [
        ("no-newline", "success", 0, "half a line"),
        ("silent", "success", 0, "+ true\n"),
        ("gone", "failure", 137, "+ kill -9 $$\n"),
        ("reads", "success", 0, "read\n"),
        ("closes", "failure", 4, ""),
        ("many", "success", 0, "line 19999\n"),
    ],
)
def test_a_step_ends_as_its_process_does(server: Server, target: str, status: str, code: int, end: str) -> None:
    build, text = _run(server, target)

    step = build["stages"][0]["steps"][0]
    assert build["status"] == step["status"] == status
    assert step["exit_code"] == (code if target != "gone" else -1)
    assert text.endswith(end)


@pytest.mark.parametrize(("target", "seconds"), [("forks", FORKED), ("bomb", BOMBED)], ids=["forks", "bomb"])
def test_what_a_step_leaves_behind_is_ended(server: Server, target: str, seconds: str) -> None:
    build, text = _run(server, target)

    assert build["status"] == "success"
    assert "forked" in text
    server.until(lambda: not sleeping(seconds), "what was left behind is gone")


def test_a_step_that_hears_no_signal_is_ended_all_the_same(server: Server) -> None:
    number = server.promote(SLUG, 1, "deaf")["number"]
    server.running(SLUG, number, shows="deaf")

    assert server.json("DELETE", f"{BUILDS}/{number}")["status"] == "killed"

    server.until(lambda: not sleeping(DEAF), "the deaf step is gone")


@on_sqlite
def test_a_step_that_never_ends_is_ended_by_the_timeout(server: Server) -> None:
    slug = server.register(server.json("GET", f"/api/repos/{SLUG}")["git_http_url"], "octocat/impatient")
    server.push(slug, server.json("GET", f"{BUILDS}/1")["after"])
    server.finished(slug, 1)
    # A fiftieth of a minute: what the column is not meant for, and SQLite keeps.
    server.execute("UPDATE repos SET timeout = 0.02 WHERE name = 'impatient'")

    build = server.finished(slug, server.promote(slug, 1, "deaf")["number"])

    stage = build["stages"][0]
    assert (build["status"], stage["status"]) == ("killed", "killed")
    assert "0.02 min" in stage["error"]
    assert stage["steps"][0]["status"] == "killed"
    assert "deaf" in server.output(slug, build["number"])
    server.until(lambda: not sleeping(DEAF), "the step is gone")


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value).__name__


def _life(value: Any) -> Any:
    """What a build, its stages and steps have come to."""
    known = ("name", "status", "exit_code", "errignore", "number", "error", "event", "deploy_to", "steps", "stages")
    if isinstance(value, dict):
        return {name: _life(item) for name, item in value.items() if name in known and name != "number"}
    return [_life(item) for item in value] if isinstance(value, list) else value


def test_a_build_that_fails_lives_as_recorded(server: Server) -> None:
    number = server.promote(SLUG, 1, "slow")["number"]
    server.running(SLUG, number, shows="one")
    during = server.json("GET", f"{BUILDS}/{number}")
    after = server.finished(SLUG, number)

    assert _life(during) == _life(RECORDED["a build with a running stage"]["json"])
    assert _life(after) == _life(RECORDED["a build that failed"]["json"])
    assert _shape(after) == _shape(RECORDED["a build that failed"]["json"]) | {"timestamp": "int"}
    for step in (1, 2, 4):
        recorded = RECORDED[f"log of step {step}"]["json"]
        assert server.output(SLUG, number, 1, step) == "".join(line["out"] for line in recorded)
    assert server.ask("GET", f"{BUILDS}/{number}/logs/1/3").status_code == 404


def test_a_build_that_hangs_is_cancelled_as_recorded(server: Server) -> None:
    number = server.promote(SLUG, 1, "hang")["number"]
    server.running(SLUG, number, shows="hanging\n")
    answer = server.json("DELETE", f"{BUILDS}/{number}")
    server.until(lambda: "sleep 600" in server.output(SLUG, number), "the log is stored")

    assert _life(answer) == _life(RECORDED["cancel of a running build"]["json"])
    assert _life(server.json("GET", f"{BUILDS}/{number}")) == _life(RECORDED["the cancelled build"]["json"])
    assert server.output(SLUG, number) == "+ echo hanging\nhanging\n+ sleep 600\n"
    for verb, words in (("approve", "Cannot approve a Pipeline with Status"), ("decline", "Cannot decline build with")):
        refused = server.ask("POST", f"{BUILDS}/{number}/{verb}/1")
        assert refused.status_code == 400
        assert refused.json()["message"] == f'{words} {"status " if verb == "decline" else ""}"killed"'
        assert server.ask("POST", f"{BUILDS}/{number}/{verb}/2").json()["message"] == "Stage not found"


def test_the_stream_of_a_repository_tells_every_change_as_recorded(server: Server) -> None:
    changes: list[Any] = []
    with server.client.stream("GET", f"/api/stream/{SLUG}") as answer:
        frames = Frames(answer)
        assert next(frames) == ": ping"
        number = server.promote(SLUG, 1, "quick")["number"]
        while not changes or changes[-1]["build"]["status"] != "success":
            changes.append(frames.event())

    recorded = json.loads(next(line for line in STREAMS["all events"]["raw"] if line.startswith("data: "))[6:])
    assert list(changes[-1]) == list(recorded)
    assert list(changes[-1]["build"]) == list(recorded["build"])
    assert {change["build"]["number"] for change in changes} == {number}
    seen = [(change["build"]["status"], change["build"]["stages"][0]["status"]) for change in changes]
    assert seen[0] == ("pending", "pending")
    assert ("running", "running") in seen
    assert seen[-1] == ("success", "success")
    repo = server.json("GET", f"/api/repos/{SLUG}")
    assert changes[-1] == {key: repo[key] for key in repo if key != "permissions"} | {"build": changes[-1]["build"]}
    assert changes[-1]["build"] == server.json("GET", f"{BUILDS}/{number}")


def test_the_stream_of_a_running_step_replays_then_follows_then_ends(server: Server) -> None:
    number = server.promote(SLUG, 1, "slow")["number"]
    server.running(SLUG, number, shows="one\n")

    with server.client.stream("GET", f"/api/stream/{SLUG}/{number}/1/1", timeout=PATIENCE) as answer:
        frames = Frames(answer)
        events = list(frames)

    assert events[0] == ": ping"
    assert events[-1] == "event: error\ndata: eof"
    lines = [data(event) for event in events[1:-1]]
    assert [id_of(event) for event in events[1:-1]] == [str(line["pos"]) for line in lines]
    assert [line["pos"] for line in lines] == list(range(len(lines)))
    assert all(list(line) == ["pos", "out", "time"] for line in lines)
    text = "+ echo one\none\n+ sleep 1\n+ echo two\ntwo\n+ sleep 1\n+ echo three\nthree\n"
    assert "".join(line["out"] for line in lines) == text
    assert frames.raw.count(b"\n\n\nid: ") == len(lines) - 1
    assert frames.raw.endswith(b"\n\n\nevent: error\ndata: eof\n\n")
    assert server.output(SLUG, number) == text


@pytest.mark.parametrize("path", ["1/1/2", "1/1/1"])
def test_the_stream_of_a_step_that_does_not_run_ends_at_once(server: Server, path: str) -> None:
    assert server.ask("GET", f"/api/stream/{SLUG}/{path}").content == b": ping\n\nevent: error\ndata: eof\n\n"


@pytest.mark.parametrize(
    ("path", "status"), [("1/1/9", 404), ("999/1/1", 404), ("x/1/1", 400), ("1/x/1", 400), ("1/1/x", 400)]
)
def test_the_stream_of_no_step_is_an_ordinary_error(server: Server, path: str, status: int) -> None:
    answer = server.ask("GET", f"/api/stream/{SLUG}/{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")


def test_who_loses_the_right_to_read_hears_no_more(server: Server) -> None:
    with closing(server.account("listener")) as listener:
        rights = f"/api/repos/{SLUG}/collaborators/listener"
        server.json("PUT", rights, json={"read": True})
        with listener.stream("GET", f"/api/stream/{SLUG}") as answer:
            events = Frames(answer)
            assert next(events) == ": ping"
            assert server.ask("DELETE", rights).status_code == 204
            number = server.promote(SLUG, 1, "quick")["number"]

            assert next(events) == "event: error\ndata: eof"
    server.finished(SLUG, number)


def test_a_listener_that_leaves_or_does_not_read_harms_nobody(server: Server) -> None:
    streams = [server.client.stream("GET", f"/api/stream/{SLUG}") for _ in range(20)]
    for stream in streams[:10]:
        with stream:
            pass
    for stream in streams[10:]:
        stream.__enter__()

    build, _ = _run(server, "quick")

    assert build["status"] == "success"
    for stream in streams[10:]:
        stream.__exit__(None, None, None)
    assert server.ask("GET", "/healthz").status_code == 200
    assert "Traceback" not in server.log.read_text()
