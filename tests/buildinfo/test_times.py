"""Times in build-info."""

import pytest

from app.buildinfo import times
from app.errors import Invalid

MS = 1412067619893


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2014-09-30T12:00:19.893+0300", MS),
        ("2014-09-30T12:00:19.893+03:00", MS),
        ("2014-09-30T12:00:19.893+03", MS),
        ("2014-09-30T09:00:19.893Z", MS),
        ("2014-09-30T09:00:19.893-0000", MS),
        ("2014-09-30T09:00:19.893999999Z", MS),
        ("2014-09-30T03:30:19.893-0530", MS),
        ("2014-09-30T09:00:19Z", MS - 893),
        ("2014-09-30T09:00:19.8Z", MS - 93),
        ("2014-09-30", 1412035200000),
        (" 2014-09-30 ", 1412035200000),
        ("1970-01-01T00:00:00.000+0000", 0),
        ("9999-12-31T23:59:59.999Z", times.LAST),
    ],
)
def test_every_form_that_clients_send_is_read(text: str, at: int) -> None:
    assert times.parse(text, "started") == at


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2014", "2014-09-31", "2014-02-29T00:00:00Z", "2014-09-30T24:00:00Z", "2014-09-30T12:00:60Z",
        "2014-09-30T12:00:19", "2014-09-30 12:00:19Z", "2014-09-30T12:00Z", "2014-09-30T12:00:19+25:00",
        "2014-09-30T12:00:19+0060", "2014-09-30T12:00:19.1234567890Z", "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+0100", "9999-12-31T23:59:59-0100", "1412067619893", "٢٠١٤-09-30",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Invalid, match=r"started: .* is no time"):
        times.parse(text, "started")


def test_milliseconds_are_read_where_they_may_stand() -> None:
    assert times.parse_any(MS, "at") == times.parse_any(str(MS), "at") == MS
    assert times.parse_any("2014-09-30T09:00:19.893Z", "at") == MS
    for wrong in (-1, times.LAST + 1, "9" * 20, "1e3"):
        with pytest.raises(Invalid, match="at: "):
            times.parse_any(wrong, "at")


@pytest.mark.parametrize("text", ["2014-09-30T12:00:19.893 0300", "2014-09-30T12:00:19.893 03:00", "1412067619893"])
def test_a_plus_that_a_query_has_lost_is_read(text: str) -> None:
    assert times.of_query(text, "started") == MS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2014-09-30T12:00:19.893+0300", "2014-09-30T12:00:19.893+0300"),
        ("2014-09-30T12:00:19.893+03:00", "2014-09-30T09:00:19.893+0000"),
        ("2014-09-30T09:00:19.893271Z", "2014-09-30T09:00:19.893+0000"),
    ],
)
def test_a_time_is_shown_in_the_one_form_that_clients_read(text: str, shown: str) -> None:
    assert times.normalised(text, times.parse(text, "x")) == shown
    assert times.parse(times.shown(MS), "x") == MS
