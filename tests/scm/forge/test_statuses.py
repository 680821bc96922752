"""States of commits, as each host takes them (contract scm-api 3)."""

from dataclasses import replace
from typing import Any

import pytest

from app.scm.forge import Credential, Forbids, Refused, Status, Statuses
from tests.scm.fakes.gitlab import GitLab as FakeGitLab
from tests.scm.forge.conftest import Side

LINK = "https://ci.example.com/octocat/hello-world/1"
EVERY = {
    "pending": ("pending", "pending"),
    "waiting_on_dependencies": ("pending", "pending"),
    "blocked": ("pending", "pending"),
    "running": ("pending", "running"),
    "success": ("success", "success"),
    "failure": ("failure", "failed"),
    "error": ("error", "failed"),
    "killed": ("error", "canceled"),
    "declined": ("error", "canceled"),
    "skipped": ("success", "skipped"),
    "of a later version": ("error", "failed"),
}
WITH_STATUSES = pytest.mark.parametrize("name", ["github", "gitea", "gitlab"])


def status(sha: str, state: str = "running", **more: Any) -> Status:
    return Status(sha, "continuous-integration/drone/push", state, "Build is running", LINK, **more)


def host(side: Side) -> Statuses:
    assert isinstance(side.host, Statuses)
    return side.host


def shown(side: Side) -> list[str]:
    return [one["state"] for one in side.project.statuses]


@WITH_STATUSES
async def test_each_state_of_a_build_has_one_of_the_host(side: Side) -> None:
    sha = side.project.push({"a": "1"})

    for number, state in enumerate(EVERY):
        await host(side).put_status(side.source, replace(status(sha, state), context=f"build/{number}"))

    assert shown(side) == [told[side.name == "gitlab"] for told in EVERY.values()]


@WITH_STATUSES
async def test_a_status_has_its_label_text_and_link(side: Side) -> None:
    sha = side.project.push({"a": "1"})

    await host(side).put_status(side.source, replace(status(sha, "pending"), description="ö" * 200))

    (made,) = side.project.statuses
    assert made["sha"] == sha
    assert made["name" if side.name == "gitlab" else "context"] == "continuous-integration/drone/push"
    assert made["target_url"] == LINK
    assert made["description"] == "ö" * 139 + "…"


@WITH_STATUSES
async def test_the_status_of_an_annotated_tag_is_shown_at_its_commit(side: Side) -> None:
    sha = side.project.push({"a": "1"})
    tag = side.project.tag("v1", "the first")
    assert tag != sha

    await host(side).put_status(side.source, status(tag, "success", ref="refs/tags/v1"))
    await host(side).put_status(side.source, replace(status(sha, "success", ref="refs/tags/v1"), context="other"))

    assert [one["sha"] for one in side.project.statuses] == [sha, sha]


@WITH_STATUSES
async def test_a_repeated_state_and_a_step_back_count_as_done(side: Side) -> None:
    sha = side.project.push({"a": "1"})

    for state in ("pending", "pending", "running", "success", "success", "running"):
        await host(side).put_status(side.source, status(sha, state))
        again = side.again()
        assert isinstance(again, Statuses)
        await again.put_status(side.source, status(sha, state))  # as another server would

    if side.name == "gitlab":
        assert shown(side) == ["pending", "running", "success"]
    else:
        assert shown(side)[-1] == "pending"


@pytest.mark.parametrize("name", ["gitlab"])
async def test_gitlab_is_told_the_ref_and_not_asked_to_repeat_a_state(side: Side) -> None:
    sha = side.project.push({"a": "1"})

    for _ in range(3):
        await host(side).put_status(side.source, status(sha, ref="refs/heads/main"))

    assert [one["ref"] for one in side.project.statuses] == ["main"]
    assert len(side.far.calls("POST .*statuses")) == 1


@pytest.mark.parametrize("name", ["gitlab"])
async def test_an_older_gitlab_shows_a_skipped_build_as_canceled_and_no_long_link(side: Side) -> None:
    assert isinstance(side.far, FakeGitLab)
    side.far.states -= {"skipped"}
    sha = side.project.push({"a": "1"})

    await host(side).put_status(
        side.source, replace(status(sha, "skipped"), link="https://ci.example.com/" + "x" * 255)
    )

    (made,) = side.project.statuses
    assert made["state"] == "canceled"
    assert "target_url" not in made


@WITH_STATUSES
async def test_a_commit_that_the_host_has_not_and_a_missing_right_are_refused_with_a_reason(side: Side) -> None:
    side.project.push({"a": "1"})

    with pytest.raises(Refused, match=f"{side.name} answered 4.. to POST .*/statuses/{'1' * 40}"):
        await host(side).put_status(side.source, status("1" * 40))

    side.far.add_person("lin")
    side.shown.credential = Credential("bearer", "lin-token")
    with pytest.raises(Forbids, match="the scope of the token, does not allow this") as caught:
        await host(side).put_status(side.source, status("1" * 40))
    assert "lin-token" not in caught.value.message


@pytest.mark.parametrize("name", ["gogs"])
async def test_gogs_has_no_statuses(side: Side) -> None:
    assert not isinstance(side.host, Statuses)
