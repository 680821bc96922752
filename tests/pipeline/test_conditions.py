import pytest

from app.pipeline.conditions import ANY, TRIGGER, WHEN, Condition, Conditions
from app.pipeline.event import Event


@pytest.mark.parametrize(
    ("include", "exclude", "value", "expected"),
    [
        ((), (), "", True),
        ((), (), "main", True),
        (("main",), (), "main", True),
        (("main",), (), "", False),
        (("dev", "ma*"), (), "main", True),
        ((), ("main",), "main", False),
        ((), ("main",), "", True),
        (("*",), ("main",), "main", False),
        (("*",), ("main",), "dev", True),
        (("[",), (), "[", False),
        ((), ("[",), "[", True),
    ],
)
def test_exclude_wins_and_an_empty_include_lets_all_in(
    include: tuple[str, ...], exclude: tuple[str, ...], value: str, expected: bool
) -> None:
    assert Condition(include, exclude).matches(value) is expected


def test_a_condition_is_true_when_it_asks_for_something() -> None:
    assert not ANY
    assert Condition(("a",))
    assert Condition((), ("a",))


def test_every_failed_condition_is_named_with_the_value_that_failed() -> None:
    conditions = Conditions(
        branch=Condition(("main",)),
        event=Condition(("push",)),
        target=Condition(("production",)),
        cron=Condition(("nightly",)),
        paths=Condition(("docs/*",)),
    )
    event = Event("promote", "acme/web", branch="main", target="staging")

    assert conditions.unmet(event, TRIGGER) == [("event", "promote"), ("target", "staging"), ("cron", "")]


def test_only_a_step_looks_at_the_instance() -> None:
    conditions = Conditions(instance=Condition(("ci.acme.test",)))
    event = Event("push", "acme/web", instance="ci.other.test")

    assert conditions.unmet(event, TRIGGER) == []
    assert conditions.unmet(event, WHEN) == [("instance", "ci.other.test")]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ANY, (True, False)),
        (Condition(("success",)), (True, False)),
        (Condition(("failure",)), (False, True)),
        (Condition(("success", "failure")), (True, True)),
        (Condition((), ("success",)), (False, True)),
        (Condition((), ("failure",)), (True, False)),
        (Condition(("*",)), (True, True)),
    ],
)
def test_status_says_after_what_it_runs(status: Condition, expected: tuple[bool, bool]) -> None:
    assert Conditions(status=status).runs_on() == expected
