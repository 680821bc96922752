"""The words of the pages."""

from typing import get_args

import pytest

from app.builds.model import Build, Stage, Status, Step
from app.ui import views

NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        *[
            (0, "just now"),
            (1, "1 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (3600, "1 h ago"),
        ],
        *[(86_399, "23 h ago"), (86_400, "1 d ago"), (30 * 86_400, "1 mo ago"), (364 * 86_400, "12 mo ago")],
        *[(365 * 86_400, "1 y ago"), (NOW, "53 y ago"), (-5, "in 5 s"), (-7200, "in 2 h")],
    ],
)
def test_an_age_has_one_unit(seconds: int, told: str) -> None:
    assert views.age(NOW - seconds, NOW) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        *[(-3, "< 1 s"), (0, "< 1 s"), (1, "1 s"), (43, "43 s"), (60, "1 min"), (130, "2 min 10 s"), (3600, "1 h")],
        *[(3659, "1 h"), (3900, "1 h 5 min"), (86_400, "1 d"), (90_000, "1 d 1 h"), (10**9, "11574 d 1 h")],
    ],
)
def test_a_duration_has_two_units(seconds: int, told: str) -> None:
    assert views.duration(seconds) == told


def test_every_status_has_an_icon_a_word_and_a_colour() -> None:
    marks = {status: views.mark(status) for status in get_args(Status)}

    assert all(mark.icon and mark.word and mark.tone and mark.sign for mark in marks.values())
    assert len({mark.word for mark in marks.values()}) == len(marks)
    assert views.mark("of a later version").word == "unknown"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (Step(0, 0, 1, "a"), ""),
        (Step(0, 0, 1, "a", "running", started=NOW - 5), "5 s"),
        (Step(0, 0, 1, "a", "running", started=NOW + 5), "< 1 s"),
        (Step(0, 0, 1, "a", "success", started=NOW - 9, stopped=NOW - 2), "7 s"),
        (Step(0, 0, 1, "a", "skipped", started=NOW - 9, stopped=NOW - 9), ""),
        (Stage(0, 0, 0, 1, "a", status="failure", started=1, stopped=131), "2 min 10 s"),
        (Build(0, 0, 1, status="success", started=1, finished=1), "< 1 s"),
    ],
)
def test_work_took_as_long_as_it_ran(work: Build | Stage | Step, told: str) -> None:
    assert views.took(work, NOW) == told


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (NOW, "2023-11-14T22:13:20Z"),
        (-1, "1970-01-01T00:00:00Z"),
        (2**63, "9999-12-31T23:59:59Z"),
    ],
)
def test_times_are_exact_in_utc_whatever_the_number(then: int, told: str) -> None:
    assert views.machine_time(then) == told
    assert views.exact_time(then) == told.replace("T", " ").replace("Z", " UTC")


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (Build(0, 0, 1, event="push", target_branch="main"), "push to main"),
        (Build(0, 0, 1, event="tag", ref="refs/tags/v1"), "tag v1"),
        (Build(0, 0, 1, event="pull_request", ref="refs/pull/7/head", target_branch="main"), "pull request 7 to main"),
        (Build(0, 0, 1, event="promote", parent=38, deploy_to="production"), "promotion of build 38 to production"),
        (Build(0, 0, 1, event="promote", deploy_to="production"), "promotion to production"),
        (Build(0, 0, 1, event="rollback", parent=31, deploy_to="production"), "rollback of production to build 31"),
        (Build(0, 0, 1, event="cron", cron="nightly"), "cron job nightly"),
        (Build(0, 0, 1, event="custom", ref="refs/heads/main"), "build of main on request"),
        (Build(0, 0, 1), "build to "),
    ],
)
def test_the_occasion_of_a_build_in_words(build: Build, told: str) -> None:
    assert views.occasion(build) == told


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (Build(0, 0, 1, trigger="mara", author_login="ada"), "mara"),
        (Build(0, 0, 1, trigger="@hook", author_login="ada", author_name="Ada"), "ada"),
        (Build(0, 0, 1, trigger="@hook", author_name="Ada"), "Ada"),
        (Build(0, 0, 1, trigger="@cron", author_name="Ada"), "the clock"),
        (Build(0, 0, 1), ""),
    ],
)
def test_the_actor_of_a_build(build: Build, told: str) -> None:
    assert views.actor(build) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [("", ""), ("\n \n a \nb", "a"), ("x" * 200, "x" * 200), ("x" * 201, "x" * 199 + "…"), ("a\u2028b", "a")],
)
def test_the_first_line_of_a_message(text: str, told: str) -> None:
    assert views.first_line(text) == told


def test_a_message_of_a_megabyte_is_read_to_its_first_line_only() -> None:
    assert len(views.first_line(" " * 2**20 + "late")) == 0


@pytest.mark.parametrize(
    ("stage", "pending", "told"),
    [
        (Stage(3, 0, 0, 3, "c", status="waiting_on_dependencies", depends_on=("a", "b")), "", "waits for b"),
        (Stage(3, 0, 0, 3, "c", status="waiting_on_dependencies", depends_on=("a",)), "", "waits for its turn"),
        (
            Stage(3, 0, 0, 3, "c", status="skipped", on_success=False, on_failure=True),
            "",
            "skipped: it is for failures alone",
        ),
        (Stage(3, 0, 0, 3, "c", status="pending"), "no runner", "no runner"),
        (Stage(3, 0, 0, 3, "c", status="declined"), "", "declined by an administrator of the repository"),
        (Stage(3, 0, 0, 3, "c", status="success"), "", ""),
    ],
)
def test_why_a_stage_does_not_run(stage: Stage, pending: str, told: str) -> None:
    others = (Stage(1, 0, 0, 1, "a", status="success"), Stage(2, 0, 0, 2, "b", status="running"))

    assert views.why(stage, Build(0, 0, 1, stages=(*others, stage)), pending) == told


def test_a_stage_that_a_failure_has_left_out_names_the_failure() -> None:
    failed, left = Stage(1, 0, 0, 1, "smoke", status="failure"), Stage(2, 0, 0, 2, "deploy", status="skipped")

    assert views.why(left, Build(0, 0, 1, stages=(failed, left)), "") == "skipped: smoke failed"


@pytest.mark.parametrize(
    ("names", "told"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_in_a_sentence(names: list[str], told: str) -> None:
    assert views.listed(names) == told


@pytest.mark.parametrize(("number", "told"), [(0, "0 builds"), (1, "1 build"), (12_000, "12,000 builds")])
def test_an_amount_has_its_noun(number: int, told: str) -> None:
    assert views.amount(number, "build") == told


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1",
            "Safari on iOS",
        ),
        ("curl/8.14.1", "curl/8.14.1"),
        ("", ""),
    ],
)
def test_a_browser_is_told_by_its_name_and_system(agent: str, told: str) -> None:
    assert views.browser(agent) == told
