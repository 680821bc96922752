"""Promotions, as GitHub and GitLab show them (contract scm-api 4)."""

from dataclasses import replace
from typing import Any

import pytest

from app.errors import Unavailable
from app.scm.forge import Deployment, Deployments, Refused
from tests.scm.forge.conftest import Side

LINK = "https://ci.example.com/octocat/hello-world/43"
WITH_DEPLOYMENTS = pytest.mark.parametrize("name", ["github", "gitlab"])


def deployment(sha: str, state: str = "running", **more: Any) -> Deployment:
    payload: dict[str, str | int] = {"ci": "a-server", "build": 43}
    return Deployment(sha, "refs/heads/main", "production", state, "Build is running", LINK, payload=payload, **more)


def host(side: Side) -> Deployments:
    assert isinstance(side.host, Deployments)
    return side.host


@pytest.mark.parametrize("name", ["github"])
async def test_a_deployment_of_github_merges_nothing_and_waits_for_nothing(side: Side) -> None:
    sha = side.project.push({"a": "1"})

    known = await host(side).put_deployment(side.source, "", deployment(sha, "blocked", task="rollback"))

    (made,) = side.project.deployments
    (asked,) = side.far.calls("POST .*/deployments$")
    assert asked.json["auto_merge"] is False
    assert asked.json["required_contexts"] == []
    assert str(made["id"]) == known
    assert (made["sha"], made["environment"], made["task"]) == (sha, "production", "rollback")
    assert made["payload"] == {"ci": "a-server", "build": 43}
    assert [one["state"] for one in made["statuses"]] == ["queued"]
    assert made["statuses"][0]["description"] == "waiting for approval"
    assert made["statuses"][0]["log_url"] == LINK


@pytest.mark.parametrize("name", ["github"])
async def test_each_state_has_one_of_github(side: Side) -> None:
    sha = side.project.push({"a": "1"})
    states = {
        "pending": "queued",
        "running": "in_progress",
        "success": "success",
        "failure": "failure",
        "error": "error",
        "killed": "error",
        "declined": "error",
        "skipped": "inactive",
    }

    known = ""
    for state in states:
        known = await host(side).put_deployment(side.source, known, deployment(sha, state))

    (made,) = side.project.deployments
    assert [one["state"] for one in made["statuses"]] == list(states.values())


@pytest.mark.parametrize("name", ["github"])
async def test_a_deployment_whose_first_call_broke_off_is_not_made_twice(side: Side) -> None:
    sha = side.project.push({"a": "1"})
    side.far.fail("500", "/statuses", times=1)

    with pytest.raises(Unavailable):
        await host(side).put_deployment(side.source, "", deployment(sha))
    await host(side).put_deployment(side.source, "", deployment(sha))
    other = replace(deployment(sha), payload={"ci": "a-server", "build": 44})
    await host(side).put_deployment(side.source, "", other)

    assert [one["payload"]["build"] for one in side.project.deployments] == [44, 43]


@pytest.mark.parametrize("name", ["gitlab"])
async def test_gitlab_hears_of_a_deployment_when_it_runs_and_of_its_end(side: Side) -> None:
    sha = side.project.push({"a": "1"})

    assert await host(side).put_deployment(side.source, "", deployment(sha, "pending")) == ""
    assert await host(side).put_deployment(side.source, "", deployment(sha, "blocked")) == ""
    known = await host(side).put_deployment(side.source, "", deployment(sha))
    assert await host(side).put_deployment(side.source, known, deployment(sha)) == known
    assert await host(side).put_deployment(side.source, known, deployment(sha, "failure")) == known

    (made,) = side.project.deployments
    assert str(made["id"]) == known
    assert (made["environment"], made["sha"], made["ref"], made["tag"]) == ("production", sha, "main", False)
    assert made["statuses"] == ["running", "failed"]


@pytest.mark.parametrize("name", ["gitlab"])
@pytest.mark.parametrize(
    ("state", "shown"), [("success", "success"), ("error", "failed"), ("killed", "canceled"), ("declined", "canceled")]
)
async def test_gitlab_takes_a_deployment_that_has_ended_before_it_was_shown(side: Side, state: str, shown: str) -> None:
    sha = side.project.push({"a": "1"})

    await host(side).put_deployment(side.source, "", replace(deployment(sha, state), ref="refs/tags/v1"))

    (made,) = side.project.deployments
    assert (made["status"], made["ref"], made["tag"]) == (shown, "v1", True)


@WITH_DEPLOYMENTS
async def test_a_refused_deployment_is_not_tried_again(side: Side) -> None:
    sha = side.project.push({"a": "1"})
    side.far.fail("409", "POST .*/deployments")

    with pytest.raises(Refused) as caught:
        await host(side).put_deployment(side.source, "", deployment(sha))

    assert caught.value.status == 409
    assert len(side.far.calls("POST .*/deployments")) == 1


@pytest.mark.parametrize("name", ["gitea", "gogs"])
async def test_gitea_and_gogs_have_no_deployments(side: Side) -> None:
    assert not isinstance(side.host, Deployments)
