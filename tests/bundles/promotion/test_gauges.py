"""The numbers of release bundles that are for monitoring."""

import pytest

from app.bundles import gauges
from app.errors import AppError
from tests.bundles.farside import Scene, of_artifacts
from tests.bundles.promotion import acts
from tests.bundles.promotion.conftest import Gate
from tests.soon import soon


async def numbers(scene: Scene, later: int = 0) -> dict[str, float]:
    """The numbers some milliseconds later, without those that are 0."""
    assert scene.worker is not None
    found = await gauges.read(scene.db, scene.worker, lambda: scene.at + later)
    return {gauge.name.removeprefix("gantry_bundle_"): gauge.value for gauge in found if gauge.value}


async def test_what_was_done_and_what_failed_is_counted(scene: Scene) -> None:
    assert await numbers(scene) == {}
    await acts.shop(scene, "lib/a.jar")
    await scene.create("shop", "2.0", of_artifacts("dev-local:lib/a.jar"), draft=True)
    done = await acts.promote(scene, "STAGE")
    await acts.delete_promotion(scene, done)
    await acts.delete(scene, "2.0")

    found = await numbers(scene)

    assert found.pop("work_seconds_total") > 0
    assert found == {"versions": 1, "creations_total": 1, "promotions_total": 1, "deletions_total": 2}


async def test_work_that_waits_is_told_with_its_age(scene: Scene, gate: Gate) -> None:
    """Two works are done at once, so the third one waits."""
    await acts.shop(scene, "lib/a.jar")
    first = scene.at + 1
    begun = [await acts.begin(scene, environment) for environment in ("DEV", "STAGE", "PROD")]
    assert scene.worker is not None
    scene.worker.wake()

    async def one_waits() -> bool:
        return (await numbers(scene)).get("work_waiting") == 1

    await soon(one_waits)
    found = await numbers(scene, later=1500)

    assert found["work"] == 3
    assert found["work_oldest_seconds"] == (scene.at + 1500 - first) / 1000
    gate.open()
    for each in begun:
        await acts.wait(scene, each.work_id)
    assert not [name for name in await numbers(scene) if name in ("work", "work_waiting", "work_oldest_seconds")]


async def test_work_that_fails_is_counted_as_failed(scene: Scene, gate: Gate) -> None:
    await acts.shop(scene, "lib/a.jar")
    begun = await acts.begin(scene, "STAGE")
    await scene.put("stage-local:lib/a.jar", "other")
    gate.open()
    with pytest.raises(AppError, match="already exists"):
        await acts.wait(scene, begun.work_id)

    found = await numbers(scene)

    assert (found.get("promotions_total"), found["promotions_failed_total"], found.get("work")) == (None, 1, None)
