"""Repositories and rights: lists in order, rights given and taken, numbers that never repeat."""

import asyncio

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.db.connect import Database
from app.db.window import Window
from app.errors import NotFound
from app.repos import store
from app.repos.model import Permissions, Repo
from tests.repos.conftest import NOW

READ = Permissions(read=True)


@pytest.fixture
async def ada(db: Database) -> User:
    return await db.write(accounts.create("Ada", token="a token of ada", now=NOW))


async def test_a_repository_comes_back_as_it_went_in(db: Database, owner: User) -> None:
    full = Repo(
        *(0, "o", "n", "uid", owner.id, "git", "https://x", "ssh://y", "https://z", "main", "internal", True, "ci.yml"),
        *(True,) * 7,
        *(5, 6, 7, 8, 9, 10, 11),
        *(b"\x00signer", b"\xffsecret"),
    )

    made = await db.write(store.create(full))

    assert await db.read(store.find(made.id)) == made
    assert await db.read(store.find_if_any("o", "n")) == made
    assert await db.read(store.find_if_any("O", "n")) is None


async def test_what_is_not_there_is_not_found(db: Database) -> None:
    with pytest.raises(NotFound):
        await db.read(store.find(1))
    with pytest.raises(NotFound):
        await db.write(store.next_number(1))
    assert await db.read(store.permissions(1, 1)) is None


async def test_all_repositories_are_listed_by_slug_a_page_at_a_time(db: Database, owner: User) -> None:
    for namespace, name in (("b", "a"), ("a", "z"), ("a", "b"), ("c", "c")):
        await db.write(store.create(Repo(0, namespace, name, user_id=owner.id)))

    async def slugs(window: Window) -> list[str]:
        return [repo.slug for repo in (await db.read(store.list_all(window))).items]

    assert [await slugs(Window(3, offset)) for offset in (0, 3, 6)] == [["a/b", "a/z", "b/a"], ["c/c"], []]
    assert await slugs(Window(2, after="a/z")) == ["b/a", "c/c"]
    assert await slugs(Window(2, after="a/x")) == ["a/z", "b/a"]
    assert await slugs(Window(2, before="c/c")) == ["a/z", "b/a"]
    assert await slugs(Window(2, before="a/b")) == await slugs(Window(2, after="c/c")) == []


async def test_an_account_lists_what_it_may_read(db: Database, repo: Repo, owner: User, ada: User) -> None:
    other = await db.write(store.create(Repo(0, "a", "first", user_id=owner.id)))
    hidden = await db.write(store.create(Repo(0, "a", "hidden", user_id=owner.id)))
    for place, rights in ((repo, READ), (other, READ), (hidden, Permissions())):
        await db.write(store.grant(place.id, ada.id, rights, NOW))

    assert [mine.slug for mine in await db.read(store.list_of(ada.id, NOW))] == ["a/first", "octocat/hello"]


async def test_rights_are_set_exactly_and_keep_when_they_were_first_given(db: Database, repo: Repo, ada: User) -> None:
    await db.write(store.grant(repo.id, ada.id, Permissions(True, True, True), NOW))
    await db.write(store.grant(repo.id, ada.id, READ, NOW + 5))

    assert await db.read(store.permissions(ada.id, repo.id)) == READ
    row, rights = (await db.read(store.collaborators(repo.id)))[0]
    assert (row["login"], row["created"], row["updated"], rights) == ("Ada", NOW, NOW + 5, READ)


async def test_rights_are_taken_whether_or_not_there_were_any(db: Database, repo: Repo, ada: User) -> None:
    await db.write(store.grant(repo.id, ada.id, READ, NOW))

    for _ in range(2):
        await db.write(store.revoke(repo.id, ada))

    assert await db.read(store.permissions(ada.id, repo.id)) is None


async def test_collaborators_are_listed_by_login(db: Database, repo: Repo, ada: User) -> None:
    zoe = await db.write(accounts.create("zoe", token="a token of zoe", now=NOW))
    for user in (zoe, ada):
        await db.write(store.grant(repo.id, user.id, READ, NOW))

    listed = await db.read(store.collaborators(repo.id))

    assert [(row["login"], row["user_id"], rights.admin) for row, rights in listed] == [
        ("Ada", ada.id, False),
        ("octocat", repo.user_id, True),
        ("zoe", zoe.id, False),
    ]


async def test_numbers_are_given_once_each_and_raise_the_version(db: Database, repo: Repo) -> None:
    numbers = await asyncio.gather(*(db.write(store.next_number(repo.id)) for _ in range(30)))

    assert sorted(numbers) == list(range(1, 31))
    stored = await db.read(store.find(repo.id))
    assert (stored.counter, stored.version) == (30, 31)
