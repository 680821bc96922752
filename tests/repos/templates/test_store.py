"""Templates: named once in a namespace, changed, moved, removed."""

import asyncio

import pytest

from app.db.connect import Database
from app.errors import Conflict, NotFound
from app.repos.templates import store
from app.repos.templates.store import Template

NOW = 1_700_000_000


def template(namespace: str = "acme", name: str = "deploy.yaml", data: str = "kind: pipeline\n") -> Template:
    return Template(0, namespace, name, data, NOW, NOW)


async def add(db: Database, *args: str) -> Template:
    return await db.write(store.create(template(*args)))


async def test_a_template_comes_back_as_it_went_in(db: Database) -> None:
    made = await add(db, "acme", "ö.yaml", "a: é\r\n")

    assert await db.read(store.find("acme", "ö.yaml")) == made
    assert (made.data, made.created, made.updated) == ("a: é\r\n", NOW, NOW)


async def test_a_name_is_taken_once_in_a_namespace(db: Database) -> None:
    await add(db)

    with pytest.raises(Conflict) as refused:
        await add(db)
    assert refused.value.code == "template_exists"
    assert (await add(db, "other")).id != (await add(db, "acme", "Deploy.yaml")).id


async def test_lists_are_by_name(db: Database) -> None:
    for namespace, name in [("b", "z.yaml"), ("b", "a.star"), ("a", "m.yaml"), ("a", "a.star")]:
        await add(db, namespace, name)

    every = [(found.name, found.namespace) for found in await db.read(store.list_all())]
    of_b = [found.name for found in await db.read(store.list_of("b"))]

    assert every == [("a.star", "a"), ("a.star", "b"), ("m.yaml", "a"), ("z.yaml", "b")]
    assert of_b == ["a.star", "z.yaml"]
    assert await db.read(store.list_of("nobody")) == []


async def test_a_changed_template_keeps_its_id_and_birth(db: Database) -> None:
    made = await add(db)

    changed = await db.write(store.update("acme", "deploy.yaml", "new", NOW + 5))

    assert (changed.id, changed.data, changed.created, changed.updated) == (made.id, "new", NOW, NOW + 5)
    assert await db.read(store.find("acme", "deploy.yaml")) == changed


async def test_a_moved_template_keeps_its_id_and_text(db: Database) -> None:
    made = await add(db)

    moved = await db.write(store.move("acme", "deploy.yaml", "other", NOW + 5))

    assert (moved.id, moved.namespace, moved.data) == (made.id, "other", made.data)
    assert await db.read(store.find("other", "deploy.yaml")) == moved
    assert await db.read(store.find_if_any("acme", "deploy.yaml")) is None


async def test_a_move_to_where_the_name_is_taken_changes_nothing(db: Database) -> None:
    made, there = await add(db), await add(db, "other")

    with pytest.raises(Conflict, match=r"template deploy\.yaml exists already in other"):
        await db.write(store.move("acme", "deploy.yaml", "other", NOW))

    assert await db.read(store.find("acme", "deploy.yaml")) == made
    assert await db.read(store.find("other", "deploy.yaml")) == there


async def test_of_many_moves_to_one_place_one_arrives(db: Database) -> None:
    for number in range(6):
        await add(db, f"n{number}")

    moves = [db.write(store.move(f"n{number}", "deploy.yaml", "other", NOW)) for number in range(6)]
    outcomes = await asyncio.gather(*moves, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 5 + ["Template"]
    assert len(await db.read(store.list_all())) == 6


async def test_what_is_not_there_is_named(db: Database) -> None:
    await add(db)
    for tx in (
        store.find("acme", "nope.yaml"),
        store.update("acme", "nope.yaml", "x", NOW),
        store.move("acme", "nope.yaml", "other", NOW),
        store.delete("acme", "nope.yaml"),
    ):
        with pytest.raises(NotFound, match=r"template nope\.yaml not found"):
            await db.write(tx)
    assert await db.read(store.find_if_any("Acme", "deploy.yaml")) is None


async def test_a_removed_template_is_gone(db: Database) -> None:
    await add(db)

    await db.write(store.delete("acme", "deploy.yaml"))

    assert await db.read(store.list_all()) == []
    with pytest.raises(NotFound):
        await db.write(store.delete("acme", "deploy.yaml"))
