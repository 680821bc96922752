"""Who of many may read which of many repositories: the same rule as for one who asks for one."""

import itertools
import sqlite3
from dataclasses import replace

import pytest

from app.accounts import proofs
from app.accounts import store as accounts
from app.accounts.model import User
from app.db.connect import Database
from app.db.migrate import versions
from app.db.tx import run
from app.repos import access, audience, store
from app.repos.aged import DAY
from app.repos.audience import Who
from app.repos.model import Permissions, Repo, Visibility
from tests.accounts import farside
from tests.repos.conftest import NOW

VISIBILITIES: tuple[Visibility, ...] = ("public", "internal", "private")


async def account(db: Database, login: str, *, admin: bool = False) -> User:
    return await db.write(accounts.create(login, token=f"the token of {login}", now=NOW, admin=admin))


async def of_each_kind(db: Database, repo: Repo) -> list[Repo]:
    return [await db.write(store.create(replace(repo, name=name, visibility=name))) for name in VISIBILITIES]


async def test_the_rule_is_that_of_a_single_request(db: Database, owner: User, repo: Repo) -> None:
    repos = await of_each_kind(db, repo)
    users = [owner, await account(db, "root", admin=True)]
    for rights in (None, Permissions(), Permissions(read=True), Permissions(True, True, True)):
        users.append(await account(db, f"u{len(users)}"))
        for of in repos if rights else ():
            await db.write(store.grant(of.id, users[-1].id, rights or Permissions(), NOW))

    found = await db.read(audience.find([Who(user.id) for user in users], [of.id for of in repos], NOW))

    for user, of in itertools.product([None, *users], repos):
        given = await db.read(store.permissions(user.id, of.id)) if user else None
        who = Who(user.id) if user else Who()
        assert found.may_read(who, of.id) == (access.refuse(user, of, given, "read") is None), (user, of)
    assert not any(found.may_read(Who(user.id), 999) for user in users)


@pytest.mark.parametrize("told", [0, NOW - DAY, NOW - DAY - 1])
async def test_rights_that_a_host_has_not_told_for_a_day_are_none(
    db: Database, owner: User, repo: Repo, told: int
) -> None:
    repos, kim = await of_each_kind(db, repo), await account(db, "kim")
    for of in repos:
        await db.write(store.grant(of.id, kim.id, Permissions(read=True), NOW, synced=told))

    found = await db.read(audience.find([Who(kim.id), Who(owner.id)], [of.id for of in repos], NOW))

    counts = told != NOW - DAY - 1
    assert [found.may_read(Who(kim.id), of.id) for of in repos] == [True, True, counts]
    assert all(found.may_read(Who(owner.id), of.id) for of in repos)


async def test_only_those_who_are_there_are_known(db: Database, owner: User) -> None:
    kim, gone = await account(db, "kim"), await account(db, "gone")
    (token,) = await db.read(proofs.list_tokens(kim.id))
    await farside.begin(db, "kim")
    (session,) = await db.read(proofs.list_sessions(kim.id, 0))
    await db.write(run("DELETE FROM users WHERE id = :id", id=gone.id))

    async def known(who: Who) -> bool:
        return (await db.read(audience.find([who, Who(owner.id)], [], NOW))).knows(who)

    assert await known(Who())
    assert await known(Who(kim.id))
    assert await known(Who(kim.id, token.id))
    assert await known(Who(kim.id, 0, session.id))
    assert not await known(Who(kim.id, token.id + 1))
    assert not await known(Who(kim.id, 0, session.id + 1))
    assert not await known(Who(gone.id))

    await db.write(accounts.set_token(kim.id, "a fresh token of kim", NOW))
    assert not await known(Who(kim.id, token.id))
    assert not await known(Who(kim.id, 0, session.id))
    assert await known(Who(kim.id))

    await db.write(run("UPDATE users SET active = FALSE WHERE id = :id", id=kim.id))
    assert not await known(Who(kim.id))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 200])
async def test_any_number_is_asked_for_at_once(db: Database, owner: User, repo: Repo, count: int) -> None:
    found = await db.read(
        audience.find(list(map(Who, range(owner.id, owner.id + count))), range(repo.id, repo.id + count), NOW)
    )

    assert list(found.users) == [owner.id][:count]
    assert list(found.repos) == [repo.id][:count]


def test_sizes_share_statements() -> None:
    assert [len(audience._padded(range(count))) for count in (0, 1, 2, 3, 5, 8, 9, 200)] == [1, 1, 2, 4, 8, 8, 16, 256]


def test_the_statement_is_served_by_indexes() -> None:
    raw = sqlite3.connect(":memory:")
    for statement in itertools.chain(*versions("sqlite")):
        raw.execute(statement)
    kinds = ("users", "tokens", "sessions", "repos")
    sql = audience._sql(*((kind, 4) for kind in kinds))
    values = {"since": 0} | dict.fromkeys([f"{kind}{n}" for kind in kinds for n in range(4)], 1)

    steps = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    raw.close()

    assert not [step for step in steps if step.startswith("SCAN")], steps
    assert len([step for step in steps if step.startswith("SEARCH")]) == 5, steps
