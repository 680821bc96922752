"""When jobs are due: Drone's rules, and what is said of an expression that is wrong."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.builds.cron.expression import BadExpression, check, next_after


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


#: A Wednesday.
NOW = at("2026-11-25 10:20:30")


@pytest.mark.parametrize(
    ("expr", "due"),
    [
        # six fields, seconds first
        ("* * * * * *", "2026-11-25 10:20:31"),
        ("30 * * * * *", "2026-11-25 10:21:30"),
        ("0 0 1 * * *", "2026-11-26 01:00:00"),
        ("0 15 14 1 * *", "2026-12-01 14:15:00"),
        ("0 0 0 29 2 *", "2028-02-29 00:00:00"),
        ("*/15 * * * * ?", "2026-11-25 10:20:45"),
        ("0 */30 9-17 * * mon-fri", "2026-11-25 10:30:00"),
        ("0 0 8,20 * * *", "2026-11-25 20:00:00"),
        ("0 0 22-23,0-1 * * *", "2026-11-25 22:00:00"),
        ("0 50/4 * * * *", "2026-11-25 10:50:00"),
        ("0 10-30/7 * * * *", "2026-11-25 10:24:00"),
        ("0 0 0 1 JAN,Jul ?", "2027-01-01 00:00:00"),
        ("0 0 0 1 jan-mar/2 ?", "2027-01-01 00:00:00"),
        ("0 0 0 ? * SUN", "2026-11-29 00:00:00"),
        ("0 0 0 * * 4/2", "2026-11-26 00:00:00"),
        ("  0  0   1 * *  * ", "2026-11-26 01:00:00"),
        # five are seconds to month
        ("0 30 * * *", "2026-11-25 10:30:00"),
        ("0 0 12 24 12", "2026-12-24 12:00:00"),
        # with a star both days must match, without it one of them
        ("0 0 0 1 * mon", "2026-11-30 00:00:00"),
        ("0 0 0 26 * mon", "2026-11-26 00:00:00"),
        ("0 0 0 */2 * mon", "2026-12-07 00:00:00"),
        ("0 0 0 5,*/10 * mon", "2026-12-21 00:00:00"),
        ("0 0 0 13 * */5", "2026-12-13 00:00:00"),
        ("0 0 0 13 * ?/5", "2026-12-13 00:00:00"),
        # a step from a number goes to the end of the field, which is Saturday
        ("0 0 0 ? * 1/2", "2026-11-27 00:00:00"),
        ("0 0 0 ? * 6/2", "2026-11-28 00:00:00"),
        ("0 0 0 ? * */7", "2026-11-29 00:00:00"),
        ("5/100 0 0 * * *", "2026-11-26 00:00:05"),
        # words
        ("@yearly", "2027-01-01 00:00:00"),
        ("@annually", "2027-01-01 00:00:00"),
        ("@monthly", "2026-12-01 00:00:00"),
        ("@weekly", "2026-11-29 00:00:00"),
        ("@daily", "2026-11-26 00:00:00"),
        ("@midnight", "2026-11-26 00:00:00"),
        ("@hourly", "2026-11-25 11:00:00"),
        ("@HOURLY", "2026-11-25 11:00:00"),
        ("@every 1s", "2026-11-25 10:20:31"),
        ("@every 1h30m", "2026-11-25 11:50:30"),
        ("@every 8760h", "2027-11-25 10:20:30"),
    ],
)
def test_a_job_is_due_next(expr: str, due: str) -> None:
    assert datetime.fromtimestamp(next_after(expr, NOW), UTC) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_moment_is_not_after_itself() -> None:
    midnight = at("2026-11-26 00:00:00")

    assert next_after("@daily", midnight - 1) == midnight
    assert next_after("@daily", midnight) == midnight + 24 * 3600


@pytest.mark.parametrize(
    ("since", "due"), [(NOW, 10), (NOW - 3, 7), (NOW - 10, 10), (NOW - 1_000_001, 9), (NOW + 4, 4), (NOW + 25, 5)]
)
def test_an_interval_keeps_its_beat(since: int, due: int) -> None:
    assert next_after("@every 10s", NOW, since=since) == NOW + due


@pytest.mark.parametrize(
    ("expr", "says"),
    [
        ("", "it has 0 fields; due are six (second, minute, hour, day of the month, month, weekday)"),
        ("every day", "it has 2 fields"),
        ("0 0 0 1 1 1 1", "it has 7 fields"),
        ("60 * * * * *", "second '60' must be 0 to 59"),
        ("0 -1 * * * *", "minute '-1' must be 0 to 59"),
        ("0 0 24 * * *", "hour '24' must be 0 to 23"),
        ("0 0 0 0 * *", "day of the month '0' must be 1 to 31"),
        ("0 0 0 1-32 * *", "day of the month '1-32' must be 1 to 31"),
        ("0 0 0 1 13 *", "month '13' must be 1 to 12 or jan to dec"),
        ("0 0 0 1 january *", "month 'january' must be 1 to 12 or jan to dec"),
        ("0 0 0 * * 7", "weekday '7' must be 0 to 6 or sun to sat"),
        ("0 0 jan * * *", "hour 'jan' must be 0 to 23"),
        ("0 30-10 * * * *", "minute '30-10' runs backwards"),
        ("0 0 0 * * sat-sun", "weekday 'sat-sun' runs backwards"),
        ("*/0 * * * * *", "second '*/0' must have a number from 1 after the slash"),
        ("1/ * * * * *", "second '1/' must have a number from 1 after the slash"),
        ("1/2/3 * * * * *", "second '1/2/3' must have a number from 1"),
        ("1,,2 * * * * *", "second '' must be 0 to 59"),
        ("1-2-3 * * * * *", "second '1-2-3' must be"),
        ("*-5 * * * * *", "second '*-5' must be"),
        ("0 0 0 L * *", "day of the month 'l' must be"),
        ("0 0 0 15w * *", "day of the month '15w' must be"),
        ("0 0 0 * * mon#2", "weekday 'mon#2' must be"),
        ("0 0 0 * * 5l", "weekday '5l' must be"),
        ("0x1 * * * * *", "second '0x1' must be"),
        ("0 61 25 * * *", "minute '61' must be 0 to 59, or * for each; hour '25' must be 0 to 23"),
        ("@fortnightly", "'@fortnightly' is not known; known are @yearly,"),
        ("@reboot", "'@reboot' is not known"),
        ("@every", "'@every' is not known"),
        ("@every day", "@every 'day' must be a duration"),
        ("@every 1.5h", "@every '1.5h' must be a duration"),
        ("@every 0s", "@every '0s' must be from 1s to 8760h"),
        ("@every 8761h", "@every '8761h' must be from 1s to 8760h"),
        ("@every 999999999h", "must be from 1s to 8760h"),
        ("0 0 0 31 2 *", "it is never due"),
        ("0 0 0 30 feb ?", "it is never due"),
        ("0 0 0 31 4,6,9,11 *", "it is never due"),
        ("0 0 0 1 1 *\0", "a character that no expression has"),
        ("0\t0 0 1 1 *", "a character that no expression has"),
        ("@daily\n", "a character that no expression has"),
        ("٠ 0 0 1 1 *", "a character that no expression has"),
        ("０ 0 0 1 1 *", "a character that no expression has"),
        ("1," * 1000 + "1 * * * * *", "it has 2011 characters; at most 500 are read"),
        ("9" * 400 + " * * * * *", f"second '{'9' * 40}...' must be 0 to 59"),
        ("*/" + "9" * 400 + "x * * * * *", "must have a number from 1"),
    ],
)
def test_what_is_wrong_is_told(expr: str, says: str) -> None:
    with pytest.raises(BadExpression) as bad:
        check(expr)

    assert says in str(bad.value)


def test_long_lists_are_read() -> None:
    seconds, hours = (",".join(str(n) for n in range(end)) for end in (60, 24))

    assert next_after(f"{seconds} {seconds} {hours} * * *", NOW) == NOW + 1
    assert next_after("*/" + "9" * 400 + " * * * * *", NOW) == at("2026-11-25 10:21:00")


def test_a_day_that_comes_every_forty_years_is_found() -> None:
    assert next_after("0 0 0 29 2 */7", at("2088-02-29 00:00:00")) == at("2128-02-29 00:00:00")


def values(low: int, high: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, high), min_size=1, max_size=4, unique=True).map(sorted)


def written(numbers: list[int] | None) -> str:
    return "*" if numbers is None else ",".join(map(str, numbers))


@given(
    st.integers(at("2020-01-01"), at("2040-01-01")),
    st.tuples(values(0, 59), values(0, 59), values(0, 23)),
    st.none() | values(1, 28),
    st.none() | values(1, 12),
    st.none() | values(0, 6),
)
@settings(max_examples=150)
def test_it_is_the_first_moment_that_matches(
    now: int,
    time: tuple[list[int], list[int], list[int]],
    days: list[int] | None,
    months: list[int] | None,
    weekdays: list[int] | None,
) -> None:
    seconds, minutes, hours = time
    expr = " ".join(map(written, (seconds, minutes, hours, days, months, weekdays)))

    def matches(day: datetime) -> bool:
        of_month = days is None or day.day in days
        of_week = weekdays is None or day.isoweekday() % 7 in weekdays
        both = days is None or weekdays is None
        return (months is None or day.month in months) and (of_month and of_week if both else of_month or of_week)

    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0)
    candidates = (midnight + timedelta(days=n) for n in range(366 * 2))
    moments = (
        day + timedelta(hours=h, minutes=m, seconds=s)
        for day in candidates
        if matches(day)
        for h, m, s in product(hours, minutes, seconds)
    )
    expected = next(moment for moment in moments if moment.timestamp() > now)

    assert next_after(expr, now) == expected.timestamp()


@given(st.text(max_size=30) | st.text("0123456789*/-,?@ jan", max_size=30))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        due = next_after(text, NOW)
    except BadExpression:
        return
    assert due > NOW
    assert next_after(text, NOW, since=NOW) == due
