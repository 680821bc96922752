"""What happens at one moment: two promotions, a promotion and a deletion."""

import asyncio
from typing import Any

from app.artifacts import items, repositories
from app.buildinfo import store
from app.db.tx import Tx, many, one
from app.errors import AppError, Conflict, Invalid, NotFound
from tests.buildinfo.promotion.farside import REPOS, Scene, artifact, mark, module

PATHS = [f"lib/d{at % 3}/{at}" for at in range(20)]
ORPHANS = """
    SELECT items.id FROM items WHERE depth > 0 AND NOT EXISTS (
        SELECT 1 FROM items AS folder WHERE folder.repo_id = items.repo_id AND folder.folder AND (
            CASE WHEN folder.path = '.' THEN folder.name ELSE folder.path || '/' || folder.name END = items.path
        )
    )
"""


async def _built(scene: Scene) -> None:
    for path in PATHS:
        await scene.put(f"dev-local:{path}", path, mark("app", "1"))
    await scene.publish("app", "1", module(*(artifact(path, path) for path in PATHS)))


async def _both(*calls: Any) -> list[Any]:
    """The results or the errors, which are answers, of calls at one moment."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [error for error in done if isinstance(error, BaseException) and not isinstance(error, AppError)] == []
    return done


async def test_two_promotions_at_one_moment_move_each_file_once(scene: Scene) -> None:
    await _built(scene)

    done = await _both(*(scene.promote("app", "1", targetRepo="stage-local", status="s") for _ in range(2)))

    assert [isinstance(one_of, AppError) for one_of in done] == [False, False]
    assert await scene.paths() == sorted(f"stage-local:{path}" for path in PATHS)
    statuses = await scene.statuses("app", "1")
    assert len({status["timestampDate"] for status in statuses}) == 2
    assert len(await scene.promotions("app", "1")) == 2
    assert await scene.db.read(many(ORPHANS)) == []


async def test_promotions_to_two_repositories_leave_the_files_in_one(scene: Scene) -> None:
    await _built(scene)

    done = await _both(
        scene.promote("app", "1", targetRepo="stage-local", sourceRepo="dev-local", status="a"),
        scene.promote("app", "1", targetRepo="prod-local", sourceRepo="dev-local", status="b"),
    )

    [refused] = [one_of for one_of in done if isinstance(one_of, AppError)]
    assert isinstance(refused, Invalid)
    assert len(await scene.tree()) == 20
    assert len(await scene.statuses("app", "1")) == 1
    assert await scene.db.read(many(ORPHANS)) == []


async def test_promotions_that_cross_do_not_wait_for_each_other_forever(scene: Scene) -> None:
    await _built(scene)
    await scene.promote("app", "1", targetRepo="stage-local", copy=True)

    await _both(
        scene.promote("app", "1", targetRepo="stage-local", sourceRepo="dev-local", status="a"),
        scene.promote("app", "1", targetRepo="dev-local", sourceRepo="stage-local", status="b"),
        scene.promote("app", "1", targetRepo="prod-local", status="c"),
    )

    assert {path.partition(":")[2] for path in await scene.paths()} == set(PATHS)
    assert await scene.db.read(many(ORPHANS)) == []


async def test_a_deletion_of_the_run_against_its_promotion(scene: Scene) -> None:
    await _built(scene)

    promoted, _ = await _both(
        scene.promote("app", "1", targetRepo="stage-local", status="s"), scene.db.write(_delete("app", "1"))
    )

    where = {path.partition(":")[0] for path in await scene.paths()}
    if isinstance(promoted, AppError):
        assert isinstance(promoted, (NotFound, Conflict))
        assert where == {"dev-local"}
    else:
        assert where == {"stage-local"}
    assert await scene.db.read(many("SELECT id FROM runs")) == []


def _delete(name: str, number: str) -> Tx[None]:
    row = yield from one("SELECT id FROM artifact_repos WHERE key = :key", key=REPOS)
    assert row is not None
    yield from repositories.hold(row["id"])
    found = yield from store.find_run(row["id"], name, number)
    assert found is not None
    yield from store.remove([found])


async def test_a_deletion_of_files_against_their_promotion(scene: Scene) -> None:
    await _built(scene)

    async def delete() -> None:
        await scene.db.write(_delete_folder(scene.repos["dev-local"]))

    promoted, _ = await _both(scene.promote("app", "1", targetRepo="stage-local"), delete())

    assert len(await scene.paths()) == (0 if isinstance(promoted, AppError) else 20)
    assert await scene.db.read(many(ORPHANS)) == []


def _delete_folder(repo_id: int) -> Tx[None]:
    yield from repositories.hold(repo_id)
    yield from items.remove_tree(repo_id, "lib")


async def test_uploads_to_the_target_against_a_promotion(scene: Scene) -> None:
    await _built(scene)

    await _both(
        scene.promote("app", "1", targetRepo="stage-local", failFast=False),
        *(scene.put(f"stage-local:{path}", "other") for path in PATHS[:5]),
    )

    assert len(await scene.paths("stage-local")) == 20
    assert await scene.db.read(many(ORPHANS)) == []
