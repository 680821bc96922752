"""What runs in the targets of repositories, and what was begun there since."""

from dataclasses import replace

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds import flow, lists, purge, targets
from app.builds.model import Build, Status
from app.db.tx import Tx, run
from app.db.window import Window
from app.errors import NothingToRun
from app.pipeline.model import MOST_DECLARED
from app.repos import store as repos
from app.repos.model import Permissions, Repo, Visibility
from tests.builds.farside import NOW, OCTOCAT, Scene, pipeline, pushed
from tests.counting import Counting


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


async def test_a_declared_target_that_is_off_the_list_of_deployments_shows_what_failed_there(scene: Scene) -> None:
    await scene.ports.db.write(targets.declare(scene.repo.id, ["production"]))
    await add(scene, "production")
    await add(scene, "production", "failure")
    await scene.ports.db.write(lists.forget(scene.repo.id, "deployment", "production"))

    assert await of_repo(scene) == {"production": (1, [2])}


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


# Declared targets


def to(*names: str, event: str = "promote") -> str:
    """A pipeline for these targets."""
    return pipeline(f"to {names[:1]}", trigger={"event": [event], "target": list(names)})


async def names(scene: Scene) -> list[tuple[str, bool]]:
    return [(one.name, one.declared) for one in await scene.ports.db.read(targets.of_repo(scene.repo.id))]


async def test_targets_of_the_file_are_listed_in_its_order_and_others_after_them(scene: Scene) -> None:
    await add(scene, "old")
    await add(scene, "staging")

    await scene.push(pipeline(), to("test", "staging"), to("production", "prod-*", "{a,b}"))

    assert await names(scene) == [("test", True), ("staging", True), ("production", True), ("old", False)]
    assert (await of_repo(scene))["staging"] == (2, [])


async def test_the_newest_build_of_the_default_branch_declares(scene: Scene) -> None:
    first = await scene.push(pipeline(), to("test"))
    await scene.push(pipeline(), to("production", "test"))
    assert await names(scene) == [("production", True), ("test", True)]

    await scene.push(pipeline(), to("elsewhere"), ref="refs/heads/topic", target_branch="topic")
    await flow.restart(scene.ports, scene.repo, first, by=OCTOCAT, debug=False, params={})
    await flow.promote(scene.ports, scene.repo, first, target="test", by=OCTOCAT, params={})
    assert await names(scene) == [("production", True), ("test", True)]

    await scene.push()
    assert await names(scene) == [("test", False)]


async def test_a_push_that_starts_nothing_declares_too(scene: Scene) -> None:
    with pytest.raises(NothingToRun):
        await scene.push(to("production"))

    assert await names(scene) == [("production", True)]


async def test_what_is_declared_already_is_not_written(scene: Scene) -> None:
    await scene.push(pipeline(), to("test"))
    counting = Counting(scene.ports.db)

    await counting.write(targets.declare(scene.repo.id, ["test"]))

    assert [statement.split()[0] for statement in counting.statements] == ["SELECT"]


async def test_a_declared_target_is_not_taken_off_the_list(scene: Scene) -> None:
    await scene.push(pipeline(), to("test"))
    await add(scene, "test")

    await scene.ports.db.write(lists.forget(scene.repo.id, "deployment", "test"))

    assert await of_repo(scene) == {"test": (2, [])}


async def test_a_file_declares_so_many_targets_at_most(scene: Scene) -> None:
    await scene.push(pipeline(), to("", "x" * 600, *(f"t{number}" for number in range(300))))

    assert [name for name, _ in await names(scene)] == [f"t{number}" for number in range(MOST_DECLARED)]


async def test_a_repository_of_declared_targets_alone_is_on_the_page_until_it_is_deleted(scene: Scene) -> None:
    await scene.push(pipeline(), to("test"))
    admin = await scene.ports.db.read(accounts.find("octocat"))

    (found,) = (await scene.ports.db.read(targets.page(admin, Window(25), NOW))).items
    assert [target.name for target in found[1]] == ["test"]

    await scene.ports.db.write(run("DELETE FROM repos WHERE id = :id", id=scene.repo.id))
    assert await names(scene) == []
