"""Builds that expire go in the background; what is not over or current on a target stays, and so do used mirrors."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.builds import flow, lists, purge, retention
from app.builds.model import Build, Status
from app.builds.ports import Ports
from app.builds.retention import DAY, Retention
from app.db.tx import Tx, each, run
from app.db.window import Window
from app.errors import Unavailable
from app.repos import store as repos
from app.repos.model import Repo
from tests.builds.farside import NOW, Scene, pushed, read_log


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)


#: One that has just succeeded.
NEW: tuple[int, Status, str] = (0, "success", "")


async def fill(scene: Scene, *builds: tuple[int, Status, str]) -> None:
    """Builds that ended so many days ago, with these statuses, on these targets."""

    def make(days: int, status: Status, target: str) -> Tx[Build]:
        build = replace(pushed(scene.repo, "a" * 40), status=status, deploy_to=target)
        made = yield from flow._insert(build, [])
        ago = NOW - days * DAY
        yield from run(
            "UPDATE builds SET created = :ago, updated = :ago, finished = :ago WHERE id = :id", ago=ago, id=made.id
        )
        return made

    await scene.ports.db.write(each(make(*build) for build in builds))


async def numbers(scene: Scene) -> list[int]:
    repo = await scene.ports.db.read(repos.find(scene.repo.id))
    return [head.number for head in (await scene.ports.db.read(lists.page(repo, {}, Window(1000)))).items][::-1]


def keep(scene: Scene, *, days: int = 0, builds: int = 0) -> Callable[[], Any]:
    return Retention(scene.ports, days=days, builds=builds).round


async def test_builds_that_ended_too_long_ago_go(scene: Scene) -> None:
    await fill(scene, (40, "success", ""), (31, "failure", ""), (29, "success", ""), (0, "error", ""))

    await keep(scene, days=30)()

    assert await numbers(scene) == [3, 4]


async def test_all_but_the_newest_go(scene: Scene) -> None:
    await fill(scene, *[NEW] * 7)

    await keep(scene, builds=3)()

    assert await numbers(scene) == [5, 6, 7]


async def test_without_settings_all_stay(scene: Scene) -> None:
    await fill(scene, *[(4000, *NEW[1:])] * 3)

    await keep(scene)()

    assert await numbers(scene) == [1, 2, 3]


@pytest.mark.parametrize("status", ["pending", "running", "blocked"])
async def test_what_is_not_over_stays(scene: Scene, status: Status) -> None:
    await fill(scene, (40, status, ""), (40, "success", ""), (0, "success", ""))

    await keep(scene, days=30, builds=1)()

    assert await numbers(scene) == [1, 3]


async def test_the_last_success_on_each_target_stays(scene: Scene) -> None:
    await fill(
        scene,
        (50, "success", "staging"),
        (49, "success", "production"),
        (48, "failure", "staging"),
        (47, "success", "production"),
        (46, "failure", "production"),
        (45, "success", ""),
    )

    await keep(scene, days=30, builds=1)()

    assert await numbers(scene) == [1, 4]


async def test_of_two_promotions_at_once_the_one_that_ended_last_stays_too(scene: Scene) -> None:
    await fill(scene, (50, "success", "production"), (40, "success", "production"), (45, "success", "production"))

    await keep(scene, days=30)()

    assert await numbers(scene) == [2, 3]


async def test_a_build_that_waited_long_and_ended_now_stays(scene: Scene) -> None:
    await fill(scene, (50, "success", ""), (50, "success", ""))
    await scene.ports.db.write(run("UPDATE builds SET updated = :now WHERE number = 1", now=NOW))

    await keep(scene, days=30)()

    assert await numbers(scene) == [1]


async def test_logs_go_with_their_builds_and_many_builds_go_in_pieces(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "BATCH", 3)
    build = await scene.push()
    running = await scene.run(build.stages[0])
    step = running.steps[0].id
    await scene.ports.logs.store(step, b"[]")
    await fill(scene, *[NEW] * 10)

    await keep(scene, builds=1)()

    assert await numbers(scene) == [11]
    assert await read_log(scene.ports.logs, step) is None


async def test_every_repository_has_its_own_newest(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAGE", 1)
    made = await scene.ports.db.write(repos.create(replace(scene.repo, name="other")))
    other = replace(scene, repo=made)
    await fill(scene, *[NEW] * 4)
    await fill(other, *[NEW] * 2)

    await keep(scene, builds=3)()

    assert (await numbers(scene), await numbers(other)) == ([2, 3, 4], [1, 2])


@pytest.mark.parametrize("error", [Unavailable("a log cannot be read or written: Is a directory"), ZeroDivisionError()])
async def test_a_repository_that_cannot_be_purged_keeps_no_other_from_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    made = await scene.ports.db.write(repos.create(replace(scene.repo, name="other")))
    other, expire = replace(scene, repo=made), purge.expire
    await fill(scene, *[NEW] * 4)
    await fill(other, *[NEW] * 4)

    async def broken(ports: Ports, repo: Repo, *rest: Any, **more: Any) -> None:
        if repo.id == scene.repo.id:
            raise error
        await expire(ports, repo, *rest, **more)

    monkeypatch.setattr(purge, "expire", broken)
    await keep(scene, builds=3)()

    assert (await numbers(scene), await numbers(other)) == ([1, 2, 3, 4], [2, 3, 4])
    assert scene.host.used == ({scene.repo.id, made.id}, NOW - 90 * DAY)
    (told,) = caplog.records
    assert (told.message, told.repo_id) == ("old builds of a repository cannot be purged now", scene.repo.id)  # type: ignore[attr-defined]
    assert bool(told.exc_info) == isinstance(error, ZeroDivisionError)


async def test_a_log_that_cannot_be_deleted_keeps_its_builds(scene: Scene) -> None:
    build = await scene.push()
    running = await scene.run(build.stages[0])
    await fill(scene, *[NEW] * 3)
    path = scene.ports.logs._path(running.steps[0].id, "json")
    path.mkdir(parents=True)

    await keep(scene, builds=1)()
    assert await numbers(scene) == [1, 2, 3, 4]
    path.rmdir()
    await keep(scene, builds=1)()

    assert await numbers(scene) == [4]


async def test_hosts_are_told_which_repositories_are_used(scene: Scene) -> None:
    await fill(scene, NEW)

    await keep(scene)()

    assert scene.host.used == ({scene.repo.id}, NOW - 90 * DAY)


async def test_repositories_without_a_build_for_long_are_unused(scene: Scene) -> None:
    db = scene.ports.db
    await db.write(run("UPDATE repos SET created = 0"))
    assert await db.read(repos.used_since(NOW - 90 * DAY)) == set()

    await fill(scene, (91, "success", ""))
    assert await db.read(repos.used_since(NOW - 90 * DAY)) == set()
    await fill(scene, (89, "success", ""))

    assert await db.read(repos.used_since(NOW - 90 * DAY)) == {scene.repo.id}
