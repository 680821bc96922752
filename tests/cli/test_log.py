import json
import re

import pytest

from tests.cli.conftest import Gantry, on_a_terminal
from tests.cli.farside import END, PING, Answer, FarSide, answer, recorded, said, stream

SLUG = "octocat/hello-world"
BUILD = f"/api/repos/{SLUG}/builds/2"
LOGS = f"{BUILD}/logs/1/3"


@pytest.fixture(autouse=True)
def build(far: FarSide) -> None:
    far.on("GET", BUILD, answer(recorded("promoted build, finished")))
    far.on("GET", LOGS, answer(recorded("logs of stage 1 step 3")))


@pytest.mark.parametrize("where", [("1", "3"), ("deploy", "release"), ("deploy", "3")])
def test_log_is_the_step_s_output_alone(gantry: Gantry, where: tuple[str, str]) -> None:
    done = gantry("log", SLUG, "2", *where)

    assert done.stdout == "".join(line["out"] for line in recorded("logs of stage 1 step 3"))
    assert done.stderr == ""


def test_log_as_json_is_the_server_s_lines(gantry: Gantry) -> None:
    assert json.loads(gantry("log", SLUG, "2", "1", "3", "--json").stdout) == recorded("logs of stage 1 step 3")


def test_log_of_the_last_build(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"/api/repos/{SLUG}/builds/latest", answer(recorded("promoted build, finished")))

    assert gantry("log", SLUG, "last", "deploy", "release").returncode == 0


def test_output_is_not_touched(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", LOGS, answer([{"pos": 0, "out": "\x1b[31mred\x1b[0m\u2028", "time": 0}, {"pos": 1, "out": "no end"}]))

    assert gantry("log", SLUG, "2", "1", "3").stdout == "\x1b[31mred\x1b[0m\u2028no end"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m and \x1b[38:2::1:2:3mmore\x1b[m\tend\n", None),
        ("\x1b]52;c;ZXZpbA==\x07after\n", "after\n"),
        ("\x1b]0;title\x1b\\after\n", "after\n"),
        ("\x1b]8;;https://evil\x1b\\link\x1b]8;;\x1b\\\n", "link\n"),
        ("a\x1b[2J\x1b[Hb\x1b[3Ac\x1b[?1049hd\x1bce\x1b(0f\n", "abcdef\n"),
        ("a\x9b2Jb\x9d52;c;eA==\x9cc\x90q\x1b\\d\n", "abcd\n"),
        ("\x1bP+q544e\x1b\\\x1b_apc\x1b\\\x1b^pm\x1b\\x\n", "x\n"),
        ("one\r\ntwo\rover\r\r\n", "one\ntwo\nover\n"),
        ("\x1b]0;never ends\nnext \x08\x07\x00\u202e\n", "\nnext \ufffd\ufffd\ufffd\ufffd\n"),
        ("\x1b\x1b]0;x\x07[2Jy\x1b", "[2Jy"),
        ("\x1b[31\x1b[2Jz\n", "z\n"),
    ],
)
def test_on_a_terminal_only_colours_and_line_ends_pass(
    environment: dict[str, str], far: FarSide, said: str, shown: str | None
) -> None:
    far.on("GET", LOGS, answer([{"pos": 0, "out": said, "time": 0}]))

    assert on_a_terminal(environment, "log", SLUG, "2", "1", "3") == (said if shown is None else shown)


@pytest.mark.parametrize("more", [["--json"], []])
def test_names_and_messages_of_others_control_no_terminal(
    environment: dict[str, str], far: FarSide, more: list[str]
) -> None:
    build = recorded("promoted build, finished") | {
        "message": "a\x9b2J\x1b]0;t\x07\x7f\u202e",
        "author_login": "\x1bc\x85",
    }
    far.on("GET", BUILD, answer(build))

    text = on_a_terminal(environment, "build", "info", SLUG, "2", *more)

    assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202e]|\x1b(?!\[[0-9;]*m)", text)


def test_silent_step_has_an_empty_log(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", LOGS, answer(None))

    assert gantry("log", SLUG, "2", "1", "3").stdout == ""


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        (("nope", "1"), "build 2 has no stage 'nope'; it has: 1 (deploy), 2 (verify)"),
        (("deploy", "9"), "stage deploy has no step '9'; it has: 1 (clone), 2 (migrate), 3 (release)"),
    ],
)
def test_unknown_stage_or_step_is_answered_with_those_there_are(
    gantry: Gantry, where: tuple[str, str], complaint: str
) -> None:
    done = gantry("log", SLUG, "2", *where)

    assert (done.returncode, done.stderr) == (1, f"Error: {complaint}\n")


def test_follow_prints_the_step_alone_and_stops_with_it(gantry: Gantry, far: FarSide) -> None:
    finished = recorded("promoted build, finished")
    running = json.loads(json.dumps(finished))
    running["status"] = running["stages"][0]["status"] = "running"
    running["stages"][0]["steps"][2]["status"] = "running"
    far.on("GET", BUILD, answer(running), answer(running), answer(finished))
    far.on("GET", LOGS, answer([{"pos": 0, "out": "one\n"}, {"pos": 1, "out": "two\n"}]))
    far.on("GET", f"/api/stream/{SLUG}", stream(PING, PING))
    far.on("GET", f"/api/stream/{SLUG}/2/1/3", stream(PING, said(0, "one\n"), END))

    done = gantry("log", SLUG, "2", "deploy", "release", "--follow")

    assert (done.returncode, done.stdout) == (0, "one\ntwo\n")
    assert f"{BUILD}/logs/1/2" not in far.paths("GET")


def numbered(*positions: int, **more: object) -> Answer:
    lines = [{"pos": pos, "out": f"line {pos + 1}\n", "time": 0} for pos in positions]
    return answer({"lines": lines, "first": 0, "end": 9000, **more})


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["--lines", "50"], {"from": "-50", "limit": "50"}),
        (["--from", "1200", "--lines", "20"], {"from": "1199", "limit": "20"}),
        (["--from", "8000"], {"from": "7999", "limit": "5000"}),
        (["--find", "out of memory"], {"from": "0", "limit": "5000", "find": "out of memory"}),
        (["--find", "x", "--from", "3", "--lines", "2"], {"from": "2", "limit": "2", "find": "x"}),
        (["--errors", "--lines", "2"], {"from": "0", "limit": "2", "errors": "true"}),
    ],
)
def test_a_part_is_asked_of_the_server(gantry: Gantry, far: FarSide, options: list[str], asked: dict[str, str]) -> None:
    far.on("GET", LOGS, numbered(3, 4))

    done = gantry("log", SLUG, "2", "1", "3", *options)

    assert far.asked[-1].query == asked
    assert done.stdout == ("4: line 4\n5: line 5\n" if {"--find", "--errors"} & {*options} else "line 4\nline 5\n")


def test_a_long_part_comes_in_several_answers(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", LOGS, numbered(0, 1, next=2), numbered(2, 3, next=4, cut="only the end is kept"), numbered(4, next=5))

    done = gantry("log", SLUG, "2", "1", "3", "--from", "1", "--lines", "5")

    assert done.stdout == "".join(f"line {n}\n" for n in range(1, 6))
    assert [one.query["limit"] for one in far.asked[-3:]] == ["5", "3", "1"]


def test_what_is_cut_off_is_said_beside_the_lines(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", LOGS, numbered(7, cut="only the end is kept"))

    done = gantry("log", SLUG, "2", "1", "3", "--lines", "1")

    assert (done.stdout, done.stderr) == ("line 8\n", "Note: only the end is kept\n")


def test_a_part_as_json_says_where_it_is(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", LOGS, numbered(0, next=1), numbered(1, matches=2, searched=9000))

    told = json.loads(gantry("log", SLUG, "2", "1", "3", "--find", "line", "--json").stdout)

    assert [line["pos"] for line in told["lines"]] == [0, 1]
    assert (told["end"], told["searched"]) == (9000, 9000)


@pytest.mark.parametrize("options", [["--lines", "5"], ["--from", "5"], ["--find", "x"], ["--errors"]])
def test_a_part_is_not_followed(gantry: Gantry, options: list[str]) -> None:
    done = gantry("log", SLUG, "2", "1", "3", "--follow", *options)

    assert done.returncode == 2
    assert "leave --from, --lines, --find and --errors out" in done.stderr
