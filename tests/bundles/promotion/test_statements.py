"""What promotions and deletions cost: as many statements for many files as for few, each by an index."""

import sqlite3
from typing import Any, TypeVar

import pytest

from app.artifacts import repositories
from app.bundles import claims, placing, promotions
from app.db.connect import Alterable
from app.db.parameters import marked
from app.db.tx import Tx
from tests.bundles.farside import Scene, of_artifacts
from tests.bundles.promotion.acts import delete, delete_promotion, promote

T = TypeVar("T")


class Counting:
    """A database that notes every statement of larger transactions."""

    def __init__(self, db: Alterable) -> None:
        self.db = db
        self.statements: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)

    async def read(self, tx: Tx[T]) -> T:
        return await self.db.read(self._noted(tx))

    async def write(self, tx: Tx[T]) -> T:
        return await self.db.write(self._noted(tx))

    async def alter(self, tx: Tx[T]) -> T:
        return await self.db.alter(self._noted(tx))

    def _noted(self, tx: Tx[T]) -> Tx[T]:
        try:
            statement = next(tx)
            while True:
                self.statements.append(statement[0])
                statement = tx.send((yield statement))
        except StopIteration as end:
            result: T = end.value
            return result


async def _counted(scene: Scene, version: str, files: int) -> list[str]:
    """The statements of promotions of so many files, and of deletions."""
    paths = [f"{version}/d{at % 7}/{at}" for at in range(files)]
    for at, path in enumerate(paths):
        await scene.put(f"dev-local:{path}", path, {"who": [f"{version} {at % 3}"]})
        if at % 2:
            await scene.put(f"stage-local:{path}", path, {"there": [f"{version} {at % 3}"]})
    await scene.create("shop", version, of_artifacts(*(f"dev-local:{path}" for path in paths)))
    assert scene.worker is not None
    db, counting = scene.db, Counting(scene.db)
    scene.db = counting
    for step in scene.worker._steps.values():
        object.__setattr__(step, "ports", scene.bundle_ports)
    added = [{"key": "env", "values": [version]}]
    first = await promote(scene, "STAGE", version=version, artifact_additional_properties=added)
    await promote(scene, "PROD", version=version, operation="move", artifact_additional_properties=added)
    await delete_promotion(scene, first, version=version)
    await delete(scene, version=version)
    scene.db = db
    return list(counting.statements)


async def test_statements_do_not_grow_with_files(scene: Scene) -> None:
    few = await _counted(scene, "1", 14)
    many = await _counted(scene, "2", 140)

    assert few == many
    assert len(few) < 200


STATEMENTS = {
    f"{part.__name__}.{name}": value
    for part in (claims, placing, promotions, repositories)
    for name, value in vars(part).items()
    if isinstance(value, str) and value.split(maxsplit=1)[:1] in (['SELECT'], ['INSERT'], ['UPDATE'], ['DELETE'])
    and not name.startswith("_") and (part is not repositories or name == "HOLD_ALL")
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_every_statement_finds_its_rows_by_an_index(name: str, database_url: str) -> None:
    assert _plan(STATEMENTS[name], database_url) == []


def _plan(sql: str, database_url: str) -> list[str]:
    """The steps of the plan of a statement that read a whole table, or all items of a repository."""
    if not database_url.startswith("sqlite"):
        pytest.skip("the plans of PostgreSQL depend on how many rows there are")
    raw = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    raw.create_function("regexp", 2, lambda *_: False)
    text, _ = marked(sql)
    plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", ["[]"] * text.count("?"))]
    raw.close()
    parts = ("json_each", "(subquery", "SCAN old")
    whole = [step for step in plan if step.startswith("SCAN") and not any(part in step for part in parts)]
    return whole + [step for step in plan if step.endswith("(repo_id=?)") and "items" in step]
