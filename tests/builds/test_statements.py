"""How many statements a request costs, which is the same however long the history is."""

import re
from dataclasses import replace
from typing import Any, TypeVar

from app.builds import flow, lists
from app.builds.api.rendered import Rendered
from app.builds.deliveries import store as deliveries
from app.builds.deliveries.keeper import Keeper
from app.builds.moments import Moments
from app.db.window import Window
from app.moments import Recorders
from app.scm.hook import Delivery as Told
from app.scm.hook import Push
from tests.builds.farside import HOOK, NOW, OCTOCAT, Scene, pipeline
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


async def test_a_push_of_plain_git_is_written_with_its_build(scene: Scene) -> None:
    counting: Any = Counting(scene.ports.db)
    keeper = Keeper(replace(scene.ports, db=counting, moments=Moments(counting, scene.ports.logs, Recorders())))
    push = Push(before="b" * 40, after=scene.host.add(pipeline()), ref="refs/heads/main")

    build = await keeper.receive(scene.repo, Told(id="d" * 32, sent=NOW, change=push), push, HOOK)

    written = [re.findall(r"(?:FROM|INTO|UPDATE) (\w+)", statement)[0] for statement in counting.statements]
    made = ["deliveries", "repos", "deliveries", "repos", "builds", "latest", "stages"]
    assert written == [*made, "declared_targets", "secret_uses"]
    assert counting.calls == ["glance", "write_few"]
    (known,) = (await scene.ports.db.read(deliveries.list_newest(scene.repo.id, Window(10)))).items
    assert (known.name, known.build, known.due) == ("d" * 32, build.number, 0)
