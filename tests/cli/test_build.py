import json
from typing import Any

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer, recorded

SLUG = "octocat/hello-world"
BUILDS = f"/api/repos/{SLUG}/builds"


def test_ls_shows_a_row_for_each_build(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", BUILDS, answer(recorded("builds, second page of two")))

    done = gantry("build", "ls", SLUG)

    assert far.asked[0].query == {"page": "1", "per_page": "25"}
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows[0][:5] == ["6", "success", "rollback", "production", "main"]
    assert rows[1][:5] == ["5", "success", "promote", "production", "main"]


def test_ls_lets_the_server_filter(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", BUILDS, answer([]))
    wanted = {"branch": "main", "event": "promote", "status": "success", "target": "production", "by": "ada"}

    gantry("build", "ls", SLUG, "--page", "2", "--limit", "5", *(f"--{k}={v}" for k, v in wanted.items()))

    assert far.asked[0].query == {"page": "2", "per_page": "5", **wanted}


def test_ls_as_json_is_the_server_s_answer(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", BUILDS, answer(recorded("builds")))

    assert json.loads(gantry("build", "ls", SLUG, "--json").stdout) == recorded("builds")


def test_output_that_is_no_terminal_has_no_colours(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", BUILDS, answer(recorded("builds")))

    assert "\x1b" not in gantry("build", "ls", SLUG).stdout


@pytest.mark.parametrize("number", [[], ["last"]])
def test_info_without_a_number_shows_the_latest(gantry: Gantry, far: FarSide, number: list[str]) -> None:
    far.on("GET", f"{BUILDS}/latest", answer(recorded("latest build")))

    assert gantry("build", "info", SLUG, *number).stdout.startswith("Number:   1\nStatus:   success\n")


def test_info_shows_stages_and_steps(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{BUILDS}/2", answer(recorded("promoted build, finished")))

    shown = gantry("build", "info", SLUG, "2").stdout

    assert [line.split()[:2] for line in shown.partition("STAGE")[2].splitlines()[1:]] == [
        ["deploy", "success"],
        ["clone", "success"],
        ["migrate", "success"],
        ["release", "success"],
        ["verify", "success"],
        ["probe", "success"],
        ["page", "skipped"],
    ]


def test_promote_asks_as_drone_s_client_does(gantry: Gantry, far: FarSide) -> None:
    """Recorded: cli.json, `drone build promote`."""
    far.on("POST", f"{BUILDS}/1/promote", answer(recorded("promote with parameters")))

    done = gantry("build", "promote", SLUG, "1", "production", "--param=VERSION=1.0", "-p", "B=a=b", "-p", "C=")

    assert far.asked[0].query == {"target": "production", "VERSION": "1.0", "B": "a=b", "C": ""}
    assert far.asked[0].body is None
    assert done.returncode == 0
    assert f"Link:     {far.url}/{SLUG}/2\n" in done.stdout


def test_parameter_given_twice_has_its_last_value(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"{BUILDS}/1/promote", answer(recorded("promote with parameters")))

    gantry("build", "promote", SLUG, "1", "production", "-p", "A=1", "-p", "A=2")

    assert far.asked[0].query == {"target": "production", "A": "2"}


def test_rollback_shows_the_build(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"{BUILDS}/2/rollback", answer(recorded("rollback")))

    done = gantry("build", "rollback", SLUG, "2", "production", "-p", "REASON=broken")

    assert far.asked[0].query == {"target": "production", "REASON": "broken"}
    assert "Event:    rollback\n" in done.stdout


def test_restart_of_the_last_build_finds_its_number(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{BUILDS}/latest", answer(recorded("latest build")))
    far.on("POST", f"{BUILDS}/1", answer(recorded("restart of a push")))

    done = gantry("build", "restart", SLUG, "last", "-p", "debug=true")

    assert far.asked[1].query == {"debug": "true"}
    assert done.stdout.startswith("Number:   8\n")


def test_create_sends_what_was_given(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", BUILDS, answer(recorded("restart of a push")))

    gantry("build", "create", SLUG, "--branch", "main", "--commit", "abc", "--message", "hi", "-p", "A=1")
    gantry("build", "create", SLUG)

    assert [asked.query for asked in far.asked] == [
        {"branch": "main", "commit": "abc", "message": "hi", "A": "1"},
        {},
    ]


@pytest.mark.parametrize("verb", ["promote", "rollback"])
def test_drone_s_null_is_an_error(gantry: Gantry, far: FarSide, verb: str) -> None:
    far.on("POST", f"{BUILDS}/1/{verb}", answer(None))

    done = gantry("build", verb, SLUG, "1", "staging")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: no build was started")


@pytest.mark.parametrize("verb", ["cancel", "stop"])
@pytest.mark.parametrize(
    ("status", "said"),
    [("killed", "Build 1 is cancelled\n"), ("success", "Build 1 had ended already: success\n")],
)
def test_cancel_says_what_became_of_the_build(gantry: Gantry, far: FarSide, verb: str, status: str, said: str) -> None:
    build: Any = recorded("cancel of a finished build")
    far.on("DELETE", f"{BUILDS}/1", answer(build | {"status": status}))

    assert gantry("build", verb, SLUG, "1").stdout == said


def test_odd_names_stay_one_part_of_the_path(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/repos/oct%3Fo/h%23%C3%A9/builds", answer([]))

    assert gantry("build", "ls", "oct?o/h#é").returncode == 0


def test_unknown_build_exits_with_1(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{BUILDS}/999", answer({"message": "build 999 not found"}, 404))

    done = gantry("build", "info", SLUG, "999")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: build 999 not found (404: GET {BUILDS}/999)\n"


@pytest.mark.parametrize(("verb", "done"), [("approve", "approved"), ("decline", "declined")])
@pytest.mark.parametrize(
    ("stage", "path", "what"), [([], "", "Build 4"), (["2"], "/2", "Stage 2 of build 4")], ids=["build", "stage"]
)
def test_what_is_blocked_is_decided_on(
    gantry: Gantry, far: FarSide, verb: str, done: str, stage: list[str], path: str, what: str
) -> None:
    far.on("POST", f"{BUILDS}/4/{verb}{path}", Answer(204))

    assert gantry("build", verb, SLUG, "4", *stage).stdout == f"{what} is {done}\n"


def test_a_decline_says_why(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"{BUILDS}/4/decline", Answer(204))

    assert gantry("build", "decline", SLUG, "4", "--reason", "not before Monday").returncode == 0
    assert far.asked[-1].query == {"reason": "not before Monday"}


def test_a_decision_as_json_is_the_build_as_it_is_then(gantry: Gantry, far: FarSide) -> None:
    build: Any = recorded("promoted build, finished")
    far.on("POST", f"{BUILDS}/2/approve", Answer(204))
    far.on("GET", f"{BUILDS}/2", answer(build))

    assert json.loads(gantry("build", "approve", SLUG, "2", "--json").stdout) == build


def test_a_decision_that_comes_too_late_says_so(gantry: Gantry, far: FarSide) -> None:
    message = 'Cannot decline build with status "success"'
    far.on("POST", f"{BUILDS}/4/decline", answer({"message": message}, 400))

    done = gantry("build", "decline", SLUG, "4")

    assert (done.returncode, done.stderr) == (1, f"Error: {message} (400: POST {BUILDS}/4/decline)\n")


def test_a_stage_is_named_by_its_number(gantry: Gantry, far: FarSide) -> None:
    assert gantry("build", "approve", SLUG, "4", "deploy").returncode == 2
    assert gantry("build", "approve", SLUG, "4", "0").returncode == 2
    assert far.asked == []


SHA = "5fcb01b9" * 5
PROMOTED: Any = recorded("promote with parameters")
NO_REF = answer({"message": "branch x not found", "code": "not_found"}, 404)


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        ("main", [{"branch": "main"}]),
        ("feature/x", [{"branch": "feature/x"}]),
        ("v1.2", [{"branch": "v1.2"}, {"tag": "v1.2"}]),
        ("5fcb01b", [{"branch": "5fcb01b"}, {"tag": "5fcb01b"}, {"commit": "5fcb01b"}]),
        (SHA, [{"commit": SHA}]),
        (SHA.upper(), [{"commit": SHA.upper()}]),
        ("refs/heads/main", [{"branch": "main"}]),
        ("refs/tags/v1", [{"tag": "v1"}]),
        ("branch:42", [{"branch": "42"}]),
        ("tag:main", [{"tag": "main"}]),
        ("commit:1234567", [{"commit": "1234567"}]),
        ("007", [{"branch": "007"}]),
    ],
)
def test_promote_takes_a_branch_a_tag_or_a_commit(
    gantry: Gantry, far: FarSide, given: str, tried: list[dict[str, str]]
) -> None:
    far.on("POST", f"/api/repos/{SLUG}/promote", *[NO_REF] * (len(tried) - 1), answer(PROMOTED))

    done = gantry("build", "promote", SLUG, given, "production", "-p", "VERSION=1")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Number:   2\n")
    assert [asked.query for asked in far.asked] == [{"target": "production", "VERSION": "1", **name} for name in tried]


def test_promote_takes_the_last_build(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{BUILDS}/latest", answer(recorded("latest build")))
    far.on("POST", f"{BUILDS}/1/promote", answer(PROMOTED))

    assert gantry("build", "promote", SLUG, "last", "production", "-p", "branch=x").returncode == 0
    assert far.asked[1].query == {"target": "production", "branch": "x"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("prod", f"{SLUG} has no branch or tag 'prod'"),
        ("deadbee", f"{SLUG} has no branch, tag or commit 'deadbee'"),
        ("tag:v9", f"branch x not found (404: POST /api/repos/{SLUG}/promote)"),
    ],
)
def test_what_names_no_commit_is_said(gantry: Gantry, far: FarSide, given: str, said: str) -> None:
    far.on("POST", f"/api/repos/{SLUG}/promote", NO_REF)
    far.on("GET", f"/api/repos/{SLUG}", answer(recorded("one repository")))

    done = gantry("build", "promote", SLUG, given, "production")

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {said}\n")


def test_a_repository_that_is_not_there_is_no_matter_of_its_branches(gantry: Gantry, far: FarSide) -> None:
    done = gantry("build", "promote", SLUG, "main", "production")

    assert done.stderr == (f"Error: no answer for GET /api/repos/{SLUG} (404: GET /api/repos/{SLUG})\n")


@pytest.mark.parametrize("given", ["branch:", "commit:main", "", "a b"])
def test_what_can_be_no_name_is_wrong_usage(gantry: Gantry, far: FarSide, given: str) -> None:
    done = gantry("build", "promote", SLUG, given, "production")

    assert (done.returncode, far.asked) == (2, [])
    assert f"{given!r} is neither a build nor a branch, tag or commit" in done.stderr


def test_a_parameter_of_a_commit_s_promotion_cannot_name_the_commit(gantry: Gantry, far: FarSide) -> None:
    done = gantry("build", "promote", SLUG, "main", "production", "-p", "commit=x")

    assert (done.returncode, far.asked) == (2, [])


@pytest.mark.parametrize("verb", [["promote", SLUG, "1", "x"], ["rollback", SLUG, "1", "x"], ["restart", SLUG, "1"]])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_build_that_is_an_error_from_its_start_exits_with_1(
    gantry: Gantry, far: FarSide, verb: list[str], options: list[str]
) -> None:
    path = f"{BUILDS}/1" if verb[0] == "restart" else f"{BUILDS}/1/{verb[0]}"
    far.on("POST", path, answer(PROMOTED | {"status": "error", "error": "yaml: line 2: bad"}))

    done = gantry("build", *verb, *options)

    assert done.returncode == 1
    assert "yaml: line 2: bad" in done.stdout


NOTHING = {
    "message": 'no pipeline for promote has the target "x"',
    "code": "nothing_to_run",
    "errors": [
        {"field": name, "code": "excluded", "message": f'pipeline "{name}": trigger.target includes y, not "x"'}
        for name in ("one", "two")
    ],
}


def test_nothing_to_run_is_one_sentence_and_the_table_is_asked_for(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", f"{BUILDS}/1/promote", answer(NOTHING, 422))

    plain = gantry("build", "promote", SLUG, "1", "x")
    verbose = gantry("build", "promote", SLUG, "1", "x", "--verbose")

    told = f"Error: {NOTHING['message']} (422: POST {BUILDS}/1/promote)"
    assert (plain.returncode, verbose.returncode) == (1, 1)
    assert plain.stderr == f"{told}; --verbose tells it for each pipeline\n"
    assert verbose.stderr == (
        f'{told}\n  pipeline "one": trigger.target includes y, not "x"\n'
        '  pipeline "two": trigger.target includes y, not "x"\n'
    )
