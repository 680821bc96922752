"""In-process events: a publisher never waits, a listener gets every event or is told that it did not."""

import asyncio

import pytest

from app import events
from app.events import Events


async def test_everybody_who_listens_gets_every_event_in_order() -> None:
    bus: Events[int] = Events()
    with bus.subscribe() as first, bus.subscribe() as second:
        for number in range(5):
            bus.publish(number)
        bus.close()

        assert [number async for number in first] == [0, 1, 2, 3, 4]
        assert [number async for number in second] == [0, 1, 2, 3, 4]


async def test_only_what_is_wanted_comes() -> None:
    bus: Events[int] = Events()
    with bus.subscribe(lambda number: number % 2 == 0) as even:
        for number in range(5):
            bus.publish(number)
        bus.close()

        assert [number async for number in even] == [0, 2, 4]


async def test_what_was_before_and_after_is_not_heard() -> None:
    bus: Events[int] = Events()
    bus.publish(1)
    with bus.subscribe() as subscription:
        bus.publish(2)
    bus.publish(3)
    subscription.end()

    assert [number async for number in subscription] == [2]


async def test_a_bus_knows_whether_anybody_listens() -> None:
    bus: Events[int] = Events()
    heard = [bus.heard]

    with bus.subscribe():
        heard.append(bus.heard)
    heard.append(bus.heard)

    assert heard == [False, True, False]


async def test_a_listener_ends_its_place_also_when_it_fails() -> None:
    bus: Events[int] = Events()

    with pytest.raises(RuntimeError), bus.subscribe():
        raise RuntimeError

    assert not bus.heard


async def test_a_listener_waits_for_what_comes() -> None:
    bus: Events[int] = Events()
    with bus.subscribe() as subscription:
        waiting = asyncio.create_task(subscription.next())
        await asyncio.sleep(0)
        bus.publish(1)

        assert await waiting == 1


async def test_too_slow_a_listener_is_told_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BACKLOG", 3)
    bus: Events[int] = Events()
    with bus.subscribe() as slow, bus.subscribe() as quick:
        seen = []
        for number in range(6):
            bus.publish(number)
            seen.append(await quick.next())

        assert [number async for number in slow] == [0, 1, 2]
        assert slow.lost
        assert seen == [0, 1, 2, 3, 4, 5]
        assert not quick.lost


async def test_what_is_not_wanted_makes_nobody_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "BACKLOG", 1)
    bus: Events[int] = Events()
    with bus.subscribe(lambda number: number == 9) as picky:
        for number in range(10):
            bus.publish(number)

        assert await picky.next() == 9
        assert not picky.lost


async def test_waiting_tells_what_came() -> None:
    bus: Events[int] = Events()
    with bus.subscribe() as subscription:
        assert await subscription.wait(0) is None
        bus.publish(0)
        assert await subscription.wait(60) == 0
        bus.close()
        assert await subscription.wait(60) is None


async def test_what_is_published_is_relayed_and_what_was_relayed_is_not() -> None:
    bus: Events[int] = Events()
    relayed: list[int] = []
    bus.relay = relayed.append
    with bus.subscribe() as subscription:
        bus.publish(1)
        bus.deliver(2)

        assert [await subscription.next(), await subscription.next()] == [1, 2]
    assert relayed == [1]


async def test_who_subscribes_to_a_closed_bus_is_at_its_end() -> None:
    bus: Events[int] = Events()
    bus.close()

    with bus.subscribe() as late:
        assert [number async for number in late] == []


async def test_listeners_may_leave_while_events_come() -> None:
    bus: Events[int] = Events()

    async def listen(count: int) -> list[int]:
        with bus.subscribe() as subscription:
            return [event for _ in range(count) if (event := await subscription.next()) is not None]

    listeners = [asyncio.create_task(listen(count)) for count in (1, 2, 3)]
    await asyncio.sleep(0)
    for number in range(3):
        bus.publish(number)
        await asyncio.sleep(0)

    assert await asyncio.gather(*listeners) == [[0], [0, 1], [0, 1, 2]]
    assert not bus.heard
