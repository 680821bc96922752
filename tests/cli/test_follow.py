import json
import re
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import follow as following
from app.cli import main, watch
from app.cli.remote.client import Connection, Refused, Unreachable
from app.cli.terminal.plain import Notes, Plain
from tests.cli.conftest import Gantry
from tests.cli.farside import (
    END,
    PING,
    WAIT,
    FarSide,
    answer,
    build,
    event,
    lines,
    recorded,
    recorded_stream,
    said,
    stream,
    told,
    until,
)

SLUG = "octocat/hello-world"
BUILD = f"/api/repos/{SLUG}/builds/2"
EVENTS = f"/api/stream/{SLUG}"
PROMOTE = ["build", "promote", SLUG, "1", "production", "--follow"]


@pytest.fixture
def promoted(far: FarSide) -> FarSide:
    """A far side that answers the promote; nothing has happened yet."""
    far.on("POST", f"/api/repos/{SLUG}/builds/1/promote", answer(recorded("promote with parameters")))
    far.on("GET", BUILD, answer(build("pending")))
    return far


def logs_of(output: str) -> str:
    """What follows the block of the build."""
    return output.partition("/octocat/hello-world/2\n\n")[2]


def run(far: FarSide, **options: Any) -> dict[str, Any]:
    """Follow in this process."""
    connection = Connection.checked(far.url, "t")
    return following.follow(connection, SLUG, 2, Plain(SLUG), **options)


def test_recorded_build_is_followed_to_its_failure(gantry: Gantry, promoted: FarSide) -> None:
    far = promoted
    far.on("GET", EVENTS, stream(recorded_stream("events of one repository")))
    far.on("GET", f"{EVENTS}/2/1/1", stream(recorded_stream("log of a running step")))
    outs = [line["out"] for line in _data(recorded_stream("log of a running step"))]
    far.on("GET", f"{BUILD}/logs/1/1", lines(*outs))
    for step, out in ((2, "+ exit 3\n"), (4, "+ echo always\n")):
        far.on("GET", f"{EVENTS}/2/1/{step}", stream(PING, END))
        far.on("GET", f"{BUILD}/logs/1/{step}", lines(out))

    done = gantry(*PROMOTE, "-p", "VERSION=1.2.3")

    assert logs_of(done.stdout) == (
        "[slow/count]\n" + "".join(outs) + "[slow/fail]\n+ exit 3\n[slow/always]\n+ echo always\n"
    )
    assert done.stderr.splitlines() == [
        "slow: running",
        "[slow/after] skipped",
        "[slow/fail] failure: exit code 3",
        "slow: failure",
        "[slow/fail] failure: exit code 3",
        "  + exit 3",
        f"The whole log: gantry log {SLUG} 2 slow fail",
        "Build 2 ended after 2 s: failure",
    ]
    assert done.returncode == 1


def _data(raw: bytes) -> list[Any]:
    return [json.loads(line[6:]) for line in raw.split(b"\n") if line.startswith(b"data: {")]


@pytest.mark.parametrize(
    ("status", "code"), [("success", 0), ("failure", 1), ("error", 1), ("killed", 1), ("declined", 1), ("skipped", 1)]
)
@pytest.mark.parametrize("verb", ["promote", "rollback", "restart", "create"])
def test_result_of_the_build_is_the_exit_code(gantry: Gantry, far: FarSide, verb: str, status: str, code: int) -> None:
    builds = f"/api/repos/{SLUG}/builds"
    for path in (builds, f"{builds}/1", f"{builds}/1/promote", f"{builds}/1/rollback"):
        far.on("POST", path, answer(recorded("promote with parameters")))
    far.on("GET", BUILD, answer(build(status)))
    far.on("GET", EVENTS, stream(PING))
    args = {"create": [], "restart": ["1"]}.get(verb, ["1", "production"])

    done = gantry("build", verb, SLUG, *args, "--follow")

    assert done.returncode == code
    assert done.stderr.endswith(f"Build 2 ended after 0 s: {status}\n")


def test_build_that_cannot_run_says_why(gantry: Gantry, promoted: FarSide) -> None:
    far = promoted
    far.on("GET", BUILD, answer({"number": 2, "status": "error", "error": ".drone.yml:3: unknown key"}))
    far.on("GET", EVENTS, stream(PING))

    done = gantry(*PROMOTE)

    assert done.returncode == 1
    assert done.stderr == "Build 2 ended after 0 s: error: .drone.yml:3: unknown key\n"


def test_json_is_the_ended_build_alone(gantry: Gantry, promoted: FarSide) -> None:
    far = promoted
    ended = build("success", ("a", "success"))
    far.on("GET", BUILD, answer(ended))
    far.on("GET", EVENTS, stream(PING))

    done = gantry(*PROMOTE, "--json")

    assert json.loads(done.stdout) == ended
    assert done.stderr == ""
    assert far.paths("GET") == [EVENTS, BUILD]


def test_stream_is_open_before_the_build_is_looked_at(far: FarSide) -> None:
    far.on("GET", BUILD, answer(build("success")))
    far.on("GET", EVENTS, stream(PING))

    run(far)

    assert far.paths("GET") == [EVENTS, BUILD]


def test_steps_that_ended_before_are_printed_in_order(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    steps = [(name, "success") for name in "abcdef"]
    far.on("GET", BUILD, answer(build("success", *steps)))
    far.on("GET", EVENTS, stream(PING))
    for number, name in enumerate("abcdef", start=1):
        far.on("GET", f"{BUILD}/logs/1/{number}", lines(f"{name}1\n", f"{name}2\n"))

    run(far)

    assert capfd.readouterr().out == "".join(f"[s/{n}]\n{n}1\n{n}2\n" for n in "abcdef")


@pytest.mark.parametrize(("clone", "printed"), [("success", ""), ("failure", "[s/clone]\nfatal: no such commit\n")])
def test_log_of_a_clone_is_printed_if_it_failed(
    far: FarSide, capfd: pytest.CaptureFixture[str], clone: str, printed: str
) -> None:
    running, over = (build(state, ("clone", now)) for state, now in (("running", "running"), (clone, clone)))
    far.on("GET", BUILD, answer(running))
    far.on("GET", EVENTS, stream(PING, told(over)))
    far.on("GET", f"{BUILD}/logs/1/1", lines("fatal: no such commit\n"))

    run(far)

    assert capfd.readouterr().out == printed
    assert (f"{BUILD}/logs/1/1" in far.paths("GET")) == bool(printed)


def test_steps_at_once_are_told_apart(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    asked_a, asked_b = threading.Event(), threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"), ("b", "running"))))
    over = told(build("success", ("a", "success"), ("b", "success")))
    far.on("GET", EVENTS, stream(PING, until(asked_a, asked_b), over))
    far.on("GET", f"{EVENTS}/2/1/1", stream(asked_a.set, until(asked_b), said(0, "of a\n"), END))
    far.on("GET", f"{EVENTS}/2/1/2", stream(asked_b.set, until(asked_a), said(0, "of b\n"), END))
    far.on("GET", f"{BUILD}/logs/1/1", lines("of a\n"))
    far.on("GET", f"{BUILD}/logs/1/2", lines("of b\n"))

    run(far)

    assert sorted(capfd.readouterr().out.splitlines()) == ["[s/a] of a", "[s/b] of b"]


def test_next_step_speaks_after_the_last_lines_of_the_one_before(
    far: FarSide, capfd: pytest.CaptureFixture[str]
) -> None:
    second = threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"), ("b", "pending"))))
    both = told(build("running", ("a", "success"), ("b", "running")))
    over = told(build("success", ("a", "success"), ("b", "success")))
    far.on("GET", EVENTS, stream(PING, both, until(second), over))
    far.on("GET", f"{EVENTS}/2/1/1", stream(said(0, "a1\n"), END))
    far.on("GET", f"{BUILD}/logs/1/1", lines("a1\n", "a2\n"))
    far.on("GET", f"{EVENTS}/2/1/2", stream(second.set, said(0, "b1\n"), END))
    far.on("GET", f"{BUILD}/logs/1/2", lines("b1\n"))

    run(far)

    assert capfd.readouterr().out == "[s/a]\na1\na2\n[s/b]\nb1\n"


def test_log_stream_that_drops_goes_on_without_repeating(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    again = threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"))))
    far.on("GET", EVENTS, stream(PING, until(again), told(build("success", ("a", "success")))))
    first = stream(PING, said(0, "zero\n"), said(1, "one\n"))
    second = stream(PING, said(0, "zero\n"), said(1, "one\n"), said(2, "two\n"), again.set, END)
    far.on("GET", f"{EVENTS}/2/1/1", first, answer({"message": "restarting"}, 503), second)
    far.on("GET", f"{BUILD}/logs/1/1", lines("zero\n", "one\n", "two\n", "three\n"))

    run(far)

    assert capfd.readouterr().out == "[s/a]\nzero\none\ntwo\nthree\n"


def test_gap_in_a_log_stream_is_filled(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    spoken = threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"))))
    far.on("GET", EVENTS, stream(PING, until(spoken), told(build("success", ("a", "success")))))
    far.on("GET", f"{EVENTS}/2/1/1", stream(said(2, "two\n"), said(3, "three\n"), spoken.set, END))
    far.on("GET", f"{BUILD}/logs/1/1", lines("zero\n", "one\n"), lines("zero\n", "one\n", "two\n", "three\n"))

    run(far)

    assert capfd.readouterr().out == "[s/a]\nzero\none\ntwo\nthree\n"


def test_step_whose_stream_is_not_live_yet_is_asked_again(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    spoken = threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"))))
    far.on("GET", EVENTS, stream(PING, until(spoken), told(build("success", ("a", "success")))))
    far.on("GET", f"{EVENTS}/2/1/1", stream(PING, END), stream(said(0, "late\n"), spoken.set, END))

    run(far)

    assert capfd.readouterr().out == "[s/a]\nlate\n"


def test_builds_stream_that_drops_is_opened_again(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    far.on("GET", BUILD, answer(build("running")), answer(build("success", ("a", "success"))))
    far.on("GET", EVENTS, stream(PING), answer({"message": "restarting"}, 503), stream(PING, END), stream(PING))
    far.on("GET", f"{BUILD}/logs/1/1", lines("text\n"))

    assert run(far)["status"] == "success"
    assert capfd.readouterr().out == "[s/a]\ntext\n"


def test_builds_of_others_are_not_followed(far: FarSide) -> None:
    other = told(build("failure") | {"number": 1})
    odd = event({"slug": SLUG}) + event([]) + event({"build": None})
    far.on("GET", BUILD, answer(build("running")))
    far.on("GET", EVENTS, stream(PING, other, odd, told(build("success"))))

    assert run(far)["status"] == "success"


def test_state_that_comes_late_takes_nothing_back(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    late = told(build("running", ("a", "running"), ("b", "pending")))
    far.on("GET", BUILD, answer(build("running", ("a", "success"), ("b", "pending"))))
    far.on("GET", EVENTS, stream(PING, late, told(build("success", ("a", "success"), ("b", "skipped")))))
    far.on("GET", f"{BUILD}/logs/1/1", lines("once\n"))

    run(far)

    assert capfd.readouterr().out == "[s/a]\nonce\n"


def test_keep_alive_finds_what_was_lost(far: FarSide) -> None:
    far.on("GET", BUILD, answer(build("running")), answer(build("success")))
    far.on("GET", EVENTS, stream(PING, PING))

    assert run(far)["status"] == "success"
    assert far.paths("GET") == [EVENTS, BUILD, BUILD]


def test_reason_of_waiting_is_told_once(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    waiting = build("pending")
    waiting["stages"][0]["pending_reason"] = "no runner serves type docker"
    blocked = build("pending")
    blocked["stages"][0]["status"] = "blocked"
    far.on("GET", BUILD, answer(waiting))
    far.on("GET", EVENTS, stream(PING, told(waiting), told(blocked), told(build("declined"))))

    run(far)

    err = capfd.readouterr().err
    assert err.splitlines() == [
        "s waits: no runner serves type docker",
        f"s waits for the approval of an administrator of {SLUG}: gantry approve {SLUG} 2",
        "s: declined",
    ]


def test_reason_of_waiting_is_kept_when_an_event_has_none(far: FarSide) -> None:
    states: list[Any] = []

    class Seen(Notes):
        def state(self, build: Any) -> None:
            states.append(build["stages"][0].get("pending_reason"))

    waiting = build("pending")
    waiting["stages"][0]["pending_reason"] = "no runner"
    far.on("GET", BUILD, answer(waiting), answer(build("pending")))
    events = (PING, told(build("pending")), PING, told(build("pending")), told(build("success")))
    far.on("GET", EVENTS, stream(*events))

    following.follow(Connection.checked(far.url, "t"), SLUG, 2, Seen(SLUG))

    assert states == ["no runner", "no runner", None, None, None]


def test_error_of_a_stage_and_of_a_step_are_told(far: FarSide, capfd: pytest.CaptureFixture[str]) -> None:
    ended = build("error", ("a", "killed"), ("b", "failure"))
    ended["stages"][0]["error"] = "runner lost"
    ended["stages"][0]["steps"][0]["error"] = "timed out"
    ended["stages"][0]["steps"][1]["errignore"] = True
    far.on("GET", BUILD, answer(ended))
    far.on("GET", EVENTS, stream(PING))

    run(far)

    assert capfd.readouterr().err.splitlines() == [
        "[s/a] killed: timed out",
        "[s/b] failure: exit code 1, ignored",
        "s: error",
        "s: runner lost",
    ]


@pytest.mark.parametrize("out", ["a\u2028b\x85c\x0bd\x1ce\n", "\x1b[32mgreen\x1b[0m\n", "🚀" * 5000 + "\n", "no end"])
def test_text_of_any_kind_arrives_whole(far: FarSide, capfd: pytest.CaptureFixture[str], out: str) -> None:
    spoken = threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"))))
    far.on("GET", EVENTS, stream(PING, until(spoken), told(build("success", ("a", "success")))))
    raw = said(0, out)
    pieces = [raw[i : i + 997] for i in range(0, len(raw), 997)]
    far.on("GET", f"{EVENTS}/2/1/1", stream(*pieces, spoken.set, END))
    far.on("GET", f"{BUILD}/logs/1/1", answer(None))

    run(far)

    assert capfd.readouterr().out == f"[s/a]\n{out.removesuffix(chr(10))}\n"


def test_patience_ends(far: FarSide) -> None:
    far.on("GET", EVENTS, answer({"message": "restarting"}, 503))

    with pytest.raises(Refused, match="restarting"):
        run(far, patience=0)


def test_patience_ends_when_only_the_build_cannot_be_read(far: FarSide) -> None:
    far.on("GET", EVENTS, stream(PING))
    far.on("GET", BUILD, answer({"message": "the database is locked"}, 503))

    with pytest.raises(Refused, match="the database is locked"):
        run(far, patience=0)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_for_good_ends_the_following_at_once(far: FarSide, status: int) -> None:
    far.on("GET", EVENTS, answer({"message": "no"}, status))

    with pytest.raises(Refused, match="no"):
        run(far)


def test_refusal_of_a_log_ends_the_following(far: FarSide) -> None:
    far.on("GET", BUILD, answer(build("running", ("a", "running"))))
    far.on("GET", EVENTS, stream(PING, PING))
    far.on("GET", f"{EVENTS}/2/1/1", answer({"message": "no"}, 403))

    with pytest.raises(Refused, match="no"):
        run(far)


@pytest.mark.parametrize("damage", [b"data: {]\n\n", event(3), event({"pos": "x", "out": 1})])
def test_damaged_log_stream_is_tried_again(far: FarSide, capfd: pytest.CaptureFixture[str], damage: bytes) -> None:
    spoken = threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"))))
    far.on("GET", EVENTS, stream(PING, until(spoken), told(build("success", ("a", "success")))))
    far.on("GET", f"{EVENTS}/2/1/1", stream(damage), stream(said(0, "text\n"), spoken.set, END))

    run(far)

    assert capfd.readouterr().out == "[s/a]\ntext\n"


def test_server_that_is_gone_is_named(far: FarSide) -> None:
    connection = Connection.checked("http://127.0.0.1:1", "t")

    with pytest.raises(Unreachable, match=re.escape("cannot reach http://127.0.0.1:1")):
        following.follow(connection, SLUG, 2, Plain(SLUG), patience=0)


def test_build_that_is_not_there_is_refused_and_nothing_else_is_said(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", EVENTS, stream(PING))
    far.on("GET", BUILD, answer({"message": "build 2 not found"}, 404))

    done = gantry("watch", SLUG, "2")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: build 2 not found (404: GET {BUILD})\n"


def test_giving_up_says_how_to_go_on(
    far: FarSide, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    far.on("GET", EVENTS, answer({"message": "restarting"}, 503))
    monkeypatch.setattr(watch, "follow", partial(following.follow, patience=0))

    done = CliRunner().invoke(main, ["watch", SLUG, "2"], env=environment)

    assert done.exit_code == 1
    assert f"Build 2 may go on\nWatch it:  gantry watch {SLUG} 2\nError: restarting" in done.stderr


def test_interrupt_stops_watching_and_not_the_build(
    environment: dict[str, str], promoted: FarSide, tmp_path: Path
) -> None:
    far, leave = promoted, threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"))))
    far.on("GET", EVENTS, stream(PING, until(leave)))
    far.on("GET", f"{EVENTS}/2/1/1", stream(said(0, "text\n"), until(leave)))
    argv = [sys.executable, "-m", "app", *PROMOTE]

    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "text\n":
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=WAIT)
    leave.set()

    assert process.returncode == 130
    assert err.endswith(
        f"\nStopped watching; build 2 goes on\nWatch it:  gantry watch {SLUG} 2\nStop it:   gantry cancel {SLUG} 2\n"
    )
    assert "Traceback" not in err
    assert far.paths("DELETE") == []


def test_reader_that_leaves_ends_the_watching_quietly(environment: dict[str, str], promoted: FarSide) -> None:
    far, gone = promoted, threading.Event()
    far.on("GET", BUILD, answer(build("running", ("a", "running"))))
    far.on("GET", EVENTS, stream(PING, until(gone)))
    far.on("GET", f"{EVENTS}/2/1/1", stream(said(0, "one\n"), until(gone), said(1, "two\n")))
    argv = [sys.executable, "-m", "app", *PROMOTE]

    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while process.stdout.readline() != "one\n":
            assert process.poll() is None
        process.stdout.close()
        gone.set()
        err = process.stderr.read()

    assert process.returncode == 1
    assert err == "s: running\n"
