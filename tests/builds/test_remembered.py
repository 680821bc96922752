"""Remembered builds: always as they are now, and never too many."""

from typing import Any

import pytest

from app.builds import remembered, store
from app.builds.model import Build
from app.builds.remembered import Remembered
from app.db.tx import run
from tests.builds.farside import NOW, Scene
from tests.counting import Counting


async def read(scene: Scene, builds: Remembered, *ids: int) -> tuple[dict[int, Build], int]:
    """These builds, and the number of statements that it took."""
    counting: Any = Counting(scene.ports.db)
    found = await counting.read(builds.by_ids(ids))
    return dict(found), len(counting.statements)


async def test_a_build_that_has_not_changed_is_not_read_again(scene: Scene) -> None:
    ids, builds = [(await scene.push()).id for _ in range(3)], Remembered()

    first, statements = await read(scene, builds, *ids[:2])
    again, fewer = await read(scene, builds, *ids[:2])
    more, _ = await read(scene, builds, *ids)

    assert first == await scene.ports.db.read(store.by_ids(ids[:2])) == again
    assert (statements, fewer) == (2, 1)
    assert all(again[one] is first[one] is more[one] for one in ids[:2])
    assert more.keys() == set(ids)


@pytest.mark.parametrize("change", ["status", "approval", "deletion"])
async def test_a_build_that_has_changed_is_read_as_it_is_now(scene: Scene, change: str) -> None:
    build, builds = await scene.push(), Remembered()
    await scene.ports.db.write(run(f"UPDATE builds SET blocked = TRUE WHERE id = {build.id}"))
    await read(scene, builds, build.id)

    if change == "status":
        await scene.ports.db.write(store.set_status(build, "running", now=NOW, finished=False))
    elif change == "approval":
        await scene.ports.db.write(run(f"UPDATE builds SET blocked = FALSE WHERE id = {build.id}"))
    else:
        await scene.ports.db.write(run(f"DELETE FROM builds WHERE id = {build.id}"))
    found, _ = await read(scene, builds, build.id)

    assert found == await scene.ports.db.read(store.by_ids([build.id]))


async def test_those_that_were_read_last_are_remembered_but_not_large_ones(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "MOST", 2)
    ids, builds = [(await scene.push()).id for _ in range(4)], Remembered()
    text = "x" * remembered.LARGE
    await scene.ports.db.write(run(f'UPDATE builds SET params = \'{{"A":"{text}"}}\' WHERE id = {ids[3]}'))

    found, _ = await read(scene, builds, *ids)

    assert found.keys() == set(ids)
    assert list(builds._builds) == ids[1:3]
