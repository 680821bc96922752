"""`gantry targets`, `gantry approvals` and `--dry-run`."""

import json
import time
from typing import Any

import pytest

from tests.cli.conftest import Gantry
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


def test_targets_show_the_last_success_and_what_was_begun_since(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{REPO}/targets", answer([STAGING, PRODUCTION, {"name": "new", "since": [], "behind": None}]))

    rows = gantry("targets", SLUG).stdout.splitlines()

    assert rows[0].split() == ["REPOSITORY", "TARGET", "BUILD", "COMMIT", "BY", "WHEN", "BEHIND", "SINCE"]
    assert rows[1].split() == [SLUG, "staging", "41", "41aaaaaa", "mara", "2", "h", "ago", "-"]
    production = [SLUG, "production", "14", "14aaaaaa", "ana", "2", "h", "ago", "5", "18", "blocked,", "17", "failure"]
    assert rows[2].split() == production
    assert rows[3].split() == [SLUG, "new", "-", "-", "-", "-", "-"]


def test_targets_of_all_repositories_are_paged(gantry: Gantry, far: FarSide) -> None:
    listed = [{"slug": "acme/web", "targets": [STAGING | {"behind": 250}]}, {"slug": SLUG, "targets": [PRODUCTION]}]
    far.on("GET", "/api/targets", answer(listed))

    done = gantry("targets", "--page", "2", "--limit", "10")

    assert far.asked[0].query == {"page": "2", "per_page": "10"}
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [
        ["acme/web", "staging"],
        [SLUG, "production"],
    ]
    assert "250 or more" in done.stdout
    assert json.loads(gantry("targets", "--json").stdout) == listed


def test_without_promotions_targets_say_so(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/targets", answer([]))

    assert gantry("targets").stdout == "Nothing was promoted yet\n"


def test_approvals_show_what_waits(gantry: Gantry, far: FarSide) -> None:
    waiting = build(18, "pending", blocked=True, deploy_to="production")
    far.on("GET", "/api/user/approvals", answer([{"slug": SLUG, "build": waiting}]), answer([]))

    rows = gantry("approvals").stdout.splitlines()

    assert far.asked[0].query == {"page": "1", "per_page": "25"}
    assert rows[1].split()[:6] == [SLUG, "18", "promote", "production", "18aaaaaa", "mara"]
    assert gantry("approvals").stdout == "Nothing waits for your approval\n"


def test_a_blocked_build_is_called_blocked(gantry: Gantry, far: FarSide) -> None:
    blocked = build(18, "pending", blocked=True)
    far.on("GET", f"{REPO}/builds", answer([blocked, build(19, "running", blocked=True)]))
    far.on("GET", f"{REPO}/builds/18", answer(blocked))

    rows = gantry("build", "ls", SLUG).stdout.splitlines()
    assert [row.split()[1] for row in rows[1:]] == ["blocked", "running"]
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
        *("Would: run", "Runs there: build 14, 14aaaaaa", "Param: REGION=eu (build 38)", "deploy pending"),
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


@pytest.mark.parametrize("verb", ["rollback", "restart"])
def test_a_rollback_and_a_restart_can_be_dry_too(gantry: Gantry, able: FarSide, verb: str) -> None:
    path = f"{REPO}/builds/38" + ("/rollback" if verb == "rollback" else "")
    changes = {"commits": None, "undone": None, "files": None, "reason": "gogs cannot tell"}
    able.on("POST", path, answer(DRY | {"dry_run": {"params_from": {}, "changes": changes}}))

    done = gantry("build", verb, SLUG, "38", *(["production"] if verb == "rollback" else []), "--dry-run")

    assert "What would change is not known: gogs cannot tell" in done.stdout


def test_a_server_that_knows_no_dry_run_begins_nothing(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", f"{REPO}/targets", text(b"404 page not found", 404))

    done = gantry("build", "promote", SLUG, "38", "production", "--dry-run")

    assert done.returncode == 1
    assert "knows no dry run: nothing was begun" in done.stderr
    assert [asked.method for asked in far.asked] == ["GET"]


@pytest.mark.parametrize("more", [["--follow"], ["-p", "dry_run=x"]])
def test_what_contradicts_a_dry_run_is_wrong_usage(gantry: Gantry, more: list[str]) -> None:
    assert gantry("build", "promote", SLUG, "38", "production", "--dry-run", *more).returncode == 2
