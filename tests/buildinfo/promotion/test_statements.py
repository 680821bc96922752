"""What a promotion costs: as many statements for many files as for few, each by an index."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest

from app.artifacts import items, pruning
from app.buildinfo import candidates, placing, promotions
from app.db.parameters import marked
from tests.buildinfo.promotion.farside import Scene, artifact, dependency, mark, module
from tests.counting import Counting


async def _statements(scene: Scene, number: str, count: int, **fields: Any) -> Sequence[str]:
    """The statements of a promotion of so many artifacts and dependencies."""
    paths = [f"{number}/d{at % 7}/{at}" for at in range(count)]
    for at, path in enumerate(paths):
        await scene.put(f"dev-local:{path}", path, mark("app", number, who=str(at % 3)))
        await scene.put(f"prod-local:dep/{path}", f"dep {path}")
        if at % 2:
            await scene.put(f"stage-local:{path}", path if at % 3 else "other")
    used = [dependency(path, f"dep {path}") for path in paths]
    listed = [artifact(path, path) for path in paths]
    await scene.publish("app", number, module(*listed, dependencies=used))
    db = scene.db
    counting: Any = Counting(db)
    scene.db = counting
    await scene.promote("app", number, **fields)
    scene.db = db
    statements: list[str] = counting.statements
    return statements


@pytest.mark.parametrize(
    "fields",
    [
        {"targetRepo": "stage-local", "copy": True, "dependencies": True, "status": "s", "properties": {"a": "1"}},
        {"targetRepo": "stage-local", "dependencies": True, "properties": {"a": "1"}},
        {"targetRepo": "stage-local", "sourceRepo": "dev-local"},
        {"properties": {"a": "1"}},
    ],
    ids=["copy", "move", "move from a source", "properties"],
)
async def test_statements_do_not_grow_with_files(scene: Scene, fields: dict[str, Any]) -> None:
    few = await _statements(scene, "1", 14, **fields)
    many = await _statements(scene, "2", 140, **fields)

    assert list(few) == list(many)
    assert len(few) < 45


STATEMENTS = {
    name: value
    for part in (candidates, placing, promotions, pruning)
    for name, value in vars(part).items()
    if isinstance(value, str) and value.split(maxsplit=1)[:1] in (['SELECT'], ['INSERT'], ['UPDATE'], ['DELETE'])
} | candidates.FILES_OF_SUMS | {"FOLDERS": items.ADD_FOLDERS}  # fmt: skip


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_every_statement_finds_its_rows_by_an_index(name: str, database_url: str) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("the plans of PostgreSQL depend on how many rows there are")
    raw = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    raw.create_function("regexp", 2, lambda *_: False)
    text, _ = marked(STATEMENTS[name])

    plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", ["[]"] * text.count("?"))]
    raw.close()

    assert [step for step in plan if step.startswith("SCAN") and "json_each" not in step] == []
    assert [step for step in plan if "(repo_id=?)" in step] == []  # of a repository all items
