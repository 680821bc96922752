"""Messages of a kind that leaves in order: one after the other to each host, whatever fails."""

import asyncio

import pytest

from app.errors import Unavailable, Unreadable
from app.outbox import store
from app.outbox.worker import AT_ONCE, DELAYS, IN_TURN, LEASE
from app.scm.forge import Later
from tests.outbox.farside import NOW, FarSide, Scene
from tests.soon import soon

HOOK = "webhook:1"
DOWN = Unavailable("connection refused")
MANY = [str(number) for number in range(2 * IN_TURN + 3)]


async def test_all_leave_one_after_the_other(scene: Scene) -> None:
    await scene.add_in_order(*MANY)
    await scene.worker()

    await scene.empty()

    assert scene.far.texts == MANY
    assert scene.far.busiest == 1


async def test_one_that_fails_holds_back_all_that_follow_to_its_host_and_no_others(scene: Scene) -> None:
    scene.far.errors[HOOK] = DOWN
    await scene.add_in_order("1", "2", "3")
    await scene.add_in_order("other", hook="webhook:2")
    await scene.worker()
    await soon(lambda: scene.far.texts == ["other"] and HOOK in scene.far.asked)
    await asyncio.sleep(0.05)
    assert scene.far.asked.count(HOOK) == 1

    scene.far.errors.clear()
    scene.clock.now += 5_000

    await scene.empty()
    assert scene.far.texts == ["other", "1", "2", "3"]


async def test_what_is_added_behind_one_that_waits_leaves_after_it(scene: Scene) -> None:
    scene.far.errors[HOOK] = DOWN
    await scene.add_in_order("1")
    worker = await scene.worker()
    await soon(lambda: scene.failures)

    scene.far.errors.clear()
    await scene.add_in_order("2")
    worker.wake()
    await asyncio.sleep(0.05)
    assert scene.far.came == []

    scene.clock.now += 5_000
    await scene.empty()
    assert scene.far.texts == ["1", "2"]


async def test_what_another_server_begins_with_waits_for_the_oldest_too(scene: Scene) -> None:
    scene.far.errors[HOOK] = DOWN
    await scene.add_in_order("1", "2")
    await scene.worker()
    await soon(lambda: scene.failures)

    second = FarSide()
    await scene.worker("b", second)
    await asyncio.sleep(0.05)
    assert second.asked == []

    scene.far.errors.clear()
    scene.clock.now += 5_000
    await scene.empty()
    assert scene.far.texts + second.texts == ["1", "2"]


async def test_two_servers_never_send_to_one_host_at_once(scene: Scene) -> None:
    far = FarSide()
    await scene.add_in_order(*MANY)
    for owner in "ab":
        await scene.worker(owner, far)

    await scene.empty()

    assert far.texts == MANY
    assert far.busiest == 1


async def test_each_failure_is_told_with_the_time_of_the_next_attempt(scene: Scene) -> None:
    scene.far.errors[HOOK] = DOWN
    await scene.add_in_order("1")
    worker = await scene.worker()

    for tries in range(1, len(DELAYS) + 2):
        entry = await scene.tried(tries)
        scene.clock.now = max(entry.due, scene.clock.now)
        worker.wake()

    assert [due is None for _, _, due in scene.failures] == [False] * len(DELAYS) + [True]
    assert scene.failures[0] == ("1", "connection refused", NOW + 5_000)


@pytest.mark.parametrize("last", [Unreadable("gone"), DOWN])
async def test_one_that_is_dead_lets_the_next_one_leave(scene: Scene, last: Exception) -> None:
    scene.far.errors[HOOK] = last
    await scene.add_in_order("1", "2")
    await scene.set(tries=len(DELAYS))
    await scene.worker()

    async def dead() -> bool:
        return {entry.state for entry in await scene.left()} == {"dead"}

    await soon(dead, "both are dead")
    assert scene.far.asked == [HOOK, HOOK]
    assert [(text, due) for text, _, due in scene.failures] == [("1", None), ("2", None)]


async def test_a_host_that_wants_a_pause_gets_it(scene: Scene) -> None:
    scene.far.errors[HOOK] = Later("slow down", 30)
    await scene.add_in_order("1", "2")
    worker = await scene.worker()
    await soon(lambda: scene.failures == [("1", "slow down", NOW + 30_000)])
    scene.far.errors.clear()

    scene.clock.now += 29_000
    worker.wake()
    await asyncio.sleep(0.05)
    assert scene.far.came == []

    scene.clock.now += 1_000
    await scene.empty()
    assert scene.far.texts == ["1", "2"]


async def test_one_that_is_tried_anew_by_hand_does_not_wait(scene: Scene) -> None:
    scene.far.errors[HOOK] = DOWN
    await scene.add_in_order("1", "2")
    worker = await scene.worker()
    await soon(lambda: scene.failures)
    scene.far.errors.clear()

    await scene.db.write(store.retry((await scene.left())[0].id, scene.clock.now))
    worker.reopen()

    await scene.empty()
    assert scene.far.texts == ["1", "2"]


async def test_what_a_killed_server_has_taken_leaves_in_order_when_its_time_is_over(scene: Scene) -> None:
    await scene.add_in_order("1", "2", "3")
    await scene.db.write(store.take_in_order(HOOK, "killed", NOW, NOW + LEASE, 2))
    worker = await scene.worker()
    worker.wake()
    await asyncio.sleep(0.05)
    assert scene.far.asked == []

    scene.clock.now += LEASE
    await scene.empty()
    assert scene.far.texts == ["1", "2", "3"]


async def test_a_server_that_stops_leaves_what_it_has_not_sent_to_the_next(scene: Scene) -> None:
    scene.far.slow[HOOK] = asyncio.Event()
    await scene.add_in_order("1", "2", "3")
    async with scene.make("a").running():
        await soon(lambda: scene.far.asked)
        scene.far.slow[HOOK].set()

    assert {entry.owner for entry in await scene.left()} <= {""}
    await scene.worker("b")
    await scene.empty()
    assert scene.far.texts == ["1", "2", "3"]


async def test_many_hosts_are_served_at_once(scene: Scene) -> None:
    hooks = [f"webhook:{number}" for number in range(AT_ONCE)]
    for hook in hooks:
        scene.far.slow[hook] = asyncio.Event()
        await scene.add_in_order("1", hook=hook)
    await scene.worker()

    await soon(lambda: scene.far.busy == len(hooks))
    for event in scene.far.slow.values():
        event.set()
    await scene.empty()


async def test_what_was_for_a_host_that_is_no_more_is_dropped_piece_by_piece(scene: Scene) -> None:
    await scene.add_in_order("1", "2", "3")
    await scene.add_in_order("other", hook="webhook:2")

    assert [await scene.db.write(store.drop(HOOK, "waiting", 2)) for _ in range(3)] == [2, 1, 0]
    assert [entry.part for entry in await scene.left()] == ["other"]
