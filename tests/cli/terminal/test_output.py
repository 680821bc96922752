import pytest

from app.cli.terminal import output
from tests.cli.farside import recorded

DAY = 86400


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setattr(output, "for_people", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize(
    ("past", "said"),
    [
        (0, "0 s ago"),
        (-5, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (DAY, "1 d ago"),
        (30 * DAY - 1, "29 d ago"),
        (30 * DAY, "2026-10-22T05:09:06Z"),
    ],
)
@pytest.mark.usefixtures("people")
def test_time_is_told_to_people_as_distance_until_it_is_a_date(past: int, said: str) -> None:
    assert output.ago(1795237746 - past, 1795237746) == said


def test_time_that_is_not_set_is_a_dash() -> None:
    assert output.ago(0, 1795237746) == "-"


def test_time_that_no_calendar_holds_is_its_number() -> None:
    assert output.moment(10**18) == "1" + "0" * 18


@pytest.mark.usefixtures("people")
def test_columns_are_as_wide_as_their_widest_cell_on_a_terminal() -> None:
    shown = output.table(["A", "B"], [["界", "1"], ["e\u0301e", "2"], [output.status("success"), "3"]])

    assert shown.split("\n") == [
        "A        B",
        "界       1",
        "e\u0301e       2",
        "\x1b[32msuccess\x1b[0m  3",
    ]


@pytest.mark.usefixtures("people")
def test_table_without_rows_is_its_header() -> None:
    assert output.table(["NUMBER", "STATUS"], []) == "NUMBER  STATUS"


def test_programs_get_a_row_a_line_with_tabs_and_exact_times() -> None:
    assert output.table(["A", "B"], [["a b", output.ago(1795237746, 1795237800)]]) == "a b\t2026-11-21T05:09:06Z"
    assert output.table(["A", "B"], []) == ""
    assert output.short("0123456789", 4) == "0123456789"


@pytest.mark.usefixtures("people")
def test_messages_are_shortened_first_then_branches_and_ids_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    head = ["NUMBER", "BRANCH", "MESSAGE"]

    def lines(message: str, branch: str = "main", number: str = "1") -> list[str]:
        return output.table(head, [[number, branch, message]]).splitlines()

    assert lines("m" * 24)[1] == "1       main    " + "m" * 24
    assert lines("m" * 25)[1] == "1       main    " + "m" * 23 + "…"
    assert lines("界" * 20)[1] == "1       main    " + "界" * 11 + "…"
    assert lines("m" * 90, "b" * 30)[1] == "1       " + "b" * 19 + "…  " + "m" * 9 + "…"
    assert lines("m" * 90, "b" * 90, "9" * 50)[1] == "9" * 50 + "  " + "b" * 9 + "…  " + "m" * 9 + "…"


@pytest.mark.usefixtures("people")
def test_a_cell_with_colours_is_shortened_by_what_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    seen = output.table(["N", "SINCE"], [["1", f"18 {output.status('failure')}, 17 {output.status('error')}"]])

    assert seen.splitlines()[1] == "1  18 \x1b[31mfailur…\x1b[0m"


@pytest.mark.usefixtures("people")
def test_people_see_the_beginning_of_an_id() -> None:
    assert output.short("0123456789", 4) == "0123"


def test_cell_is_one_line_that_cannot_command_the_terminal() -> None:
    assert output.line("  fix\x1b[2J\u202e \tit\r\nmore") == "fix\ufffd[2J\ufffd  it\ufffd"


def test_long_cell_is_cut() -> None:
    assert output.line("abcdef", 4) == "abc…"
    assert output.line("abcd", 4) == "abcd"


def test_a_block_says_that_a_build_was_found_late() -> None:
    shown = output.build_block({"number": 1, "event": "push", "found_late": True}, "http://ci.example.com", "a/b")

    assert "Found late:" in shown


def test_build_block_has_drone_s_lines_then_ours() -> None:
    build = recorded("promote with parameters")

    shown = output.build_block(build, "http://ci.example.com", "octocat/hello-world")

    assert shown.split("\n") == [
        "Number:   2",
        "Status:   pending",
        "Event:    promote",
        f"Commit:   {build['after']}",
        "Branch:   main",
        "Ref:      refs/heads/main",
        "Author:   octocat <octocat@example.com>",
        "Message:  Add the pipeline",
        "Target:   production",
        "Parent:   1",
        "Params:   FOO=bar baz, VERSION=1.2.3",
        "Link:     http://ci.example.com/octocat/hello-world/2",
    ]


def test_stages_say_why_they_wait_and_how_they_failed() -> None:
    steps = [
        {"name": "test", "status": "failure", "exit_code": 3, "started": 10, "stopped": 12},
        {"name": "after", "status": "skipped", "exit_code": 0, "started": 12, "stopped": 10},
    ]
    build = {
        "stages": [
            {"name": "unit", "status": "failure", "steps": steps},
            {"name": "image", "status": "pending", "pending_reason": "no runner serves type docker"},
        ]
    }

    rows = [line.split() for line in output.stages(build).replace("\x1b[31m", "").replace("\x1b[0m", "").split("\n")]

    assert rows == [
        ["STAGE", "STEP", "STATUS", "TOOK"],
        ["unit", "failure"],
        ["test", "failure", "2", "s", "exit", "code", "3"],
        ["after", "skipped", "0", "s"],
        ["image", "pending", "no", "runner", "serves", "type", "docker"],
    ]


def test_build_without_stages_has_no_table() -> None:
    assert output.stages({}) == ""
