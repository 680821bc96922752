"""A newer build takes the place of older ones where its repository asks for that (contract drone-rpc 11.2)."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.builds import flow, progress
from app.builds.model import Build
from app.db.connect import Database
from app.errors import Conflict
from app.repos import store as repos
from tests.builds.farside import HOOK, NOW, RUNNER, Scene, ended, file, laid, pipeline, pushed

CHAIN = (pipeline("build"), pipeline("deploy", depends_on=["build"]))


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> Scene:
    return await laid(db, tmp_path)


def asks(scene: Scene, **flags: bool) -> None:
    """The repository's settings, as whoever begins a build has read them."""
    scene.repo = replace(scene.repo, **flags)  # type: ignore[arg-type]


async def push(scene: Scene, **fields: Any) -> Build:
    repo = await scene.ports.db.read(repos.find(scene.repo.id))
    flags = {name: getattr(scene.repo, name) for name in vars(repo) if name.startswith("auto_cancel")}
    sha = scene.host.add(file(*CHAIN))
    repo = replace(repo, **flags)
    return await flow.start(scene.ports, repo, replace(pushed(repo, sha), **fields), "build.push", HOOK)


async def test_a_push_takes_the_place_of_older_ones_that_wait(scene: Scene) -> None:
    asks(scene, auto_cancel_pushes=True)
    await push(scene)
    scene.clock.time = NOW + 9
    await push(scene)

    first = await scene.build(1)
    assert (first.status, first.started, first.finished) == ("skipped", NOW + 9, NOW + 9)
    assert await scene.statuses(1) == {"": "skipped", "build": "skipped", "deploy": "skipped"}
    assert await scene.statuses(2) == {"": "pending", "build": "pending", "deploy": "waiting_on_dependencies"}
    assert await scene.queued() == ["build"]


@pytest.mark.parametrize(
    ("flags", "fields"),
    [
        ({}, {}),
        ({"auto_cancel_pull_requests": True}, {}),
        ({"auto_cancel_pushes": True}, {"event": "pull_request"}),
        ({"auto_cancel_pushes": True, "auto_cancel_pull_requests": True}, {"event": "tag"}),
        ({"auto_cancel_pushes": True, "auto_cancel_running": True}, {"ref": "refs/heads/other"}),
        ({"auto_cancel_running": True}, {}),
    ],
)
async def test_what_was_not_asked_for_stays(scene: Scene, flags: dict[str, bool], fields: dict[str, str]) -> None:
    await push(scene)
    asks(scene, **flags)
    await push(scene, **fields)

    assert (await scene.build(1)).status == "pending"


async def test_pull_requests_take_the_place_of_their_own_older_builds(scene: Scene) -> None:
    asks(scene, auto_cancel_pull_requests=True)
    for ref in ("refs/pull/1/head", "refs/pull/2/head", "refs/pull/1/head"):
        await push(scene, event="pull_request", ref=ref)

    assert [(await scene.build(number)).status for number in (1, 2, 3)] == ["skipped", "pending", "pending"]


async def test_what_runs_is_left_alone_unless_that_is_asked_for_too(scene: Scene) -> None:
    asks(scene, auto_cancel_pushes=True)
    running = await scene.start((await push(scene)).stages[0], "one")
    await push(scene)
    assert (await scene.build(1)).status == "running"

    asks(scene, auto_cancel_running=True)
    with scene.ports.moments.over.subscribe() as over:
        await push(scene)
        stopped = {await over.wait(20), await over.wait(20)}

    assert stopped == {(await scene.build(number)).id for number in (1, 2)}
    assert await scene.statuses(1) == {"": "skipped", "build": "killed", "deploy": "skipped"}
    assert (await scene.build(1)).stages[0].steps[0].exit_code == 130
    with pytest.raises(Conflict):
        await progress.update_stage(scene.ports, ended(running), RUNNER)


async def test_builds_that_are_over_stay_as_they_were(scene: Scene) -> None:
    asks(scene, auto_cancel_pushes=True, auto_cancel_running=True)
    for stage in ("build", "deploy"):
        if stage == "build":
            await push(scene)
        await scene.run(await scene.stage(1, stage))
    before = await scene.build(1)
    await push(scene)

    assert await scene.build(1) == before


async def test_of_many_pushes_at_one_moment_the_newest_stays(scene: Scene) -> None:
    asks(scene, auto_cancel_pushes=True)
    made = await asyncio.gather(*(push(scene) for _ in range(20)))

    statuses = {build.number: (await scene.build(build.number)).status for build in made}
    assert statuses == {number: "pending" if number == 20 else "skipped" for number in range(1, 21)}


async def test_a_runner_that_finishes_while_its_build_is_superseded_is_heard_or_refused(scene: Scene) -> None:
    asks(scene, auto_cancel_pushes=True, auto_cancel_running=True)
    for number in range(1, 20, 2):
        running = await scene.start((await push(scene)).stages[0], "one")
        said, _ = await asyncio.gather(
            progress.update_stage(scene.ports, ended(running), RUNNER), push(scene), return_exceptions=True
        )
        statuses = await scene.statuses(number)
        assert statuses["build"] == ("killed" if isinstance(said, Conflict) else "success")
        assert statuses[""] == "skipped"
        assert statuses["deploy"] == "skipped"
