"""Secrets of a namespace, in our form and in that of Drone's client."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer

SECRETS = "/api/secrets/octocat"
MADE = {"id": 1, "namespace": "octocat", "name": "orgkey"}


@pytest.fixture(autouse=True)
def secrets(far: FarSide) -> None:
    far.on("POST", SECRETS, answer(MADE))
    far.on("PATCH", f"{SECRETS}/orgkey", answer(MADE))


@pytest.mark.parametrize(
    ("args", "stdin"),
    [
        (["data"], ""),
        (["--data", "data"], ""),
        (["@value"], ""),
        (["--data", "@value"], ""),
        (["-"], "data\n"),
        ([], "data\n"),
    ],
)
@pytest.mark.parametrize(("verb", "body"), [("add", {"name": "orgkey", "data": "data"}), ("update", {"data": "data"})])
def test_a_value_comes_from_an_argument_a_file_or_standard_input(
    gantry: Gantry, far: FarSide, tmp_path: Path, verb: str, body: Any, args: list[str], stdin: str
) -> None:
    (tmp_path / "value").write_text("data")

    done = gantry("orgsecret", verb, "octocat", "orgkey", *args, stdin=stdin)

    assert far.asked[0].body == body
    told = {"add": "is added to octocat", "update": "of octocat is changed"}[verb]
    assert (done.returncode, done.stdout) == (0, f"Secret orgkey {told}\n")


@pytest.mark.parametrize("verb", ["add", "update"])
def test_a_value_that_is_given_twice_or_empty_is_refused_unseen(gantry: Gantry, far: FarSide, verb: str) -> None:
    for args in (["hunter2", "--data", "hunter2"], ["", "--allow-pull-request"]):
        done = gantry("orgsecret", verb, "octocat", "orgkey", *args)
        assert (done.returncode, far.asked) == (2, [])
        assert "hunter2" not in done.stderr + done.stdout


def test_flags_alone_leave_the_value(gantry: Gantry, far: FarSide) -> None:
    gantry("orgsecret", "update", "octocat", "orgkey", "--no-allow-pull-request", "--allow-push-on-pull-request")

    assert far.asked[0].body == {"pull_request": False, "pull_request_push": True}


@pytest.mark.parametrize(("args", "path"), [(["octocat"], SECRETS), ([], "/api/secrets")])
def test_ls_shows_names_of_one_namespace_or_of_all(gantry: Gantry, far: FarSide, args: list[str], path: str) -> None:
    far.on("GET", path, answer([MADE, {**MADE, "name": "open", "pull_request": True}]))

    rows = [line.split() for line in gantry("orgsecret", "ls", *args).stdout.splitlines()]

    assert rows == [["octocat", "orgkey", "-"], ["octocat", "open", "yes"]]
    assert json.loads(gantry("orgsecret", "ls", *args, "--json").stdout)[0] == MADE


def test_info_and_rm(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{SECRETS}/orgkey", answer(MADE))
    far.on("DELETE", f"{SECRETS}/orgkey", Answer(204))

    shown = gantry("orgsecret", "info", "octocat", "orgkey").stdout
    assert shown.split() == ["Namespace:", "octocat", "Name:", "orgkey", "Pull", "requests:", "-"]
    assert gantry("orgsecret", "rm", "octocat", "orgkey").stdout == "Secret orgkey is removed from octocat\n"
    assert gantry("orgsecret", "rm", "octocat", "orgkey", "--json").stdout == ""


@pytest.mark.parametrize("namespace", ["..", "."])
def test_a_namespace_that_would_change_the_path_is_refused(gantry: Gantry, far: FarSide, namespace: str) -> None:
    done = gantry("orgsecret", "ls", namespace)

    assert (done.returncode, far.asked) == (1, [])
    assert "cannot be a name" in done.stderr
