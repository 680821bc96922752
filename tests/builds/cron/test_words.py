"""What an expression means, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.builds.cron.expression import BadExpression
from app.builds.cron.words import Short, short, words


@pytest.mark.parametrize(
    ("expr", "means"),
    [
        ("0 6 * * 1-5", "every hour at :06, January to May"),
        ("0 0 6 * * 1-5", "at 06:00, Monday to Friday"),
        ("30 2 * * *", "every hour at :02:30"),
        ("* * * * * *", "every second"),
        ("0 * * * * *", "every minute"),
        ("30 * * * * *", "at second 30 of every minute"),
        ("*/15 * * * * *", "every 15 seconds"),
        ("0,5 * * * * *", "at seconds 0 and 5 of every minute"),
        ("*/15 0-9 8 * * *", "every 15 seconds of the minutes :00 to :09 from 08:00 to 08:59"),
        ("0 */15 * * * *", "every 15 minutes"),
        ("0 */15 9-17 * * mon-fri", "every 15 minutes from 09:00 to 17:59, Monday to Friday"),
        ("0 */25 * * * *", "every hour at :00, :25 and :50"),
        ("0 0,30 * * * *", "every 30 minutes"),
        ("0 5-8,20 9,12,15,20 * * *", "at :05 to :08 and :20 in the hours 9, 12, 15 and 20, every day"),
        ("0 0 8,20 * * *", "at 08:00 and 20:00, every day"),
        ("15 30 4 * * *", "at 04:30:15, every day"),
        ("0 0 */2 * * *", "every 2 hours from 00:00 to 22:00"),
        ("0 0 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("0 0 0 1,15 * *", "at 00:00, days 1 and 15 of the month"),
        ("0 0 0 13 * fri", "at 00:00, day 13 of the month or Friday"),
        ("0 0 0 */10 * mon", "at 00:00, days 1, 11, 21 and 31 of the month if it is Monday"),
        ("0 0 0 1-31 * mon", "at 00:00, days 1 to 31 of the month or Monday"),
        ("@yearly", "at 00:00, day 1 of the month, January"),
        ("@weekly", "at 00:00, Sunday"),
        ("@daily", "at 00:00, every day"),
        ("@hourly", "every hour at :00"),
        ("@every 1h30m", "every 1 h 30 min"),
        ("@every 61s", "every 1 min 1 s"),
    ],
)
def test_an_expression_in_words(expr: str, means: str) -> None:
    assert words(expr) == means


FIELDS = [
    st.sampled_from(["*", "*/7", "0", "5", "1-9/3", "0,59"]),
    st.sampled_from(["*", "*/7", "0", "5", "1-9/3", "0,59"]),
    st.sampled_from(["*", "*/7", "0", "5", "1-9/3", "0,23"]),
    st.sampled_from(["*", "*/7", "1", "31", "1-9/3"]),
    st.sampled_from(["*", "*/7", "1", "jan-mar"]),
    st.sampled_from(["*", "*/3", "1", "mon-fri"]),
]


@given(st.tuples(*FIELDS))
def test_every_expression_has_words(fields: tuple[str, ...]) -> None:
    assert words(" ".join(fields))


def test_what_is_wrong_has_none() -> None:
    with pytest.raises(BadExpression):
        words("every day")


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        (
            "0 6  * * 1-5",
            Short("every hour at :06, January to May", "at 06:00, Monday to Friday", "0 0 6 * * 1-5"),
        ),
        ("0 6 * * sun", Short("", "at 06:00, Sunday", "0 0 6 * * sun")),
        ("0 0 6 * * 1-5", None),
        ("@daily", None),
    ],
)
def test_five_fields_have_two_meanings(expr: str, found: Short | None) -> None:
    assert short(expr) == found
