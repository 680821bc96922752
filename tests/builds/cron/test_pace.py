"""How closely the runs of a job may follow one another."""

from itertools import pairwise

import pytest

from app.builds.cron.expression import closest, next_after
from app.builds.cron.model import Cron
from app.builds.cron.pace import Pace
from app.errors import Invalid

PACE = Pace(60)


def job(expr: str, *, hurried: bool = False) -> Cron:
    return Cron(1, 1, "nightly", expr, next=0, hurried=hurried)


@pytest.mark.parametrize(
    ("expr", "gap"),
    [
        ("* * * * * *", 1),
        ("0,30 * * * * *", 30),
        ("0,59 0,59 * * * *", 1),
        ("59 * * * * *", 60),
        ("30 0,1,59 * * * *", 60),
        ("0 */5 * * * *", 300),
        ("0 0,59 * * * *", 60),
        ("0 0 0,23 * * *", 3600),
        ("*/7,3 1 1 1 1 *", 3),
        ("0 0 9 * * mon-fri", 24 * 3600),
        ("@every 90s", 90),
        ("@hourly", 3600),
        ("@yearly", 24 * 3600),
    ],
)
def test_the_closest_runs_of_an_expression_are_known(expr: str, gap: int) -> None:
    assert closest(expr) == gap
    moments = [next_after(expr, 1_700_000_000)]
    for _ in range(300):
        moments.append(next_after(expr, moments[-1]))
    assert min(later - earlier for earlier, later in pairwise(moments)) == (gap if expr != "@yearly" else 365 * gap)


@pytest.mark.parametrize("expr", ["* * * * * *", "@every 1s", "@every 59s", "0,59 0 0 1 1 *"])
def test_runs_that_are_too_close_are_refused_unless_an_administrator_sets_them(expr: str) -> None:
    with pytest.raises(Invalid, match=r"apart.*at least 60 s \(GANTRY_CRON_MINIMUM\)") as refused:
        PACE.admit(job(expr), free=False)

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [("expr", "cron_too_often")]
    assert PACE.admit(job(expr), free=True).hurried
    assert not Pace(1).admit(job(expr), free=False).hurried


@pytest.mark.parametrize("expr", ["0 * * * * *", "@every 1m", "@daily"])
def test_runs_that_are_far_enough_are_for_everybody(expr: str) -> None:
    assert not PACE.admit(job(expr), free=False).hurried
    assert not PACE.admit(job(expr, hurried=True), free=True).hurried


def test_a_job_that_is_too_close_skips_moments() -> None:
    assert PACE.due(job("@every 10s"), 1000, since=1000) == 1060
    assert PACE.due(job("@every 10s", hurried=True), 1000, since=1000) == 1010
    assert PACE.due(job("* * * * * *"), 1_700_000_000) == 1_700_000_060
    assert PACE.due(job("@every 90s"), 1000, since=1000) == 1090
