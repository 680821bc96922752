"""What waits lets requests go first, but not for long and not those that wait for something else."""

import asyncio
from functools import partial
from itertools import pairwise

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


async def test_who_is_not_urgent_comes_one_after_another_and_after_the_urgent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 60)
    requests = Traffic()
    urgent = requests.enter()
    begun: list[int] = []

    async def late(name: int) -> None:
        number = await requests.enter_late()
        begun.append(name)
        done[name] = number

    done: dict[int, int] = {}
    tasks = [asyncio.create_task(late(name)) for name in range(3)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert begun == []
    requests.leave(urgent)
    for name in range(3):
        await soon(partial(done.__contains__, name))
        assert begun == list(range(name + 1))
        assert not requests.busy()
        requests.leave(done[name])
        requests.leave(done[name])
    await asyncio.gather(*tasks)


async def test_who_is_not_urgent_does_not_wait_for_ever_and_may_go_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "LONGEST", 0.02)
    requests = Traffic()
    stuck = await requests.enter_late()
    second = await requests.enter_late()
    gone = asyncio.create_task(requests.enter_late())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    requests.leave(second)
    requests.leave(stuck)

    assert await asyncio.wait_for(requests.enter_late(), 1) not in {stuck, second}


async def test_those_in_line_come_one_by_one_also_while_the_first_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "LONGEST", 0.05)
    requests, now = Traffic(), asyncio.get_running_loop().time
    begun: list[float] = []

    async def late() -> None:
        await requests.enter_late()
        begun.append(now())

    await asyncio.gather(*(late() for _ in range(4)))

    assert all(after - before > 0.04 for before, after in pairwise(begun))


async def test_who_is_not_urgent_gets_a_share_of_the_time_while_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 0.001)
    requests, now = Traffic(), asyncio.get_running_loop().time
    monkeypatch.setattr(requests, "busy", lambda: True)
    first = await requests.enter_late()
    began = now()
    await soon(lambda: now() - began > 0.05)
    requests.leave(first)
    left = now()

    await requests.enter_late()

    assert now() - left > 0.2


async def test_one_that_goes_before_its_turn_shortens_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 0.001)
    requests, now = Traffic(), asyncio.get_running_loop().time
    monkeypatch.setattr(requests, "busy", lambda: True)
    requests._took = 0.03
    gone = asyncio.create_task(requests.enter_late())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    left = now()

    await requests.enter_late()

    assert now() - left > 0.2


async def test_however_many_stand_in_line_they_come_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 0.001)
    monkeypatch.setattr(traffic, "LINE", 0.1)
    requests = Traffic()
    monkeypatch.setattr(requests, "busy", lambda: True)
    requests._took = 60.0

    async def late() -> None:
        requests.leave(await requests.enter_late())

    async with asyncio.timeout(20):
        await asyncio.gather(*(late() for _ in range(50)))


async def test_one_that_waits_for_something_else_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE", 0.01)
    requests = Traffic()
    requests.enter()
    await soon(lambda: not requests.busy())

    requests.enter()

    assert requests.busy()
    assert await calm(requests, 60) < 20
