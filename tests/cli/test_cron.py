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
        ["nightly", "@daily", "main", "build", "2026-11-24T00:00:00Z", "-", "UTC"],
        ["to-eu", "@daily", "main", "promote", "to", "eu", "disabled", "2023-11-14T22:13:20Z", "UTC"],
    ]


def test_info_shows_a_job(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{CRON}/nightly", answer(NIGHTLY))

    assert gantry("cron", "info", SLUG, "nightly").stdout == (
        "Name:        nightly\n"
        "Expression:  @daily\n"
        "Means:       at 00:00, every day\n"
        "Zone:        UTC\n"
        "Branch:      main\n"
        "Does:        build\n"
        "Next:        2026-11-24T00:00:00Z, 2026-11-25T00:00:00Z, 2026-11-26T00:00:00Z\n"
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
    assert "Next:        2026-11-24T00:00:00Z, 2026-11-25T00:00:00Z, 2026-11-26T00:00:00Z\n" in done.stdout


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
        (["update", "--zone", "Europe/Berlin"], {"zone": "Europe/Berlin"}),
        (["update", "--promote", "eu"], {"event": "promote", "target": "eu"}),
        (["enable"], {"disabled": False}),
        (["disable"], {"disabled": True}),
    ],
)
def test_a_change_sends_what_was_given(
    gantry: Gantry, far: FarSide, arguments: list[str], body: dict[str, object]
) -> None:
    far.on("GET", f"{CRON}/nightly", answer(NIGHTLY))
    far.on("PATCH", f"{CRON}/nightly", answer(NIGHTLY))

    done = gantry("cron", arguments[0], SLUG, "nightly", *arguments[1:])

    assert (done.returncode, far.asked[-1].body) == (0, body)
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


def test_five_fields_of_a_promotion_are_refused_with_what_they_mean(gantry: Gantry, far: FarSide) -> None:
    done = gantry("cron", "add", SLUG, "release", "0 6 * * 1-5", "--promote", "production")

    assert (done.returncode, far.asked) == (2, [])
    assert done.stderr.endswith(
        "Error: '0 6 * * 1-5' has five fields, and the first is read as seconds: every hour at :06, January to May\n"
        "For at 06:00, Monday to Friday, write six fields: '0 0 6 * * 1-5'\n"
        "If you mean what is read, give --seconds-first\n"
    )


def test_five_fields_of_a_promotion_are_taken_when_they_are_meant(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", CRON, answer(PROMOTING | {"expr": "0 6 * * 1-5", "disabled": False}))

    done = gantry(
        *("cron", "add", SLUG, "release", "0 6 * * 1-5"), *("--branch", "main", "--promote", "eu", "--seconds-first")
    )

    assert done.returncode == 0
    assert far.asked[-1].body["expr"] == "0 6 * * 1-5"
    assert "Means:       every hour at :06, January to May\n" in done.stdout


def test_five_fields_of_a_build_are_taken_and_explained(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", CRON, answer(NIGHTLY | {"expr": "0 6 * * 1-5"}))

    done = gantry("cron", "add", SLUG, "nightly", "0 6 * * 1-5", "--branch", "main")

    assert "Means:       every hour at :06, January to May\n" in done.stdout


@pytest.mark.parametrize(
    ("job", "options"),
    [
        (PROMOTING, ["--expr", "0 6 * * 1-5"]),
        (NIGHTLY | {"expr": "0 6 * * 1-5"}, ["--promote", "eu"]),
    ],
)
def test_a_job_cannot_become_a_promotion_by_five_fields_unseen(
    gantry: Gantry, far: FarSide, job: dict[str, Any], options: list[str]
) -> None:
    far.on("GET", f"{CRON}/nightly", answer(job))
    far.on("PATCH", f"{CRON}/nightly", answer(job))

    done = gantry("cron", "update", SLUG, "nightly", *options)

    assert (done.returncode, [asked.method for asked in far.asked]) == (2, ["GET"])
    assert "every hour at :06, January to May" in done.stderr
    assert gantry("cron", "update", SLUG, "nightly", *options, "--seconds-first").returncode == 0
    assert far.asked[-1].method == "PATCH"


def test_a_job_with_a_zone_is_shown_on_its_clock(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", CRON, answer(NIGHTLY | {"expr": "0 0 6 * * 1-5", "zone": "Europe/Berlin", "next": 1795842000}))

    done = gantry(*("cron", "add", SLUG, "nightly", "0 0 6 * * 1-5", "--branch", "main"), *("--zone", "Europe/Berlin"))

    assert far.asked[-1].body["zone"] == "Europe/Berlin"
    assert (
        "Next:        2026-11-28T06:00:00+01:00, 2026-11-30T06:00:00+01:00, 2026-12-01T06:00:00+01:00\n" in done.stdout
    )


def test_a_job_that_this_version_cannot_read_is_shown(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{CRON}/nightly", answer(NIGHTLY | {"expr": "@fortnightly", "zone": "Moon/Tycho"}))

    shown = gantry("cron", "info", SLUG, "nightly").stdout

    assert "Zone:        Moon/Tycho\n" in shown
    assert "Next:        2026-11-24T00:00:00Z\n" in shown


def test_explain_says_what_an_expression_means_without_a_server(gantry: Gantry) -> None:
    done = gantry("cron", "explain", "0 0 6 29 2 *", "--zone", "Asia/Kolkata", env={"PATH": "/usr/bin:/bin"})

    assert done.stdout.splitlines()[0] == "Means:  at 06:00, day 29 of the month, February"
    assert done.stdout.splitlines()[1].count("-02-29T06:00:00+05:30") == 3


def test_an_explanation_is_json_as_well(gantry: Gantry) -> None:
    told = json.loads(gantry("cron", "explain", "0 0 6 * * 1-5", "--json").stdout)

    assert (told["expr"], told["means"]) == ("0 0 6 * * 1-5", "at 06:00, Monday to Friday")
    assert [due % 86400 for due in told["due"]] == [6 * 3600] * 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["0 0 6 31 2 *"], "'0 0 6 31 2 *' is no expression: it is never due"),
        (["@daily", "--zone", "Europe/Berln"], "did you mean Europe/Berlin?"),
    ],
)
def test_explain_says_what_is_wrong(gantry: Gantry, arguments: list[str], says: str) -> None:
    done = gantry("cron", "explain", *arguments)

    assert done.returncode == 2
    assert says in done.stderr
