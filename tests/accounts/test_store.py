"""Accounts: one login in any letter case, tokens kept as hashes alone."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.accounts import proofs, store
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.accounts.model import User
from app.db.connect import Database
from app.db.tx import Tx, many
from app.errors import Conflict, NotFound

NOW = 1_700_000_000
TOKEN = "a token of octocat"


def bootstrap(
    login: str = "octocat", *, admin: bool = True, machine: bool = False, token: str = "", host: str = ""
) -> Tx[User]:
    return store.bootstrap(login, admin=admin, machine=machine, token=token, now=NOW + 5, expected_from=host)


async def owner_of(db: Database, token: str) -> str | None:
    found = await db.read(proofs.by_token(proofs.hash_token(token)))
    return found[0].login if found else None


async def test_an_account_comes_back_as_it_was_made(db: Database) -> None:
    made = await db.write(store.create("Octocat", token=TOKEN, now=NOW, email="o@example.com", admin=True))

    assert made == User(made.id, "Octocat", "o@example.com", admin=True, created=NOW, updated=NOW)
    assert await db.read(store.find("octocat")) == made
    assert await owner_of(db, TOKEN) == "Octocat"


async def test_the_database_does_not_hold_the_token(db: Database) -> None:
    await db.write(store.create("octocat", token=TOKEN, now=NOW))

    rows: Any = await db.read(many("SELECT * FROM users JOIN tokens ON user_id = users.id"))

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

    renewed = await db.write(store.set_token(user.id, "the next", NOW + 1))

    assert renewed == replace(user, updated=NOW + 1)

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


async def test_the_account_of_the_settings_is_expected_until_its_person_has_come_from_any_host(db: Database) -> None:
    hosts = [(await db.write(bootstrap(token=TOKEN, host=host))).expected_from for host in ("github", "gitea", "")]
    user = await db.write(bootstrap(host="gitea"))
    await db.write(hosted.link(HostAccount(0, user.id, "gogs", "7", "octocat", "token", b"", b"")))

    assert hosts == ["github", "gitea", ""]
    assert (user.expected_from, (await db.write(bootstrap(host="gitea"))).expected_from) == ("gitea", "")


async def admins(db: Database, *logins: str) -> list[User]:
    """Administrators of these logins, and nobody else."""
    return [await db.write(store.create(login, token=f"token of {login}", now=NOW, admin=True)) for login in logins]


async def left(db: Database) -> list[str]:
    """Who administers the server."""
    return [user.login for user in await db.read(store.list_all()) if user.admin and user.active]


@pytest.mark.parametrize("name", ["OctoCat", "octocat", "{id}"])
async def test_an_account_is_found_by_login_or_id(db: Database, name: str) -> None:
    made = await db.write(store.create("OctoCat", token=TOKEN, now=NOW))

    assert await db.read(store.find_named(name.format(id=made.id))) == made


async def test_a_login_that_looks_like_an_id_comes_first(db: Database) -> None:
    first = await db.write(store.create("octocat", token=TOKEN, now=NOW))
    second = await db.write(store.create(str(first.id), token="another", now=NOW))

    assert await db.read(store.find_named(str(first.id))) == second


@pytest.mark.parametrize("name", ["", "0", "-1", "99", "9" * 18, "9" * 400, "1.0", " 1", "\u0661", "nobody", "ÖÄ"])
async def test_a_name_of_nobody_is_not_found(db: Database, name: str) -> None:
    await db.write(store.create("octocat", token=TOKEN, now=NOW))

    with pytest.raises(NotFound, match="not found"):
        await db.read(store.find_named(name))


async def test_only_what_is_given_is_changed(db: Database) -> None:
    _, ada = await admins(db, "octocat", "ada")

    renamed = await db.write(store.update(ada.id, email="ada@example.com", now=NOW + 1))
    assert renamed == replace(ada, email="ada@example.com", updated=NOW + 1)
    demoted = await db.write(store.update(ada.id, admin=False, now=NOW + 2))
    assert demoted == replace(renamed, admin=False, updated=NOW + 2)
    cleared = await db.write(store.update(ada.id, email="", now=NOW + 3))
    assert cleared == replace(demoted, email="", updated=NOW + 3)
    assert await db.read(store.find("ada")) == cleared


@pytest.mark.parametrize("admin", [None, True, False])
async def test_an_account_that_is_made_inactive_administers_nothing_any_more(db: Database, admin: bool | None) -> None:
    _, ada = await admins(db, "octocat", "ada")

    await db.write(store.update(ada.id, active=False, admin=admin, now=NOW))
    back = await db.write(store.update(ada.id, active=True, now=NOW))

    assert (back.active, back.admin) == (True, False)


@pytest.mark.parametrize("change", [{"admin": False}, {"active": False}, {"admin": False, "active": True}])
async def test_the_last_administrator_stays_one(db: Database, change: dict[str, bool]) -> None:
    octocat, idle = await admins(db, "octocat", "idle")
    await db.write(store.create("ada", token="ada's", now=NOW))
    await db.write(store.update(idle.id, active=False, now=NOW))
    await db.write(store.update(idle.id, admin=True, now=NOW))  # inactive, so it does not count

    for tx in (store.update(octocat.id, email="new", now=NOW + 1, **change), store.delete(octocat.id)):
        with pytest.raises(Conflict, match="octocat is the last active administrator") as refused:
            await db.write(tx)
        assert refused.value.code == "last_administrator"

    assert await db.read(store.find("octocat")) == octocat
    await db.write(store.update(octocat.id, email="new", admin=True, active=True, now=NOW))
    await db.write(store.delete(idle.id))


async def test_an_account_is_deleted_once(db: Database) -> None:
    _, ada = await admins(db, "octocat", "ada")

    await db.write(store.delete(ada.id))

    assert await left(db) == ["octocat"]
    for tx in (store.delete(ada.id), store.update(ada.id, admin=True, now=NOW), store.set_token(ada.id, "x", NOW)):
        with pytest.raises(NotFound):
            await db.write(tx)


LEAVE: dict[str, Callable[[int], Tx[Any]]] = {
    "demoted": lambda user_id: store.update(user_id, admin=False, now=NOW),
    "made-inactive": lambda user_id: store.update(user_id, active=False, now=NOW),
    "deleted": store.delete,
}


@pytest.mark.parametrize("how", LEAVE)
async def test_of_administrators_who_all_leave_at_one_moment_one_stays(db: Database, how: str) -> None:
    for attempt in range(5):
        users = await admins(db, *(f"{how}-{attempt}-{number}" for number in range(6)))
        before = set(await left(db)) - {user.login for user in users}
        users += [user for user in await db.read(store.list_all()) if user.login in before]

        outcomes = await asyncio.gather(*(db.write(LEAVE[how](user.id)) for user in users), return_exceptions=True)

        refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert [type(outcome) for outcome in refused] == [Conflict], refused
        assert len(await left(db)) == 1


async def test_each_of_two_who_take_the_other_s_rights_cannot_both_succeed(db: Database) -> None:
    octocat, ada = await admins(db, "octocat", "ada")

    outcomes = await asyncio.gather(
        db.write(store.update(octocat.id, admin=False, now=NOW)),
        db.write(store.delete(ada.id)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    assert len(await left(db)) == 1
