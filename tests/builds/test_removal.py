"""A repository that is deleted: nothing of it stays, no number returns, and no runner hangs."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.builds import claims, flow, removal, store
from app.builds.model import Build, Line
from app.db.tx import one
from app.errors import NotFound, Unavailable
from app.repos import store as repos
from app.repos.model import Repo
from tests.builds.farside import HOOK, OCTOCAT, Scene, heard, pipeline, pushed
from tests.soon import soon

TABLES = ("repos", "builds", "stages", "steps", "latest", "permissions")


async def rows(scene: Scene) -> dict[str, int]:
    """How many rows each table has."""
    counted = {}
    for table in TABLES:
        row = await scene.ports.db.read(one(f"SELECT count(*) AS total FROM {table}"))
        assert row is not None
        counted[table] = row["total"]
    return counted


def logs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "logs").rglob("*") if path.is_file())


async def logged(scene: Scene, *documents: str) -> Build:
    """A build that is over, whose step has written a log."""
    build = await scene.push(*documents)
    ran = await scene.run(build.stages[0])
    await scene.ports.logs.store(ran.steps[0].id, b"[]")
    return build


async def register(scene: Scene, name: str = "hello") -> Repo:
    return await scene.ports.db.write(repos.create(replace(scene.repo, name=name, counter=0)))


async def test_nothing_is_left_of_it_and_all_of_others(scene: Scene, tmp_path: Path) -> None:
    before = await rows(scene)
    other = replace(scene, repo=await register(scene, "other"))
    kept = await logged(other)
    after = await rows(scene)
    for _ in range(2):
        await logged(scene)

    removed = await removal.remove(scene.ports, scene.repo, OCTOCAT)

    assert (removed.slug, removed.active, removed.counter) == ("octocat/hello", False, 2)
    assert await rows(scene) == {table: after[table] - before[table] for table in TABLES}
    assert [build.id for build in [await other.build(1)]] == [kept.id]
    assert logs(tmp_path) == ["1.json"]
    assert set(scene.host.forgotten) == {scene.repo.id}


async def test_it_is_deleted_once(scene: Scene) -> None:
    outcomes = await asyncio.gather(
        *(removal.remove(scene.ports, scene.repo, OCTOCAT) for _ in range(3)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NotFound", "NotFound", "Repo"]


async def test_its_numbers_are_never_given_again(scene: Scene) -> None:
    await logged(scene)
    await removal.remove(scene.ports, scene.repo, OCTOCAT)

    again = replace(scene, repo=await register(scene))

    assert (await again.push()).number == 2


async def test_what_runs_is_stopped_and_told_first(scene: Scene) -> None:
    build = await scene.push(pipeline("a"), pipeline("b", depends_on=["a"]))
    running = await scene.start(build.stages[0], "one")
    await scene.step(running.steps[0], "running")

    with scene.ports.moments.over.subscribe() as ended, scene.ports.moments.watched.subscribe() as changes:
        await removal.remove(scene.ports, scene.repo, OCTOCAT)
        assert await heard(ended) == build.id
        told = await heard(changes)

    assert told is not None
    assert (told.build.status, [stage.status for stage in told.build.stages]) == ("killed", ["killed", "skipped"])
    with pytest.raises(NotFound):
        await scene.step(running.steps[0], "success")


async def test_what_follows_a_log_of_it_ends(scene: Scene, tmp_path: Path) -> None:
    running = await scene.start((await scene.push()).stages[0], "one")
    step = await scene.step(running.steps[0], "running")
    await scene.ports.logs.write(step.id, [Line(0, "hello", 0)])

    seen = list[bytes]()

    async def follow() -> None:
        async for lines in scene.ports.logs.follow(step.id):
            seen.extend(lines)

    following = asyncio.create_task(follow())
    await soon(lambda: seen)
    await removal.remove(scene.ports, scene.repo, OCTOCAT)

    await asyncio.wait_for(following, 20)
    assert len(seen) == 1
    assert logs(tmp_path) == []


async def test_a_build_that_begins_meanwhile_is_stopped_as_well(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    late: list[Build] = []
    clear = removal._clear

    async def slow(*args: object) -> None:
        if not late:
            late.append(await scene.push())
        await clear(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(removal, "_clear", slow)
    with scene.ports.moments.over.subscribe() as ended:
        removed = await removal.remove(scene.ports, scene.repo, OCTOCAT)
        assert await heard(ended) == late[0].id

    assert removed.counter == 1
    assert await scene.ports.db.read(claims.queued("exec", 0, 10, now=scene.clock())) == []
    assert await scene.ports.db.read(store.find_if_any(late[0].id)) is None


async def test_builds_that_begin_at_that_moment_begin_or_find_nothing(scene: Scene) -> None:
    sha = scene.host.add(pipeline())
    starting = [flow.start(scene.ports, scene.repo, pushed(scene.repo, sha), "build.push", HOOK) for _ in range(10)]

    removed, *outcomes = await asyncio.gather(
        removal.remove(scene.ports, scene.repo, OCTOCAT), *starting, return_exceptions=True
    )

    assert isinstance(removed, Repo)
    assert all(isinstance(outcome, (Build, NotFound)) for outcome in outcomes), outcomes
    assert removed.counter == sum(isinstance(outcome, Build) for outcome in outcomes)
    assert (await rows(scene))["stages"] == 0


async def test_logs_that_cannot_be_removed_keep_the_repository(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await logged(scene)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(Unavailable):
            await removal.remove(scene.ports, scene.repo, OCTOCAT)

    assert logs(tmp_path) == ["1.json"]
    assert (await removal.remove(scene.ports, scene.repo, OCTOCAT)).counter == 1
    assert logs(tmp_path) == []
