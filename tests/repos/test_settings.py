"""What changes a repository that is there: settings, owner, its end, and who gets what an account leaves."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import AppError, Conflict, Invalid, NotFound
from app.repos import settings, store
from app.repos.model import Permissions, Repo
from tests.repos.conftest import NOW

ADMIN = Permissions(True, True, True)
EVERYTHING: dict[str, Any] = {
    "visibility": "public",
    "config_path": "ci.yml",
    "protected": True,
    "ignore_forks": True,
    "ignore_pull_requests": True,
    "auto_cancel_pull_requests": True,
    "auto_cancel_pushes": True,
    "auto_cancel_running": True,
    "parameters": ("A", "B"),
    "deployments": False,
    "poll": 60,
    "git_notes": True,
    "git_tags": True,
    "workflow_deployments": True,
    "trusted": True,
    "timeout": 45,
    "throttle": 3,
    "counter": 41,
}


async def account(db: Database, login: str, *, admin: bool = False) -> User:
    return await db.write(accounts.create(login, token=f"a token of {login}", now=NOW, admin=admin))


async def owner_of(db: Database, repo: Repo) -> int:
    return (await db.read(store.find(repo.id))).user_id


@pytest.mark.parametrize("name", [*settings.SETTINGS, *settings.SYSTEM_SETTINGS])
async def test_one_setting_is_changed_and_no_other(db: Database, repo: Repo, name: str) -> None:
    changed = await db.write(settings.update(repo.id, {name: EVERYTHING[name]}, NOW + 5))

    expected = replace(repo, **{name: EVERYTHING[name]}, updated=NOW + 5, version=repo.version + 1)
    if name == "counter":
        expected = replace(expected, unbroken_from=EVERYTHING["counter"] + 1)
    assert changed == expected
    assert await db.read(store.find(repo.id)) == expected


async def test_all_settings_are_changed_together_and_back(db: Database, repo: Repo) -> None:
    await db.write(settings.update(repo.id, EVERYTHING, NOW))
    off = {name: False for name, value in EVERYTHING.items() if value is True}

    back = await db.write(settings.update(repo.id, off | {"visibility": "private", "throttle": 0}, NOW))

    assert not any(getattr(back, name) for name in off)
    assert (back.visibility, back.throttle, back.timeout, back.version) == ("private", 0, 45, 3)


async def test_the_counter_only_grows(db: Database, repo: Repo) -> None:
    for _ in range(3):
        await db.write(store.next_number(repo.id))

    with pytest.raises(Invalid, match="counter: must be at least 3") as refused:
        await db.write(settings.update(repo.id, {"counter": 2, "timeout": 9}, NOW))

    assert [(problem.field, problem.code) for problem in refused.value.problems] == [("counter", "counter_goes_back")]
    assert (await db.read(store.find(repo.id))).timeout == 60
    assert (await db.write(settings.update(repo.id, {"counter": 3}, NOW))).counter == 3
    assert (await db.write(settings.update(repo.id, {"counter": 100}, NOW))).counter == 100
    assert await db.write(store.next_number(repo.id)) == 101


async def test_no_number_is_given_twice_while_the_counter_is_set(db: Database, repo: Repo) -> None:
    numbers = [db.write(store.next_number(repo.id)) for _ in range(10)]
    counters = [db.write(settings.update(repo.id, {"counter": count}, NOW)) for count in (5, 3, 8, 50)]

    outcomes = await asyncio.gather(*numbers, *counters, return_exceptions=True)

    given = outcomes[: len(numbers)]
    assert len(set(given)) == len(numbers)
    assert all(isinstance(outcome, (Repo, Invalid)) for outcome in outcomes[len(numbers) :])


async def test_who_enables_a_repository_owns_it_and_what_is_empty_is_filled(db: Database, repo: Repo) -> None:
    ada = await account(db, "ada")
    await db.write(settings.update(repo.id, {"config_path": "", "timeout": 0}, NOW))

    enabled = await db.write(settings.enable(repo.id, ada.id, NOW + 5))

    assert (enabled.active, enabled.user_id, enabled.config_path, enabled.timeout) == (True, ada.id, ".drone.yml", 60)
    assert (enabled.version, enabled.updated) == (3, NOW + 5)
    await db.write(settings.update(repo.id, {"config_path": "ci.yml", "timeout": 5}, NOW))
    again = await db.write(settings.enable(repo.id, repo.user_id, NOW))
    assert (again.config_path, again.timeout, again.user_id) == ("ci.yml", 5, repo.user_id)


async def test_a_repository_is_disabled_and_changes_hands(db: Database, repo: Repo) -> None:
    ada = await account(db, "ada")

    owned = await db.write(settings.chown(repo.id, ada.id, NOW + 1))
    disabled = await db.write(settings.disable(repo.id, NOW + 2))

    assert owned == replace(repo, user_id=ada.id, updated=NOW + 1, version=2)
    assert disabled == replace(owned, active=False, updated=NOW + 2, version=3)


async def test_the_default_branch_is_taken(db: Database, repo: Repo) -> None:
    taken = await db.write(settings.set_branch(repo.id, "trunk", NOW + 5))

    assert taken == replace(repo, default_branch="trunk", synced=NOW + 5, updated=NOW + 5, version=2)


async def test_what_is_deleted_is_not_found(db: Database, repo: Repo) -> None:
    await db.write(settings.delete(repo))

    found: list[Tx[Any]] = [
        settings.update(repo.id, {"timeout": 5}, NOW),
        settings.enable(repo.id, repo.user_id, NOW),
        settings.disable(repo.id, NOW),
        settings.chown(repo.id, repo.user_id, NOW),
        settings.set_branch(repo.id, "main", NOW),
        store.next_number(repo.id),
        store.grant(repo.id, repo.user_id, ADMIN, NOW),
    ]
    for tx in found:
        with pytest.raises(NotFound):
            await db.write(tx)


async def test_nobody_who_is_gone_becomes_an_owner(db: Database, repo: Repo) -> None:
    for tx in (settings.enable(repo.id, 999, NOW), settings.chown(repo.id, 999, NOW)):
        with pytest.raises(NotFound):
            await db.write(tx)

    assert await owner_of(db, repo) == repo.user_id


async def test_a_name_that_comes_back_counts_on(db: Database, repo: Repo) -> None:
    for expected in (1, 2):
        assert await db.write(store.next_number(repo.id)) == expected
    await db.write(settings.delete(await db.read(store.find(repo.id))))

    again = await db.write(store.create(Repo(0, repo.namespace, repo.name, user_id=repo.user_id)))
    other = await db.write(store.create(Repo(0, repo.namespace, "other", user_id=repo.user_id)))

    assert (again.counter, other.counter) == (2, 0)
    assert await db.read(store.find(again.id)) == again
    assert again.id != repo.id
    assert await db.write(store.next_number(again.id)) == 3
    await db.write(settings.delete(await db.read(store.find(again.id))))
    third = await db.write(store.create(Repo(0, repo.namespace, repo.name, user_id=repo.user_id)))
    assert third.counter == 3


async def test_a_name_that_is_freed_and_taken_at_one_moment_counts_on(db: Database, owner: User) -> None:
    def end(repo: Repo) -> Tx[Repo]:
        locked = yield from settings.disable(repo.id, NOW)
        yield from settings.delete(locked)
        return locked

    made = await db.write(store.create(Repo(0, "o", "n", user_id=owner.id, counter=7)))
    for _ in range(10):
        new = Repo(0, "o", "n", user_id=owner.id)
        ended, created = await asyncio.gather(db.write(end(made)), db.write(store.create(new)), return_exceptions=True)

        assert isinstance(ended, Repo)
        if not isinstance(created, Repo):  # it came before the deletion
            assert isinstance(created, Conflict)
            created = await db.write(store.create(new))
        assert created.counter == 7
        made = created


async def test_an_owner_who_leaves_hands_over_to_the_first_who_may(db: Database, repo: Repo, owner: User) -> None:
    writer, idle, first, second = [await account(db, login) for login in ("writer", "idle", "first", "second")]
    await db.write(store.grant(repo.id, writer.id, Permissions(True, True), NOW))
    for user in (second, first, idle):
        await db.write(store.grant(repo.id, user.id, ADMIN, NOW))
    await db.write(accounts.update(idle.id, active=False, now=NOW))
    mine = await db.write(store.create(Repo(0, "octocat", "mine", user_id=owner.id)))
    theirs = await db.write(store.create(Repo(0, "second", "theirs", user_id=second.id)))

    await db.write(settings.hand_over(owner.id, NOW + 5))

    assert (await owner_of(db, repo), await owner_of(db, mine)) == (first.id, 0)
    assert await db.read(store.find(theirs.id)) == theirs
    handed = await db.read(store.find(repo.id))
    assert (handed.updated, handed.version) == (NOW + 5, repo.version + 1)


async def test_of_owners_who_leave_at_one_moment_none_stays_an_owner(db: Database, owner: User) -> None:
    def leave(user: User) -> Tx[None]:
        yield from accounts.delete(user.id)
        yield from settings.hand_over(user.id, NOW)

    await account(db, "root", admin=True)
    users = [await account(db, f"u{number}") for number in range(8)]
    repo = await db.write(store.create(Repo(0, "u0", "r", user_id=users[0].id)))
    for user in (*users, owner):
        await db.write(store.grant(repo.id, user.id, ADMIN, NOW))

    await asyncio.gather(*(db.write(leave(user)) for user in users))

    assert await owner_of(db, repo) == owner.id


@pytest.mark.parametrize("of", ["user", "repository"])
async def test_rights_in_what_is_deleted_at_that_moment_are_a_not_found(
    db: Database, repo: Repo, owner: User, of: str
) -> None:
    await account(db, "root", admin=True)
    for number in range(10):
        ada = await account(db, f"ada{number}")
        other = await db.write(store.create(Repo(0, "o", f"r{number}", user_id=owner.id)))
        end = accounts.delete(ada.id) if of == "user" else settings.delete(other)

        outcomes = await asyncio.gather(
            db.write(end), db.write(store.grant(other.id, ada.id, ADMIN, NOW)), return_exceptions=True
        )

        assert outcomes[0] is None
        assert outcomes[1] is None or isinstance(outcomes[1], AppError), outcomes
