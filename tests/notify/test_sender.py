"""What a host is told of builds, and what is kept of its answers."""

import pytest

from app.builds import flow, progress
from app.builds.model import Build
from app.db.tx import run
from app.errors import Unavailable, Unreadable
from app.repos import settings
from app.repos.model import source
from app.scm.forge import Later
from tests.builds.farside import NOW, OCTOCAT, RUNNER, ended
from tests.notify.farside import Scene


async def promoted(scene: Scene) -> Build:
    old = await scene.build(1)
    return await flow.promote(scene.ports, scene.repo, old, target="production", by=OCTOCAT, params={})


async def test_a_promotion_is_shown_in_all_its_states_and_as_a_status_too(scene: Scene) -> None:
    await scene.push()
    await scene.leaves()
    build = await promoted(scene)
    await scene.leaves()
    assert (await scene.build(2)).deploy_id == 7001
    running = await scene.start(build.stages[0], "one")
    await scene.leaves()
    await progress.update_stage(scene.ports, ended(running), RUNNER)
    await scene.leaves()

    shown = [(known, deployment.state) for known, deployment in scene.forge.deployments]
    assert shown == [("", "pending"), ("7001", "running"), ("7001", "success")]
    assert scene.forge.shown == [
        ("/push", "pending"),
        ("/promote/production", "pending"),
        ("/promote/production", "running"),
        ("/promote/production", "success"),
    ]
    assert set(scene.forge.told) == {source(scene.repo)}


async def test_the_id_of_a_deployment_that_a_webhook_brought_is_used(scene: Scene) -> None:
    await scene.push()
    build = await promoted(scene)
    await scene.ports.db.write(run("UPDATE builds SET deploy_id = 41 WHERE id = :id", id=build.id))

    await scene.leaves()

    assert [known for known, _ in scene.forge.deployments] == ["41"]
    assert (await scene.build(2)).deploy_id == 41


@pytest.mark.parametrize("given", ["", "no number", "9" * 40])
async def test_a_host_that_has_no_id_yet_is_asked_again_without_one(scene: Scene, given: str) -> None:
    scene.forge.next_id = given
    await scene.push()
    build = await promoted(scene)
    await scene.leaves()
    scene.forge.next_id = "7002"
    await scene.start(build.stages[0], "one")
    await scene.leaves()

    assert [known for known, _ in scene.forge.deployments] == ["", ""]
    assert (await scene.build(2)).deploy_id == 7002


async def test_two_promotions_of_a_commit_are_two_deployments_in_order(scene: Scene) -> None:
    await scene.push()
    await promoted(scene)
    await promoted(scene)

    await scene.leaves()

    assert [shown.payload["build"] for _, shown in scene.forge.deployments] == [2, 3]


async def test_a_repository_can_switch_deployments_off(scene: Scene) -> None:
    await scene.push()
    scene.repo = await scene.ports.db.write(settings.update(scene.repo.id, {"deployments": False}, NOW))
    await promoted(scene)

    await scene.leaves()

    assert scene.forge.deployments == []
    assert len(scene.forge.statuses) == 2


async def test_a_build_that_was_purged_has_no_deployment_any_more(scene: Scene) -> None:
    await scene.push()
    build = await promoted(scene)
    await scene.run(build.stages[0])
    await scene.ports.db.write(run("DELETE FROM builds WHERE id = :id", id=build.id))

    await scene.leaves()

    assert (scene.forge.deployments, await scene.entries()) == ([], [])


@pytest.mark.parametrize("error", [Unavailable("503"), Unreadable("damaged", code="mirror_damaged"), Later("busy", 60)])
async def test_what_may_pass_is_tried_again(scene: Scene, error: Exception) -> None:
    scene.forge.fault = error
    await scene.push()
    await scene.leaves()
    [entry] = await scene.entries()
    assert (entry.state, entry.error) == ("waiting", str(error))

    scene.forge.fault = None
    scene.clock.time += 60
    await scene.leaves()

    assert scene.forge.shown == [("/push", "pending")]


async def test_what_the_host_refuses_is_dead_with_its_reason(scene: Scene) -> None:
    scene.forge.fault = Unreadable("no commit found for the sha")
    await scene.push()

    await scene.leaves()

    [entry] = await scene.entries()
    assert (entry.state, entry.tries, entry.error) == ("dead", 1, "no commit found for the sha")


async def test_a_host_that_the_settings_do_not_name_is_waited_for(scene: Scene) -> None:
    await scene.push()
    await scene.ports.db.write(run("UPDATE repos SET scm = 'gone'"))

    await scene.leaves()

    [entry] = await scene.entries()
    assert entry.state == "waiting"
    assert "is of host 'gone', which the settings of the server do not name" in entry.error


async def test_a_host_that_shows_neither_refuses(scene: Scene) -> None:
    await scene.push()
    await promoted(scene)
    await scene.ports.db.write(run("UPDATE repos SET scm = 'quiet'"))

    await scene.leaves()

    assert {entry.error for entry in await scene.entries()} == {
        "the host 'quiet' shows no statuses of commits",
        "the host 'quiet' shows no deployments",
    }
