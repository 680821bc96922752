"""A search tells nothing of what the caller may not read: neither by results nor by numbers."""

import orjson
import pytest

from app.artifacts import repositories
from app.artifacts.rights import Action, Grant, Rights
from app.artifacts.search import query
from app.artifacts.search.results import Found, rendered
from app.artifacts.search.search import find, text_of
from app.db.connect import Database
from app.db.tx import Tx, run
from tests.artifacts.conftest import NOW
from tests.artifacts.search.store import BUILDS, add_repository, add_run, add_virtual, answer, paths, put, sums_of

READ: frozenset[Action] = frozenset({"read"})
NOTHING = {"results": [], "range": {"start_pos": 0, "end_pos": 0, "total": 0}}


def may_read(*keys: str, includes: tuple[str, ...] = ("**",), excludes: tuple[str, ...] = ()) -> Grant:
    return Grant(frozenset(keys), READ, includes, excludes, "build" if BUILDS in keys else "repo")


@pytest.fixture
async def store(db: Database) -> Database:
    await db.write(_fill())
    return db


def _fill() -> Tx[None]:
    shown, hidden = (yield from add_repository("shown")), (yield from add_repository("hidden"))
    yield from add_virtual("all", hidden, shown)
    for repo in (shown, hidden):
        yield from put(repo, "pub/a.jar", "a", {"k": ["v"]})
        yield from put(repo, "pub.d/sub/b.jar", "b", {"k": ["v"]})
        yield from put(repo, "secret/c.jar", f"c of {repo.key}", {"k": ["v"]})
    yield from add_run("app", "1", ["a"], ["b"])
    yield from add_run("secret", "1", ["b"], ["a"])


ALL_SHOWN = ["shown:pub/a.jar", "shown:pub.d/sub/b.jar", "shown:secret/c.jar"]


@pytest.mark.parametrize(
    ("grants", "expected"),
    [
        ((), []),
        ((may_read("shown"),), ALL_SHOWN),
        ((may_read("all"),), []),
        ((may_read("shown", includes=("pub/**",)),), ["shown:pub/a.jar"]),
        ((may_read("shown", includes=("pub.d/**",)),), ["shown:pub.d/sub/b.jar"]),
        ((may_read("shown", includes=("pub.d/sub/b.jar/**",)),), ["shown:pub.d/sub/b.jar"]),
        ((may_read("shown", includes=("*/?.jar",)),), ["shown:pub/a.jar", "shown:secret/c.jar"]),
        ((may_read("shown", excludes=("secret/**",)),), ALL_SHOWN[:2]),
        ((may_read("shown", "hidden", includes=("secret/**",)),), ["hidden:secret/c.jar", "shown:secret/c.jar"]),
        ((may_read("shown", includes=("pub/**",)), may_read("shown", includes=("secret/",))),
         ["shown:pub/a.jar", "shown:secret/c.jar"]),
        ((Grant(frozenset({"ANY"}), frozenset({"deploy"})),), []),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "criteria",
    ["{}", '{"repo":"all"}', '{"@k":"v"}', '{"repo":{"$match":"*"},"path":{"$match":"*"},"name":{"$match":"*"}}'],
)
async def test_only_what_may_be_read_is_found(
    store: Database, grants: tuple[Grant, ...], expected: list[str], criteria: str
) -> None:
    text = f'items.find({criteria}).include("*","property","stat")'

    assert sorted(await paths(store, text, Rights(grants=grants))) == sorted(expected)


@pytest.mark.parametrize(
    "criteria",
    [
        f'{{"sha256":"{sums_of("c of hidden").sha256}"}}',
        '{"repo":"hidden"}',
        '{"repo":"hidden","type":"any"}',
        f'{{"repo":"{BUILDS}"}}',
        '{"artifact.module.build.name":"app"}',
        '{"$or":[{"$and":[{"artifact.module.build.name":"app","artifact.module.build.number":"1"}]}]}',
        '{"dependency.module.build.number":"1"}',
    ],
)
async def test_what_is_hidden_is_as_what_is_not_there(store: Database, criteria: str) -> None:
    assert await answer(store, f"items.find({criteria})", Rights(grants=(may_read("shown"),))) == NOTHING


async def test_a_condition_on_a_build_holds_only_for_runs_that_may_be_read(store: Database) -> None:
    rights = Rights(grants=(may_read("shown"), may_read(BUILDS, includes=("app/**",))))
    by_name = 'items.find({{"artifact.module.build.name":"{}"}})'

    assert await paths(store, by_name.format("app"), rights) == ["shown:pub/a.jar"]
    assert await paths(store, by_name.format("secret"), rights) == []
    assert await paths(store, 'items.find({"artifact.module.build.number":"1"})', rights) == ["shown:pub/a.jar"]
    assert await paths(store, 'items.find({"dependency.module.build.name":{"$ne":"app"}})', rights) == []
    assert await paths(store, f'items.find({{"repo":"{BUILDS}"}})', rights) == [f"{BUILDS}:app/1-1700000000000.json"]


async def test_offset_and_limit_count_only_what_may_be_read(store: Database) -> None:
    rights = Rights(grants=(may_read("shown", "hidden", excludes=("pub/**",)),))

    found = await answer(store, "items.find().offset(1).limit(2)", rights)

    assert [f"{item['repo']}:{item['name']}" for item in found["results"]] == ["hidden:c.jar", "shown:b.jar"]
    assert found["range"] == {"start_pos": 1, "end_pos": 3, "total": 2, "limit": 2}


async def test_what_is_moved_out_of_sight_while_an_answer_is_sent_is_left_out(store: Database) -> None:
    asked = query.read('items.find({"repo":"shown"})', NOW)
    found, _ = await store.search(find(asked, Rights(grants=(may_read("shown"),))), 10.0)
    assert found.total == 3
    hidden = await store.write(repositories.find("hidden"))
    new = await store.write(add_repository("new"))
    for name, repo_id in (("a.jar", hidden.id), ("b.jar", new.id)):
        moving = run(
            "UPDATE items SET repo_id = :repo_id, path = 'moved' WHERE name = :name AND repo_id <> :hidden",
            repo_id=repo_id, name=name, hidden=hidden.id,
        )  # fmt: skip
        await store.write(moving)

    text = b"".join([part async for part in text_of(store, found, await store.read(rendered(found, _ids(found))))])

    assert [item["name"] for item in orjson.loads(text)["results"]] == ["c.jar"]


def _ids(found: Found) -> list[int]:
    return next(found.batches())
