"""Which status a build shows, in the words that Drone was recorded to use."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.builds import approval, flow, progress, stop
from app.builds.model import Build, Stage, Status
from app.notify.statuses import PREFIX, context_of, is_commit, status_of
from app.repos import settings
from tests.builds.farside import NOW, OCTOCAT, RUNNER, ended, pipeline
from tests.notify.farside import Scene

RECORDED = json.loads((Path(__file__).parents[2] / "fixtures" / "drone" / "statuses.json").read_text())
SHA = "a" * 40
#: What a host like Gitea calls a state (contract scm-api 3.2).
GITEA = {"running": "pending", "blocked": "pending", "killed": "error", "declined": "error"}


def build(**fields: Any) -> Build:
    return Build(**{"id": 1, "repo_id": 1, "number": 7, "event": "push", "after": SHA, "ref": "refs/heads/x", **fields})


@pytest.mark.parametrize(
    ("event", "target", "context"),
    [
        ("push", "", "/push"),
        ("pull_request", "", "/pr"),
        ("tag", "", "/tag"),
        ("promote", "production", "/promote/production"),
        ("promote", "$production%", "/promote/production"),
        ("promote", "EU West/Blue_1", "/promote/eu-west-blue_1"),
        ("promote", "Köln & Umland", "/promote/koln-and-umland"),
        ("promote", "***", "/promote"),
        ("promote", "日本", "/promote"),
        ("rollback", "production", ""),
        ("custom", "", ""),
    ],
)
def test_the_context_is_drones(event: str, target: str, context: str) -> None:
    assert context_of(build(event=event, deploy_to=target), "ci") == f"ci{context}"


def test_a_context_is_not_longer_than_hosts_take() -> None:
    assert len(context_of(build(event="promote", deploy_to="x" * 1000), PREFIX)) == 255


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("pending", "Build is pending"),
        ("running", "Build is running"),
        ("success", "Build is passing"),
        ("failure", "Build is failing"),
        ("error", "Build encountered an error"),
        ("killed", "Build was killed"),
        ("declined", "Build was declined"),
        ("skipped", "Build was skipped"),
        ("odd", "Build is in an unknown state"),
    ],
)
def test_the_text_is_drones(status: Status, text: str) -> None:
    shown = status_of(build(status=status), "o/n", prefix="ci", public_url="https://x")

    assert shown is not None
    assert (shown.sha, shown.state, shown.description) == (SHA, status, text)
    assert (shown.link, shown.ref) == ("https://x/o/n/7", "refs/heads/x")


def test_a_build_that_waits_for_approval_says_so_and_one_that_runs_does_not() -> None:
    waits = status_of(build(blocked=True), "o/n", prefix="ci", public_url="")
    runs = status_of(build(blocked=True, status="running"), "o/n", prefix="ci", public_url="")

    assert waits is not None
    assert runs is not None
    assert (waits.state, waits.description) == ("blocked", "Build is pending approval")
    assert runs.state == "running"


def test_builds_of_cron_jobs_show_none_but_promotions_by_them_do() -> None:
    assert status_of(build(event="cron"), "o/n", prefix="ci", public_url="") is None
    assert status_of(build(event="promote", trigger="@cron"), "o/n", prefix="ci", public_url="") is not None


@pytest.mark.parametrize(
    ("sha", "known"),
    [(SHA, True), ("0" * 63 + "1", True), ("0" * 40, False), ("main", False), ("", False), ("A" * 40, False)],
)
def test_only_commits_get_a_status(sha: str, known: bool) -> None:
    assert is_commit(sha) == known
    assert (status_of(build(after=sha), "o/n", prefix="ci", public_url="") is not None) == known


def gitea(shown: Sequence[Any], sha: str) -> list[dict[str, Any]]:
    """The statuses as a host like Gitea gets them."""
    assert {status.sha for status in shown} == {sha}
    return [
        {
            "state": GITEA.get(status.state, status.state),
            "target_url": status.link,
            "description": status.description,
            "context": status.context,
        }
        for status in shown
    ]


async def test_builds_show_what_drone_was_recorded_to_show(scene: Scene) -> None:
    await scene.push()
    await ran(scene, 1, "success")
    await promoted(scene, "slow")
    await ran(scene, 2, "failure")
    await promoted(scene, "hang")
    await started(scene, 3)
    await stop.cancel(scene.ports, scene.repo, 3, OCTOCAT)
    await scene.leaves()

    assert gitea(scene.forge.statuses, (await scene.build(1)).after) == [one["body"] for one in RECORDED[:9]]


async def test_what_waits_for_approval_and_what_is_declined_is_shown_too(scene: Scene) -> None:
    """Drone shows such builds as pending, and never shows that one was declined."""
    protected = await scene.ports.db.write(settings.update(scene.repo.id, {"protected": True}, NOW))
    held = replace(scene, repo=protected)
    await held.push()
    await scene.leaves()
    await approval.approve(scene.ports, protected, 1, OCTOCAT)
    await ran(scene, 1, "success")
    await held.push(pipeline("other"))
    await scene.leaves()
    await approval.decline(scene.ports, protected, 2, OCTOCAT)
    await scene.leaves()

    told = [status.description for status in scene.forge.statuses]
    drones = [one["body"]["description"] for one in RECORDED[9:]]
    assert told[1:4] == drones[:3] == ["Build is pending", "Build is running", "Build is passing"]
    assert (told[0], *told[4:]) == ("Build is pending approval", "Build is pending approval", "Build was declined")


async def promoted(scene: Scene, target: str) -> None:
    await flow.promote(scene.ports, scene.repo, await scene.build(1), target=target, by=OCTOCAT, params={})


async def started(scene: Scene, number: int) -> Stage:
    await scene.leaves()
    running = await scene.start((await scene.build(number)).stages[0], "one")
    await scene.leaves()
    return running


async def ran(scene: Scene, number: int, status: Status) -> None:
    running = await started(scene, number)
    await progress.update_stage(scene.ports, ended(running, status), RUNNER)
    await scene.leaves()
