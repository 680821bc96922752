"""How many statements a request costs, which is the same however long the history is."""

from dataclasses import replace
from typing import Any, TypeVar

from app.builds import flow, lists
from app.builds.api.rendered import Rendered
from app.builds.moments import Moments
from app.db.window import Window
from app.moments import Recorders
from tests.builds.farside import OCTOCAT, Scene, pipeline
from tests.counting import Counting

T = TypeVar("T")


async def test_a_list_that_was_rendered_asks_for_its_heads_alone(scene: Scene) -> None:
    for _ in range(30):
        await scene.push()
    counting: Any = Counting(scene.ports.db)
    rendered = Rendered(counting)

    first = await rendered.array((await counting.read(lists.page(scene.repo, {}, Window(25)))).items)
    assert len(counting.statements) == 26
    counting.statements.clear()
    second = await rendered.array((await counting.read(lists.page(scene.repo, {}, Window(25)))).items)

    assert first == second
    assert len(counting.statements) == 1


async def test_a_promotion_writes_once_and_reads_nothing_more(scene: Scene) -> None:
    await scene.push(pipeline("a"), pipeline("b"))
    counting: Any = Counting(scene.ports.db)
    ports = replace(scene.ports, db=counting, moments=Moments(counting, scene.ports.logs, Recorders()))

    old = await scene.build(1)
    await flow.promote(ports, scene.repo, old, target="production", by=OCTOCAT, params={})

    verbs = [statement.split()[0] for statement in counting.statements]
    assert verbs == ["UPDATE", "INSERT", "INSERT", "INSERT", "INSERT"]
