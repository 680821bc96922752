"""What is heard of other servers is told here, and ends the logs that are followed here."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from app import background
from app.builds import progress
from app.builds.live.relay import CHANGED, relaying
from app.builds.logs.logs import Logs
from app.builds.model import Stage
from app.builds.moments import Moments
from app.builds.ports import Ports
from app.db.bus import Hear
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import Recorders
from tests.builds.farside import RUNNER, Scene
from tests.soon import soon

SLUG = "octocat/hello"


class Wired:
    """The scene's database, and the wire to other servers in the test's hands."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.said: list[tuple[str, str]] = []
        self.channels: Mapping[str, Hear] = {}
        #: Reads that fail first.
        self.failures = 0

    @asynccontextmanager
    async def listening(self, channels: Mapping[str, Hear]) -> AsyncIterator[Callable[[str, str], None]]:
        self.channels = channels
        yield lambda channel, text: self.said.append((channel, text))

    async def write(self, tx: Tx[Any]) -> Any:
        return await self._db.write(tx)

    async def write_few(self, tx: Tx[Any]) -> Any:
        return await self._db.write_few(tx)

    async def read(self, tx: Tx[Any]) -> Any:
        if self.failures:
            self.failures -= 1
            tx.close()
            raise Unavailable("the database is away")
        return await self._db.read(tx)

    async def glance(self, tx: Tx[Any]) -> Any:
        return await self.read(tx)


@dataclass
class Pair:
    """Two servers of one database and one folder of logs; a stage runs that the other one looks after."""

    here: Ports
    there: Ports
    wire: Wired
    running: Stage

    def hear(self, text: str) -> None:
        self.wire.channels[CHANGED](text)


@pytest.fixture
async def pair(scene: Scene, tmp_path: Path) -> AsyncIterator[Pair]:
    wire = Wired(scene.ports.db)
    db, logs = cast(Database, wire), Logs(tmp_path / "logs")
    here = replace(scene.ports, db=db, logs=logs, moments=Moments(db, logs, Recorders()))
    running = await scene.start((await scene.push()).stages[0], "one")
    step = await progress.update_step(scene.ports, replace(running.steps[0], status="running", started=1), RUNNER)
    async with relaying(here):
        yield Pair(here, scene.ports, wire, replace(running, steps=(step,)))


async def test_a_change_of_another_server_is_told_to_who_listens(pair: Pair) -> None:
    with pair.here.moments.watched.subscribe() as changes:
        pair.hear(str(pair.running.build_id))
        change = await changes.wait(20)

    assert change is not None
    assert (change.repo.slug, change.build.id, change.build.status) == (SLUG, pair.running.build_id, "running")
    assert pair.wire.said == []  # what was heard is not said again


async def test_a_change_here_is_said_to_the_others(pair: Pair) -> None:
    await progress.update_step(pair.here, replace(pair.running.steps[0], status="success", stopped=2), RUNNER)

    assert pair.wire.said == [(CHANGED, str(pair.running.build_id))]


async def test_what_cannot_be_read_just_now_is_told_later(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "PAUSE", 0.01)
    pair.wire.failures = 2
    with pair.here.moments.watched.subscribe() as changes:
        pair.hear(str(pair.running.build_id))
        pair.hear("99999")  # deleted meanwhile

        assert await changes.wait(20) is not None


@pytest.mark.parametrize("heard", ["its build", "that something was missed"])
async def test_a_log_that_is_followed_here_ends_with_its_step_there(pair: Pair, heard: str) -> None:
    step, text = pair.running.steps[0], str(pair.running.build_id) if heard == "its build" else ""
    pair.here.logs.open(step.id)
    following = asyncio.create_task(anext(pair.here.logs.follow(step.id), None))
    await soon(lambda: pair.here.logs.readers()[step.id])
    with pair.here.moments.watched.subscribe() as changes:
        pair.hear(text)
        pair.hear(str(pair.running.build_id))
        await changes.wait(20)
    assert not following.done()

    await progress.update_step(pair.there, replace(step, status="success", stopped=2), RUNNER)
    pair.hear(text)

    assert await asyncio.wait_for(following, 20) in (None, [])
