"""Promotions and rollbacks, as hosts show them."""

from typing import Any

import pytest

from app.builds.model import Build, Status
from app.moments import SERVER, Actor
from app.notify.deployments import LONGEST, deployment_of
from tests.builds.farside import OCTOCAT

SHA = "a" * 40


def build(**fields: Any) -> Build:
    known = {"id": 1, "repo_id": 1, "number": 7, "event": "promote", "after": SHA, "ref": "refs/heads/main"}
    return Build(**{**known, "deploy_to": "production", **fields})


def shown(one: Build, by: Actor = OCTOCAT) -> Any:
    return deployment_of(one, "o/n", by, server="https://ci", public_url="https://ci")


@pytest.mark.parametrize(("event", "task"), [("promote", "deploy"), ("rollback", "rollback")])
def test_a_promotion_and_a_rollback_are_deployments(event: str, task: str) -> None:
    deployment = shown(build(event=event))

    assert (deployment.sha, deployment.ref, deployment.environment) == (SHA, "refs/heads/main", "production")
    assert (deployment.task, deployment.state, deployment.link) == (task, "pending", "https://ci/o/n/7")
    assert deployment.payload == {"ci": "https://ci", "build": 7}


@pytest.mark.parametrize("fields", [{"event": "push"}, {"event": "cron"}, {"deploy_to": ""}, {"after": "main"}])
def test_nothing_else_is(fields: dict[str, Any]) -> None:
    assert shown(build(**fields)) is None


@pytest.mark.parametrize(
    ("status", "by", "text"),
    [
        ("pending", OCTOCAT, "Build 7 is waiting for a runner"),
        ("running", OCTOCAT, "Build 7 is running"),
        ("success", OCTOCAT, "Build 7 has succeeded"),
        ("failure", OCTOCAT, "Build 7 has failed"),
        ("error", OCTOCAT, "Build 7 met an error"),
        ("killed", OCTOCAT, "Build 7 was killed by octocat"),
        ("declined", Actor("machine", "bot"), "Build 7 was declined by bot"),
        ("skipped", Actor("hook", "grace"), "Build 7 was skipped by hook"),
        ("killed", SERVER, "Build 7 was killed by server"),
        ("odd", OCTOCAT, "Build 7 is odd"),
    ],
)
def test_the_description_says_what_and_who(status: Status, by: Actor, text: str) -> None:
    assert shown(build(status=status), by).description == text


def test_what_waits_for_approval_says_so() -> None:
    held = shown(build(blocked=True))

    assert (held.state, held.description) == ("blocked", "Build 7 is waiting for approval")


def test_a_description_is_not_longer_than_hosts_take() -> None:
    assert len(shown(build(status="killed"), Actor("person", "x" * 500)).description) == LONGEST
