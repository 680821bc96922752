"""Old builds are deleted whole, those that are not over are kept, and pages stay exact over the gaps."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.builds import approval as control
from app.builds import flow, lists, purge, stages, stop
from app.builds.model import Build, Status
from app.db.tx import Tx, each, many
from app.db.window import Window
from app.errors import Unavailable
from app.moments import Moment, Recorder, Recorders
from app.repos import store as repos
from app.repos.model import Repo
from tests.builds.farside import OCTOCAT, Scene, pipeline, pushed, read_log

TABLES = ("builds", "stages", "steps", "latest")
EVERYTHING = Window(1000)


async def count(scene: Scene) -> list[int]:
    """Rows of the tables that hold builds."""
    return [len(await scene.ports.db.read(many(f"SELECT * FROM {table}"))) for table in TABLES]


async def numbers(scene: Scene, window: Window = EVERYTHING) -> list[int]:
    """The builds in a part of the list."""
    repo = await scene.ports.db.read(repos.find(scene.repo.id))
    return [head.number for head in (await scene.ports.db.read(lists.page(repo, {}, window))).items]


async def fill(scene: Scene, kept: set[int], upto: int) -> None:
    """So many builds, all over but for some."""

    def make(number: int) -> Tx[Build]:
        status: Status = "pending" if number in kept else "success"
        return flow._insert(replace(pushed(scene.repo, "a" * 40), status=status), [])

    await scene.ports.db.write(each(make(number) for number in range(1, upto + 1)))


async def test_all_that_belongs_to_a_purged_build_goes(scene: Scene) -> None:
    for _ in range(3):
        stage = (await scene.push(pipeline("a"), pipeline("b", depends_on=["a"]))).stages[0]
        running = await scene.run(stage)
        await scene.ports.logs.store(running.steps[0].id, b"[]")
        await scene.run(await scene.stage(running.build_id, "b"))
    steps = [stage.steps[0].id for number in (1, 2, 3) for stage in (await scene.build(number)).stages]

    await purge.purge(scene.ports, scene.repo, 3)

    assert await numbers(scene) == [3]
    assert await count(scene) == [1, 2, 2, 1]
    logs = [await read_log(scene.ports.logs, step) for step in steps]
    assert logs == [None] * 4 + [b"[]", None]


@pytest.mark.parametrize("status", ["pending", "running", "waiting_on_dependencies", "blocked"])
async def test_what_is_not_over_is_kept_and_goes_the_next_time(scene: Scene, status: Status) -> None:
    build = await scene.push()
    await scene.set(build.stages[0], status=status)
    await scene.run((await scene.push()).stages[0])

    await purge.purge(scene.ports, scene.repo, 100)
    assert await numbers(scene) == [1]

    await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)
    await purge.purge(scene.ports, scene.repo, 100)
    assert await numbers(scene) == []


async def test_a_declined_build_of_which_a_stage_runs_is_kept(scene: Scene) -> None:
    build = await scene.push(pipeline("a"), pipeline("b"))
    await scene.set(build.stages[0], status="blocked")
    running = await scene.start(build.stages[1], "one")
    await control.decline(scene.ports, scene.repo, 1, OCTOCAT, 1)

    await purge.purge(scene.ports, scene.repo, 2)

    assert (await scene.ports.db.read(stages.find(running.id))).status == "running"


async def test_other_repositories_keep_theirs(scene: Scene) -> None:
    other = await scene.ports.db.write(repos.create(replace(scene.repo, name="other")))
    await fill(scene, set(), 3)
    await fill(replace(scene, repo=other), set(), 3)

    await purge.purge(scene.ports, scene.repo, 3)

    assert (await numbers(scene), await numbers(replace(scene, repo=other))) == ([3], [3, 2, 1])


@pytest.mark.parametrize("before", [-(2**63), -1, 0, 1])
async def test_below_the_first_there_is_nothing(scene: Scene, before: int) -> None:
    await fill(scene, set(), 2)

    await purge.purge(scene.ports, scene.repo, before)

    assert await numbers(scene) == [2, 1]


async def test_more_builds_than_a_batch_go_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 7)
    await fill(scene, {1, 8, 20, 21}, 40)

    await purge.purge(scene.ports, scene.repo, 2**63 - 1)

    assert await numbers(scene) == [21, 20, 8, 1]


@pytest.mark.parametrize("before", [2, 20, 31, 40, 41, 42, 100])
@pytest.mark.parametrize("more", [0, 1, 30])
async def test_pages_by_number_are_exact_after_a_purge(scene: Scene, before: int, more: int) -> None:
    await fill(scene, {3, 11, 12, 30}, 40)
    await purge.purge(scene.ports, scene.repo, before)
    await fill(scene, set(), more)

    everything = await numbers(scene)

    assert everything == sorted(everything, reverse=True)
    for offset in range(len(everything) + 5):
        assert await numbers(scene, Window(4, offset)) == everything[offset : offset + 4], offset
    for place, number in enumerate(everything):
        assert await numbers(scene, Window(4, after=str(number))) == everything[place + 1 : place + 5]
        assert await numbers(scene, Window(4, before=str(number))) == everything[max(place - 4, 0) : place]


async def test_the_newest_builds_are_found_after_a_purge(scene: Scene) -> None:
    await fill(scene, {3}, 40)
    await purge.purge(scene.ports, scene.repo, 100)

    newest = await scene.ports.db.read(lists.newest(scene.repo.user_id, scene.clock()))
    feed = await scene.ports.db.read(lists.feed(scene.repo.user_id, 25, scene.clock()))

    assert [build.number for build in newest.values()] == [build.number for _, build in feed] == [3]


async def test_two_purges_at_one_moment_are_one(scene: Scene) -> None:
    await fill(scene, {5}, 300)

    await asyncio.gather(*(purge.purge(scene.ports, scene.repo, before) for before in (250, 290, 280)))

    assert await numbers(scene) == [*range(300, 289, -1), 5]


async def test_the_next_number_goes_on(scene: Scene) -> None:
    await fill(scene, set(), 4)
    await purge.purge(scene.ports, scene.repo, 100)

    repo: Repo = await scene.ports.db.read(repos.find(scene.repo.id))
    made: Any = await scene.push()

    assert (repo.counter, made.number) == (4, 5)


async def test_the_log_of_a_step_goes_with_a_record_and_once(scene: Scene) -> None:
    running = await scene.run((await scene.push()).stages[0])
    (step,) = running.steps
    told = list[Moment]()

    def record(moment: Moment) -> Tx[None]:
        told.append(moment)
        yield from ()

    scene.ports.moments.recorders = Recorders(Recorder(record))
    await scene.ports.logs.store(step.id, b"[]")

    for _ in range(2):
        await purge.delete_log(scene.ports, scene.repo, 1, 1, step, OCTOCAT)

    assert await read_log(scene.ports.logs, step.id) is None
    assert [(one.verb, one.by, one.subject, one.repo_id) for one in told] == [
        ("log.delete", OCTOCAT, f"{scene.repo.slug}#1", scene.repo.id)
    ]
    assert told[0].before == {"stage": 1, "step": 1, "name": step.name}


async def test_a_log_stays_when_its_end_cannot_be_recorded(scene: Scene) -> None:
    running = await scene.run((await scene.push()).stages[0])

    def record(_: Moment) -> Tx[None]:
        yield from ()
        raise Unavailable("the database is away")

    scene.ports.moments.recorders = Recorders(Recorder(record))
    await scene.ports.logs.store(running.steps[0].id, b"[]")

    with pytest.raises(Unavailable):
        await purge.delete_log(scene.ports, scene.repo, 1, 1, running.steps[0], OCTOCAT)

    assert await read_log(scene.ports.logs, running.steps[0].id) == b"[]"
