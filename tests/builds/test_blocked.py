"""Builds that wait for approval: which they are, and how they are found."""

from dataclasses import replace

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds import approval, lists, stop
from app.builds.model import Build
from app.db.window import Window
from app.repos import store as repos
from app.repos.model import Permissions
from tests.builds.farside import NOW, OCTOCAT, Scene, pipeline

TWO = pipeline("a"), pipeline("b")


@pytest.fixture
def protected(scene: Scene) -> Scene:
    """A scene whose repository runs only what is signed or approved."""
    scene.repo = replace(scene.repo, protected=True)
    return scene


async def numbers(scene: Scene, **filters: str) -> list[int]:
    part = await scene.ports.db.read(lists.page(scene.repo, filters, Window(25)))
    return [head.number for head in part.items]


async def approvable(scene: Scene, user: User, window: Window | None = None) -> list[str]:
    part = await scene.ports.db.read(lists.approvals(user, window or Window(25), NOW))
    return [f"{repo.name}#{build.number}" for repo, build in part.items]


def said(build: Build) -> tuple[str, bool, str]:
    return build.status, build.blocked, build.state


async def test_a_build_waits_until_each_of_its_stages_is_approved(protected: Scene) -> None:
    made = await protected.push(*TWO)
    assert said(made) == said(await protected.build(1)) == ("pending", True, "blocked")

    await approval.approve(protected.ports, protected.repo, 1, OCTOCAT, 1)
    assert said(await protected.build(1)) == ("pending", True, "blocked")

    await protected.run(await protected.stage(1, "a"))
    assert said(await protected.build(1)) == ("running", True, "running")

    await approval.approve(protected.ports, protected.repo, 1, OCTOCAT, 2)
    assert said(await protected.build(1)) == ("running", False, "running")

    await protected.run(await protected.stage(1, "b"))
    assert said(await protected.build(1)) == ("success", False, "success")


async def test_an_approval_changes_what_lists_remember_of_a_build_but_not_its_version(protected: Scene) -> None:
    await protected.push(pipeline("a"))
    (before,) = (await protected.ports.db.read(lists.page(protected.repo, {}, Window(1)))).items

    await approval.approve(protected.ports, protected.repo, 1, OCTOCAT)

    (after,) = (await protected.ports.db.read(lists.page(protected.repo, {}, Window(1)))).items
    assert (after.version, after != before) == (before.version, True)


async def test_what_was_declined_or_cancelled_waits_no_longer(protected: Scene) -> None:
    await protected.push(*TWO)
    await protected.push(*TWO, pipeline("c"))

    await approval.decline(protected.ports, protected.repo, 1, OCTOCAT, 1)
    await stop.cancel(protected.ports, protected.repo, 2, OCTOCAT)

    assert said(await protected.build(1)) == ("declined", False, "declined")
    assert said(await protected.build(2)) == ("killed", False, "killed")
    await approval.approve(protected.ports, protected.repo, 1, OCTOCAT, 2)
    assert said(await protected.build(1)) == ("declined", False, "declined")


async def test_what_waits_for_approval_is_not_among_what_is_pending(protected: Scene) -> None:
    await protected.push(*TWO)
    protected.repo = replace(protected.repo, protected=False)
    await protected.push(pipeline("free"))
    await protected.push(pipeline("runs"))
    await protected.start(await protected.stage(3, "runs"))

    assert await numbers(protected, status="blocked") == [1]
    assert await numbers(protected, status="pending") == [2]
    assert await numbers(protected, status="blocked", event="push") == [1]
    assert await numbers(protected, status="blocked", event="promote") == []
    counts = await protected.ports.db.read(lists.counts())
    assert (counts["blocked_builds"], counts["pending_builds"], counts["running_builds"]) == (1, 1, 1)

    await approval.approve(protected.ports, protected.repo, 1, OCTOCAT, 1)
    await protected.start(await protected.stage(1, "a"))
    assert await numbers(protected, status="blocked") == [1]
    assert await numbers(protected, status="running") == [3, 1]


async def test_approvals_are_those_of_the_repositories_that_an_account_administers(protected: Scene) -> None:
    db = protected.ports.db
    admin = await db.read(accounts.find("octocat"))
    ada = await db.write(accounts.create("ada", token="ada's token", now=NOW))
    other = await db.write(repos.create(replace(protected.repo, id=0, name="other", user_id=ada.id, secret=b"")))
    first = protected.repo
    await protected.push(pipeline("a"))
    protected.repo = replace(other, protected=True, secret=first.secret)
    await protected.push(pipeline("b"))
    protected.repo = first
    await protected.push(pipeline("c"))

    assert await approvable(protected, admin) == ["hello#2", "other#1", "hello#1"]
    assert await approvable(protected, ada) == ["other#1"]

    await db.write(repos.grant(first.id, ada.id, Permissions(read=True, write=True), NOW))
    assert await approvable(protected, ada) == ["other#1"]
    await db.write(repos.grant(first.id, ada.id, Permissions(read=True, write=True, admin=True), NOW))
    assert await approvable(protected, ada) == ["hello#2", "other#1", "hello#1"]

    part = await db.read(lists.approvals(ada, Window(1), NOW))
    assert (len(part.items), part.earlier, part.later) == (1, False, True)
    key = str(part.items[0][1].id)
    assert await approvable(protected, ada, Window(5, after=key)) == ["other#1", "hello#1"]
    assert await approvable(protected, ada, Window(5, offset=2)) == ["hello#1"]
    last = str((await db.read(lists.approvals(ada, Window(5), NOW))).items[-1][1].id)
    assert await approvable(protected, ada, Window(1, before=last)) == ["other#1"]
