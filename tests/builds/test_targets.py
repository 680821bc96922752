"""What runs in the targets of repositories, and what was begun there since."""

from dataclasses import replace

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds import flow, lists, purge, targets
from app.builds.model import Build, Status
from app.db.tx import Tx, run
from app.db.window import Window
from app.repos import store as repos
from app.repos.model import Permissions, Repo, Visibility
from tests.builds.farside import NOW, Scene, pushed


async def add(
    scene: Scene, target: str, status: Status = "success", *, finished: int = 0, repo: Repo | None = None
) -> Build:
    """A promotion to a target with a status; it ended at a time, or in the order of the numbers."""
    repo = repo or scene.repo
    draft = replace(pushed(repo, "a" * 40), event="promote", deploy_to=target, status=status)

    def tx() -> Tx[Build]:
        made = yield from flow._insert(draft, [])
        ended = finished or NOW + made.number
        yield from run("UPDATE builds SET finished = :ended WHERE id = :id", ended=ended, id=made.id)
        return made

    return await scene.ports.db.write(tx())


async def of_repo(scene: Scene) -> dict[str, tuple[int, list[int]]]:
    """By target, in order: the number of what runs, 0 for nothing, and the numbers of what was begun since."""
    return {
        target.name: (target.current.number if target.current else 0, [build.number for build in target.since])
        for target in await scene.ports.db.read(targets.of_repo(scene.repo.id))
    }


async def test_a_failed_promotion_never_hides_the_last_success(scene: Scene) -> None:
    await add(scene, "staging")
    await add(scene, "production")
    await add(scene, "production", "failure")
    await add(scene, "production", "running")

    assert await of_repo(scene) == {"staging": (1, []), "production": (2, [4, 3])}


async def test_a_target_without_a_success_shows_what_was_tried(scene: Scene) -> None:
    await add(scene, "production", "error")

    assert await of_repo(scene) == {"production": (0, [1])}


async def test_a_repository_without_promotions_has_no_targets(scene: Scene) -> None:
    await scene.push()

    assert await of_repo(scene) == {}


async def test_of_two_promotions_at_one_time_the_one_that_ended_last_runs(scene: Scene) -> None:
    await add(scene, "production", finished=NOW + 60)
    await add(scene, "production", finished=NOW + 50)

    assert await of_repo(scene) == {"production": (1, [])}
    current = await scene.ports.db.read(targets.current(scene.repo.id, "production"))
    assert current is not None
    assert current.number == 1
    assert await scene.ports.db.read(targets.current(scene.repo.id, "staging")) is None


async def test_of_many_failures_the_newest_are_shown(scene: Scene) -> None:
    await add(scene, "production")
    for _ in range(targets.SHOWN + 2):
        await add(scene, "production", "failure")

    assert await of_repo(scene) == {"production": (1, [8, 7, 6, 5, 4])}


async def test_targets_stand_in_the_order_of_their_first_promotions_also_after_a_purge(scene: Scene) -> None:
    for target in ("staging", "canary", "production", "production", "canary", "staging"):
        await add(scene, target)

    await purge.purge(scene.ports, scene.repo, 4)

    assert list(await of_repo(scene)) == ["staging", "canary", "production"]


async def test_what_runs_stays_known_when_what_failed_since_has_expired(scene: Scene) -> None:
    await add(scene, "staging")
    await add(scene, "production")
    await add(scene, "production", "failure")
    await add(scene, "staging")

    await purge.expire(scene.ports, scene.repo, 4, NOW + 10**6, pause=0)

    assert await of_repo(scene) == {"staging": (4, []), "production": (2, [])}
    heads = await scene.ports.db.read(lists.remembered(scene.repo.id, "deployment"))
    assert [head.number for head in heads] == [2, 4]


async def test_a_target_that_was_taken_off_the_list_is_back_with_its_next_promotion(scene: Scene) -> None:
    await add(scene, "old")
    await add(scene, "production")

    await scene.ports.db.write(lists.forget(scene.repo.id, "deployment", "old"))
    assert list(await of_repo(scene)) == ["production"]

    await add(scene, "old")
    assert list(await of_repo(scene)) == ["production", "old"]


async def test_pages_hold_the_repositories_that_an_account_may_read(scene: Scene) -> None:
    db = scene.ports.db
    admin = await db.read(accounts.find("octocat"))
    ada = await db.write(accounts.create("ada", token="ada's token", now=NOW))
    made = {}
    visible: dict[str, Visibility] = {"a": "private", "b": "public", "c": "internal", "d": "private", "e": "public"}
    for name, visibility in visible.items():
        draft = replace(scene.repo, id=0, name=name, counter=0, visibility=visibility)
        made[name] = await db.write(repos.create(draft))
        if name != "e":
            await add(scene, f"of-{name}", repo=made[name])
    await db.write(repos.grant(made["d"].id, ada.id, Permissions(read=True), NOW))

    async def page(user: User, window: Window) -> tuple[list[str], bool, bool]:
        part = await db.read(targets.page(user, window, NOW))
        for repo, found in part.items:
            assert [(target.name, target.current.number if target.current else 0) for target in found] == [
                (f"of-{repo.name}", 1)
            ]
        return [repo.name for repo, _ in part.items], part.earlier, part.later

    assert await page(admin, Window(25)) == (["a", "b", "c", "d"], False, False)
    assert await page(ada, Window(25)) == (["b", "c", "d"], False, False)
    assert await page(ada, Window(2)) == (["b", "c"], False, True)
    assert await page(ada, Window(2, offset=2)) == (["d"], True, False)
    assert await page(ada, Window(2, after="octocat/c")) == (["d"], True, False)
    assert await page(ada, Window(1, before="octocat/d")) == (["c"], True, True)


@pytest.mark.parametrize("status", ["pending", "running", "failure", "error", "killed", "declined", "skipped"])
async def test_everything_but_a_success_stands_beside_what_runs(scene: Scene, status: Status) -> None:
    await add(scene, "production")
    await add(scene, "production", status)

    assert await of_repo(scene) == {"production": (1, [2])}
