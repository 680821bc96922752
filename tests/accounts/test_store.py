"""Accounts: one login in any letter case, tokens kept as hashes alone."""

import asyncio
from typing import Any

import pytest

from app.accounts import store
from app.accounts.model import User
from app.db.connect import Database
from app.db.tx import Tx, many
from app.errors import Conflict, NotFound

NOW = 1_700_000_000
TOKEN = "a token of octocat"


def bootstrap(login: str = "octocat", *, admin: bool = True, machine: bool = False, token: str = "") -> Tx[User]:
    return store.bootstrap(login, admin=admin, machine=machine, token=token, now=NOW + 5)


async def owner_of(db: Database, token: str) -> str | None:
    found = await db.read(store.find_by_token_hash(store.hash_token(token)))
    return found[0].login if found else None


async def test_an_account_comes_back_as_it_was_made(db: Database) -> None:
    made = await db.write(store.create("Octocat", token=TOKEN, now=NOW, email="o@example.com", admin=True))

    assert made == User(made.id, "Octocat", "o@example.com", admin=True, created=NOW, updated=NOW)
    assert await db.read(store.find("octocat")) == made
    assert await db.read(store.find_by_token_hash(store.hash_token(TOKEN))) == (made, store.hash_token(TOKEN))


async def test_the_database_does_not_hold_the_token(db: Database) -> None:
    await db.write(store.create("octocat", token=TOKEN, now=NOW))

    rows: Any = await db.read(many("SELECT * FROM users"))

    assert TOKEN not in repr([list(row) for row in rows])


@pytest.mark.parametrize("login", ["octocat", "OCTOCAT", "OctoCat"])
async def test_a_login_is_found_and_taken_in_any_letter_case(db: Database, login: str) -> None:
    await db.write(store.create("OctoCat", token=TOKEN, now=NOW))

    assert (await db.read(store.find(login))).login == "OctoCat"
    with pytest.raises(Conflict, match="exists already") as refused:
        await db.write(store.create(login, token="another", now=NOW))
    assert refused.value.code == "user_exists"


async def test_a_token_belongs_to_one_account(db: Database) -> None:
    await db.write(store.create("octocat", token=TOKEN, now=NOW))

    with pytest.raises(Conflict) as refused:
        await db.write(store.create("ada", token=TOKEN, now=NOW))

    assert refused.value.code == "token_taken"
    assert TOKEN not in refused.value.message
    assert await db.read(store.count()) == 1


async def test_of_many_at_one_moment_one_is_made(db: Database) -> None:
    outcomes = await asyncio.gather(
        *(db.write(store.create("octocat", token=f"token {n}", now=NOW)) for n in range(10)), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 9 + ["User"]


async def test_what_is_not_there_is_not_found(db: Database) -> None:
    with pytest.raises(NotFound, match="user nobody not found"):
        await db.read(store.find("nobody"))
    assert await db.read(store.find_if_any("nobody")) is None
    assert await owner_of(db, TOKEN) is None
    assert await db.read(store.count()) == 0


async def test_accounts_are_listed_by_login(db: Database) -> None:
    for login in ("b", "C", "a"):
        await db.write(store.create(login, token=f"token of {login}", now=NOW))

    assert [user.login for user in await db.read(store.list_all())] == ["a", "b", "C"]


async def test_another_token_ends_the_old_one(db: Database) -> None:
    user = await db.write(store.create("octocat", token=TOKEN, now=NOW))

    await db.write(store.set_token(user.id, "the next", NOW + 1))

    assert await owner_of(db, TOKEN) is None
    assert await owner_of(db, "the next") == "octocat"
    assert (await db.read(store.find("octocat"))).updated == NOW + 1


async def test_nobody_gets_the_token_of_another(db: Database) -> None:
    user = await db.write(store.create("octocat", token=TOKEN, now=NOW))
    await db.write(store.create("ada", token="ada's", now=NOW))

    for tx in (store.set_token(user.id, "ada's", NOW + 1), bootstrap(token="ada's")):
        with pytest.raises(Conflict) as refused:
            await db.write(tx)
        assert refused.value.code == "token_taken"

    assert (await owner_of(db, TOKEN), await owner_of(db, "ada's")) == ("octocat", "ada")
    assert (await db.read(store.find("octocat"))).admin is False


async def test_a_token_may_be_set_again(db: Database) -> None:
    await db.write(bootstrap(token=TOKEN))
    await db.write(bootstrap(token=TOKEN))

    assert await owner_of(db, TOKEN) == "octocat"


async def test_a_start_makes_the_account_of_the_settings(db: Database) -> None:
    made = await db.write(bootstrap(token=TOKEN))

    assert (made.login, made.admin, made.machine, made.active) == ("octocat", True, False, True)
    assert await owner_of(db, TOKEN) == "octocat"


async def test_the_next_start_updates_flags_and_token(db: Database) -> None:
    await db.write(store.create("OctoCat", token=TOKEN, now=NOW, email="o@example.com"))

    made = await db.write(bootstrap("octocat", machine=True, token="from the settings"))

    assert (made.login, made.admin, made.machine, made.email) == ("OctoCat", True, True, "o@example.com")
    assert await owner_of(db, "from the settings") == "OctoCat"
    assert await owner_of(db, TOKEN) is None
    assert await db.read(store.count()) == 1


async def test_a_start_without_a_token_keeps_the_one_there_is(db: Database) -> None:
    await db.write(bootstrap(token=TOKEN))
    await db.write(bootstrap(admin=False))

    assert await owner_of(db, TOKEN) == "octocat"
    assert (await db.read(store.find("octocat"))).admin is False
