"""What waits lets requests go first, but not for long and not those that wait for something else."""

import asyncio

import pytest

from app.web import traffic
from app.web.traffic import Traffic
from tests.soon import soon


async def calm(requests: Traffic, patience: float) -> float:
    """How long it took."""
    now = asyncio.get_running_loop().time
    began = now()
    await requests.calm(began + patience)
    return now() - began


async def test_nothing_is_waited_for_when_no_request_is_there() -> None:
    requests = Traffic()
    first, second = requests.enter(), requests.enter()
    assert requests.busy()

    requests.leave(first)
    assert requests.busy()
    requests.leave(second)
    requests.leave(second)

    assert not requests.busy()
    assert await calm(requests, 60) < 1


async def test_requests_go_first_until_their_answers_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 60)
    requests = Traffic()
    number = requests.enter()
    asyncio.get_running_loop().call_later(0.05, requests.leave, number)

    assert 0.04 < await calm(requests, 60) < 20


async def test_they_are_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 60)
    requests = Traffic()
    requests.enter()

    assert 0.01 <= await calm(requests, 0.01) < 20


async def test_one_that_waits_for_something_else_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 0.01)
    requests = Traffic()
    requests.enter()
    await soon(lambda: not requests.busy())

    requests.enter()

    assert requests.busy()
    assert await calm(requests, 60) < 20
