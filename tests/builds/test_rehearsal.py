"""A rehearsal says what a verb would do, by the same code, and leaves nothing behind."""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from app.builds import approval, flow
from app.builds.moments import Moments
from app.db import schema
from app.db.tx import Tx, many, run
from app.errors import Invalid, NothingToRun, Unreadable
from app.events import Events
from app.moments import Moment, Recorder, Recorders
from tests.builds.farside import OCTOCAT, Scene, pipeline

DEPLOY = pipeline("deploy", trigger={"event": ["promote", "rollback"], "target": ["production"]})
FILE = pipeline("build", trigger={"event": ["push"]}), DEPLOY


async def everything(scene: Scene) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""

    def tx() -> Tx[dict[str, list[tuple[Any, ...]]]]:
        found = {}
        for table in schema.metadata.sorted_tables:
            found[table.name] = sorted(map(tuple, (yield from many(f"SELECT * FROM {table.name}"))), key=repr)
        return found

    return await scene.ports.db.read(tx())


async def promote(scene: Scene, *, dry: bool, target: str = "production", **params: str) -> Any:
    ports = scene.ports.rehearsing() if dry else scene.ports
    return await flow.promote(ports, scene.repo, await scene.build(1), target=target, by=OCTOCAT, params=params)


def told(build: Any) -> Any:
    """What does not come from the database's numbers."""
    stages = [replace(stage, id=0, build_id=0) for stage in build.stages]
    return replace(build, id=0, number=0, stages=tuple(stages))


async def test_it_answers_as_the_verb_and_changes_nothing(scene: Scene) -> None:
    await scene.push(*FILE)
    before = await everything(scene)

    rehearsed = await promote(scene, dry=True, VERSION="2")

    assert await everything(scene) == before
    assert await scene.counter() == 1
    assert told(rehearsed) == told(await promote(scene, dry=False, VERSION="2"))


async def test_what_recorders_write_is_rolled_back_and_nobody_is_told(scene: Scene) -> None:
    recorded: list[str] = []

    def record(moment: Moment) -> Tx[None]:
        recorded.append(moment.verb)
        yield from run("DELETE FROM latest WHERE repo_id = :repo_id", repo_id=moment.repo_id)

    await scene.push(*FILE)
    moments = Moments(scene.ports.db, scene.ports.logs, Recorders(Recorder(record, {"build.promote"})))
    scene.ports = replace(scene.ports, moments=moments)
    before = await everything(scene)
    buses: list[Events[Any]] = [moments.watched, moments.waiting, moments.touched, moments.over]

    with ExitStack() as stack:
        heard = [stack.enter_context(bus.subscribe()) for bus in buses]
        await promote(scene, dry=True)
        for bus in buses:
            bus.close()
        assert [await subscription.next() for subscription in heard] == [None] * len(buses)

    assert recorded == ["build.promote"]
    assert await everything(scene) == before


async def test_refusals_are_those_of_the_verb(scene: Scene) -> None:
    await scene.push(*FILE)

    for target, error in (("", Invalid), ("nowhere", NothingToRun)):
        said = []
        for dry in (True, False):
            with pytest.raises(error) as refused:
                await promote(scene, dry=dry, target=target)
            said.append((refused.value.code, refused.value.message))
        assert said[0] == said[1]


async def test_a_file_that_is_wrong_would_make_an_error_build(scene: Scene) -> None:
    await scene.push("kind: pipeline\ntype: exec\nsteps: nonsense")
    before = await everything(scene)

    rehearsed = await promote(scene, dry=True)

    assert (rehearsed.status, await everything(scene)) == ("error", before)
    assert "steps" in rehearsed.error


async def test_an_unsigned_file_would_wait_for_approval_and_a_declined_one_would_be_refused(scene: Scene) -> None:
    scene.repo = replace(scene.repo, protected=True)
    await scene.push(*FILE)

    rehearsed = await promote(scene, dry=True)
    assert (rehearsed.blocked, [stage.status for stage in rehearsed.stages]) == (True, ["blocked"])

    await approval.decline(scene.ports, scene.repo, 1, OCTOCAT)
    before = await everything(scene)
    for dry in (True, False):
        with pytest.raises(Unreadable, match="declined this pipeline file"):
            await promote(scene, dry=dry)
    assert await everything(scene) == before


async def test_older_builds_whose_place_it_would_take_go_on(scene: Scene) -> None:
    scene.repo = replace(scene.repo, auto_cancel_pushes=True)
    await scene.push(*FILE)
    before = await everything(scene)

    old = await scene.build(1)
    await flow.restart(scene.ports.rehearsing(), scene.repo, old, by=OCTOCAT, debug=False, params={})

    assert await everything(scene) == before
    await flow.restart(scene.ports, scene.repo, old, by=OCTOCAT, debug=False, params={})
    assert (await scene.build(1)).status == "skipped"
