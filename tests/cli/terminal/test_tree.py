"""What is drawn of a build: states and lines in, the lines of a terminal out."""

from typing import Any

import pytest

from app.cli.terminal import output
from app.cli.terminal.tree import Said, Size, picture, whole

SLUG = "acme/web"
NOW = 1100
NAME, WHAT = "Build 43 of acme/web", "promote to production"
HEAD = f"{NAME}: running, 1 min 40 s, {WHAT}"


def build(*stages: dict[str, Any], status: str = "running", **more: Any) -> dict[str, Any]:
    numbered = [{"number": number, **stage} for number, stage in enumerate(stages, start=1)]
    head = {"number": 43, "event": "promote", "deploy_to": "production", "target": "main", "status": status}
    return head | {"started": 1000, "stages": numbered} | more


def part(name: str, status: str, started: int = 0, stopped: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "status": status, "started": started, "stopped": stopped, **more}


def stage(name: str, status: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    numbered = [{"number": number, **step} for number, step in enumerate(steps, start=1)]
    return part(name, status, **more) | {"steps": numbered}


def drawn(
    state: dict[str, Any], *said: tuple[str, str], columns: int = 70, lines: int = 24, lost: str = ""
) -> list[str]:
    """The picture without colours."""
    shown = picture(state, [Said(*one) for one in said], NOW, Size(columns, lines), SLUG, lost)
    return [output.unstyled(line) for line in shown]


CLONED = part("clone", "success", 1000, 1001)
RELEASING = stage(
    "deploy", "running", CLONED, part("release", "running", 1001), part("notify", "pending"), started=1000
)
TESTED = stage("test", "success", CLONED, part("unit", "success", 1001, 1080), started=1000, stopped=1080)

TABLE: dict[str, tuple[dict[str, Any], list[tuple[str, str]], list[str]]] = {
    "begun": (
        build(part("deploy", "pending"), status="pending", started=0),
        [],
        [f"{NAME}: pending, {WHAT}", "deploy  pending"],
    ),
    "of a branch": (
        build(status="pending", started=0, event="push", deploy_to=""),
        [],
        [f"{NAME}: pending, push of main"],
    ),
    "nobody takes the stage": (
        build(part("deploy", "pending", pending_reason="no runner serves type docker"), started=0),
        [],
        [f"{NAME}: running, {WHAT}", "deploy  pending    waits: no runner serves type docker"],
    ),
    "a clone is shown while it runs, and what it writes is not": (
        build(stage("deploy", "running", part("clone", "running", 1095), part("release", "pending"), started=1095)),
        [],
        [HEAD, "deploy     running  5 s", "  clone    running  5 s", "  release  pending"],
    ),
    "a step writes": (
        build(TESTED, RELEASING),
        [("test/unit", "passed"), ("deploy/release", "+ ./deploy.sh"), ("deploy/release", "deploying 1.4.0")],
        [
            HEAD,
            "test       success  1 min 20 s",
            "  unit     success  1 min 19 s",
            "deploy     running  1 min 40 s",
            "  release  running  1 min 39 s",
            "  notify   pending",
            "",
            "[deploy/release]",
            "+ ./deploy.sh",
            "deploying 1.4.0",
        ],
    ),
    "two steps write": (
        build(
            stage("a", "running", part("one", "running", 1090), started=1090),
            stage("b", "running", part("one", "running", 1098), started=1098),
        ),
        [("a/one", "1"), ("b/one", "2"), ("a/one", "3")],
        [
            HEAD,
            "a      running  10 s",
            "  one  running  10 s",
            "b      running   2 s",
            "  one  running   2 s",
            "",
            "2 steps run",
            "[a/one] 1",
            "[b/one] 2",
            "[a/one] 3",
        ],
    ),
    "blocked": (
        build(TESTED, part("deploy", "blocked"), part("notify", "waiting_on_dependencies", depends_on=["deploy"])),
        [],
        [
            HEAD,
            "deploy waits for the approval of an administrator of acme/web:",
            "  gantry approve acme/web 43",
            "test    success  1 min 20 s",
            "  unit  success  1 min 19 s",
            "deploy  blocked              waits for approval",
            "notify  waiting              waits for deploy",
        ],
    ),
    "blocked as a whole": (
        build(part("deploy", "blocked"), part("tell", "blocked"), status="pending", started=0, blocked=True),
        [],
        [
            f"{NAME}: blocked, {WHAT}",
            "deploy, tell wait for the approval of an administrator of acme/web:",
            "  gantry approve acme/web 43",
            "deploy  blocked    waits for approval",
            "tell    blocked    waits for approval",
        ],
    ),
    "failed": (
        build(
            stage(
                "deploy",
                "failure",
                part("clone", "failure", 1000, 1002, exit_code=128),
                part("lint", "failure", 1002, 1003, exit_code=1, errignore=True),
                part("release", "skipped", 1003, 1003),
                started=1000,
                stopped=1003,
            ),
            stage("tell", "error", error="the runner was lost", started=1000, stopped=1050),
            status="failure",
            finished=1050,
        ),
        [],
        [
            f"{NAME}: failure, 50 s, {WHAT}",
            "deploy     failure   3 s",
            "  clone    failure   2 s  exit code 128",
            "  lint     failure   1 s  exit code 1",
            "  release  skipped",
            "tell       error    50 s  the runner was lost",
        ],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_picture(name: str) -> None:
    state, said, expected = TABLE[name]

    assert drawn(state, *said) == expected


def test_whole_tree_is_the_picture_without_what_runs() -> None:
    state = build(TESTED, RELEASING)

    assert [output.unstyled(line) for line in whole(state, NOW, 70, SLUG)] == drawn(state)


def test_a_server_that_does_not_answer_is_told_below_the_title() -> None:
    assert (
        drawn(build(TESTED), lost="Trying again: cannot reach http://ci")[1] == "Trying again: cannot reach http://ci"
    )


def test_clocks_that_differ_make_no_negative_time() -> None:
    assert drawn(build(part("deploy", "running", NOW + 60), started=NOW + 60))[1] == "deploy  running  0 s"


LOG = [("deploy/release", f"line {number}") for number in range(1, 100)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (1, [HEAD]),
        (2, [HEAD, "and 2 more: 1 success, 1 running"]),
        (3, [HEAD, "deploy  running  1 min 40 s", "and 1 more: 1 success"]),
        (
            4,
            [HEAD, "deploy     running  1 min 40 s", "  release  running  1 min 39 s", "and 1 more: 1 success"],
        ),
        (
            7,
            [
                HEAD,
                "test       success  1 min 20 s",
                "  unit     success  1 min 19 s",
                "deploy     running  1 min 40 s",
                "  release  running  1 min 39 s",
                "  notify   pending",
            ],
        ),
        (
            8,
            [
                HEAD,
                "test       success  1 min 20 s",
                "deploy     running  1 min 40 s",
                "  release  running  1 min 39 s",
                "  notify   pending",
                "",
                "[deploy/release]",
                "line 99",
            ],
        ),
        (
            10,
            [
                HEAD,
                "test       success  1 min 20 s",
                "  unit     success  1 min 19 s",
                "deploy     running  1 min 40 s",
                "  release  running  1 min 39 s",
                "  notify   pending",
                "",
                "[deploy/release]",
                "line 98",
                "line 99",
            ],
        ),
    ],
)
def test_picture_fits_the_height(lines: int, expected: list[str]) -> None:
    assert drawn(build(TESTED, RELEASING), *LOG, lines=lines) == expected


@pytest.mark.parametrize("columns", range(1, 80, 7))
@pytest.mark.parametrize("lines", [1, 2, 3, 5, 8, 13, 24])
def test_no_picture_is_larger_than_the_terminal(columns: int, lines: int) -> None:
    state = build(
        *(stage(f"部署 {n}", "success", part("x" * 30, "success", 1000, 1001)) for n in range(30)),
        part("b", "blocked"),
        RELEASING,
    )
    said = [("deploy/release", "\x1b[31m🚀" * 50), *LOG]

    shown = drawn(state, *said, columns=columns, lines=lines, lost="Trying again: cannot reach http://ci.example.com")

    assert len(shown) <= lines
    assert all(output.width(line) <= columns for line in shown)


def test_what_runs_and_what_failed_is_seen_among_many_stages() -> None:
    many = [stage(f"s{n}", "success", part("one", "success")) for n in range(50)]
    state = build(*many[:20], stage("bad", "failure", part("one", "failure", exit_code=1)), *many[20:], RELEASING)

    shown = "\n".join(drawn(state, lines=12))

    assert "bad" in shown
    assert "release" in shown
    assert "and 45 more: 45 success" in shown


def test_colours_say_the_state_and_end_where_a_line_is_cut() -> None:
    state = build(stage("deploy", "running", part("release", "running", 1001), started=1000))

    shown = picture(state, [Said("deploy/release", "\x1b[32mgreen " * 20)], NOW, Size(40, 24), SLUG)

    assert "\x1b[33mrunning\x1b[0m" in shown[1]
    assert shown[-1] == "\x1b[32mgreen " * 6 + "\x1b[32mgre…\x1b[0m"
