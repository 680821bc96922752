"""So many requests a minute: exactly, at once or evenly, and remembered only as long as need be."""

from dataclasses import dataclass

import pytest

from app.web import limit
from app.web.limit import Limiter, Remembered

SECOND = 1_000_000_000


@dataclass
class Clock:
    """Nanoseconds, moved by hand."""

    time: int = 5 * SECOND

    def __call__(self) -> int:
        return self.time

    def pass_(self, seconds: float) -> None:
        self.time += round(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("rate", [1, 2, 3, 7, 60, 1000])
def test_exactly_so_many_are_served_at_once(clock: Clock, rate: int) -> None:
    limiter = Limiter(rate, clock)

    asked = [(limiter.is_used_up("ada"), limiter.wait("ada")) for _ in range(rate + 3)]
    waits = [wait for _, wait in asked]

    assert [used_up for used_up, _ in asked] == [False] * rate + [True] * 3
    assert waits[:rate] == [0] * rate
    assert all(wait >= 1 for wait in waits[rate:])


@pytest.mark.parametrize("rate", [1, 3, 60])
def test_who_waits_as_told_is_served_once(clock: Clock, rate: int) -> None:
    limiter = Limiter(rate, clock)
    for _ in range(rate):
        limiter.wait("ada")

    for _ in range(5):
        told = limiter.wait("ada")
        assert told == -(-60 // rate)
        clock.pass_(told)
        assert limiter.wait("ada") == 0


def test_what_was_refused_does_not_count(clock: Clock) -> None:
    limiter = Limiter(2, clock)
    for _ in range(100):
        limiter.wait("ada")

    clock.pass_(60)

    assert [limiter.wait("ada") for _ in range(3)] == [0, 0, 30]


def test_an_even_pace_is_never_refused(clock: Clock) -> None:
    limiter = Limiter(60, clock)

    for _ in range(500):
        assert limiter.wait("ada") == 0
        clock.pass_(1)


def test_no_minute_has_more_than_twice_the_rate_and_no_hour_more_than_its_share(clock: Clock) -> None:
    limiter, served = Limiter(30, clock), 0

    for _ in range(36_000):
        served += limiter.wait("ada") == 0
        clock.pass_(0.1)

    assert 60 * 30 <= served <= 60 * 30 + 30


def test_each_caller_counts_alone(clock: Clock) -> None:
    limiter = Limiter(1, clock)

    assert [limiter.wait(name) for name in ("ada", "bob", "ada", "bob")] == [0, 0, 60, 60]


def test_callers_are_forgotten_once_they_may_ask_as_much_as_strangers(clock: Clock) -> None:
    limiter = Limiter(10, clock)
    for number in range(50):
        limiter.wait(str(number))
    assert len(limiter._moments) == 50

    clock.pass_(61)
    limiter.wait("ada")

    assert list(limiter._moments) == ["ada"]


def test_no_more_callers_are_remembered_than_fit(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "CALLERS", 3)
    limiter = Limiter(1, clock)

    for number in range(100):
        limiter.wait(str(number))

    assert list(limiter._moments) == ["97", "98", "99"]


def test_an_account_is_remembered_for_a_minute_however_often_it_is_asked_for(clock: Clock) -> None:
    remembered = Remembered(clock)
    remembered.keep("a token", 7)

    clock.pass_(59)
    assert (remembered.get("a token"), remembered.get("another")) == (7, 0)
    clock.pass_(1)
    assert remembered.get("a token") == 0
    remembered.keep("another", 8)
    assert list(remembered._accounts) == ["another"]


def test_no_more_accounts_are_remembered_than_fit(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "CALLERS", 3)
    remembered = Remembered(clock)

    for number in range(100):
        remembered.keep(str(number), number)
        remembered.keep("97", 97)

    assert list(remembered._accounts) == ["98", "99", "97"]
