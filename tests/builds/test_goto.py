"""A few typed words find what they may mean: only what the account may read, the most exact first."""

import itertools
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds import goto, targets
from app.db.migrate import VERSIONS, versions
from app.repos import store as repos
from app.repos.model import Permissions, Repo, Visibility
from tests.builds.farside import NOW, Scene
from tests.builds.test_growth import drive, fill
from tests.builds.test_targets import add

ROOT = User(1, "root", admin=True)


async def found(scene: Scene, words: str, user: User | None = ROOT) -> list[str]:
    """What is found, in short: the kind, the slug, and the number or the target."""
    listed = await scene.ports.db.read(goto.find(words, user, NOW))
    ends = [f"#{one.build.number}" if one.build else f" {one.target}" if one.target else "" for one in listed]
    return [f"{one.kind} {one.repo.slug}{end}" for one, end in zip(listed, ends, strict=True)]


async def repo(scene: Scene, slug: str, visibility: Visibility = "private") -> Repo:
    namespace, _, name = slug.rpartition("/")
    draft = replace(scene.repo, id=0, namespace=namespace, name=name, visibility=visibility, uid=slug, scm="")
    return await scene.ports.db.write(repos.create(draft))


@pytest.fixture
async def filled(scene: Scene) -> Scene:
    """Repositories of which some are called alike; of two each has a build 1 of one commit, to two targets."""
    for slug in ("acme/web", "acme/webshop", "acme/my-web", "web/api", "group/sub/thing", "acme/A_B"):
        made = await repo(scene, slug)
        if slug in ("acme/web", "acme/webshop"):
            await add(scene, "production", repo=made)
            await add(scene, "Prod EU", repo=made)
    return scene


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("web", ["acme/web", "acme/webshop", "web/api", "acme/my-web"]),
        ("  WEB ", ["acme/web", "acme/webshop", "web/api", "acme/my-web"]),
        ("acme/web", ["acme/web", "acme/webshop"]),
        ("sub/thing", ["group/sub/thing"]),
        ("a_b", ["acme/A_B"]),
        ("a_", ["acme/A_B"]),
        ("nothing-like-this", []),
    ],
)
async def test_a_part_of_a_name_finds_repositories(filled: Scene, words: str, due: list[str]) -> None:
    assert await found(filled, words) == [f"repository {slug}" for slug in due]


@pytest.mark.parametrize("words", ["acme/web#2", "acme/web 2", "acme/web/2", "Acme/Web #2", "acme/web # 2"])
async def test_a_number_after_a_repository_finds_its_build(filled: Scene, words: str) -> None:
    assert await found(filled, words) == ["build acme/web#2", "build acme/webshop#2"]


async def test_a_build_that_is_not_there_is_not_found(filled: Scene) -> None:
    assert await found(filled, "acme/web#3") == []
    assert await found(filled, "web#999999999999999999") == []


@pytest.mark.parametrize("words", ["a" * 7, "A" * 12, "a" * 40])
async def test_digits_of_a_commit_find_its_newest_build_in_each_repository(filled: Scene, words: str) -> None:
    assert await found(filled, words) == ["commit acme/webshop#2", "commit acme/web#2"]


@pytest.mark.parametrize("words", ["aaaaaa", "a" * 41, "b" * 10, "aaaaaaag"])
async def test_too_few_digits_and_other_digits_find_no_commit(filled: Scene, words: str) -> None:
    assert not [one for one in await found(filled, words) if one.startswith("commit")]


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("production", ["acme/web production", "acme/webshop production"]),
        ("webshop prod", ["acme/webshop Prod EU", "acme/webshop production"]),
        ("acme/web PRODUCTION", ["acme/web production", "acme/webshop production"]),
    ],
)
async def test_the_beginning_of_a_target_finds_it_in_repositories(filled: Scene, words: str, due: list[str]) -> None:
    assert await found(filled, words) == [f"target {one}" for one in due]


async def test_a_target_that_only_the_pipeline_file_declares_is_found_and_each_target_once(filled: Scene) -> None:
    made = await filled.ports.db.read(repos.find_if_any("acme", "my-web"))
    assert made is not None
    web = await filled.ports.db.read(repos.find_if_any("acme", "web"))
    assert web is not None
    for one in (made, web):
        await filled.ports.db.write(targets.declare(one.id, ["Staging", "production"]))

    assert await found(filled, "my-web stag") == ["target acme/my-web Staging"]
    assert await found(filled, "acme/web prod") == [
        "target acme/web Prod EU",
        "target acme/web production",
        "target acme/webshop Prod EU",
        "target acme/webshop production",
    ]


async def test_at_most_eight_are_found_and_the_most_exact_are_among_them(filled: Scene) -> None:
    for number in range(20):
        await repo(filled, f"aaa/x-web-{number}")

    listed = await found(filled, "web")

    assert listed[0] == "repository acme/web"
    assert len(listed) == goto.MOST


@pytest.mark.parametrize("visibility", ["private", "internal", "public"])
async def test_only_what_the_account_may_read_is_found(filled: Scene, visibility: Visibility) -> None:
    db = filled.ports.db
    hidden = await repo(filled, "secret/hidden", visibility)
    await add(filled, "vault", repo=hidden)
    await db.write(targets.declare(hidden.id, ["cellar"]))
    ada, bob = [await db.write(accounts.create(login, token=login * 8, now=NOW)) for login in ("ada-2", "bob-2")]
    await db.write(repos.grant(hidden.id, ada.id, Permissions(True), NOW))
    outdated = await db.write(accounts.create("eve-2", token="eve" * 8, now=NOW))
    await db.write(repos.grant(hidden.id, outdated.id, Permissions(True), NOW, synced=NOW - 10**6))

    seen = {
        name: [await found(filled, words, user) for words in ("hidden", "hidden#1", "a" * 8, "vault", "cellar")]
        for name, user in {"ada": ada, "bob": bob, "eve": outdated, "nobody": None}.items()
    }

    hits = [
        ["repository secret/hidden"],
        ["build secret/hidden#1"],
        ["commit secret/hidden#1"],
        ["target secret/hidden vault"],
        ["target secret/hidden cellar"],
    ]
    nothing: list[list[str]] = [[], [], [], [], []]
    assert seen["ada"] == hits
    assert seen["bob"] == seen["eve"] == (nothing if visibility == "private" else hits)
    assert seen["nobody"] == (hits if visibility == "public" else nothing)


ODD = ["", "   ", "*", "?", "[", "%", "a*b", "'", "\\", "x" * 400, "a\0b", "☃", "ä", "#", "/", "#1", "web#", "--", "."]


@pytest.mark.parametrize("words", ODD)
async def test_odd_words_are_no_error_and_match_nothing_by_chance(filled: Scene, words: str) -> None:
    listed = await found(filled, words)

    assert not listed or words in (".", "/", "--")


SEARCHES: dict[str, Callable[[], str]] = {
    "repository": lambda: "r17",
    "build": lambda: "o/r17#3",
    "commit": lambda: "c" * 8,
    "target": lambda: "production",
}


def history(builds: int) -> sqlite3.Connection:
    """200 repositories with so many builds, all of one commit."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.row_factory = sqlite3.Row
    for statement in (VERSIONS, *itertools.chain(*versions("sqlite"))):
        raw.execute(statement)
    fill(raw, "users", 1, login="'u'", active="1")
    fill(raw, "repos", 200, namespace="'o'", name="'r' || n", visibility="'private'", parameters="'[]'")
    fill(raw, "permissions", 100, user_id="1", repo_id="n + 1", can_read="1")
    fill(raw, "builds", builds, repo_id="n % 200 + 1", number="n / 200 + 1", after_sha=f"'{'c' * 40}'", params="'{}'")
    fill(raw, "latest", 200, repo_id="n + 1", build_id="n + 1", kind="'deployment'", name="'production'")
    names = "iif(n % 6, 't' || (n % 6), 'production')"
    fill(raw, "declared_targets", 1200, repo_id="n / 6 + 1", position="n % 6", name=names)
    return raw


def test_a_search_among_a_hundred_thousand_builds_is_as_one_among_few() -> None:
    few, many = (
        {name: drive(raw, goto.find(words(), User(1, "u"), NOW)).instructions for name, words in SEARCHES.items()}
        for raw in (history(1_000), history(100_000))
    )

    assert {name: many[name] <= few[name] * 1.05 + 20 for name in SEARCHES} == dict.fromkeys(SEARCHES, True)
    assert max(many.values()) < 40_000
