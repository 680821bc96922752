"""A stage is handed to one runner: oldest first, within limits, again when it is not accepted, by whichever server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from app.builds import stop
from app.builds.claims import KEPT
from app.builds.live.relay import relaying
from app.builds.model import Stage
from app.builds.moments import Moments
from app.builds.ports import Ports
from app.db.connect import connect
from app.db.migrate import migrate
from app.errors import Unavailable
from app.moments import Recorders
from app.runners.dispatch.leases import Leases
from app.runners.dispatch.local import LocalManager
from app.runners.dispatch.queue import Queue
from app.runners.dispatch.reservations import OwnReservations
from app.runners.manager import Filter, System
from app.sealing.seal import Seal
from tests import postgres
from tests.builds.farside import OCTOCAT, Scene, laid, pipeline
from tests.soon import soon

EXEC = Filter(type="exec", os="linux", arch="amd64")


async def taken(queue: Queue, timeout: float = 20) -> Stage | None:
    return await queue.request(EXEC, timeout)


async def looked(queue: Queue) -> None:
    """Wait until a runner waits and the queue has looked for it."""
    await soon(lambda: queue.runners)
    await queue._hand_out()


async def test_the_oldest_stage_goes_first(scene: Scene, queue: Queue) -> None:
    for _ in range(3):
        await scene.push(pipeline("a"), pipeline("b"))

    found = [await taken(queue) for _ in range(6)]

    assert [stage.id for stage in found if stage] == sorted(stage.id for stage in found if stage)
    assert len({stage.id for stage in found if stage}) == 6
    assert await taken(queue, 0.1) is None


async def test_what_was_handed_out_and_not_accepted_is_to_be_had_again(scene: Scene, queue: Queue) -> None:
    await scene.push()
    first = await taken(queue)
    assert await taken(queue, 0.1) is None

    scene.clock.time += KEPT

    assert await taken(queue) == first


async def test_what_nobody_accepts_goes_to_a_runner_that_waits_already(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runners.dispatch.queue.INTERVAL", 0.05)
    await scene.push()
    queue = Queue(scene.ports)
    async with queue.running():
        first = await taken(queue)
        waiting = asyncio.create_task(taken(queue))
        await soon(lambda: queue.runners)

        scene.clock.time += KEPT

        assert await waiting == first


async def test_a_stage_that_was_handed_out_while_the_clock_was_ahead_is_handed_out_again(
    scene: Scene, queue: Queue
) -> None:
    await scene.push()
    scene.clock.time += 730 * 24 * 3600
    first = await taken(queue)
    scene.clock.time -= 730 * 24 * 3600

    assert await taken(queue) == first


async def test_what_was_handed_to_somebody_who_is_gone_is_to_be_had_at_once(scene: Scene, queue: Queue) -> None:
    requests = [asyncio.create_task(taken(queue)) for _ in range(20)]
    await soon(lambda: len(queue.runners) == 20)
    await scene.push()
    for request in requests:
        request.cancel()
    found = await asyncio.gather(*requests, return_exceptions=True)

    if not any(isinstance(one, Stage) for one in found):
        assert await taken(queue) is not None


class Forgetful(OwnReservations):
    """Reservations that are made, but the answer to the first one is lost."""

    lost = False

    async def reserve(self, stage_id: int) -> bool:
        reserved = await super().reserve(stage_id)
        if not self.lost:
            self.lost = True
            raise Unavailable("the connection was closed")
        return reserved


async def test_a_stage_is_not_kept_for_nobody_when_the_database_did_not_answer(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runners.dispatch.queue.reservations", Forgetful)
    queue = Queue(scene.ports)
    build = await scene.push()

    async with queue.running():
        assert await taken(queue) == build.stages[0]


async def test_a_concurrency_limit_hands_out_so_many_of_a_name(scene: Scene, queue: Queue) -> None:
    for _ in range(3):
        await scene.push(pipeline("a", concurrency={"limit": 1}))
    first = await taken(queue)
    assert first is not None
    assert await taken(queue, 0.1) is None
    waiting = asyncio.create_task(taken(queue))

    await scene.run(first)

    second = await waiting
    assert second is not None
    assert second.id > first.id
    assert await taken(queue, 0.1) is None


async def test_ten_thousand_who_wait_and_a_thousand_stages_are_brought_together(scene: Scene, queue: Queue) -> None:
    requests = [asyncio.create_task(taken(queue, 60)) for _ in range(1000)]
    others = [asyncio.create_task(queue.request(Filter(type="docker"), 60)) for _ in range(9000)]
    for _ in range(100):
        await scene.push(*(pipeline(str(number)) for number in range(10)))

    found = await asyncio.gather(*requests)

    assert len({stage.id for stage in found if stage}) == 1000
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Other:
    """Another server of the scene's database."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.queue = Queue(ports)
        leases = Leases(ports, lease=120, patience=3600)
        self.manager = LocalManager(ports, self.queue, Seal("a key"), System("http", "x", "1"), leases, peer="there")


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[Scene, Queue, Other]]:
    url = postgres.create_database()
    async with AsyncExitStack() as stack:
        here, there = connect(url), connect(url)
        for one in (here, there):
            await one.open()
            stack.push_async_callback(one.close)
        await migrate(here, now=1_700_000_000)
        scene = await laid(here, tmp_path)
        other = Other(replace(scene.ports, db=there, moments=Moments(there, scene.ports.logs, Recorders())))
        queue = Queue(scene.ports)
        for ports in (scene.ports, other.ports):
            await stack.enter_async_context(relaying(ports))
        for one_queue in (queue, other.queue):
            await stack.enter_async_context(one_queue.running())
        yield scene, queue, other


@postgres.real
async def test_two_servers_never_hand_out_one_stage_twice(pair: tuple[Scene, Queue, Other]) -> None:
    scene, queue, other = pair
    requests = [asyncio.create_task(taken(one, 60)) for _ in range(50) for one in (queue, other.queue)]
    await soon(lambda: len(queue.runners) == len(other.queue.runners) == 50)
    for _ in range(10):
        await scene.push(*(pipeline(str(number)) for number in range(10)))

    found = await asyncio.gather(*requests)

    assert len({stage.id for stage in found if stage}) == 100


@postgres.real
async def test_a_build_of_one_server_wakes_the_runners_of_another(pair: tuple[Scene, Queue, Other]) -> None:
    scene, _, other = pair
    request = asyncio.create_task(taken(other.queue))
    await looked(other.queue)

    build = await scene.push()

    async with asyncio.timeout(5):
        assert await request == build.stages[0]


@postgres.real
async def test_a_cancel_on_one_server_stops_the_runner_of_another(pair: tuple[Scene, Queue, Other]) -> None:
    scene, _, other = pair
    build = await scene.push()
    await other.manager.accept(build.stages[0].id, "lab")
    watching = asyncio.create_task(other.manager.watch(build.id))
    await soon(lambda: other.manager.ports.moments.over.heard)

    await stop.cancel(scene.ports, scene.repo, build.number, OCTOCAT)

    async with asyncio.timeout(5):
        assert await watching


@postgres.real
async def test_a_queue_that_is_resumed_on_one_server_is_so_on_another(pair: tuple[Scene, Queue, Other]) -> None:
    scene, queue, other = pair
    await queue.pause()
    build = await scene.push()
    request = asyncio.create_task(taken(other.queue))
    await looked(other.queue)
    assert not request.done()

    await queue.resume()

    async with asyncio.timeout(5):
        assert await request == build.stages[0]
