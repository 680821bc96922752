"""Pull requests of plain git, `git push origin HEAD:refs/pull/1/head`: built, merged into the base, promoted."""

from typing import Any

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server
from tests.scm.repository import Repository

PIPELINE = """\
kind: pipeline
type: exec
name: x
steps:
- name: show
  commands:
  - cat base head
  - echo "$DRONE_BUILD_EVENT $DRONE_PULL_REQUEST into [$DRONE_TARGET_BRANCH], [$DRONE_SOURCE_BRANCH]"
trigger:
  branch: [main]
"""


@pytest.fixture(scope="module")
def pull(begin: Begin) -> tuple[Server, Repository, str]:
    """A pull request whose base has moved since, and its commit."""
    server, repository = begin(PIPELINE)
    repository.commit({"base": "old base\n"})
    repository.git("checkout", "-q", "-b", "topic")
    head = repository.commit({"head": "head\n"}, "Add the head")
    repository.git("checkout", "-q", "main")
    repository.commit({"base": "new base\n"})
    repository.git("update-ref", "refs/pull/1/head", head)
    repository.git("branch", "-qD", "topic")
    return server, repository, head


@pytest.fixture(scope="module")
def built(pull: tuple[Server, Repository, str]) -> Any:
    server, _, head = pull
    pushed = server.push(SLUG, head, ref="refs/pull/1/head").json()
    return server.finished(SLUG, pushed["number"])


def shown(server: Server, build: Any) -> list[str]:
    """What the step after the clone prints, without its trace."""
    lines = server.output(SLUG, build["number"], 1, 2).splitlines()
    return [line for line in lines if not line.startswith("+")]


def test_a_pull_request_starts_what_is_for_its_base_and_is_merged_into_it(
    pull: tuple[Server, Repository, str], built: Any
) -> None:
    assert (built["status"], built["event"], built["action"]) == ("success", "pull_request", "opened")
    assert (built["target"], built["source"]) == ("main", "")
    assert shown(pull[0], built) == ["new base", "head", "pull_request 1 into [main], []"]


def test_the_build_of_a_pull_request_can_be_promoted(pull: tuple[Server, Repository, str], built: Any) -> None:
    server, _, head = pull

    promoted = server.finished(SLUG, server.promote(SLUG, built["number"])["number"])

    assert (promoted["status"], promoted["after"], promoted["target"]) == ("success", head, "main")
    assert shown(server, promoted) == ["new base", "head", "promote  into [main], []"]


def test_a_pull_request_is_no_build_of_its_base(pull: tuple[Server, Repository, str], built: Any) -> None:
    server = pull[0]

    of_branch = server.json("GET", f"/api/repos/{SLUG}/builds", params={"branch": "main"})
    branches = server.json("GET", f"/api/repos/{SLUG}/builds/branches")
    pulls = server.json("GET", f"/api/repos/{SLUG}/builds/pulls")

    assert [build["number"] for build in of_branch] == [1]
    assert [build["number"] for build in branches] == [1]
    assert [build["number"] for build in pulls] == [built["number"]]
