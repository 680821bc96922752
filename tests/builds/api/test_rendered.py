"""Builds as remembered text: always the newest version, in the order asked for, and never too many."""

from collections.abc import Iterator, Sequence

import orjson
import pytest

from app.builds import lists, store
from app.builds.api import rendered
from app.builds.api.rendered import Rendered
from app.builds.lists import Head
from app.builds.wire import build_json
from app.db.window import Window
from tests.builds.farside import NOW, Scene


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

    assert list(texts._texts) == [Head(build.id, 2, 1)]


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

    assert numbers(await Rendered(scene.ports.db).array([Head(99, 1, 5), *there])) == [1]
