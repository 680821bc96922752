"""Calls in threads: a cancelled caller waits for them."""

import asyncio
import threading

import pytest

from app import threads
from tests.soon import soon


async def test_a_call_gives_its_result_or_its_error() -> None:
    assert await threads.run(divmod, 7, 3) == (2, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 7, 0)


@pytest.mark.parametrize("error", [None, ValueError("nobody looks at it")])
async def test_a_cancelled_caller_waits_until_the_call_has_ended(error: Exception | None) -> None:
    begun, go, ended = threading.Event(), threading.Event(), []

    def call() -> None:
        begun.set()
        go.wait(20)
        ended.append(True)
        if error is not None:
            raise error

    calling = asyncio.create_task(threads.run(call))
    await soon(begun.is_set)
    for _ in range(3):  # again and again
        calling.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not calling.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert ended


async def test_settling_ends_a_task_and_takes_its_error() -> None:
    async def fails() -> None:
        raise ValueError("nobody looks at it")

    failed = asyncio.create_task(fails())
    await asyncio.wait({failed})
    waiting = asyncio.create_task(asyncio.Event().wait())

    for task in (failed, waiting, None):
        await threads.settle(task)

    assert waiting.cancelled()


async def test_a_cancel_while_a_task_is_settled_takes_effect_when_the_task_has_ended() -> None:
    begun, go, ended = asyncio.Event(), asyncio.Event(), []

    async def slow_to_end() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await go.wait()
            ended.append(True)

    slow = asyncio.create_task(slow_to_end())
    await begun.wait()
    settling = asyncio.create_task(threads.settle(slow))
    for _ in range(3):
        await asyncio.sleep(0)
    settling.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not settling.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await settling

    assert ended
