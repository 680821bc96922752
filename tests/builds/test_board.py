"""The board's part of the repositories: by words, by namespace and by the state of their targets."""

import itertools
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds import board, targets
from app.builds.board import SHOWS, Filter
from app.db.migrate import versions
from app.db.parameters import marked
from app.db.tx import run
from app.db.window import Window
from app.errors import Invalid
from app.repos import store as repos
from app.repos.model import Permissions, Repo, Visibility
from tests.builds.farside import NOW, Scene, pipeline
from tests.builds.test_targets import add

VISIBLE: dict[str, Visibility] = {"a/api": "private", "a/web": "public", "b/Web": "internal", "c/tool": "private"}


@pytest.fixture
async def made(scene: Scene) -> dict[str, Repo]:
    """Repositories, by slug; the one of the scene is gone."""
    await scene.ports.db.write(run("DELETE FROM repos WHERE id = :id", id=scene.repo.id))
    found = {}
    for slug, visibility in VISIBLE.items():
        namespace, _, name = slug.partition("/")
        draft = replace(scene.repo, id=0, namespace=namespace, name=name, counter=0, visibility=visibility)
        found[slug] = await scene.ports.db.write(repos.create(draft))
    return found


async def shown(scene: Scene, wanted: Filter, user: User | None, window: Window | None = None) -> list[str]:
    """The slugs of a part, which are as many as are counted."""
    part = await scene.ports.db.read(board.page(user, wanted, window or Window(50), NOW))
    if window is None:
        assert await scene.ports.db.read(board.count(user, wanted, NOW)) == len(part.items)
    return [repo.slug for repo in part.items]


async def admin(scene: Scene) -> User:
    return await scene.ports.db.read(accounts.find("octocat"))


@pytest.mark.parametrize(
    ("wanted", "slugs"),
    [
        (Filter(), ["a/api", "a/web", "b/Web", "c/tool"]),
        (Filter("WEB"), ["a/web", "b/Web"]),
        (Filter("a/"), ["a/api", "a/web"]),
        (Filter("*" * 200), []),
        (Filter("[a-z]"), []),
        (Filter("%_"), []),
        (Filter("x" * 5000), []),
        (Filter(namespace="a"), ["a/api", "a/web"]),
        (Filter("web", "b"), ["b/Web"]),
        (Filter(namespace="d"), []),
    ],
)
async def test_words_and_namespaces_narrow_the_board(
    scene: Scene, made: dict[str, Repo], wanted: Filter, slugs: list[str]
) -> None:
    assert await shown(scene, wanted, await admin(scene)) == slugs


async def test_everybody_sees_what_they_may_read(scene: Scene, made: dict[str, Repo]) -> None:
    ada = await scene.ports.db.write(accounts.create("ada", token="ada's token", now=NOW))
    await scene.ports.db.write(repos.grant(made["c/tool"].id, ada.id, Permissions(True), NOW))

    assert await shown(scene, Filter(), ada) == ["a/web", "b/Web", "c/tool"]
    assert await shown(scene, Filter(), None) == ["a/web"]
    assert await scene.ports.db.read(board.namespaces(ada, NOW)) == ["a", "b", "c"]
    assert await scene.ports.db.read(board.namespaces(None, NOW)) == ["a"]


async def test_parts_lead_to_each_other(scene: Scene, made: dict[str, Repo]) -> None:
    user = await admin(scene)

    assert await shown(scene, Filter(), user, Window(2, after="a/api")) == ["a/web", "b/Web"]
    assert await shown(scene, Filter(), user, Window(2, before="c/tool")) == ["a/web", "b/Web"]
    assert await shown(scene, Filter("e"), user, Window(2, offset=1)) == ["b/Web"]


async def show(scene: Scene, name: str, user: User | None = None) -> list[str]:
    return await shown(scene, Filter(show=name), user or await admin(scene))


async def test_the_state_of_targets_is_filtered(scene: Scene, made: dict[str, Repo]) -> None:
    api, web, third, tool = (made[slug] for slug in VISIBLE)
    await add(scene, "test", "running", repo=api)
    await add(scene, "test", repo=web)
    await add(scene, "test", "failure", repo=web)
    await add(scene, "test", "failure", repo=third)
    await add(scene, "test", repo=third)
    blocked = await add(scene, "test", "pending", repo=tool)
    await scene.ports.db.write(run("UPDATE builds SET blocked = TRUE WHERE id = :id", id=blocked.id))

    assert await show(scene, "flight") == ["a/api"]
    assert await show(scene, "waits") == ["c/tool"]
    assert await show(scene, "failed") == ["a/web"]


async def test_a_target_differs_from_the_one_before_it(scene: Scene, made: dict[str, Repo]) -> None:
    api, web, third, tool = (made[slug] for slug in VISIBLE)
    for repo in (api, web, third):
        await scene.ports.db.write(targets.declare(repo.id, ["test", "live"]))
        await add(scene, "test", repo=repo)
    await add(scene, "live", repo=api)
    other = await add(scene, "live", repo=web)
    await scene.ports.db.write(run("UPDATE builds SET after_sha = 'b' WHERE id = :id", id=other.id))
    await add(scene, "live", repo=tool)
    await add(scene, "other", "failure", repo=tool)

    assert await show(scene, "differs") == ["a/web", "b/Web", "c/tool"]


async def test_mine_is_what_i_promoted_last(scene: Scene, made: dict[str, Repo]) -> None:
    ada = await scene.ports.db.write(accounts.create("ada", token="ada's token", now=NOW, admin=True))
    mine = await add(scene, "test", repo=made["a/api"])
    await add(scene, "test", "failure", repo=made["a/api"])
    await add(scene, "test", repo=made["a/web"])
    await scene.ports.db.write(run("UPDATE builds SET trigger_by = 'ada' WHERE id = :id", id=mine.id))

    assert await show(scene, "mine", ada) == ["a/api"]
    assert await shown(scene, Filter(show="mine"), None) == []


def test_another_show_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Invalid, match="cannot show 'wait'; did you mean waits"):
        Filter(show="wait").check()


async def test_what_may_be_promoted_first_is_the_newest_success_of_the_default_branch(scene: Scene) -> None:
    async def number() -> int:
        return (await scene.ports.db.read(targets.promotable([scene.repo])))[scene.repo.id]

    assert await number() == 0
    first = await scene.push(pipeline())
    await scene.push(pipeline("topic"), ref="refs/heads/topic", target_branch="topic")
    await scene.ports.db.write(run("UPDATE builds SET status = 'success'"))
    assert await number() == first.number

    await scene.push(pipeline("new"))
    await add(scene, "test")
    assert await number() == first.number


SHAPES = list(itertools.product(SHOWS, (False, True), (False, True)))


def plan(sql: str) -> Sequence[str]:
    raw = sqlite3.connect(":memory:")
    for statement in itertools.chain(*versions("sqlite")):
        raw.execute(statement)
    text, arguments = marked(sql)
    values: dict[str, Any] = defaultdict(lambda: "[]")
    return [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", arguments(values))]


@pytest.mark.parametrize(("name", "worded", "spaced"), SHAPES)
def test_each_board_searches_indexes_for_each_repository(name: str, worded: bool, spaced: bool) -> None:
    for sql in (
        board.page_sql(name, worded, spaced, up=False),
        board.page_sql(name, worded, spaced, up=True),
        board.count_sql(name, worded, spaced),
    ):
        steps = plan(sql)

        assert not [step for step in steps if step.startswith(("SCAN builds", "SCAN done", "SCAN latest"))], steps
        assert [step for step in steps if "SCAN declared" in step or "SCAN permissions" in step] == []
        assert not [step for step in steps if "TEMP B-TREE" in step and name != "differs"], steps


def test_the_namespaces_are_skipped_through_by_the_index() -> None:
    assert not [step for step in plan(board.SPACES) if step.startswith("SCAN builds")]
    assert [step for step in plan(board.SPACES) if "SEARCH repos USING INDEX repos_slug (namespace>?)" in step]
