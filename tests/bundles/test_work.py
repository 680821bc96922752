"""Work that outlives its request: done once, to its end, whoever is killed or hangs up meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.artifacts import repositories
from app.bundles import store, work
from app.bundles.model import Bundle
from app.bundles.work import Lost, Progress, Work, Worker
from app.db.connect import Alterable
from app.db.tx import Tx, many, one, run
from app.errors import AppError, Conflict, Unavailable
from tests.soon import soon

NOW = 1_700_000_000_000


@dataclass
class Step:
    """A step that notes what it does, and ends when it is let go."""

    db: Alterable
    goes: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    error: Exception | None = None
    #: How many attempts find that something is away.
    away: int = 0

    async def do(self, task: Work, progress: Progress) -> None:
        self.begun.append(task.id)
        progress.done = 3
        await self.goes.wait()
        if len(self.begun) <= self.away:
            raise Unavailable("the database is locked")
        if self.error is not None:
            raise self.error
        await self.db.write(work.finish(task))
        self.done.append(task.id)

    def failed(self, task: Work, error: AppError) -> Tx[None]:
        self.refused.append(error.message)
        yield from store.set_status(task.bundle_id, "FAILED")


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class Scene:
    """A database with versions, and workers on it."""

    db: Alterable
    step: Step
    clock: Clock
    stack: AsyncExitStack
    versions: int = 0

    async def worker(self, owner: str, step: Step | None = None, *, alone: bool = False) -> Worker:
        worker = Worker(self.db, {"create": step or self.step}, owner, self.clock, alone=alone)
        await self.stack.enter_async_context(worker.running())
        return worker

    async def add(self) -> int:
        """Work on a new version; its id."""
        self.versions += 1
        return await self.db.write(_add(str(self.versions)))

    async def left(self) -> Sequence[Work]:
        return [work.MAPPER.make(row) for row in await self.db.read(many("SELECT * FROM bundle_work ORDER BY id"))]


def _add(version: str) -> Tx[int]:
    repo = yield from repositories.ensure_system("release-bundles-v2", "bundles", "", NOW)
    bundle = yield from store.add(Bundle(0, repo.id, "shop", version, "PROCESSING", NOW, 1, "ada"))
    assert bundle is not None
    made = yield from work.add(bundle.id, "create", total=7, at=NOW)
    assert made is not None
    assert (yield from work.add(bundle.id, "create", total=7, at=NOW)) is None
    return made


@pytest.fixture
async def scene(db: Alterable, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    for name in ("LOOK", "POLL", "RENEWAL"):
        monkeypatch.setattr(work, name, 0.01)
    async with AsyncExitStack() as stack:
        yield Scene(db, Step(db), Clock(), stack)


async def test_work_is_done_and_who_waits_is_told(scene: Scene) -> None:
    worker, made = await scene.worker("a"), await scene.add()
    scene.step.goes.set()

    await worker.ended(made)

    assert (scene.step.done, await scene.left()) == ([made], [])
    await worker.ended(made)  # work that has ended is not waited for


async def test_no_more_than_two_works_are_under_way_and_the_first_come_first(scene: Scene) -> None:
    made = [await scene.add() for _ in range(4)]
    worker = await scene.worker("a")
    await soon(lambda: len(scene.step.begun) == 2)
    assert scene.step.begun == made[:2]
    scene.step.goes.set()

    await asyncio.gather(*map(worker.ended, made))

    assert sorted(scene.step.done) == made


async def test_several_servers_do_work_once(scene: Scene) -> None:
    scene.step.goes.set()
    workers = [await scene.worker(name) for name in "abc"]
    made = [await scene.add() for _ in range(20)]

    await asyncio.gather(*(worker.ended(one) for worker in workers for one in made))

    assert sorted(scene.step.begun) == sorted(scene.step.done) == made


async def test_the_lease_is_renewed_and_progress_is_told(scene: Scene) -> None:
    await scene.worker("a")
    await scene.add()
    await soon(lambda: scene.step.begun)

    scene.clock.now += work.LEASE - 1

    async def renewed() -> bool:
        [task] = await scene.left()
        return task.lease == scene.clock.now + work.LEASE

    await soon(renewed)
    [task] = await scene.left()
    assert (task.owner, task.done, task.total) == ("a", 3, 7)
    other = Step(scene.db)
    other.goes.set()
    await scene.worker("b", other)
    assert other.begun == []
    scene.step.goes.set()
    await soon(lambda: scene.step.done)


async def test_what_a_killed_server_left_goes_on_when_its_lease_is_over(scene: Scene) -> None:
    made = await scene.add()
    await scene.db.write(run("UPDATE bundle_work SET owner = 'killed', lease = :lease", lease=NOW + 1000))
    await scene.worker("b")
    scene.step.goes.set()
    waits = await scene.add()
    await soon(lambda: scene.step.done == [waits])
    assert [task.id for task in await scene.left()] == [made]

    scene.clock.now += 1001

    await soon(lambda: scene.step.done == [waits, made])


async def test_the_only_server_of_a_database_goes_on_at_once(scene: Scene) -> None:
    made = await scene.add()
    await scene.db.write(run("UPDATE bundle_work SET owner = 'killed', lease = :lease", lease=NOW + 1000))
    scene.step.goes.set()

    worker = await scene.worker("b", alone=True)
    await worker.ended(made)

    assert scene.step.done == [made]


async def test_who_has_lost_the_work_keeps_nothing(scene: Scene) -> None:
    await scene.worker("a")
    made = await scene.add()
    await soon(lambda: scene.step.begun)
    await scene.db.write(run("UPDATE bundle_work SET owner = 'b', lease = :lease", lease=NOW + 1000))

    scene.step.goes.set()
    with pytest.raises(Lost):
        await scene.db.write(work.finish(Work(made, 1, 0, "create", owner="a")))

    assert (scene.step.done, scene.step.refused) == ([], [])
    assert [task.owner for task in await scene.left()] == ["b"]


@pytest.mark.parametrize(
    ("error", "told"), [(Conflict("the bytes are gone"), "the bytes are gone"), (ZeroDivisionError("x"), "internal")]
)
async def test_work_that_fails_is_kept_as_failed_and_who_waits_gets_the_error(
    scene: Scene, error: Exception, told: str
) -> None:
    scene.step.error = error
    worker, made = await scene.worker("a"), await scene.add()
    scene.step.goes.set()

    with pytest.raises(AppError, match=told):
        await worker.ended(made)

    row = await scene.db.read(one("SELECT status FROM bundles"))
    assert row is not None
    assert (row["status"], len(scene.step.refused), await scene.left()) == ("FAILED", 1, [])


async def test_work_waits_for_what_is_away(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PAUSE", 0.001)
    scene.step.away = work.ATTEMPTS - 1
    worker, made = await scene.worker("a"), await scene.add()
    scene.step.goes.set()

    await worker.ended(made)

    await soon(lambda: scene.step.done == [made])
    assert (scene.step.begun, scene.step.refused) == ([made] * work.ATTEMPTS, [])


async def test_work_does_not_wait_for_ever(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PAUSE", 0.001)
    scene.step.away = work.ATTEMPTS
    worker, made = await scene.worker("a"), await scene.add()
    scene.step.goes.set()

    with pytest.raises(Unavailable, match="the database is locked"):
        await worker.ended(made)

    assert (scene.step.refused, await scene.left()) == (["the database is locked"], [])


async def test_who_looks_while_work_fails_gets_its_error(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.step.error = Conflict("the bytes are gone")
    worker, made = await scene.worker("a"), await scene.add()
    committed, looked, write = asyncio.Event(), asyncio.Event(), scene.db.write

    async def slow(tx: Tx[Any]) -> Any:
        result = await write(tx)
        committed.set()
        await looked.wait()
        return result

    await soon(lambda: scene.step.begun)
    with monkeypatch.context() as patch:
        patch.setattr(scene.db, "write", slow)
        scene.step.goes.set()
        await committed.wait()
    try:
        with pytest.raises(Conflict, match="the bytes are gone"):
            await worker.ended(made)
    finally:
        looked.set()


async def test_work_goes_on_when_nobody_waits_for_it_any_more(scene: Scene) -> None:
    worker, made = await scene.worker("a"), await scene.add()
    waiting = asyncio.create_task(worker.ended(made))
    await soon(lambda: scene.step.begun)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    scene.step.goes.set()

    await soon(lambda: scene.step.done == [made])


async def test_what_is_not_finished_when_a_server_stops_is_free_for_the_next(scene: Scene) -> None:
    async with _stopped(scene) as made:
        pass

    [task] = await scene.left()
    assert (task.id, task.owner, task.lease) == (made, "", 0)


@asynccontextmanager
async def _stopped(scene: Scene) -> AsyncIterator[int]:
    worker = Worker(scene.db, {"create": scene.step}, "a", scene.clock, alone=False)
    async with worker.running():
        made = await scene.add()
        worker.wake()
        await soon(lambda: scene.step.begun)
        yield made
