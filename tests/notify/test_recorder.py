"""What is written into the outbox, in the transaction of which change, and at what cost."""

import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from app.builds import flow, progress, stop
from app.builds.model import Build
from app.builds.moments import Doing, Happened, Moments
from app.db.tx import Tx
from app.errors import NothingToRun, Unavailable
from app.moments import Recorders
from app.notify.recorder import Naming, Notes
from app.repos import settings
from tests.builds.farside import HOOK, NOW, OCTOCAT, RUNNER, ended, pipeline, pushed, uncommitted
from tests.counting import Counting
from tests.notify.farside import SERVER, URL, Scene, laid


async def promoted(scene: Scene, **more: Any) -> None:
    old = await scene.build(1)
    await flow.promote(scene.ports, scene.repo, old, target="production", by=OCTOCAT, params={}, **more)


async def test_a_build_that_begins_is_told_of_in_its_transaction(scene: Scene) -> None:
    await scene.push()

    [entry] = await scene.entries()
    build = await scene.build(1)
    assert (entry.kind, entry.host, entry.state, entry.due) == ("status", "forge", "waiting", NOW * 1000)
    assert entry.subject == f"{build.after} continuous-integration/drone/push"
    assert entry.payload == {
        "sha": build.after,
        "context": "continuous-integration/drone/push",
        "state": "pending",
        "description": "Build is pending",
        "link": f"{URL}/octocat/hello-world/1",
        "ref": "refs/heads/main",
    }


async def test_a_build_that_is_not_made_is_not_told_of(scene: Scene) -> None:
    await scene.push(pipeline(trigger={"event": ["push"]}))
    before = await scene.entries()

    with pytest.raises(NothingToRun):
        await promoted(scene)
    doing = scene.ports.moments._recorded(
        flow._begin(scene.repo, _again(scene), "build.push", HOOK, NOW), watched=False
    )
    with pytest.raises(Unavailable):
        await scene.ports.db.write(uncommitted(doing))

    assert await scene.entries() == before


def _again(scene: Scene) -> Tx[Build]:
    return flow._insert(pushed(scene.repo, "b" * 40), ())


async def test_whoever_sends_hears_of_each_change_that_writes_and_of_no_other(scene: Scene) -> None:
    written, heard = Notes(scene.hosts, Naming(URL, SERVER), scene.now_ms), list[int]()
    written.on_written = lambda: heard.append(len(heard))
    _, other = counted(scene, written.recorder)

    build = await other.push()
    assert len(heard) == 1
    await other.ports.moments.carry_out(_unchanged(build))
    assert len(heard) == 1


def _unchanged(build: Build) -> Doing[None]:
    """A report of a runner that changes no status."""
    yield from ()
    return None, [Happened("build.start", build.id, HOOK, build=build, old=build)]


async def test_an_error_build_is_told_of(scene: Scene) -> None:
    await flow.fail(scene.ports, scene.repo, pushed(scene.repo, "c" * 40), "no such commit", "build.push", HOOK)

    [payload] = await scene.payloads()
    assert (payload["sha"], payload["state"]) == ("c" * 40, "error")


async def ends(scene: Scene) -> None:
    await scene.run((await scene.build(1)).stages[0])


async def is_lost(scene: Scene) -> None:
    await scene.start((await scene.build(1)).stages[0], "one")
    await progress.lose(scene.ports, "r1")


async def waits_in_vain(scene: Scene) -> None:
    await progress.give_up(scene.ports, NOW + 1)


async def is_cancelled(scene: Scene) -> None:
    await stop.cancel(scene.ports, scene.repo, 1, OCTOCAT)


@pytest.mark.parametrize(
    ("end", "state"),
    [(ends, "success"), (is_lost, "error"), (waits_in_vain, "error"), (is_cancelled, "killed")],
)
async def test_the_end_of_a_build_takes_the_place_of_what_has_not_left(
    scene: Scene, end: Callable[[Scene], Coroutine[Any, Any, None]], state: str
) -> None:
    await scene.push()

    await end(scene)

    assert [payload["state"] for payload in await scene.payloads()] == [state]


async def test_a_build_that_is_superseded_is_told_of(scene: Scene) -> None:
    await scene.push()
    repo = await scene.ports.db.write(settings.update(scene.repo.id, {"auto_cancel_pushes": True}, NOW))
    await replace(scene, repo=repo).push(pipeline("other"))

    assert sorted(payload["state"] for payload in await scene.payloads()) == ["pending", "skipped"]


async def test_of_the_stages_of_a_build_only_the_first_that_starts_and_the_last_that_ends_are_told(
    scene: Scene,
) -> None:
    await scene.push(pipeline("a"), pipeline("b"))
    first, second = (await scene.build(1)).stages
    running = await scene.start(first, "one")
    version = (await scene.entries())[0].version

    also = await scene.start(second, "one")
    also = replace(also, steps=(await scene.step(also.steps[0], "running"),))
    await progress.update_stage(scene.ports, ended(running), RUNNER)
    assert (await scene.entries())[0].version == version == 2
    await progress.update_stage(scene.ports, ended(also), RUNNER)

    assert (await scene.entries())[0].version == 3


async def test_plain_git_and_hosts_without_statuses_are_told_nothing(scene: Scene) -> None:
    for host in ("", "quiet"):
        other = await scene.at(host)
        await other.push()
        await other.run((await other.build(1)).stages[0])
        await promoted(other)

    assert await scene.entries() == []


async def test_a_host_that_the_settings_do_not_name_now_is_told_when_they_do(scene: Scene) -> None:
    gone = (await scene.at("gone")).repo

    await flow.fail(scene.ports, gone, pushed(gone, "c" * 40), "the host is not known", "build.push", HOOK)

    assert [entry.host for entry in await scene.entries()] == ["gone"]


async def test_the_settings_name_the_context_or_switch_statuses_off(scene: Scene, tmp_path: Any, db: Any) -> None:
    del scene
    await db.write(_nobody())
    named = await laid(db, tmp_path / "named", Naming(URL, SERVER, prefix="ci/acme"))
    await named.push()
    assert [entry.payload["context"] for entry in await named.entries()] == ["ci/acme/push"]
    await db.write(_nobody())

    silent = await laid(db, tmp_path / "silent", Naming(URL, SERVER, statuses=False))
    await silent.push()
    await promoted(silent)

    assert [entry.kind for entry in await silent.entries()] == ["deployment"]


def _nobody() -> Tx[None]:
    yield "DELETE FROM repos", {}
    yield "DELETE FROM users", {}


def counted(scene: Scene, *recorders: Any) -> tuple[Counting, Scene]:
    counting = Counting(scene.ports.db)
    ports = replace(scene.ports, db=counting, moments=Moments(counting, scene.ports.logs, Recorders(*recorders)))
    return counting, replace(scene, ports=ports)


async def lived(scene: Scene) -> None:
    """A push, a promotion with two stages, and its life, as often as a database is asked."""
    await promoted(scene)
    for stage in (await scene.build(2)).stages:
        running = await scene.start(stage, "one")
        running = replace(running, steps=(await scene.step(running.steps[0], "running"),))
        await progress.update_stage(scene.ports, ended(running), RUNNER)


async def test_a_promotion_costs_one_statement_more(scene: Scene) -> None:
    await scene.push()
    old = await scene.build(1)
    counting, counts = counted(scene, scene.recorder)

    await flow.promote(counts.ports, scene.repo, old, target="production", by=OCTOCAT, params={})

    written = [re.findall(r"(?:INTO|UPDATE) (\w+)", statement)[0] for statement in counting.statements]
    assert written == ["repos", "builds", "latest", "stages", "outbox"]
    assert sorted(entry.kind for entry in await scene.entries()) == ["deployment", "status", "status"]


@pytest.mark.parametrize(("host", "more"), [("", 5), ("forge", 8)])
async def test_the_life_of_a_build_costs_little_more(scene: Scene, host: str, more: int) -> None:
    """What the funnel reads to make the moments of the first start and of the end; and one for each thing told."""
    asked = []
    for number, recorders in enumerate([(), (scene.recorder,)]):
        other = await replace(scene, repo=replace(scene.repo, name=f"n{number}", uid=str(number))).at(host)
        await other.push(pipeline("a"), pipeline("b"))
        counting, other = counted(other, *recorders)
        await lived(other)
        asked.append(len(counting.statements))
        await scene.ports.db.write(settings.delete(other.repo))

    assert asked[1] - asked[0] == more
