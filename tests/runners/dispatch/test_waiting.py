"""Which waiting runner a stage goes to (contract drone-rpc 6.1)."""

from dataclasses import replace

import pytest

from app.builds.model import Stage
from app.runners.dispatch.waiting import Waiting, Worker, suits
from app.runners.manager import Filter

STAGE = Stage(1, 1, 1, 1, "default", type="exec", os="linux", arch="arm64", variant="v8", labels={"zone": "eu"})
EQUAL = Filter("pipeline", "exec", "linux", "arm64", "v8", "", {"zone": "eu"})


@pytest.mark.parametrize(
    ("wanted", "stage", "taken"),
    [
        (EQUAL, STAGE, True),
        (replace(EQUAL, kind=""), STAGE, True),
        (replace(EQUAL, kind="secret"), STAGE, False),
        (replace(EQUAL, type=""), STAGE, False),
        (replace(EQUAL, type=""), replace(STAGE, type="docker"), True),
        (EQUAL, replace(STAGE, type=""), False),
        (replace(EQUAL, os="", arch="", variant=""), STAGE, True),
        (replace(EQUAL, os=""), STAGE, False),
        (replace(EQUAL, arch="amd64"), STAGE, False),
        (replace(EQUAL, variant="v7"), STAGE, False),
        (EQUAL, replace(STAGE, variant=""), True),
        (EQUAL, replace(STAGE, kernel="1809"), False),
        (replace(EQUAL, kernel="1809"), STAGE, True),
        (replace(EQUAL, labels={}), STAGE, False),
        (replace(EQUAL, labels={"zone": "eu", "disk": "ssd"}), STAGE, False),
        (EQUAL, replace(STAGE, labels={}), False),
        (replace(EQUAL, labels={}), replace(STAGE, labels={}), True),
    ],
)
def test_a_stage_suits_by_kind_type_platform_and_labels(wanted: Filter, stage: Stage, taken: bool) -> None:
    assert suits(wanted, stage) is taken


async def test_who_came_first_is_taken_first_and_once() -> None:
    waiting = Waiting()
    first, other, second = Worker(EQUAL, 60), Worker(replace(EQUAL, arch="amd64"), 60), Worker(replace(EQUAL), 60)
    for worker in (first, other, second):
        waiting.add(worker)

    assert [waiting.take(STAGE), waiting.take(STAGE), waiting.take(STAGE)] == [first, second, None]
    assert list(waiting.wanted()) == [other.wanted]


async def test_who_has_gone_is_not_taken() -> None:
    waiting = Waiting()
    first, second = Worker(EQUAL, 60), Worker(EQUAL, 60)
    waiting.add(first)
    waiting.add(second)
    waiting.remove(first)
    waiting.remove(first)

    assert waiting.suit(STAGE)
    assert waiting.take(STAGE) is second
    assert not waiting.suit(STAGE)
    assert waiting.types() == {}


async def test_who_is_about_to_give_up_is_passed_over() -> None:
    waiting = Waiting()
    first, second, third = Worker(EQUAL, 60), Worker(EQUAL, 60), Worker(EQUAL, 60)
    for worker in (first, second, third):
        waiting.add(worker)
    first.stage.cancel()
    third.stage.cancel()

    assert waiting.take(STAGE) is second
    assert waiting.take(STAGE) is None
    assert waiting.types() == {}


async def test_those_who_want_the_same_are_looked_at_together() -> None:
    waiting = Waiting()
    for number in range(1000):
        waiting.add(Worker(replace(EQUAL, labels={"zone": str(number % 2)}), 60))

    assert len(list(waiting.wishes())) == 2
    assert waiting.types() == {"exec": 1000}
