"""Following a log: for as long as one may read it, and no reader keeps its file for longer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import cast

import httpx2
import pytest

from app.accounts import store as accounts
from app.builds.api import streams as stream
from app.builds.logs.logs import Logs
from app.builds.model import Line, Step
from app.repos import store as repos
from app.repos.model import Permissions
from app.web import sse
from tests.accounts import farside
from tests.builds.farside import NOW, Scene
from tests.soon import soon
from tests.web.asgi import serving

LOG = "/api/stream/octocat/hello/1/1/1"


@asynccontextmanager
async def followed(scene: Scene) -> AsyncIterator[tuple[Step, "asyncio.Task[httpx2.Response]"]]:
    """A step that runs, and its log on its way to somebody who may read it."""
    kim = await scene.ports.db.write(accounts.create("kim", token="the token of kim", now=NOW))
    await scene.ports.db.write(repos.grant(scene.repo.id, kim.id, Permissions(read=True), NOW))
    running = await scene.start((await scene.push()).stages[0], "one")
    step = await scene.step(running.steps[0], "running")
    await scene.ports.logs.write(step.id, [Line(0, "first", 0)])
    state = farside.state(scene.ports.db, ports=scene.ports, now=scene.clock, private_mode=False)
    async with serving(stream.routes, **state) as client:
        task = asyncio.create_task(client.get(LOG, headers={"Authorization": "the token of kim"}))
        await soon(lambda: scene.ports.logs.readers()[step.id])
        yield step, task


async def test_a_log_ends_when_its_reader_may_read_no_longer(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK", 0)
    frames, shown = stream._frames, asyncio.Event()

    async def told(logs: Logs, step_id: int, after: int) -> AsyncIterator[bytes]:
        async with aclosing(cast(AsyncGenerator[bytes], frames(logs, step_id, after))) as all_frames:
            async for frame in all_frames:
                yield frame
                shown.set()  # the next one is asked for

    monkeypatch.setattr(stream, "_frames", told)
    async with followed(scene) as (step, task):
        kim = await scene.ports.db.read(accounts.find("kim"))
        await asyncio.wait_for(shown.wait(), 20)
        await scene.ports.db.write(repos.revoke(scene.repo.id, kim))
        await scene.ports.logs.write(step.id, [Line(1, "secret", 0)])

        async with asyncio.timeout(20):
            answer = await task

    assert answer.content.startswith(sse.PING + b'id: 0\ndata: {"pos":0,"out":"first","time":0}\n\n\n')
    assert answer.content.endswith(sse.END)
    assert b"secret" not in answer.content
    assert scene.ports.logs._live[step.id].followers == 0


async def test_also_when_the_step_is_silent(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK", 0)
    monkeypatch.setattr(sse, "QUIET", 0.01)
    async with followed(scene) as (_, task):
        await scene.ports.db.write(repos.revoke(scene.repo.id, await scene.ports.db.read(accounts.find("kim"))))

        async with asyncio.timeout(20):
            assert (await task).content.endswith(sse.END)


async def test_who_still_may_reads_to_the_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK", 0)
    async with followed(scene) as (step, task):
        await scene.ports.logs.write(step.id, [Line(1, "last", 0)])
        scene.ports.logs.close(step.id)

        answer = await task

    assert answer.content == (
        sse.PING
        + b'id: 0\ndata: {"pos":0,"out":"first","time":0}\n\n\n'
        + b'id: 1\ndata: {"pos":1,"out":"last","time":0}\n\n\n'
        + sse.END
    )
