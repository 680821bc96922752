"""What subscribers are told of builds, repositories and accounts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.accounts import moments as of_accounts
from app.accounts import store as accounts
from app.builds import approval, flow, progress, stop
from app.builds.flow import Deployment
from app.builds.model import Build, Status
from app.builds.removal import remove
from app.db.connect import Database
from app.errors import Conflict, Invalid
from app.moments import Actor, Recorders
from app.notify.webhooks.events import completed
from app.notify.webhooks.keys import key_of
from app.repos import moments as of_repos
from app.repos import settings
from app.repos import store as repos
from tests.builds.farside import ADA, NOW, OCTOCAT, RUNNER, Scene, ended, laid, pipeline
from tests.counting import Counting
from tests.notify.webhooks.farside import SERVER, Subscriber

#: A pipeline file that cannot be read.
WRONG = "kind: [pipeline"
CHAIN = (pipeline("a"), pipeline("b", depends_on=["a"]))


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> Scene:
    return await laid(db, tmp_path)


async def promoted(scene: Scene, event: Deployment = "promote", target: str = "production", **params: str) -> Build:
    """A promotion, or a rollback, of the first build."""
    old = await scene.build(1)
    return await flow.promote(
        scene.ports, scene.repo, old, event=event, target=target, by=OCTOCAT, params={"TAG": "v1"} | params
    )


@pytest.mark.parametrize(("event", "kind"), [("promote", "promotion"), ("rollback", "rollback")])
@pytest.mark.parametrize(
    ("status", "ending"),
    [("success", "succeeded"), ("failure", "failed"), ("error", "failed"), ("killed", "failed")],
)
async def test_the_story_of_a_promotion(
    scene: Scene, subscriber: Subscriber, event: Deployment, kind: str, status: Status, ending: str
) -> None:
    await scene.push()
    subscriber.events.clear()

    build = await promoted(scene, event)
    running = await scene.start(build.stages[0], "one")
    step = await scene.step(running.steps[0], "running")
    await progress.update_stage(scene.ports, ended(replace(running, steps=(step,)), status), RUNNER)

    requested, started, *_, last = subscriber.events
    assert (requested.drone, started.drone, last.drone) == ("build:created", "", "build:updated")
    assert subscriber.told() == [
        f"{kind}.requested",
        f"{kind}.started",
        "stage.started 1",
        "build:updated",
        "stage.finished 1",
        f"{kind}.{ending}",
    ]


async def test_an_event_says_all_that_is_known(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push()
    build = await promoted(scene)
    running = await scene.start(build.stages[0], "one")
    await progress.update_stage(scene.ports, ended(running, "failure", exit_code=3), RUNNER)

    event = subscriber.last("promotion.failed")
    told: Any = event.facts["build"]
    assert (told["number"], told["parent"], told["deploy_to"], told["trigger"]) == (2, 1, "production", "octocat")
    assert told["params"] == {"A": "1", "B": "2", "TAG": "v1"}
    assert [stage["status"] for stage in told["stages"]] == ["failure"]
    assert event.facts["repo"]["slug"] == "octocat/hello"
    assert event.facts["by"] == {"kind": "runner", "name": "m1"}
    assert event.facts["error"] == "stage default: step one: exit code 0"
    assert event.at == NOW * 1000 + 5
    assert subscriber.last("promotion.requested").facts["by"] == {"kind": "person", "name": "octocat"}
    finished = subscriber.last("stage.finished")
    assert (finished.facts["stage"], finished.facts["error"]) == (1, "step one: exit code 0")


async def test_an_event_of_a_build_has_the_same_id_whenever_it_is_made(scene: Scene, subscriber: Subscriber) -> None:
    build = await scene.push()
    running = await scene.start(build.stages[0], "one", "two")
    first, second = running.steps
    first = await scene.step(first, "running")
    await scene.step(second, "running")
    await scene.step(first, "success")

    parts = [
        ("build.created", ""),
        ("build.started", ""),
        ("stage.started", "1"),
        ("", "1/1/2"),
        ("", "1/2/2"),
        ("", "1/1/3"),
    ]
    keys = [key_of(SERVER, "octocat/hello", 1, build.created, name, part) for name, part in parts]
    assert [event.key for event in subscriber.events] == keys


async def test_every_stage_of_a_build_is_told_once(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push(*CHAIN, pipeline("alarm", depends_on=["b"], trigger={"status": ["failure"]}))

    await scene.run(await scene.stage(1, "a"))
    assert subscriber.told() == ["build.created", "build.started", "stage.started 1", "stage.finished 1"]
    await scene.run(await scene.stage(1, "b"))
    assert subscriber.told() == ["stage.started 2", "stage.finished 2", "stage.finished 3", "build.finished"]


async def test_what_fails_first_is_the_error_of_a_build(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push(*CHAIN)
    running = await scene.start(await scene.stage(1, "a"), "one")
    await progress.update_stage(scene.ports, ended(running, "error", error="no space left"), RUNNER)

    assert subscriber.last("build.finished").facts["error"] == "stage a: no space left"
    assert subscriber.told()[-3:] == ["stage.finished 1", "stage.finished 2", "build.finished"]


async def test_a_failure_that_does_not_count_is_no_error(scene: Scene, subscriber: Subscriber) -> None:
    build = await scene.push()
    running = await scene.start(build.stages[0], "one", "two")
    last = ended(running, "failure")
    one, two = last.steps
    steps = (replace(one, errignore=True, exit_code=1), replace(two, exit_code=2))
    await progress.update_stage(scene.ports, replace(last, steps=steps), RUNNER)

    assert subscriber.last("build.finished").facts["error"] == "stage default: step two: exit code 2"


async def test_a_file_that_is_wrong_ends_a_build_as_it_begins(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push(WRONG)

    assert subscriber.drone() == ["build:created"]
    await scene.push(WRONG)
    error = subscriber.last("build.finished").facts["error"]
    assert "line 1" in error
    assert subscriber.told() == ["build.created", "build.finished"]


async def test_a_promotion_of_a_file_that_is_wrong_fails_at_once(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push(WRONG)
    subscriber.events.clear()
    await promoted(scene)

    assert [event.drone for event in subscriber.events] == ["build:created", ""]
    assert subscriber.told() == ["promotion.requested", "promotion.failed"]


async def test_a_stage_that_its_runner_would_refuse_ends_at_once(scene: Scene, subscriber: Subscriber) -> None:
    bad = pipeline("bad", type="docker", steps=[{"name": "one", "image": "", "commands": ["true"]}])
    build = await scene.push(bad)

    assert build.status == "error"
    assert subscriber.told() == ["build.created", "stage.finished 1", "build.finished"]


async def test_what_somebody_stops_is_cancelled(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push()
    build = await promoted(scene)
    running = await scene.start(build.stages[0], "one")
    subscriber.events.clear()

    await stop.cancel(scene.ports, scene.repo, build.number, ADA)
    cancelled = subscriber.last("promotion.cancelled")
    assert (cancelled.facts["by"], cancelled.facts["build"]["status"]) == ({"kind": "person", "name": "ada"}, "killed")
    assert "error" not in cancelled.facts
    with pytest.raises(Conflict):  # the runner was just about to say so
        await progress.update_stage(scene.ports, ended(running), RUNNER)
    await stop.cancel(scene.ports, scene.repo, build.number, ADA)
    assert subscriber.told() == ["stage.finished 1", "promotion.cancelled"]


async def test_a_build_whose_place_another_takes_is_cancelled(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push()
    subscriber.events.clear()
    scene.repo = replace(scene.repo, auto_cancel_pushes=True)
    await scene.push()

    assert [event.facts["build"]["number"] for event in subscriber.events] == [2, 1, 1]
    assert subscriber.last("build.finished").facts["build"]["status"] == "skipped"
    assert subscriber.told() == ["build.created", "stage.finished 1", "build.finished"]


async def test_an_approval_and_what_follows(scene: Scene, subscriber: Subscriber) -> None:
    scene.repo = replace(scene.repo, protected=True)
    build = await scene.push(pipeline("a"), pipeline("b"))
    assert build.blocked
    assert subscriber.told() == ["build.created"]

    await approval.approve(scene.ports, scene.repo, 1, ADA, 2)
    second = subscriber.last("build.approved")
    await approval.approve(scene.ports, scene.repo, 1, OCTOCAT, 1)
    first = subscriber.last("build.approved")

    assert (second.facts["stage"], second.facts["by"]["name"]) == (2, "ada")
    assert (first.facts["stage"], first.facts["by"]["name"]) == (1, "octocat")
    assert first.key != second.key
    assert (first.drone, second.drone) == ("", "")
    assert subscriber.told() == ["build.approved", "build.approved"]


async def test_an_approval_may_end_a_build(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push(*CHAIN)
    await scene.set(await scene.stage(1, "b"), status="blocked")
    running = await scene.start(await scene.stage(1, "a"), "one")
    await progress.update_stage(scene.ports, ended(running, "failure"), RUNNER)
    subscriber.events.clear()

    await approval.approve(scene.ports, scene.repo, 1, ADA)

    assert [event.drone for event in subscriber.events] == ["", "", "build:updated"]
    assert subscriber.told() == ["build.approved", "stage.finished 2", "build.finished"]


async def test_a_decline_is_the_end_whatever_follows(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push(pipeline("a"), pipeline("b"), pipeline("c"))
    for name in "bc":
        await scene.set(await scene.stage(1, name), status="blocked")
    running = await scene.start(await scene.stage(1, "a"), "one")
    subscriber.events.clear()

    await approval.decline(scene.ports, scene.repo, 1, ADA, 2)
    assert (subscriber.last("build.declined").facts["stage"], subscriber.last("build.declined").drone) == (2, "")
    assert subscriber.told() == ["stage.finished 2", "build.declined"]

    await approval.decline(scene.ports, scene.repo, 1, ADA, 3)
    step = await scene.step(running.steps[0], "running")
    await progress.update_stage(scene.ports, ended(replace(running, steps=(step,))), RUNNER)
    assert subscriber.told() == ["stage.finished 3", "build:updated", "stage.finished 1"]
    with pytest.raises(Invalid):
        await approval.decline(scene.ports, scene.repo, 1, ADA)


async def test_a_runner_that_is_lost_or_never_comes_fails_the_build(scene: Scene, subscriber: Subscriber) -> None:
    build = await scene.push()
    await scene.start(build.stages[0], "one")
    await progress.lose(scene.ports, "r1")
    lost = subscriber.last("build.finished")
    assert (lost.facts["error"], lost.facts["by"]["kind"], lost.drone) == (
        "stage default: runner lost",
        "server",
        "build:updated",
    )
    assert subscriber.told()[-2:] == ["stage.finished 1", "build.finished"]

    await scene.push()
    subscriber.events.clear()
    await progress.give_up(scene.ports, NOW + 1)
    assert "no runner took it" in subscriber.last("build.finished").facts["error"]
    assert subscriber.told() == ["stage.finished 1", "build.finished"]


async def test_a_report_that_is_repeated_is_told_once(scene: Scene, subscriber: Subscriber) -> None:
    build = await scene.push()
    running = await scene.start(build.stages[0], "one")
    for _ in range(2):
        step = await scene.step(running.steps[0], "running")
    for _ in range(2):
        await progress.update_stage(scene.ports, ended(replace(running, steps=(step,))), RUNNER)

    assert subscriber.drone() == ["build:created", "build:updated", "build:updated"]


async def test_a_deleted_repository_cancels_what_is_under_way(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push()
    await scene.push()
    await scene.run((await scene.build(2)).stages[0])
    subscriber.events.clear()

    await remove(scene.ports, scene.repo, OCTOCAT)

    assert [event.drone for event in subscriber.events] == ["", "build:updated", "repo:deleted"]
    deleted = subscriber.last("repo.deleted")
    assert (deleted.facts["repo"]["slug"], deleted.facts["by"]["name"]) == ("octocat/hello", "octocat")
    assert subscriber.told() == ["stage.finished 1", "build.finished", "repo.deleted"]


async def test_repositories_that_are_enabled_and_disabled(scene: Scene, subscriber: Subscriber) -> None:
    recorders, db, repo = scene.ports.moments.recorders, scene.ports.db, scene.repo
    await db.write(of_repos.changing(recorders, "repo.disable", ADA, repo.id, settings.disable(repo.id, NOW)))
    enabled = settings.enable(repo.id, repo.user_id, NOW)
    await db.write(of_repos.changing(recorders, "repo.enable", ADA, repo.id, enabled))
    other = replace(repo, id=0, name="other", uid="other")
    made = await db.write(recorders.recorded(repos.create(other), lambda new: of_repos.created(OCTOCAT, new)))
    renamed = settings.update(repo.id, {"timeout": 5}, NOW)
    await db.write(of_repos.changing(recorders, "repo.update", ADA, repo.id, renamed))

    assert [event.facts["repo"]["active"] for event in subscriber.events] == [False, True, True]
    assert subscriber.events[-1].facts["repo"]["id"] == made.id
    assert len({event.key for event in subscriber.events}) == 3
    assert [event.drone for event in subscriber.events] == ["repo:disabled", "repo:enabled", "repo:enabled"]
    assert subscriber.told() == ["repo.disabled", "repo.enabled", "repo.enabled"]


async def test_accounts_that_come_and_go(scene: Scene, subscriber: Subscriber) -> None:
    recorders, db = scene.ports.moments.recorders, scene.ports.db
    making = accounts.create("grace", token="grace's token", now=NOW, email="grace@example.com")
    made = await db.write(recorders.recorded(making, lambda user: of_accounts.created(OCTOCAT, user)))
    await db.write(recorders.record(of_accounts.deleted(OCTOCAT, made)))

    first, second = subscriber.events
    assert (first.type, second.type) == ("user.created", "user.deleted")
    assert (first.drone, second.drone) == ("user:created", "user:deleted")
    assert first.facts["user"] == second.facts["user"]
    assert (first.facts["user"]["id"], first.facts["user"]["email"]) == (made.id, "grace@example.com")
    assert "token" not in first.facts["user"]


async def test_what_was_in_the_target_before_is_read_only_for_those_who_show_it(
    scene: Scene, subscriber: Subscriber
) -> None:
    await scene.push()
    for _ in range(2):
        build = await promoted(scene)
        await scene.run(build.stages[0])
    counting: Any = Counting(scene.ports.db)
    event = subscriber.last("promotion.succeeded")

    plain = await counting.read(completed(event, ["drone"]))
    assert (plain, counting.statements) == (event, [])
    whole = await counting.read(completed(event, ["standard", "cdevents"]))
    assert whole.facts["previous"] == {"number": 2, "commit": build.after}
    assert len(counting.statements) == 1

    counting.statements.clear()
    stage = await counting.read(completed(subscriber.last("stage.finished"), ["standard", "cdevents"]))
    assert ("previous" in stage.facts, counting.statements) == (False, [])


async def test_what_a_promotion_came_from_is_read_for_those_who_link_events(
    scene: Scene, subscriber: Subscriber
) -> None:
    await scene.push()
    await promoted(scene)
    counting: Any = Counting(scene.ports.db)
    event = subscriber.last("promotion.requested")

    plain = await counting.read(completed(event, ["standard"]))
    assert ("parent" in plain.facts, len(counting.statements)) == (False, 1)
    whole = await counting.read(completed(event, ["cdevents"]))
    assert (whole.facts["parent"]["number"], whole.facts["parent"]["event"]) == (1, "push")
    assert len(counting.statements) == 3


async def test_nothing_was_in_a_new_target(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push()
    await scene.run((await promoted(scene, target="elsewhere")).stages[0])
    await scene.run((await promoted(scene)).stages[0])

    event = await scene.ports.db.read(completed(subscriber.last("promotion.succeeded"), ["cdevents"]))

    assert "previous" not in event.facts


async def test_drone_shows_who_owns_a_repository_or_enables_it(scene: Scene, subscriber: Subscriber) -> None:
    await scene.push()
    counting: Any = Counting(scene.ports.db)
    created = await counting.read(completed(subscriber.last("build.created"), ["drone", "slack"]))
    assert created.facts["user"]["login"] == "octocat"
    assert len(counting.statements) == 1

    ada = await scene.ports.db.write(accounts.create("ada", token="ada's token", now=NOW))
    recorders = scene.ports.moments.recorders
    by = Actor("person", "ada", ada.id, way="token")
    await scene.ports.db.write(recorders.record(of_repos.created(by, scene.repo)))
    enabled = await scene.ports.db.read(completed(subscriber.last("repo.enabled"), ["drone"]))
    assert enabled.facts["user"]["login"] == "ada"


async def test_without_a_subscriber_nothing_is_read(scene: Scene) -> None:
    build = await scene.push()
    counting: Any = Counting(scene.ports.db)
    moments = type(scene.ports.moments)(counting, scene.ports.logs, Recorders())
    scene.ports = replace(scene.ports, db=counting, moments=moments)
    running = await scene.start(build.stages[0], "one")
    counting.statements.clear()

    await scene.step(running.steps[0], "running")

    assert [statement.split()[0] for statement in counting.statements] == ["SELECT", "SELECT", "UPDATE"]
