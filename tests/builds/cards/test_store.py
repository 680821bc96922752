"""Cards of steps: one each, and no trouble for the runner whose step it is."""

import asyncio
from dataclasses import replace

import pytest

from app.builds import progress, steps
from app.builds.cards import store as cards
from app.builds.model import Step
from app.db.tx import many, run
from app.errors import Conflict, NotFound
from tests.builds.farside import RUNNER, Scene

SCHEMA = "https://cards.example.com/coverage.json"


async def running(scene: Scene) -> Step:
    made = await scene.push()
    return (await scene.start(made.stages[0], "test")).steps[0]


async def stored(scene: Scene, step: Step) -> Step:
    return await scene.ports.db.read(steps.find(step.id))


async def test_a_step_has_one_card_and_names_its_template(scene: Scene) -> None:
    step = await running(scene)
    db = scene.ports.db

    await db.write(cards.create(step, SCHEMA, '{"a":1}'))
    with pytest.raises(Conflict, match="step test has a card already") as refused:
        await db.write(cards.create(step, "other", "2"))

    assert refused.value.code == "card_exists"
    assert await db.read(cards.find(step)) == '{"a":1}'
    assert (await stored(scene, step)).schema == SCHEMA


async def test_a_card_that_is_removed_leaves_the_name_of_its_template(scene: Scene) -> None:
    step = await running(scene)
    db = scene.ports.db
    await db.write(cards.create(step, SCHEMA, "1"))

    await db.write(cards.delete(step))

    assert (await stored(scene, step)).schema == SCHEMA
    for gone in (cards.delete(step), cards.find(step)):
        with pytest.raises(NotFound, match="step test has no card"):
            await db.write(gone)
    await db.write(cards.create(step, "", "2"))
    assert await db.read(cards.find(step)) == "2"
    assert (await stored(scene, step)).schema == ""


async def test_of_many_at_one_moment_one_is_kept(scene: Scene) -> None:
    step = await running(scene)
    many_at_once = (scene.ports.db.write(cards.create(step, f"s{n}", str(n))) for n in range(8))

    outcomes = await asyncio.gather(*many_at_once, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 7 + ["NoneType"]
    assert (await stored(scene, step)).schema == f"s{await scene.ports.db.read(cards.find(step))}"


async def test_the_next_report_of_the_steps_runner_is_taken_and_keeps_the_template(scene: Scene) -> None:
    step = await running(scene)
    await scene.ports.db.write(cards.create(step, SCHEMA, "1"))

    reported = await progress.update_step(scene.ports, replace(step, status="success"), RUNNER)
    assert (reported.status, reported.schema) == ("success", SCHEMA)
    named = await progress.update_step(scene.ports, replace(reported, error="late", schema="other"), RUNNER)
    assert named.schema == "other"


async def test_it_goes_with_its_build(scene: Scene) -> None:
    step = await running(scene)
    await scene.ports.db.write(cards.create(step, SCHEMA, "1"))
    await scene.ports.db.write(run("DELETE FROM builds"))

    assert await scene.ports.db.read(many("SELECT * FROM cards")) == []
