"""`gantry targets`, `gantry approvals` and `--dry-run`."""

import json
import time
from typing import Any

import pytest

from app.cli.terminal import output
from tests.cli.conftest import Gantry, on_a_terminal
from tests.cli.farside import FarSide, answer, text

SLUG = "octocat/hello-world"
REPO = f"/api/repos/{SLUG}"
PROMOTE = f"{REPO}/builds/38/promote"
NOW = int(time.time())


def build(number: int, status: str = "success", **more: Any) -> dict[str, Any]:
    made = {"number": number, "status": status, "event": "promote", "after": f"{number:02}" + "a" * 38}
    return made | {"trigger": "mara", "finished": NOW - 7200, "created": NOW - 7260, "message": "Basket"} | more


STAGING: dict[str, Any] = {"name": "staging", "current": build(41), "since": [], "behind": None}
PRODUCTION: dict[str, Any] = {
    "name": "production",
    "current": build(14, trigger="@cron", author_login="ana"),
    "since": [build(18, "pending", blocked=True), build(17, "failure")],
    "before": "staging",
    "behind": 5,
}


@pytest.fixture
def terminal(environment: dict[str, str]) -> dict[str, str]:
    """A wide terminal without colours."""
    return environment | {"COLUMNS": "200", "NO_COLOR": "1"}


def test_targets_show_the_last_success_and_what_was_begun_since(terminal: dict[str, str], far: FarSide) -> None:
    far.on("GET", f"{REPO}/targets", answer([STAGING, PRODUCTION, {"name": "new", "since": [], "behind": None}]))

    rows = on_a_terminal(terminal, "targets", SLUG).splitlines()

    assert rows[0].split() == ["REPOSITORY", "TARGET", "BUILD", "COMMIT", "BY", "WHEN", "BEHIND", "SINCE"]
    assert rows[1].split() == [SLUG, "staging", "41", "41aaaaaa", "mara", "2", "h", "ago", "-"]
    production = [SLUG, "production", "14", "14aaaaaa", "ana", "2", "h", "ago", "5", "18", "blocked,", "17", "failure"]
    assert rows[2].split() == production
    assert rows[3].split() == [SLUG, "new", "-", "-", "-", "-", "-"]


def test_targets_in_a_pipe_are_whole_and_say_nothing_of_none(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{REPO}/targets", answer([PRODUCTION]), answer([]))

    (row,) = gantry("targets", SLUG).stdout.splitlines()

    build, when = PRODUCTION["current"], output.moment(NOW - 7200)
    assert row.split("\t") == [SLUG, "production", "14", build["after"], "ana", when, "5", "18 blocked, 17 failure"]
    assert gantry("targets", SLUG).stdout == ""


def test_targets_of_all_repositories_are_paged(gantry: Gantry, far: FarSide) -> None:
    listed = [{"slug": "acme/web", "targets": [STAGING | {"behind": 250}]}, {"slug": SLUG, "targets": [PRODUCTION]}]
    far.on("GET", "/api/targets", answer(listed))

    done = gantry("targets", "--page", "2", "--limit", "10")

    assert far.asked[0].query == {"page": "2", "per_page": "10"}
    assert [line.split("\t")[:2] for line in done.stdout.splitlines()] == [
        ["acme/web", "staging"],
        [SLUG, "production"],
    ]
    assert "250 or more" in done.stdout
    assert json.loads(gantry("targets", "--json").stdout) == listed


def test_without_promotions_targets_say_so(terminal: dict[str, str], far: FarSide) -> None:
    far.on("GET", "/api/targets", answer([]))

    assert on_a_terminal(terminal, "targets", "--all") == "No targets yet\n"


def test_approvals_show_what_waits(terminal: dict[str, str], far: FarSide) -> None:
    waiting = build(18, "pending", blocked=True, deploy_to="production")
    far.on("GET", "/api/user/approvals", answer([{"slug": SLUG, "build": waiting}]), answer([]))

    rows = on_a_terminal(terminal, "approvals").splitlines()

    assert far.asked[0].query == {"page": "1", "per_page": "25"}
    assert rows[1].split()[:6] == [SLUG, "18", "promote", "production", "18aaaaaa", "mara"]
    assert on_a_terminal(terminal, "approvals") == "Nothing waits for your approval\n"


def test_a_blocked_build_is_called_blocked(gantry: Gantry, far: FarSide) -> None:
    blocked = build(18, "pending", blocked=True)
    far.on("GET", f"{REPO}/builds", answer([blocked, build(19, "running", blocked=True)]))
    far.on("GET", f"{REPO}/builds/18", answer(blocked))

    rows = gantry("build", "ls", SLUG).stdout.splitlines()
    assert [row.split("\t")[1] for row in rows] == ["blocked", "running"]
    assert "Status:   blocked\n" in gantry("build", "info", SLUG, "18").stdout


COMMIT = {"sha": "c" * 40, "message": "Second change\n\nMore", "author_name": "Kim"}
DRY = build(
    0,
    "pending",
    after="c" * 40,
    deploy_to="production",
    params={"REGION": "eu", "VERSION": "1.4"},
    stages=[{"name": "deploy", "status": "pending"}],
    dry_run={
        "params_from": {"REGION": "build 38", "VERSION": "given"},
        "current": build(14),
        "changes": {"commits": [COMMIT] * 12, "undone": [], "files": ["a", "b"]},
    },
)


@pytest.fixture
def able(far: FarSide) -> FarSide:
    """A server that knows rehearsals."""
    far.on("GET", f"{REPO}/targets", answer([]))
    return far


def test_a_dry_run_shows_what_would_run_and_change(gantry: Gantry, able: FarSide) -> None:
    able.on("POST", PROMOTE, answer(DRY))

    done = gantry("build", "promote", SLUG, "38", "production", "-p", "VERSION=1.4", "--dry-run")

    assert able.asked[-1].query == {"target": "production", "VERSION": "1.4", "dry_run": "true"}
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for line in (
        *("Would: run", f"Runs there: build 14, 14{'a' * 38}", "Param: REGION=eu (build 38)", "deploy pending"),
        *("Param: VERSION=1.4 (given)", "New there (12):", "cccccccc Second change (Kim)", "… and 2 more"),
        *("Files (2):", "Nothing was changed"),
    ):
        assert line in lines, done.stdout
    assert json.loads(gantry("build", "promote", SLUG, "38", "production", "--dry-run", "--json").stdout) == DRY


def test_a_dry_run_of_what_would_wait_or_fail_says_so(gantry: Gantry, able: FarSide) -> None:
    wrong = build(0, "error", error="the file is wrong", dry_run={"params_from": {}})
    able.on("POST", PROMOTE, answer(DRY | {"blocked": True}), answer(wrong))

    waits = gantry("build", "promote", SLUG, "38", "production", "--dry-run")
    fails = gantry("build", "promote", SLUG, "38", "production", "--dry-run")

    assert (waits.returncode, "wait for approval" in waits.stdout) == (0, True)
    assert (fails.returncode, "fail at once" in fails.stdout, "the file is wrong" in fails.stdout) == (1, True, True)


@pytest.mark.parametrize(
    ("args", "path"),
    [
        (["promote", SLUG, "main", "production"], "/promote"),
        (["rollback", SLUG, "38", "production"], "/builds/38/rollback"),
        (["build", "restart", SLUG, "38"], "/builds/38"),
        (["build", "create", SLUG, "--branch", "main"], "/builds"),
    ],
)
def test_whatever_begins_a_build_can_be_dry(gantry: Gantry, able: FarSide, args: list[str], path: str) -> None:
    changes = {"commits": None, "undone": None, "files": None, "reason": "gogs cannot tell"}
    able.on("POST", f"{REPO}{path}", answer(DRY | {"dry_run": {"params_from": {}, "changes": changes}}))

    done = gantry(*args, "--dry-run")

    assert able.asked[-1].query["dry_run"] == "true"
    assert "What would change is not known: gogs cannot tell" in done.stdout
    assert done.stdout.endswith("\n\nNothing was changed\n")


def test_a_server_that_knows_no_dry_run_begins_nothing(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{REPO}/targets", text(b"404 page not found", 404))

    done = gantry("build", "promote", SLUG, "38", "production", "--dry-run")

    assert done.returncode == 1
    assert "knows no dry run: nothing was begun" in done.stderr
    assert [asked.method for asked in far.asked] == ["GET"]


@pytest.mark.parametrize("more", [["--follow"], ["-p", "dry_run=x"]])
def test_what_contradicts_a_dry_run_is_wrong_usage(gantry: Gantry, more: list[str]) -> None:
    assert gantry("build", "promote", SLUG, "38", "production", "--dry-run", *more).returncode == 2
