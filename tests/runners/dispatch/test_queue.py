"""The queue while it is paused, and who is there to take from it."""

import asyncio

from app.builds import switches
from app.db.tx import one
from app.runners.dispatch.queue import PAUSED, Queue
from app.runners.manager import Filter
from tests.builds.farside import Scene
from tests.soon import soon

EXEC = Filter(type="exec", os="linux", arch="amd64")


async def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(scene: Scene, queue: Queue) -> None:
    await queue.pause()
    await queue.pause()
    stage = (await scene.push()).stages[0]
    assert await queue.request(EXEC, 0.1) is None

    waiting = asyncio.create_task(queue.request(EXEC, 20))
    await soon(lambda: queue.runners)
    await queue._hand_out()
    await queue.resume()
    await queue.resume()

    async with asyncio.timeout(10):
        assert await waiting == stage


async def test_a_pause_is_of_the_database_and_not_of_a_server(scene: Scene, queue: Queue) -> None:
    await Queue(scene.ports).pause()
    await scene.push()

    assert await queue.is_paused()
    assert await queue.request(EXEC, 0.1) is None


async def test_since_when_it_is_paused_stays(scene: Scene, queue: Queue) -> None:
    since = scene.clock.time
    await queue.pause()
    scene.clock.time += 60
    await queue.pause()

    row = await scene.ports.db.read(one(switches.FIND, name="queue"))
    assert row is not None
    assert row["since"] == since


async def test_what_waits_says_that_the_queue_is_paused(scene: Scene, queue: Queue) -> None:
    build = await scene.push()
    other = await scene.accept((await scene.push()).stages[0])
    await queue.pause()

    assert await queue.why_pending([*build.stages, other]) == {build.stages[0].id: PAUSED}
    await queue.resume()
    reasons = await queue.why_pending(build.stages)
    assert reasons == {build.stages[0].id: "no runner that is free serves type exec on linux/amd64"}


async def test_a_runner_is_there_once_whether_it_waits_or_works(queue: Queue) -> None:
    with queue.attached(EXEC):
        assert queue.runners == [EXEC]
        waiting = [asyncio.create_task(queue.request(wanted, 20)) for wanted in (EXEC, Filter(os="linux", arch="arm"))]
        await asyncio.sleep(0)
        assert queue.runners == [EXEC, Filter(os="linux", arch="arm")]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert queue.runners == []
