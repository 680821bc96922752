"""When jobs are due on the clocks of time zones, also on days on which those are set forward or back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.builds.cron import zones
from app.builds.cron.expression import BadExpression, next_after


def at(text: str) -> int:
    """Unix seconds of a time with its distance from UTC."""
    return int(datetime.fromisoformat(text).timestamp())


def times(expr: str, zone: str, start: str, count: int) -> list[str]:
    """The next times of a job, as its clock shows them."""
    now, found = at(start), []
    for _ in range(count):
        now = next_after(expr, now, zone=zone)
        found.append(zones.shown(now, zone))
    return found


def test_a_job_is_due_by_the_clock_of_its_zone() -> None:
    assert times("0 0 6 * * mon-fri", "Europe/Berlin", "2026-11-27T07:00:00+01:00", 2) == [
        "2026-11-30T06:00:00+01:00",
        "2026-12-01T06:00:00+01:00",
    ]
    assert times("@daily", "Asia/Kolkata", "2026-11-27T00:00:00+00:00", 1) == ["2026-11-28T00:00:00+05:30"]
    assert times("@daily", "", "2026-11-27T00:00:00+00:00", 1) == ["2026-11-28T00:00:00Z"]


def test_an_interval_needs_no_clock() -> None:
    assert times("@every 1h", "Europe/Berlin", "2026-10-25T02:10:00+02:00", 2) == [
        "2026-10-25T02:10:00+01:00",
        "2026-10-25T03:10:00+01:00",
    ]


@pytest.mark.parametrize(
    ("expr", "zone", "start", "due"),
    [
        # 2:00 to 3:00 is skipped: what was due then is due at 3:00, once
        (
            "0 30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00+01:00",
            ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
        ),
        (
            "0 */20 2,3 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00+01:00",
            ["2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00", "2026-03-29T03:40:00+02:00"],
        ),
        # a job of every hour has nothing to make up for
        (
            "0 30 * * * *",
            "Europe/Berlin",
            "2026-03-29T01:00:00+01:00",
            ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"],
        ),
        # half an hour, from 2:00 to 2:30, is skipped
        (
            "0 15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00:00+10:30",
            ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
        ),
        # midnight is skipped
        (
            "@daily",
            "Africa/Cairo",
            "2026-04-23T12:00:00+02:00",
            ["2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"],
        ),
    ],
)
def test_a_time_that_the_clock_skips(expr: str, zone: str, start: str, due: list[str]) -> None:
    assert times(expr, zone, start, len(due)) == due


@pytest.mark.parametrize(
    ("expr", "zone", "start", "due"),
    [
        # 2:00 to 3:00 comes twice: the first counts
        (
            "0 30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00+02:00",
            ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
        ),
        ("0 30 2 * * *", "Europe/Berlin", "2026-10-25T02:10:00+01:00", ["2026-10-26T02:30:00+01:00"]),
        # a job of every hour runs in both
        (
            "0 30 * * * *",
            "Europe/Berlin",
            "2026-10-25T02:00:00+02:00",
            ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"],
        ),
        (
            "0 35 * * * *",
            "Australia/Lord_Howe",
            "2026-04-05T01:20:00+11:00",
            ["2026-04-05T01:35:00+11:00", "2026-04-05T01:35:00+10:30", "2026-04-05T02:35:00+10:30"],
        ),
    ],
)
def test_a_time_that_the_clock_shows_twice(expr: str, zone: str, start: str, due: list[str]) -> None:
    assert times(expr, zone, start, len(due)) == due


def test_a_day_that_a_country_skipped_is_made_up_for() -> None:
    assert times("@daily", "Pacific/Apia", "2011-12-29T12:00:00-10:00", 2) == [
        "2011-12-31T00:00:00+14:00",
        "2012-01-01T00:00:00+14:00",
    ]


ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "Africa/Casablanca",
]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    minute=st.integers(0, 59),
    step=st.sampled_from([1, 7, 30, 60]),
    start=st.integers(at("2025-01-01T00:00:00+00:00") // 60, at("2027-01-01T00:00:00+00:00") // 60),
)
def test_a_job_of_every_hour_is_due_whenever_its_clock_shows_its_minutes(
    zone: str, minute: int, step: int, start: int
) -> None:
    """By looking at each minute."""
    place, minutes = ZoneInfo(zone), set(range(minute, 60, step))

    def shows(now: int) -> bool:
        return datetime.fromtimestamp(now, UTC).astimezone(place).minute in minutes

    expected = next(now for now in range(start * 60 + 60, start * 60 + 4 * 3600, 60) if shows(now))
    assert next_after(f"0 {minute}/{step} * * * *", start * 60, zone=zone) == expected


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    day=st.integers(0, 730),
)
def test_a_job_of_one_hour_is_due_once_a_day(zone: str, hour: int, minute: int, day: int) -> None:
    midnight = datetime(2025, 1, 1) + timedelta(days=day)
    place, expr = ZoneInfo(zone), f"0 {minute} {hour} * * *"
    now = int(datetime(midnight.year, midnight.month, midnight.day, 0, 0, tzinfo=place).timestamp()) - 3601

    days = []
    for _ in range(5):
        now = next_after(expr, now, zone=zone)
        days.append(datetime.fromtimestamp(now, place).date())

    assert [later - days[0] for later in days] == [timedelta(days=number) for number in range(5)]


def test_a_time_that_never_comes_is_told_also_in_a_zone() -> None:
    for expr in ("0 0 0 31 2 *", "0 0 * 31 2 *"):
        with pytest.raises(BadExpression, match="never due"):
            next_after(expr, 0, zone="Europe/Berlin")


@pytest.mark.parametrize("name", ["Europe/berlin", "Europe", "../etc/passwd", "CEST+2", "localtime", "\0", "posix/UTC"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(zones.UnknownZone, match="must be a time zone as in Europe/Berlin"):
        zones.check(name)


def test_the_zone_that_was_meant_is_named() -> None:
    with pytest.raises(zones.UnknownZone, match=r"did you mean America/New_York\?"):
        zones.check("America/NewYork")


def test_zones_are_known() -> None:
    for name in ("", "UTC", "Etc/UTC", *ZONES):
        zones.check(name)
