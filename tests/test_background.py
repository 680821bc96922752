"""Loops in the background: woken or by the interval, and never ended by what a round meets."""

import asyncio
import logging

import pytest

from app import background
from app.background import Loop, Unhurried, serving
from app.errors import Unavailable

log = logging.getLogger(__name__)


class Rounds:
    """Counts rounds; the first ones raise these errors. A round returns `following`."""

    def __init__(self, *errors: Exception, following: float | None = None) -> None:
        self.errors = list(errors)
        self.following = following
        self.count = 0
        self.counted = asyncio.Condition()

    async def __call__(self) -> float | None:
        async with self.counted:
            self.count += 1
            self.counted.notify_all()
        if self.errors:
            raise self.errors.pop(0)
        return self.following

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20), self.counted:
            await self.counted.wait_for(lambda: self.count >= count)


def loop(rounds: Rounds, interval: float | None = None) -> Loop:
    return Loop(rounds, log, "not now", "a bug", interval=interval)


async def test_a_round_is_carried_out_for_a_wake() -> None:
    rounds = Rounds()
    one = loop(rounds)
    async with serving(one.run()):
        await asyncio.sleep(0.01)
        assert rounds.count == 0
        one.wake()
        await rounds.until(1)
        one.wake()
        await rounds.until(2)


async def test_a_wake_before_the_loop_runs_is_kept() -> None:
    rounds = Rounds()
    one = loop(rounds)
    one.wake()
    async with serving(one.run()):
        await rounds.until(1)


async def test_rounds_come_after_the_interval_in_any_case() -> None:
    rounds = Rounds()
    async with serving(loop(rounds, 0.001).run()):
        await rounds.until(3)


async def test_a_round_says_when_the_next_one_is() -> None:
    rounds = Rounds(following=0.001)
    one = loop(rounds)
    one.wake()
    async with serving(one.run()):
        await rounds.until(3)


async def test_what_a_round_meets_is_told_and_the_round_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "PAUSE", 0.001)
    rounds = Rounds(Unavailable("locked"), RuntimeError("oh"))
    one = loop(rounds)
    one.wake()

    async with serving(one.run()):
        await rounds.until(3)

    told = [(record.levelname, record.getMessage(), getattr(record, "reason", None)) for record in caplog.records]
    assert told == [("WARNING", "not now", "locked"), ("ERROR", "a bug", None)]


async def test_wakes_do_not_shorten_the_pause() -> None:
    rounds = Rounds(Unavailable("locked"))
    one = loop(rounds)
    one.wake()
    async with serving(one.run()):
        await rounds.until(1)
        one.wake()
        await asyncio.sleep(0.01)
        assert rounds.count == 1


async def test_loops_have_ended_when_the_block_has() -> None:
    ended: list[str] = []

    async def forever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    async with serving(forever("a"), forever("b")):
        await asyncio.sleep(0)

    assert sorted(ended) == ["a", "b"]


async def test_unhurried_work_is_done_to_its_end_though_its_caller_is_cancelled() -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), list[str]()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        done.append("done")

    async def fail() -> None:
        await go_on.wait()
        raise RuntimeError("nobody waits for this")

    unhurried = Unhurried()
    async with unhurried.running():
        callers = [asyncio.create_task(unhurried.do(what)) for what in (work(), fail())]
        await begun.wait()
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        asyncio.get_running_loop().call_soon(go_on.set)

    assert done == ["done"]


async def test_unhurried_work_gives_its_result_and_its_error() -> None:
    async def work() -> str:
        return "result"

    async def fail() -> None:
        raise RuntimeError("oh")

    unhurried = Unhurried()
    async with unhurried.running():
        assert await unhurried.do(work()) == "result"
        with pytest.raises(RuntimeError, match="oh"):
            await unhurried.do(fail())


@pytest.mark.parametrize("away", [False, True])
async def test_what_a_loop_has_begun_ends_with_it_before_its_work_is_left_to_others(away: bool) -> None:
    tasks, told = set[asyncio.Task[None]](), list[str]()
    begun = asyncio.Event()

    async def task() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            told.append("ended")

    async def begin() -> None:
        tasks.add(asyncio.create_task(task()))

    async def leave() -> None:
        told.append("left")
        if away:
            raise Unavailable("the database is away")

    async with background.working(Loop(begin, log, "not now", "a bug"), tasks, leave):
        await asyncio.wait_for(begun.wait(), 20)

    assert told == ["ended", "left"]
