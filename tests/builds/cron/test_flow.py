"""What jobs become: whence each field of their builds comes, and what a change makes of when they are due."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.builds import flow as builds
from app.builds import store as built
from app.builds.cron import flow, store
from app.builds.cron.model import LATEST_SUCCESS, Cron
from app.builds.model import Build
from app.db.tx import Tx
from app.errors import Invalid, NotFound, NothingToRun, Unavailable, Unreadable
from tests.builds.cron.conftest import ANY_PACE, START, Add
from tests.builds.farside import NOW, OCTOCAT, Scene, file, pipeline

NIGHTLY = pipeline(trigger={"event": ["cron"], "cron": ["nightly"]})


async def change(scene: Scene, now: int = START + 100, /, **changes: Any) -> Cron:
    return await scene.ports.db.write(flow.update(scene.repo.id, "nightly", changes, now, ANY_PACE))


async def execute(scene: Scene, job: Cron) -> Build:
    return await flow.run(scene.ports, scene.repo, job)


async def green(scene: Scene, **fields: Any) -> Build:
    """A push that succeeded."""
    made = await scene.push(**fields)
    await scene.run(made.stages[0])
    return made


async def test_a_new_job_is_due_from_now_on(scene: Scene, add: Add) -> None:
    assert (await add("hourly", "@hourly")).next == START + 46 * 60
    assert (await add("often", "@every 7s")).next == START + 7


async def test_a_job_is_due_by_the_clock_of_its_zone(scene: Scene, add: Add) -> None:
    job = await add("nightly", "@daily", zone="Asia/Kolkata")
    assert (START + 5 * 3600 + 30 * 60) % 86400 + job.next - START == 86400

    moved = await change(scene, zone="America/New_York")
    assert (moved.zone, moved.next) == ("America/New_York", 1_700_024_400)
    assert await scene.ports.db.read(store.find(scene.repo.id, "nightly")) == moved
    assert ANY_PACE.due(moved, moved.next) == moved.next + 86400


@pytest.mark.parametrize("target", ["", "production"])
async def test_a_job_that_builds_has_no_target(add: Add, target: str) -> None:
    job = await add(target=target, parent=LATEST_SUCCESS)

    assert (job.event, job.target, job.parent) == ("push", "", "")


async def test_a_job_that_promotes_takes_the_latest_success(add: Add) -> None:
    job = await add(event="promote", target="production")

    assert (job.event, job.target, job.parent) == ("promote", "production", LATEST_SUCCESS)


async def test_a_job_that_promotes_needs_a_target(scene: Scene, add: Add) -> None:
    with pytest.raises(Invalid, match="needs a target") as refused:
        await add(event="promote")
    assert [problem.field for problem in refused.value.problems] == ["target"]

    job = await add()
    with pytest.raises(Invalid, match="needs a target"):
        await change(scene, event="promote", branch="other")
    assert await scene.ports.db.read(store.find(scene.repo.id, "nightly")) == job


async def test_a_change_changes_what_it_names(scene: Scene, add: Add) -> None:
    job = await add()

    assert await change(scene, branch="topic") == replace(job, branch="topic", updated=START + 100, version=2)
    assert await change(scene, target="x") == replace(job, branch="topic", target="x", updated=START + 100, version=3)
    promoting = await change(scene, event="promote")
    assert (promoting.event, promoting.target, promoting.parent) == ("promote", "x", LATEST_SUCCESS)
    with pytest.raises(Invalid):
        await change(scene, target="")
    building = await change(scene, event="push")
    assert (building.event, building.target, building.parent) == ("push", "x", "")
    assert await scene.ports.db.read(store.find(scene.repo.id, "nightly")) == building


async def test_when_a_job_is_due_moves_only_with_its_expression_or_when_it_is_enabled_again(
    scene: Scene, add: Add
) -> None:
    job = await add()

    for changes in ({"branch": "topic"}, {"disabled": False}, {"expr": job.expr}, {"disabled": True}):
        assert (await change(scene, **changes)).next == job.next
    assert (await change(scene, START + 1000, disabled=False)).next == START + 1010
    assert (await change(scene, START + 2000, expr="@every 1m")).next == START + 2060
    assert (await change(scene, START + 3000, expr="@every 5s", disabled=True)).next == START + 3005


async def test_changes_at_one_moment_are_all_kept(scene: Scene, add: Add) -> None:
    await add()
    changes: list[dict[str, Any]] = [{"branch": "topic"}, {"target": "x"}, {"expr": "@daily"}, {"disabled": True}]

    await asyncio.gather(*(change(scene, **one) for one in changes * 3))

    job = await scene.ports.db.read(store.find(scene.repo.id, "nightly"))
    assert (job.branch, job.target, job.expr, job.disabled, job.version) == ("topic", "x", "@daily", True, 13)


async def test_a_run_builds_the_head_of_the_branch(scene: Scene, add: Add) -> None:
    await scene.push()
    head = scene.host.add(file(NIGHTLY, pipeline("other", trigger={"cron": ["weekly"]})), branch="topic", message="new")
    job = await add(branch="topic")

    made = await execute(scene, job)

    assert [stage.name for stage in made.stages] == ["default"]
    assert replace(made, id=0, stages=()) == Build(
        id=0,
        repo_id=scene.repo.id,
        number=2,
        trigger="@cron",
        event="cron",
        timestamp=NOW - 60,
        message="new",
        after=head,
        ref="refs/heads/topic",
        target_branch="topic",
        author_login="Ada",
        author_name="Ada",
        author_email="ada@example.com",
        sender="Ada",
        cron="nightly",
        created=START,
        updated=START,
    )
    assert await scene.build(2) == made
    assert await scene.ports.db.read(store.find(scene.repo.id, "nightly")) == job


async def test_a_message_does_not_keep_a_job_from_its_run(scene: Scene, add: Add) -> None:
    scene.host.add(pipeline(), message="[skip ci] tidy")

    assert (await execute(scene, await add())).message == "[skip ci] tidy"


async def test_what_keeps_a_run_from_starting_is_told(scene: Scene, add: Add) -> None:
    job = await add()
    with pytest.raises(NotFound, match="branch main not found"):
        await execute(scene, job)

    scene.host.add(pipeline(trigger={"cron": ["weekly"]}))
    with pytest.raises(NothingToRun, match="nightly"):
        await execute(scene, job)

    scene.host.add(pipeline())
    for failure in (Unavailable("later"), Unreadable("never")):
        scene.host.failure = failure
        with pytest.raises(type(failure)):
            await execute(scene, job)
    assert await scene.counter() == 0


async def test_a_promoting_run_takes_the_newest_success_of_the_branch(scene: Scene, add: Add) -> None:
    first, second = await green(scene), await green(scene)
    await green(scene, ref="refs/heads/topic")
    await green(scene, ref="refs/pull/7/head", event="pull_request")
    await scene.push()
    job = await add(event="promote", target="production")

    made = await execute(scene, job)

    assert (made.parent, made.after, made.event, made.deploy_to) == (2, second.after, "promote", "production")
    assert (made.trigger, made.cron, made.sender, made.params) == ("@cron", "nightly", "grace", first.params)
    assert await scene.build(made.number) == made


@pytest.mark.parametrize("event", ["custom", "cron"])
async def test_whatever_built_the_branch_can_be_promoted(scene: Scene, add: Add, event: str) -> None:
    await green(scene)
    await green(scene, event=event)

    assert (await execute(scene, await add(event="promote", target="production"))).parent == 2


@pytest.mark.parametrize("event", ["promote", "rollback", "pull_request"])
async def test_what_built_no_branch_is_not_promoted(scene: Scene, add: Add, event: str) -> None:
    await green(scene)
    await green(scene, event=event, deploy_to="staging")

    assert (await execute(scene, await add(event="promote", target="production"))).parent == 1


async def test_without_a_success_there_is_nothing_to_promote(scene: Scene, add: Add) -> None:
    await scene.push()

    with pytest.raises(NothingToRun, match="branch main has no successful build yet"):
        await execute(scene, await add(event="promote", target="production"))


async def test_a_promotion_by_hand_keeps_the_job_of_its_parent(scene: Scene, add: Add) -> None:
    scene.host.add(pipeline())
    await execute(scene, await add())

    promoted = await builds.promote(scene.ports, scene.repo, await scene.build(1), target="x", by=OCTOCAT, params={})

    assert (promoted.cron, promoted.trigger) == ("nightly", "octocat")


async def claimed(scene: Scene) -> int:
    return (await scene.ports.db.read(store.find(scene.repo.id, "nightly"))).prev


async def test_a_claim_and_its_build_are_one(scene: Scene, add: Add) -> None:
    scene.host.add(pipeline())
    job = await add()

    def claim() -> Tx[None]:
        return store.claim(job, now=START + 10, next=START + 20)

    made = await flow.run(scene.ports, scene.repo, job, claim=claim())
    with pytest.raises(store.Claimed):
        await flow.run(scene.ports, scene.repo, job, claim=claim())
    with pytest.raises(store.Claimed):
        await flow.fail(scene.ports, scene.repo, job, "too late", claim=claim())

    assert (made.number, await scene.counter(), await claimed(scene)) == (1, 1, START + 10)


@pytest.mark.parametrize("text", [pipeline(), "kind: pipeline\nname: [\n"], ids=["good", "broken"])
async def test_without_its_build_a_claim_never_was(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    scene.host.add(text)
    job = await add()

    def dies(build: Build) -> Tx[Build]:
        yield from ()
        raise RuntimeError("the process is gone")

    monkeypatch.setattr(built, "create", dies)
    with pytest.raises(RuntimeError):
        await flow.run(scene.ports, scene.repo, job, claim=store.claim(job, now=START + 10, next=START + 20))

    assert await scene.ports.db.read(store.find(scene.repo.id, "nightly")) == job
    assert await scene.counter() == 0


async def test_a_failed_run_is_an_error_build_of_the_head(scene: Scene, add: Add) -> None:
    head = scene.host.add(pipeline())
    job = await add()

    made = await flow.fail(scene.ports, scene.repo, job, "no file", claim=store.claim(job, now=1, next=START + 20))

    assert (made.status, made.error, made.event, made.after) == ("error", "no file", "cron", head)
    assert (made.trigger, made.cron, made.ref, made.target_branch) == ("@cron", "nightly", "refs/heads/main", "main")


@pytest.mark.parametrize(("event", "deploy_to"), [("push", ""), ("promote", "production")])
async def test_a_failed_run_without_a_commit_is_one_too(scene: Scene, add: Add, event: str, deploy_to: str) -> None:
    job = await add(event=event, target=deploy_to)

    made = await flow.fail(scene.ports, scene.repo, job, "gone", claim=store.claim(job, now=1, next=START + 20))

    assert (made.event, made.deploy_to) == ("promote" if deploy_to else "cron", deploy_to)
    assert (made.status, made.after, made.cron) == ("error", "", "nightly")
