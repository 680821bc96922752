"""Builds as remembered text: always the newest version, in the order asked for, and never too many."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pytest

from app.builds import flow, lists, store
from app.builds.api import rendered
from app.builds.api.rendered import Rendered
from app.builds.lists import Head
from app.builds.wire import build_json
from app.db.tx import run
from app.db.window import Window
from tests.builds.farside import HOOK, NOW, Scene, pipeline, pushed


async def heads(scene: Scene) -> list[Head]:
    return list((await scene.ports.db.read(lists.page(scene.repo, {}, Window(100)))).items)


def numbers(text: bytes) -> list[int]:
    return [build["number"] for build in orjson.loads(text)]


async def test_no_builds_are_an_empty_array(scene: Scene) -> None:
    assert await Rendered(scene.ports.db).array([]) == b"[]\n"


async def test_builds_are_rendered_without_stages_in_the_order_of_their_heads(scene: Scene) -> None:
    for _ in range(3):
        await scene.push(message="<b>naïve ☃ & more</b>")
    texts = Rendered(scene.ports.db)
    first, second, third = await heads(scene)

    await texts.array([second])
    text = await texts.array([third, first, second])

    assert numbers(text) == [1, 3, 2]
    assert orjson.loads(text)[0] == build_json(await scene.build(1))
    assert b"<" not in text
    assert b"&" not in text
    assert text.endswith(b"]\n")


async def test_a_build_that_changed_is_rendered_anew(scene: Scene) -> None:
    build = await scene.push()
    texts = Rendered(scene.ports.db)
    await texts.array(await heads(scene))

    await scene.ports.db.write(store.set_status(build, "running", now=NOW, finished=False))
    text = await texts.array(await heads(scene))

    assert (orjson.loads(text)[0]["status"], orjson.loads(text)[0]["version"]) == ("running", 2)


async def test_a_build_that_changes_while_a_page_is_read_is_shown_as_it_is_by_then(scene: Scene) -> None:
    build = await scene.push()
    texts, old = Rendered(scene.ports.db), await heads(scene)
    await scene.ports.db.write(store.set_status(build, "running", now=NOW, finished=False))

    assert orjson.loads(await texts.array(old))[0]["status"] == "running"

    assert list(texts._texts) == [Head(build.id, 2, 1, blocked=False)]


async def test_the_oldest_texts_are_forgotten_and_made_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(6):
        await scene.push()
    texts, page = Rendered(scene.ports.db), await heads(scene)
    one = len(await texts.array(page[:1]))
    monkeypatch.setattr(rendered, "REMEMBERED", 3 * one + one // 2)

    for window in windows(page, 4):
        assert numbers(await texts.array(window)) == [6 - page.index(head) for head in window]

    assert len(texts._texts) == 3
    assert texts._size == sum(map(len, texts._texts.values()))


def windows(page: list[Head], size: int) -> Iterator[Sequence[Head]]:
    for start in (0, 2, 1, 0):
        yield page[start : start + size]


async def test_a_build_that_was_deleted_a_moment_ago_is_left_out(scene: Scene) -> None:
    await scene.push()
    there = await heads(scene)

    assert numbers(await Rendered(scene.ports.db).array([Head(99, 1, 5, blocked=False), *there])) == [1]


async def whole(scene: Scene, texts: Rendered, reasons: Mapping[int, str]) -> Any:
    versions = await scene.ports.db.glance(store.versions(scene.repo.id, 1))
    return orjson.loads((await texts.whole(versions)).text(reasons))


async def test_a_whole_build_is_rendered_with_stages_and_steps_and_why_a_stage_waits(scene: Scene) -> None:
    build = await scene.push(pipeline("a"), pipeline("b"))
    await scene.start(build.stages[0], "one")
    texts, waiting = Rendered(scene.ports.db), build.stages[1].id

    shown = await whole(scene, texts, {waiting: 'no "runner" <yet>'})

    expected: Any = build_json(await scene.build(1), stages=True)
    expected["stages"][1]["pending_reason"] = 'no "runner" <yet>'
    assert shown == orjson.loads(orjson.dumps(expected))
    assert list(shown) == list(expected)


async def test_a_whole_build_is_read_once_and_anew_after_every_change(scene: Scene) -> None:
    build = await scene.push()
    texts = Rendered(scene.ports.db)
    await whole(scene, texts, {})
    known = dict(texts._wholes)
    assert (await whole(scene, texts, {}))["stages"][0]["status"] == "pending"
    assert dict(texts._wholes) == known

    running = await scene.start(build.stages[0], "one")
    assert (await whole(scene, texts, {}))["stages"][0]["steps"][0]["status"] == "pending"
    step = await scene.step(running.steps[0], "running")
    assert (await whole(scene, texts, {}))["stages"][0]["steps"][0]["status"] == "running"
    for schema in ("https://a.example.com/x", "https://b.example.com/y"):
        await scene.ports.db.write(
            run("UPDATE steps SET card_schema = :schema WHERE id = :id", schema=schema, id=step.id)
        )
        assert (await whole(scene, texts, {}))["stages"][0]["steps"][0]["schema"] == schema
    await scene.ports.db.write(run("UPDATE stages SET updated = updated + 5"))
    updated = (await scene.build(1)).stages[0].updated
    assert (await whole(scene, texts, {}))["stages"][0]["updated"] == updated


async def test_a_build_without_stages_is_whole_as_it_is(scene: Scene) -> None:
    draft = pushed(scene.repo, "a" * 40)
    await flow.fail(scene.ports, scene.repo, draft, "cannot run", "build.push", HOOK)

    assert "stages" not in await whole(scene, Rendered(scene.ports.db), {})


async def test_the_oldest_whole_builds_are_forgotten(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.push()
    monkeypatch.setattr(rendered, "REMEMBERED", 10)
    texts = Rendered(scene.ports.db)

    assert (await whole(scene, texts, {}))["number"] == 1
    assert not texts._wholes
