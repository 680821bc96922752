import json

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import END, PING, FarSide, answer, recorded, said, stream

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
