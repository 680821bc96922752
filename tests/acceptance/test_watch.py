"""A build is watched: on a terminal, in a pipe, while its server dies, until somebody approves it."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import gantry
from tests.acceptance.conftest import SLUG, Begin, first_build
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository
from tests.terminal import ENTER, LEAVE, Terminal

PIPELINE = """
kind: pipeline
type: exec
name: build
steps: [{name: unit, commands: [echo tested]}]
---
kind: pipeline
type: exec
name: deploy
steps:
- name: release
  commands:
  - for n in $(seq 30); do echo "line $n"; done; while ! test -e $FILE; do sleep 0.05; done; exit $(cat $FILE)
- name: tell
  commands: [echo told]
depends_on: [build]
trigger: {event: promote}
"""


def user_of(server: Server) -> dict[str, str]:
    foreign = ("CLICOLOR", "FORCE_COLOR", "NO_COLOR")
    clean = {name: value for name, value in server.environment.items() if not name.startswith(foreign)}
    return clean | {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN, "PYTHONWARNINGS": "error"}


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    return begin(PIPELINE)[0]


@pytest.fixture
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A build ends with the exit code in this file, once the file is there; also a build that outlives its test."""
    file = tmp_path_factory.mktemp("build") / "code"
    yield file
    file.write_text("0")


def let_go(file: Path, code: int) -> None:
    whole = file.with_name("whole")
    whole.write_text(str(code))
    whole.rename(file)


def without_times(text: str) -> str:
    return re.sub(r" *\b[0-9]+ (s|min)\b( [0-9]+ s)?", " N s", text)


def test_a_terminal_shows_what_runs_and_then_the_whole(server: Server, file: Path) -> None:
    words = ["promote", SLUG, "1", "production", "-p", f"FILE={file}", "--follow"]
    with Terminal(words, user_of(server), columns=60, lines=16) as terminal:
        lines = terminal.shows("release  running", "line 30")

        assert re.fullmatch(rf"Build \d+ of {SLUG}: running, \d+ s, promote to p.*…", lines[0])
        assert [without_times(line) for line in lines[1:]] == [
            "build      success N s",
            "  unit     success N s",
            "deploy     running N s",
            "  release  running N s",
            "  tell     pending",
            "",
            "[deploy/release]",
            *(f"line {n}" for n in range(23, 31)),
        ]

        terminal.resize(30, 9)
        assert terminal.shows("…", "line 30")[-2:] == ["[deploy/release]", "line 30"]
        assert "line 29" not in terminal.lines

        terminal.resize(100, 40)
        assert "line 1" in terminal.shows("promote to production", "line 30")

        let_go(file, 0)
        assert terminal.end() == 0

    number = server.json("GET", f"/api/repos/{SLUG}/builds/latest")["number"]
    assert terminal.written.count(ENTER) == terminal.written.count(LEAVE) == 1
    assert terminal.written.endswith(b"success\r\n")
    assert without_times(terminal.stays.partition("\n\n")[2]).splitlines() == [
        f"Build {number} of {SLUG}: success, N s, promote to production",
        "build      success N s",
        "  unit     success N s",
        "deploy     success N s",
        "  release  success N s",
        "  tell     success N s",
        "",
        f"Build {number} ended after N s: success",
    ]


def test_a_failure_is_shown_with_the_last_lines_and_the_way_to_more(server: Server, file: Path) -> None:
    number = server.promote(SLUG, FILE=str(file))["number"]
    with Terminal(["watch", SLUG, str(number)], user_of(server)) as terminal:
        terminal.shows("line 30")
        let_go(file, 3)
        assert terminal.end() == 1

    report = terminal.stays.partition("\n\n")[2]
    assert without_times(report).splitlines() == [
        "[deploy/release] failure: exit code 3",
        *(f"  line {n}" for n in range(11, 31)),
        f"The whole log: gantry log {SLUG} {number} deploy release",
        "",
        f"Build {number} ended after N s: failure",
    ]
    more = report.partition("The whole log: gantry ")[2].splitlines()[0]
    assert gantry.run(more.split(), user_of(server)).stdout.splitlines()[-30:] == [f"line {n}" for n in range(1, 31)]


@pytest.mark.parametrize(("name", "coloured"), [("", True), ("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_colours_are_as_the_settings_say(server: Server, file: Path, name: str, coloured: bool) -> None:
    number = server.promote(SLUG, FILE=str(file))["number"]
    more = {name: "1"} if name else {}
    with Terminal(["watch", SLUG, str(number)], user_of(server) | more) as terminal:
        terminal.shows("release  running")
        let_go(file, 0)
        terminal.end()

    assert (b"\x1b[33mrunning" in terminal.written) == coloured
    assert (re.search(rb"\x1b\[[0-9;]*m", terminal.written) is not None) == coloured


def test_a_drawing_erases_nothing_that_is_drawn_again(server: Server, file: Path) -> None:
    number = server.promote(SLUG, FILE=str(file))["number"]
    with Terminal(["watch", SLUG, str(number)], user_of(server)) as terminal:
        terminal.shows("line 30")
        let_go(file, 0)
        terminal.end()

    inside = terminal.written.partition(ENTER)[2].partition(LEAVE)[0]
    frames = inside.removesuffix(b"\x1b[?25h").split(b"\x1b[?2026h")[1:]
    assert frames
    for frame in frames:
        assert b"\x1b[2J" not in frame
        assert frame.startswith(b"\x1b[?7l\x1b[H")
        assert frame.endswith(b"\x1b[J\x1b[?7h\x1b[?2026l")
        assert frame.count(b"\x1b[J") == 1


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_gives_the_terminal_back(server: Server, file: Path, sent: signal.Signals, code: int) -> None:
    number = server.promote(SLUG, FILE=str(file))["number"]
    with Terminal(["watch", SLUG, str(number)], user_of(server)) as terminal:
        terminal.shows("line 30")
        terminal.process.send_signal(sent)
        assert terminal.end() == code

    assert b"\x1b[?25h" + LEAVE in terminal.written
    assert "release  running" in terminal.stays
    assert "Traceback" not in terminal.stays
    if code == 130:
        assert terminal.stays.endswith(
            f"Stopped watching; build {number} goes on\n"
            f"Watch it:  gantry watch {SLUG} {number}\nStop it:   gantry cancel {SLUG} {number}\n"
        )
    assert server.json("GET", f"/api/repos/{SLUG}/builds/{number}")["status"] == "running"


def test_in_a_pipe_are_the_logs_without_those_of_clones(server: Server, file: Path) -> None:
    number = server.promote(SLUG, FILE=str(file))["number"]
    let_go(file, 0)

    done = gantry.run(["watch", SLUG, str(number)], user_of(server))

    assert done.returncode == 0
    assert re.findall(r"^\[(.*)\]$", done.stdout, re.MULTILINE) == ["build/unit", "deploy/release", "deploy/tell"]
    assert "clone" not in done.stdout + done.stderr
    assert "build: success" in done.stderr.splitlines()
    assert without_times(done.stderr).splitlines()[-2:] == [
        "deploy: success",
        f"Build {number} ended after N s: success",
    ]
    assert "\x1b" not in done.stdout + done.stderr


def test_a_terminal_that_can_nothing_gets_lines(server: Server, file: Path) -> None:
    number = server.promote(SLUG, FILE=str(file))["number"]
    let_go(file, 0)
    with Terminal(["watch", SLUG, str(number)], user_of(server), term="dumb") as terminal:
        assert terminal.end() == 0

    assert "[deploy/release]\n" in terminal.stays
    assert ENTER not in terminal.written


@pytest.mark.parametrize("code", [0, 1])
def test_json_is_the_ended_build_only(server: Server, file: Path, code: int) -> None:
    number = server.promote(SLUG, FILE=str(file))["number"]
    let_go(file, code)

    done = gantry.run(["watch", SLUG, str(number), "--json"], user_of(server))

    assert done.returncode == code
    assert done.stderr == ""
    assert json.loads(done.stdout)["status"] == ("failure" if code else "success")
    status = gantry.run(["watch", f"{SLUG}#{number}", "--jq", ".status"], user_of(server))
    assert (status.returncode, status.stdout) == (code, "failure\n" if code else "success\n")


def test_a_server_that_dies_is_waited_for(place: tuple[Server, Repository], file: Path) -> None:
    server, repository = place
    server.start()
    first_build(server, repository, PIPELINE)
    number = server.promote(SLUG, FILE=str(file))["number"]
    with Terminal(["watch", SLUG, str(number)], user_of(server), columns=120) as terminal:
        terminal.shows("line 30")
        server.kill()
        assert terminal.shows("Trying again")[1].startswith(f"Trying again: cannot reach {server.url}: ")
        assert "line 30" in terminal.lines
        server.start()
        assert terminal.end() == 1

    assert server.finished(SLUG, number)["status"] == "error"
    assert f"Build {number} ended after" in terminal.stays


def test_in_a_pipe_the_death_of_a_server_is_told(place: tuple[Server, Repository], file: Path, tmp_path: Path) -> None:
    server, repository = place
    server.start()
    first_build(server, repository, PIPELINE)
    number = server.promote(SLUG, FILE=str(file))["number"]
    with (tmp_path / "out").open("wb+") as out, (tmp_path / "err").open("wb+") as err:
        process = gantry.start(["watch", SLUG, str(number)], user_of(server), out=out, err=err)
        server.until(lambda: b"line 30\n" in (tmp_path / "out").read_bytes(), "it writes")
        server.kill()
        server.until(lambda: b"Trying again: " in (tmp_path / "err").read_bytes(), "it has noted")
        server.start()
        assert process.wait(60) == 1

    told = (tmp_path / "err").read_text()
    expected = ["Trying again", "answers again", "ended after"]
    assert re.findall("|".join(expected), told) == expected
    assert (tmp_path / "out").read_text().count("line 30\n") == 1


def test_what_waits_for_an_approval_says_how_to_approve(place: tuple[Server, Repository], file: Path) -> None:
    server, repository = place
    server.start()
    first_build(server, repository, PIPELINE)
    server.json("PATCH", f"/api/repos/{SLUG}", json={"protected": True})
    number = server.promote(SLUG, FILE=str(file))["number"]
    with Terminal(["watch", SLUG, str(number)], user_of(server)) as terminal:
        lines = terminal.shows("gantry approve")
        assert lines[0].startswith(f"Build {number} of {SLUG}: blocked")
        approve = next(line.strip() for line in lines if "gantry approve" in line)
        assert gantry.run(approve.split()[1:], user_of(server)).returncode == 0
        terminal.shows("line 30")
        let_go(file, 0)
        assert terminal.end() == 0
