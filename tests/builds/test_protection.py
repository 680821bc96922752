"""Protected repositories: an unsigned file waits for an administrator, however its build begins."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from app.builds import approval, flow, stop, store
from app.builds.cron import flow as cron
from app.builds.cron.model import Cron
from app.builds.model import Build
from app.db.tx import Tx
from app.errors import Invalid, Unreadable
from app.evolve import evolve
from app.repos import store as repos
from tests.builds.farside import ADA, HOOK, OCTOCAT, Scene, file, pipeline, pushed

JOB = Cron(1, repo_id=1, name="nightly", expr="@daily", next=0, branch="main")


@pytest.fixture
async def protected(scene: Scene) -> Scene:
    """A protected repository whose first build, made before, succeeded with the file that every way finds."""
    await scene.run((await scene.push(pipeline("a"), pipeline("b"))).stages[0])
    await scene.run((await scene.build(1)).stages[1])
    scene.repo = replace(scene.repo, protected=True)
    return scene


async def pushes(scene: Scene) -> Build:
    sha = scene.host.heads["main"]
    return await flow.start(scene.ports, scene.repo, pushed(scene.repo, sha), "build.push", HOOK)


async def promotes(scene: Scene) -> Build:
    return await flow.promote(scene.ports, scene.repo, await scene.build(1), target="x", by=ADA, params={})


async def rolls_back(scene: Scene) -> Build:
    old = await scene.build(1)
    return await flow.promote(scene.ports, scene.repo, old, event="rollback", target="x", by=ADA, params={})


async def restarts(scene: Scene) -> Build:
    return await flow.restart(scene.ports, scene.repo, await scene.build(1), by=ADA, debug=False, params={})


async def creates(scene: Scene) -> Build:
    return await flow.create(scene.ports, scene.repo, by=ADA, branch="", commit="", message="", action="", params={})


async def runs_job(scene: Scene) -> Build:
    return await cron.run(scene.ports, scene.repo, JOB)


async def runs_promoting_job(scene: Scene) -> Build:
    return await cron.run(scene.ports, scene.repo, replace(JOB, event="promote", target="x", branch="main"))


WAYS = [pushes, promotes, rolls_back, restarts, creates, runs_job, runs_promoting_job]
Way = Callable[[Scene], Awaitable[Build]]


def statuses(build: Build) -> list[str]:
    return [stage.status for stage in build.stages]


@pytest.mark.parametrize("way", WAYS)
async def test_whoever_begins_a_build_of_an_unsigned_file_waits(protected: Scene, way: Way) -> None:
    assert statuses(await way(protected)) == ["blocked", "blocked"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_file_that_an_administrator_approved_runs_whoever_begins(protected: Scene, way: Way) -> None:
    await approval.approve(protected.ports, protected.repo, (await pushes(protected)).number, OCTOCAT)

    assert statuses(await way(protected)) == ["pending", "pending"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_declined_file_starts_nothing_whoever_begins(protected: Scene, way: Way) -> None:
    number = (await pushes(protected)).number
    await approval.decline(protected.ports, protected.repo, number, OCTOCAT)

    with pytest.raises(Unreadable, match=f"declined this pipeline file in build {number}") as refused:
        await way(protected)

    assert refused.value.code == "file_declined"
    assert await protected.ports.db.read(newest(protected.repo.id)) == number


def newest(repo_id: int) -> Tx[int]:
    """The last number that a build has."""
    build = yield from store.newest_of(repo_id)
    return build.number if build else 0


async def test_an_approval_is_for_one_text_alone(protected: Scene) -> None:
    await approval.approve(protected.ports, protected.repo, (await pushes(protected)).number, OCTOCAT)

    protected.host.add(file(pipeline("a"), pipeline("b")) + "\n")

    assert statuses(await pushes(protected)) == ["blocked", "blocked"]


async def test_an_approval_is_for_one_repository_alone(protected: Scene) -> None:
    await approval.approve(protected.ports, protected.repo, (await pushes(protected)).number, OCTOCAT)
    other = await protected.ports.db.write(repos.create(replace(protected.repo, name="other")))

    sha = protected.host.heads["main"]
    made = await flow.start(protected.ports, other, pushed(other, sha), "build.push", HOOK)

    assert statuses(made) == ["blocked", "blocked"]


async def test_a_file_is_approved_when_every_stage_is(protected: Scene) -> None:
    number = (await pushes(protected)).number

    await approval.approve(protected.ports, protected.repo, number, OCTOCAT, 1)
    assert statuses(await promotes(protected)) == ["blocked", "blocked"]
    await approval.approve(protected.ports, protected.repo, number, OCTOCAT, 2)

    assert statuses(await promotes(protected)) == ["pending", "pending"]


@pytest.mark.parametrize("first", [approval.approve, approval.decline])
async def test_one_declined_stage_declines_the_file(protected: Scene, first: Callable[..., Awaitable[None]]) -> None:
    number = (await pushes(protected)).number
    second = approval.decline if first is approval.approve else approval.approve

    await first(protected.ports, protected.repo, number, OCTOCAT, 1)
    await second(protected.ports, protected.repo, number, OCTOCAT, 2)

    with pytest.raises(Unreadable):
        await promotes(protected)


async def test_a_later_approval_of_the_same_file_takes_a_decline_back(protected: Scene) -> None:
    first, second = await pushes(protected), await pushes(protected)
    await approval.decline(protected.ports, protected.repo, first.number, OCTOCAT)

    await approval.approve(protected.ports, protected.repo, second.number, OCTOCAT)

    assert statuses(await promotes(protected)) == ["pending", "pending"]


async def test_a_cancel_approves_and_declines_nothing(protected: Scene) -> None:
    number = (await pushes(protected)).number
    await approval.approve(protected.ports, protected.repo, number, OCTOCAT, 1)

    await stop.cancel(protected.ports, protected.repo, number, OCTOCAT)

    assert statuses(await promotes(protected)) == ["blocked", "blocked"]


async def test_what_an_extension_blocked_says_nothing_about_a_file(protected: Scene) -> None:
    build = await protected.push(pipeline("a"))  # a protected repository, but the decision below is about this build
    assert statuses(build) == ["blocked"]
    unprotected = replace(protected.repo, protected=False)
    other = await flow.start(protected.ports, unprotected, pushed(unprotected, build.after), "build.push", HOOK)
    await protected.set(other.stages[0], status="blocked")

    await approval.approve(protected.ports, unprotected, other.number, OCTOCAT)

    again = await flow.start(protected.ports, protected.repo, pushed(protected.repo, build.after), "build.push", HOOK)
    assert statuses(again) == ["blocked"]


@pytest.mark.parametrize("decision", [approval.approve, approval.decline])
async def test_a_build_with_a_stage_that_waits_or_was_declined_does_not_start_again(
    protected: Scene, decision: Callable[..., Awaitable[None]]
) -> None:
    """Also when its own status tells nothing of that: after a cancel, and while another stage runs."""
    number = (await pushes(protected)).number
    await decision(protected.ports, protected.repo, number, OCTOCAT, 1)
    old = evolve(await protected.build(number), status="running")

    with pytest.raises(Invalid, match=r"cannot start a (blocked|declined) build") as refused:
        await flow.restart(
            protected.ports, replace(protected.repo, protected=False), old, by=ADA, debug=False, params={}
        )

    assert refused.value.code == "not_startable"


async def test_many_ways_at_one_moment_as_the_file_is_declined(protected: Scene) -> None:
    number = (await pushes(protected)).number
    work = [way(protected) for way in WAYS] + [approval.decline(protected.ports, protected.repo, number, OCTOCAT)]
    outcomes = await asyncio.gather(*work, return_exceptions=True)

    for outcome in outcomes[:-1]:
        assert isinstance(outcome, Unreadable) or statuses(outcome) == ["blocked", "blocked"]  # type: ignore[arg-type]
