"""What comes at one moment has one outcome; on PostgreSQL it truly comes at once."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from app.builds import flow, progress, stop, store
from app.builds.model import Build, Stage
from app.errors import Conflict, Unavailable
from tests.builds.farside import NOW, OCTOCAT, RUNNER, Scene, ended, pipeline, started

CHAIN = pipeline("build"), pipeline("deploy", depends_on=["build"])


async def promote(scene: Scene, **params: str) -> Build:
    return await flow.promote(
        scene.ports, scene.repo, await scene.build(1), target="production", by=OCTOCAT, params=params
    )


async def only(scene: Scene) -> Stage:
    """The stage of a new build."""
    return (await scene.push()).stages[0]


def counted(outcomes: list[Any]) -> Counter[str]:
    """How often which: the type, or an error's code."""
    return Counter(getattr(outcome, "code", type(outcome).__name__) for outcome in outcomes)


async def test_promotions_at_one_moment_get_a_number_each_without_gaps(scene: Scene) -> None:
    await scene.push(pipeline("first"), pipeline("second", depends_on=["first"]), params={})

    made = await asyncio.gather(*(promote(scene, N=str(n)) for n in range(50)))

    assert sorted(build.number for build in made) == list(range(2, 52))
    assert len({build.id for build in made}) == 50
    assert await scene.counter() == 51
    for build in made:
        assert await scene.build(build.number) == build


async def test_numbers_stay_gapless_when_some_fail_at_that_moment(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.push(params={})
    real = store.create

    def failing(build: Build) -> Any:
        made = yield from real(build)
        if int(build.params.get("N", "0")) % 3 == 1:
            raise Unavailable("not this one")
        return made

    monkeypatch.setattr(store, "create", failing)
    made = await asyncio.gather(*(promote(scene, N=str(n)) for n in range(30)), return_exceptions=True)

    numbers = sorted(build.number for build in made if isinstance(build, Build))
    assert numbers == list(range(2, 22))
    assert await scene.counter() == 21


async def test_a_stage_is_accepted_once_of_many(scene: Scene) -> None:
    stage = await only(scene)

    outcomes = await asyncio.gather(
        *(scene.accept(stage, runner=f"r{number}") for number in range(20)), return_exceptions=True
    )

    assert counted(outcomes) == {"Stage": 1, "stage_taken": 19}
    assert (await scene.build(1)).stages[0].version == 2


async def test_the_same_report_many_times_at_one_moment_has_one_outcome(scene: Scene) -> None:
    accepted = await scene.accept(await only(scene))

    starts = await asyncio.gather(
        *(progress.update_stage(scene.ports, started(accepted, "one"), RUNNER) for _ in range(5))
    )
    ends = await asyncio.gather(*(progress.update_stage(scene.ports, ended(starts[0]), RUNNER) for _ in range(5)))

    assert starts == [starts[0]] * 5
    assert ends == [ends[0]] * 5
    assert (await scene.build(1)).version == 3


async def test_stages_that_end_at_one_moment_end_the_build_once(scene: Scene) -> None:
    for number in range(1, 11):
        build = await scene.push(pipeline("a"), pipeline("b"), pipeline("c"))
        running = [await scene.start(stage, "one") for stage in build.stages]

        over = await asyncio.gather(*(progress.update_stage(scene.ports, ended(stage), RUNNER) for stage in running))

        after = await scene.build(number)
        assert [stage.version for stage in over] == [4, 4, 4]
        assert (after.status, after.version) == ("success", 3)


async def test_what_waits_for_stages_that_end_at_one_moment_is_released_once(scene: Scene) -> None:
    waiting = pipeline("last", depends_on=["a", "b", "c"])
    for number in range(1, 11):
        build = await scene.push(pipeline("a"), pipeline("b"), pipeline("c"), waiting)
        running = [await scene.start(stage, "one") for stage in build.stages[:3]]

        await asyncio.gather(*(progress.update_stage(scene.ports, ended(stage), RUNNER) for stage in running))

        last = (await scene.build(number)).stages[3]
        assert (last.status, last.version) == ("pending", 2)
        await stop.cancel(scene.ports, scene.repo, number, OCTOCAT)


async def test_stages_that_start_at_one_moment_start_the_build_once(scene: Scene) -> None:
    build = await scene.push(pipeline("a"), pipeline("b"), pipeline("c"))
    accepted = [await scene.accept(stage) for stage in build.stages]

    await asyncio.gather(*(progress.update_stage(scene.ports, started(stage, "one"), RUNNER) for stage in accepted))

    assert (await scene.build(1)).version == 2
    assert await scene.statuses(1) == {"": "running", "a": "running", "b": "running", "c": "running"}


async def test_a_cancel_and_an_end_at_one_moment_have_one_outcome(scene: Scene) -> None:
    for number in range(1, 21):
        running = await scene.start((await scene.push(*CHAIN)).stages[0], "one")
        cancel, end = (
            stop.cancel(scene.ports, scene.repo, number, OCTOCAT),
            progress.update_stage(scene.ports, ended(running), RUNNER),
        )

        first, second = (cancel, end) if number % 2 else (end, cancel)
        outcomes = await asyncio.gather(first, second, return_exceptions=True)

        over = next((outcome for outcome in outcomes if isinstance(outcome, Stage)), None)
        lost = {type(outcome) for outcome in outcomes} - {Stage, Build}
        assert lost <= {Conflict}
        expected = {"": "killed", "build": "success" if over else "killed", "deploy": "skipped"}
        assert await scene.statuses(number) == expected
        build = await scene.build(number)
        assert (build.version, build.finished) == (3, NOW)
        assert build.stages[0].version == 4


async def test_a_cancel_and_an_accept_at_one_moment_have_one_outcome(scene: Scene) -> None:
    for number in range(1, 11):
        stage = (await scene.push()).stages[0]

        await asyncio.gather(
            scene.accept(stage), stop.cancel(scene.ports, scene.repo, number, OCTOCAT), return_exceptions=True
        )

        assert await scene.statuses(number) == {"": "killed", "default": "skipped"}


async def test_a_restart_and_a_report_of_its_parent_do_not_meet(scene: Scene) -> None:
    running = await scene.start(await only(scene), "one")

    old = await scene.build(1)
    await asyncio.gather(
        flow.restart(scene.ports, scene.repo, old, by=OCTOCAT, debug=False, params={}),
        progress.update_stage(scene.ports, ended(running), RUNNER),
    )

    assert [(await scene.statuses(number))[""] for number in (1, 2)] == ["success", "pending"]


async def test_losing_a_runner_and_its_last_report_at_one_moment_have_one_outcome(scene: Scene) -> None:
    for number in range(1, 11):
        running = await scene.start((await scene.push()).stages[0], "one")

        await asyncio.gather(
            progress.lose(scene.ports, "r1"),
            progress.update_stage(scene.ports, ended(running), RUNNER),
            return_exceptions=True,
        )

        statuses = await scene.statuses(number)
        assert statuses in ({"": "success", "default": "success"}, {"": "error", "default": "error"})
        assert (await scene.build(number)).version == 3
