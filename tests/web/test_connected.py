"""What is waited for ends with whoever waits, and with nobody else."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.web.connected import Polls, while_connected
from tests.soon import soon


class Client:
    """Hangs up when told to."""

    def __init__(self) -> None:
        self.hung_up = asyncio.Event()
        self.request: Request[Any] = Request({"type": "http"}, self._receive)

    async def _receive(self) -> Message:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}


class Long:
    """Something to wait for that does not come, and how many wait for it."""

    def __init__(self) -> None:
        self.waiting = 0

    async def wait(self) -> str:
        self.waiting += 1
        return await asyncio.sleep(60, "done")


async def test_what_is_waited_for_is_the_answer() -> None:
    assert await while_connected(Client().request, asyncio.sleep(0, "done")) == "done"


async def test_an_error_of_it_comes_out() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError):
        await while_connected(Client().request, fails())


async def test_when_the_client_hangs_up_it_is_cancelled_and_the_rest_goes_on() -> None:
    client, ended = Client(), list[str]()

    async def long() -> str:
        client.hung_up.set()
        try:
            return await asyncio.sleep(60, "done")
        finally:
            ended.append("cancelled")

    assert await while_connected(client.request, long()) is None
    assert ended == ["cancelled"]
    await asyncio.sleep(0)  # nothing is left of the cancellation


async def test_a_server_that_stops_is_not_taken_for_a_client_that_hangs_up() -> None:
    long = Long()
    task = asyncio.create_task(while_connected(Client().request, long.wait()))
    await soon(lambda: long.waiting)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_no_task_is_left_behind() -> None:
    before = asyncio.all_tasks()
    await while_connected(Client().request, asyncio.sleep(0))
    await soon(lambda: asyncio.all_tasks() == before)


async def test_a_server_that_stops_ends_who_waits_and_who_comes_later() -> None:
    polls, client, long = Polls(), Client(), Long()
    waiting = [asyncio.create_task(polls.wait(Client().request, long.wait())) for _ in range(3)]
    waiting.append(asyncio.create_task(polls.wait(client.request, long.wait())))
    await soon(lambda: long.waiting == 4)

    client.hung_up.set()
    await asyncio.sleep(0)
    polls.end()

    assert await asyncio.gather(*waiting) == [None] * 4
    assert await polls.wait(Client().request, asyncio.sleep(60, "done")) is None


async def test_who_is_cancelled_while_it_waits_is_cancelled() -> None:
    polls, long = Polls(), Long()
    task = asyncio.create_task(polls.wait(Client().request, long.wait()))
    await soon(lambda: long.waiting)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
