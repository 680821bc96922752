import json
from typing import Any

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import EXCHANGES, Answer, FarSide, answer

SLUG = "octocat/hello-world"
CRON = f"/api/repos/{SLUG}/cron"
#: As the reference server answers, with its keys in its order.
NIGHTLY: dict[str, Any] = {
    "id": 1,
    "repo_id": 1,
    "name": "nightly",
    "expr": "@daily",
    "next": 1795478400,
    "prev": 0,
    "event": "push",
    "branch": "main",
    "disabled": False,
    "created": 0,
    "updated": 0,
    "version": 0,
}
PROMOTING = NIGHTLY | {"name": "to-eu", "event": "promote", "target": "eu", "disabled": True, "prev": 1700000000}


def test_ls_shows_what_each_job_does_and_when(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", CRON, answer([NIGHTLY, PROMOTING]))

    lines = gantry("cron", "ls", SLUG).stdout.splitlines()

    assert [line.split() for line in lines] == [
        ["nightly", "@daily", "main", "build", "2026-11-24T00:00:00Z", "-"],
        ["to-eu", "@daily", "main", "promote", "to", "eu", "disabled", "2023-11-14T22:13:20Z"],
    ]


def test_info_shows_a_job(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{CRON}/nightly", answer(NIGHTLY))

    assert gantry("cron", "info", SLUG, "nightly").stdout == (
        "Name:        nightly\n"
        "Expression:  @daily\n"
        "Branch:      main\n"
        "Does:        build\n"
        "Next:        2026-11-24T00:00:00Z\n"
        "Last:        -\n"
    )


def test_text_of_others_cannot_command_the_terminal(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", CRON, answer([PROMOTING | {"target": "\x1b[2J\nx", "branch": "a\x07"}]))

    assert not {"\x1b", "\x07"} & set(gantry("cron", "ls", SLUG).stdout)


def test_add_takes_the_default_branch(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"/api/repos/{SLUG}", answer({"default_branch": "trunk"}))
    far.on("POST", CRON, answer(NIGHTLY))

    done = gantry("cron", "add", SLUG, "nightly", "@daily")

    assert far.asked[-1].body == {"name": "nightly", "expr": "@daily", "branch": "trunk"}
    assert "Next:        2026-11-24T00:00:00Z\n" in done.stdout


def test_add_as_drone_does_and_with_a_target(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", CRON, answer(PROMOTING))

    done = gantry("cron", "add", SLUG, "to-eu", "0 0 4 * * *", "--branch", "main", "--promote", "eu")

    assert [asked.body for asked in far.asked] == [
        {"name": "to-eu", "expr": "0 0 4 * * *", "event": "promote", "target": "eu", "branch": "main"}
    ]
    assert "Does:        promote to eu\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["update", "--expr", "@hourly"], {"expr": "@hourly"}),
        (["update", "--branch", "topic", "--build"], {"branch": "topic", "event": "push"}),
        (["update", "--promote", "eu"], {"event": "promote", "target": "eu"}),
        (["enable"], {"disabled": False}),
        (["disable"], {"disabled": True}),
    ],
)
def test_a_change_sends_what_was_given(
    gantry: Gantry, far: FarSide, arguments: list[str], body: dict[str, object]
) -> None:
    far.on("PATCH", f"{CRON}/nightly", answer(NIGHTLY))

    done = gantry("cron", arguments[0], SLUG, "nightly", *arguments[1:])

    assert (done.returncode, far.asked[0].body) == (0, body)
    assert "Name:        nightly\n" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"), [([], "nothing to change"), (["--build", "--promote", "eu"], "exclude each other")]
)
def test_a_change_that_says_nothing_or_two_things_is_not_sent(
    gantry: Gantry, far: FarSide, options: list[str], says: str
) -> None:
    done = gantry("cron", "update", SLUG, "nightly", *options)

    assert (done.returncode, far.asked) == (2, [])
    assert says in done.stderr


def test_rm_removes(gantry: Gantry, far: FarSide) -> None:
    far.on("DELETE", f"{CRON}/nightly", Answer(204))

    done = gantry("cron", "rm", SLUG, "nightly")

    assert (done.returncode, done.stdout) == (0, f"Cron job nightly is removed from {SLUG}\n")
    assert gantry("cron", "rm", SLUG, "nightly", "--json").stdout == ""


def test_exec_shows_the_build(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"{CRON}/nightly", answer(EXCHANGES["latest build"]["json"] | {"event": "cron", "number": 7}))

    done = gantry("cron", "exec", SLUG, "nightly")

    assert "Number:   7\n" in done.stdout
    assert "Event:    cron\n" in done.stdout


def test_exec_that_starts_nothing_fails(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"{CRON}/nightly", answer(None))

    done = gantry("cron", "exec", SLUG, "nightly")

    assert done.returncode == 1
    assert "no build was started" in done.stderr


def test_exec_of_what_cannot_run_exits_with_1(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"{CRON}/nightly", answer(EXCHANGES["latest build"]["json"] | {"status": "error"}))

    assert gantry("cron", "exec", SLUG, "nightly").returncode == 1


@pytest.mark.parametrize("verb", ["ls", "info", "enable", "exec"])
def test_json_is_the_servers_answer(gantry: Gantry, far: FarSide, verb: str) -> None:
    far.on("GET", CRON, answer([NIGHTLY]))
    for method in ("GET", "PATCH", "POST"):
        far.on(method, f"{CRON}/nightly", answer(NIGHTLY))

    done = gantry("cron", verb, SLUG, *(["nightly"] if verb != "ls" else []), "--json")

    assert json.loads(done.stdout) == ([NIGHTLY] if verb == "ls" else NIGHTLY)
