"""The verbs of the built-in runner, on what was deleted meanwhile."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.builds import removal
from app.builds.model import Line
from app.errors import NotFound
from app.repos.model import Repo
from app.runners.dispatch.credentials import Credentials
from app.runners.dispatch.leases import Leases
from app.runners.dispatch.local import LocalManager
from app.runners.dispatch.queue import Queue
from app.runners.manager import System
from app.sealing.seal import Seal
from tests.builds.farside import OCTOCAT, Scene, ended, read_log
from tests.soon import soon


@pytest.fixture
def manager(scene: Scene) -> LocalManager:
    system, leases = System("http", "localhost", "1"), Leases(scene.ports, lease=120, patience=3600)
    return LocalManager(scene.ports, Queue(scene.ports), Seal("a key"), system, leases, runner="r1")


async def test_a_runner_stops_what_was_deleted_whenever_it_asks(scene: Scene, manager: LocalManager) -> None:
    build = await scene.push()
    await scene.start(build.stages[0], "one")
    watching = asyncio.create_task(manager.watch(build.id))
    await soon(lambda: manager.ports.moments.over.heard)

    await removal.remove(scene.ports, scene.repo, OCTOCAT)

    assert await asyncio.wait_for(watching, 20) is True
    assert await asyncio.wait_for(manager.watch(build.id), 20) is True


async def test_a_runner_clones_from_where_the_repository_is_now(scene: Scene, manager: LocalManager) -> None:
    async def located(repo: Repo) -> Repo:
        return replace(repo, git_http_url="https://host.test/octocat/moved.git")

    running = await scene.start((await scene.push()).stages[0], "one")

    context = await replace(manager, seal=scene.ports.seal, credentials=Credentials(located=located)).details(
        running.id
    )

    assert context.repo.git_http_url == "https://host.test/octocat/moved.git"


async def test_what_a_runner_reports_of_what_was_deleted_is_refused(scene: Scene, manager: LocalManager) -> None:
    running = await scene.start((await scene.push()).stages[0], "one")
    await removal.remove(scene.ports, scene.repo, OCTOCAT)

    with pytest.raises(NotFound):
        await manager.update_stage(ended(running))
    with pytest.raises(NotFound):
        await manager.update_step(running.steps[0])
    with pytest.raises(NotFound):
        await manager.details(running.id)
    with pytest.raises(NotFound):
        await manager.accept(running.id, "lab")


async def test_a_log_that_comes_after_its_step_was_deleted_is_not_kept(
    scene: Scene, manager: LocalManager, tmp_path: Path
) -> None:
    step = (await scene.start((await scene.push()).stages[0], "one")).steps[0]
    await manager.update_step(replace(step, status="running", started=1))
    await manager.upload_log(step.id, b"[]")
    assert await read_log(scene.ports.logs, step.id) == b"[]"
    await removal.remove(scene.ports, scene.repo, OCTOCAT)

    with pytest.raises(NotFound):
        await manager.write_log(step.id, [Line(0, "late", 0)])
    with pytest.raises(NotFound):
        await manager.upload_log(step.id, b"[]")

    assert [path for path in (tmp_path / "logs").rglob("*") if path.is_file()] == []
