"""What waits leaves, in order and once, whatever hosts and servers do meanwhile."""

import asyncio
import logging

import pytest

from app.db.tx import one
from app.errors import Unavailable, Unreadable
from app.outbox import gauges, store, worker
from app.outbox.worker import AT_ONCE, DELAYS, KEPT, LEASE, LONGEST_REST
from app.repos import settings
from app.scm.forge import Later
from tests.outbox.farside import NOW, FarSide, Scene
from tests.soon import soon

DOWN = Unavailable("connection refused")


async def test_a_message_leaves_and_is_gone(scene: Scene) -> None:
    sender = await scene.worker()
    await scene.add("one")
    sender.wake()

    await scene.empty()

    assert scene.far.came == [("forge", "s", "one")]


async def test_a_later_message_takes_the_place_of_one_that_has_not_left(scene: Scene) -> None:
    await scene.add("old")
    await scene.add("other", subject="t")
    await scene.add("new")
    await scene.worker()

    await scene.empty()

    assert scene.far.came == [("forge", "s", "new"), ("forge", "t", "other")]


async def test_what_takes_the_place_of_a_message_that_is_being_sent_leaves_after_it(scene: Scene) -> None:
    scene.far.slow["forge"] = asyncio.Event()
    sender = await scene.worker()
    await scene.add("old")
    sender.wake()
    await soon(lambda: scene.far.asked)

    await scene.add("newer")
    await scene.add("newest")
    sender.wake()
    scene.far.slow["forge"].set()
    await scene.empty()

    assert scene.far.texts == ["old", "newest"]


@pytest.mark.parametrize("error", [DOWN, Unreadable("no")])
async def test_what_takes_the_place_of_a_message_that_fails_leaves_at_once(scene: Scene, error: Exception) -> None:
    scene.far.slow["forge"], scene.far.errors["forge"] = asyncio.Event(), error
    sender = await scene.worker()
    await scene.add("old")
    sender.wake()
    await soon(lambda: scene.far.asked)

    await scene.add("new")
    scene.far.slow["forge"].set()
    await scene.tried(1)  # with no time between
    del scene.far.errors["forge"]
    await scene.db.write(store.retry((await scene.left())[0].id, NOW))

    await scene.empty()
    assert scene.far.texts == ["new"]


async def test_messages_of_one_subject_leave_in_order_though_the_first_fails(scene: Scene) -> None:
    scene.far.errors["forge"] = DOWN
    for part in "123":
        await scene.add(part, part=part)
    await scene.worker()
    await soon(lambda: scene.far.asked)
    await asyncio.sleep(0.05)
    assert scene.far.asked == ["forge"]  # the others wait for the first

    scene.far.errors.clear()
    scene.clock.now += 5_000

    await scene.empty()
    assert scene.far.texts == ["1", "2", "3"]


async def test_a_message_that_waits_holds_back_only_its_own_subject(scene: Scene) -> None:
    await scene.add("waits", part="1")
    await scene.set(due=NOW + 1000)
    await scene.add("behind it", part="2")
    await scene.add("other subject", subject="t")
    await scene.worker()

    async def alone() -> bool:
        return [entry.part for entry in await scene.left()] == ["1", "2"]

    await soon(alone)
    assert scene.far.texts == ["other subject"]


async def test_delays_grow_for_forty_hours_and_then_the_message_is_dead(scene: Scene) -> None:
    scene.far.errors["forge"] = DOWN
    await scene.add("one")
    sender = await scene.worker()
    waited = []

    for tries in range(1, len(DELAYS) + 1):
        entry = await scene.tried(tries)
        assert (entry.state, entry.error) == ("waiting", "connection refused")
        waited.append((entry.due - scene.clock.now) // 1000)
        scene.clock.now = entry.due
        sender.wake()
    dead = await scene.tried(len(DELAYS) + 1)

    assert waited == [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 43_200]
    assert round(sum(waited) / 3600) == 40
    assert (dead.state, dead.error) == ("dead", "connection refused")
    assert len(scene.far.asked) == 12


async def test_delays_differ_by_a_tenth_at_most(scene: Scene) -> None:
    spread = worker.Worker(scene.db, {}, "a", scene.clock, alone=False)._spread

    drawn = [spread() for _ in range(1000)]

    assert 0.9 <= min(drawn) < 0.95
    assert 1.05 < max(drawn) <= 1.1


async def test_a_refusal_is_dead_at_once_and_a_later_message_lives(scene: Scene) -> None:
    scene.far.errors["forge"] = Unreadable("404 from the host: no such commit")
    sender = await scene.worker()
    await scene.add("one")
    sender.wake()
    dead = await scene.tried(1)
    assert (dead.state, dead.error) == ("dead", "404 from the host: no such commit")

    scene.far.errors.clear()
    await scene.add("two")
    sender.wake()

    await scene.empty()
    assert scene.far.texts == ["two"]


async def test_a_dead_message_holds_nothing_back(scene: Scene) -> None:
    await scene.add("dead", part="1")
    await scene.set(state="dead")
    await scene.add("next", part="2")
    await scene.worker()

    await soon(lambda: scene.far.texts == ["next"])


async def test_a_host_that_wants_no_call_for_some_time_gets_none_and_no_attempt_is_lost(scene: Scene) -> None:
    scene.far.errors["forge"] = Later("rate limit", 3600)
    await scene.add("one")
    sender = await scene.worker()
    await soon(lambda: scene.far.asked)
    for subject in ("t", "u"):
        await scene.add("more", subject=subject)
    await scene.add("other host", subject="v", host="other")
    sender.wake()
    await soon(lambda: scene.far.texts == ["other host"])
    assert (await scene.left())[0].tries == 0
    assert scene.far.asked.count("forge") == 1

    scene.far.errors.clear()
    scene.clock.now += 3_600_000

    await scene.empty()
    assert scene.far.asked.count("forge") == 4


async def test_no_host_can_keep_messages_for_longer_than_half_a_day(scene: Scene) -> None:
    scene.far.errors["forge"] = Later("rate limit", 1e12)
    await scene.add("one")
    await scene.worker()
    await soon(lambda: scene.far.asked)

    async def rests() -> bool:
        [entry] = await scene.left()
        return entry.due == NOW + LONGEST_REST * 1000

    await soon(rests)


async def test_a_host_that_is_slow_keeps_no_other_waiting_and_gets_few_calls_at_once(scene: Scene) -> None:
    scene.far.slow["slow"] = asyncio.Event()
    for number in range(AT_ONCE * 3):
        await scene.add("slow", subject=str(number), host="slow")
    sender = await scene.worker()
    await soon(lambda: scene.far.busy == AT_ONCE)

    for number in range(50):
        await scene.add("quick", subject=f"q{number}", host="quick")
    sender.wake()

    await soon(lambda: scene.far.texts == ["quick"] * 50)
    assert scene.far.asked.count("slow") == AT_ONCE
    scene.far.slow["slow"].set()
    await scene.empty()
    assert scene.far.busiest <= AT_ONCE * 2


async def test_a_host_that_is_down_gets_one_call_at_a_time_until_it_is_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PACE", 250)
    for number in range(AT_ONCE * 3):
        await scene.add(str(number), subject=str(number))
    scene.far.errors["forge"] = DOWN
    sender = await scene.worker()
    await soon(lambda: len(scene.far.asked) == AT_ONCE)
    await scene.written()
    scene.far.busiest = 0

    for more in range(3):
        scene.clock.now += 250
        sender.wake()
        await soon(lambda more=more: len(scene.far.asked) == AT_ONCE + more + 1)  # type: ignore[misc]
        await scene.written()
    assert scene.far.busiest == 1

    scene.far.errors.clear()
    scene.clock.now += 40_000
    await scene.empty()
    assert scene.far.busiest > 1


async def test_a_host_that_is_down_for_a_day_loses_nothing(scene: Scene) -> None:
    scene.far.errors["forge"] = DOWN
    await scene.worker()
    for hour in range(24):
        for number in range(5):
            await scene.add(f"{hour} {number}", subject=f"{hour} {number}")
        scene.clock.now += 3_600_000
        await soon(lambda: scene.far.busy == 0)
    assert scene.far.came == []

    scene.far.errors.clear()
    scene.clock.now += 24 * 3_600_000

    await scene.empty()
    assert sorted(scene.far.texts) == sorted(f"{hour} {number}" for hour in range(24) for number in range(5))


async def test_an_internal_error_is_logged_and_the_message_tried_again(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.far.errors["forge"] = ZeroDivisionError("x")
    await scene.add("one")
    await scene.worker()

    entry = await scene.tried(1)

    assert (entry.state, entry.error) == ("waiting", "internal error (ZeroDivisionError); the server's log has more")
    assert "a message met an internal error" in caplog.text


async def test_a_call_that_hangs_ends_before_the_entry_is_given_to_another_server(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker.CALL * 1000 < LEASE
    monkeypatch.setattr(worker, "CALL", 0.01)
    scene.far.slow["forge"] = asyncio.Event()
    await scene.add("one")
    await scene.worker()

    assert (await scene.tried(1)).error == "the call took longer than 0.01 s"


async def test_the_log_tells_when_a_host_goes_and_when_it_is_back(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app")
    scene.far.errors["forge"] = DOWN
    await scene.add("one")
    await scene.add("two", subject="t")
    await scene.worker()
    await soon(lambda: len(scene.far.asked) == 2)
    await scene.written()
    scene.far.errors.clear()
    scene.clock.now += 5000

    await scene.empty()

    assert [record.message for record in caplog.records] == [
        "a host does not take messages",
        "a host takes messages again",
    ]


async def test_several_servers_send_each_message_once(scene: Scene) -> None:
    workers = [await scene.worker(owner) for owner in "abc"]
    for number in range(200):
        await scene.add(str(number), subject=str(number))
        workers[number % 3].wake()

    await scene.empty()

    assert sorted(scene.far.texts) == sorted(str(number) for number in range(200))


async def test_what_a_killed_server_was_sending_leaves_when_its_lease_is_over(scene: Scene) -> None:
    await scene.add("one")
    await scene.set(owner="killed", due=NOW + LEASE)
    await scene.worker("b")
    await scene.add("two", subject="t")
    await soon(lambda: scene.far.texts == ["two"])

    scene.clock.now += LEASE

    await scene.empty()
    assert scene.far.texts == ["two", "one"]


async def test_the_only_server_of_a_database_goes_on_at_once(scene: Scene) -> None:
    await scene.add("one")
    await scene.set(owner="killed", due=NOW + LEASE)

    await scene.worker("b", alone=True)

    await scene.empty()


async def test_a_server_that_comes_late_changes_nothing_of_what_another_one_has(scene: Scene) -> None:
    await scene.add("one")
    [old] = await scene.db.write(store.take("forge", "late", NOW, NOW + LEASE, 10))
    [new] = await scene.db.write(store.take("forge", "next", NOW + LEASE, NOW + 2 * LEASE, 10))

    await scene.db.write(store.sent(old, NOW))
    await scene.db.write(store.failed(old, "x", None, 1, NOW))
    await scene.db.write(store.release(old, NOW))

    assert await scene.left() == [new]


async def test_what_is_being_sent_when_a_server_stops_may_end_and_the_rest_is_free(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GRACE", 0.05)
    scene.far.slow |= {"ends": asyncio.Event(), "hangs": asyncio.Event()}
    sender = scene.make()
    async with sender.running():
        for host in ("ends", "hangs"):
            await scene.add(host, host=host, subject=host)
        sender.wake()
        await soon(lambda: len(scene.far.asked) == 2)
        asyncio.get_running_loop().call_later(0.01, scene.far.slow["ends"].set)

    [entry] = await scene.left()
    assert (entry.host, entry.owner, entry.due, entry.tries) == ("hangs", "", NOW, 0)
    assert scene.far.texts == ["ends"]


async def test_dead_messages_are_kept_for_a_month(scene: Scene) -> None:
    for subject in ("s", "t"):
        await scene.add(subject, subject=subject)
    await scene.set(state="dead")
    scene.clock.now += KEPT
    await scene.add("new", subject="u", host="unsent")
    scene.far.errors["unsent"] = Unreadable("no")
    scene.clock.now += 1

    await scene.worker()

    async def swept() -> bool:
        return [(entry.subject, entry.state) for entry in await scene.left()] == [("u", "dead")]

    await soon(swept)


async def test_a_repository_that_is_deleted_takes_its_messages_along(scene: Scene) -> None:
    await scene.add("one")

    await scene.db.write(settings.delete(scene.repo))

    assert await scene.left() == []


async def test_metrics_tell_what_waits_and_what_has_left(scene: Scene) -> None:
    sender = await scene.worker()
    await scene.add("left")
    sender.wake()
    await scene.empty()
    scene.far.errors |= {"down": DOWN, "refuses": Unreadable("no")}
    for host in ("down", "refuses"):
        await scene.add(host, subject=host, host=host)
    sender.wake()

    async def failed() -> bool:
        return sender.tally.failed.total() == 2 and all(not entry.owner for entry in await scene.left())

    await soon(failed)
    scene.clock.now += 4_000

    read = {gauge.name: gauge.value for gauge in await gauges.read(scene.db, sender, scene.clock)}

    assert read == {
        "gantry_outbox_waiting": 1,
        "gantry_outbox_dead": 1,
        "gantry_outbox_oldest_seconds": 4.0,
        "gantry_outbox_sent_total": 1,
        "gantry_outbox_failed_total": 2,
    }


async def test_two_hundred_messages_a_second_leave(scene: Scene) -> None:
    """A floor that only a fault in the design falls below: `gantry bench` measures."""
    for number in range(400):
        await scene.add(str(number), subject=str(number))
    began = asyncio.get_running_loop().time()
    await scene.worker()

    await scene.empty()

    assert 400 / (asyncio.get_running_loop().time() - began) > 200


async def test_a_far_side_that_fails_a_while_gets_everything_from_two_servers(scene: Scene) -> None:
    other = FarSide()
    await scene.worker("a")
    await scene.worker("b", other)
    for side in (scene.far, other):
        side.errors["forge"] = DOWN
    for number in range(40):
        await scene.add(str(number), subject=str(number))
    await soon(lambda: len(scene.far.asked) + len(other.asked) >= 40)

    for side in (scene.far, other):
        side.errors.clear()
    scene.clock.now += 60_000

    await scene.empty()
    assert sorted(scene.far.texts + other.texts) == sorted(str(number) for number in range(40))
    row = await scene.db.read(one("SELECT count(*) AS number FROM outbox"))
    assert row is not None
    assert row["number"] == 0
