"""The repositories of a host, and the rights in them, are what the host says (contract scm-api 6.1)."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.accounts import store as accounts
from app.accounts.hosted import store as hosted
from app.accounts.hosted.tokens import TokenBroken
from app.db.connect import connect
from app.db.tx import many, run
from app.errors import Unavailable
from app.repos import settings, store
from app.repos.hosted import store as listed_store
from app.repos.hosted import sync as hosted_sync
from app.repos.model import SECRET, SIGNER, Permissions, Repo
from tests.accounts.farside import SEAL
from tests.accounts.hosted.forge import listed
from tests.counting import Counting
from tests.repos.conftest import NOW
from tests.repos.hosted.conftest import Place
from tests.soon import soon

ALL, WRITE, READ = Permissions(True, True, True), Permissions(True, True), Permissions(True)
LONG_AGO = NOW - 31 * 24 * 3600


async def test_a_new_repository_is_as_the_host_lists_it_and_nobody_has_enabled_it(place: Place) -> None:
    place.forge.repositories_of["ann"] = [listed("acme/web", "7", "write", visibility="internal")]

    await place.sync()

    (repo,) = (await place.repos()).values()
    link = "https://github.test/acme/web"
    assert (repo.uid, repo.scm, repo.git_http_url, repo.git_ssh_url, repo.link) == (
        *("7", "github", f"{link}.git", "git@github.test:acme/web.git"),
        link,
    )
    assert (repo.default_branch, repo.visibility, repo.active, repo.user_id, repo.synced) == (
        *("main", "internal", False, 0),
        NOW,
    )
    assert len({SEAL.open(repo.signer, SIGNER), SEAL.open(repo.secret, SECRET)}) == 2
    assert await place.rights("acme/web") == WRITE
    account = await place.account()
    assert (account.synced, account.repositories, account.lease, account.fault) == (NOW, 1, 0, "")
    ann = await place.db.read(accounts.find("ann"))
    assert ann.synced == NOW


async def test_groups_nest_and_what_is_archived_filtered_or_no_name_here_is_left_out(place: Place) -> None:
    place.forge.repositories_of["ann"] = [
        listed("acme/web"),
        listed("Acme/sub/group/api"),
        listed("acme/old", archived=True),
        listed("other/web"),
        listed("acmes/web"),
        listed("acme/☃"),
        listed("acme/.."),
        listed("acme//x"),
    ]

    await place.sync(only=("ACME",))

    assert list(await place.repos()) == ["Acme/sub/group/api", "acme/web"]


async def test_what_differs_is_updated_and_an_empty_link_says_nothing(place: Place) -> None:
    place.forge.repositories_of["ann"] = [listed("acme/web", "7")]
    await place.sync()
    place.forge.repositories_of["ann"] = [
        listed("acme/web", "7", default_branch="trunk", link="", http_url="https://new.test/acme/web.git")
    ]
    place.clock[0] += 10

    await place.sync()
    await place.sync()

    repo = (await place.repos())["acme/web"]
    assert (repo.default_branch, repo.link, repo.git_http_url) == (
        *("trunk", "https://github.test/acme/web"),
        "https://new.test/acme/web.git",
    )
    assert (repo.version, repo.updated) == (2, NOW + 10)
    assert [dict(change.after) for change in place.changes] == [
        {"host": "github", "added": 1},
        {"host": "github", "changed": 1},
    ]


@pytest.mark.parametrize(
    ("here", "there", "after"),
    [("public", "private", "private"), ("private", "public", "private"), ("internal", "public", "internal")],
)
async def test_the_host_narrows_who_may_read_and_never_widens(place: Place, here: str, there: str, after: str) -> None:
    place.forge.repositories_of["ann"] = [listed("acme/web", "7", visibility="public")]
    await place.sync()
    repo = (await place.repos())["acme/web"]
    await place.db.write(settings.update(repo.id, {"visibility": here}, NOW))
    place.forge.repositories_of["ann"] = [listed("acme/web", "7", visibility=there)]

    await place.sync()

    assert (await place.repos())["acme/web"].visibility == after


async def test_a_renamed_repository_stays_the_same_also_when_two_swap_names(place: Place) -> None:
    place.forge.repositories_of["ann"] = [listed("acme/a", "1"), listed("acme/b", "2"), listed("acme/c", "3")]
    await place.sync()
    before = {repo.uid: repo.id for repo in (await place.repos()).values()}
    place.forge.repositories_of["ann"] = [
        listed("acme/b", "1"),
        listed("acme/a", "2"),
        listed("new/sub/c", "3"),
        listed("acme/c", "4"),
    ]

    await place.sync()

    after = await place.repos()
    assert {slug: repo.uid for slug, repo in after.items()} == {
        "acme/a": "2",
        "acme/b": "1",
        "acme/c": "4",
        "new/sub/c": "3",
    }
    assert {repo.uid: repo.id for repo in after.values() if repo.uid != "4"} == before
    assert dict(place.changes[-1].after)["renamed"] == 3


async def test_nothing_is_made_in_a_reserved_namespace_or_moved_there_and_what_is_there_stays(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.forge.repositories_of["ann"] = [listed("docs/old", "1"), listed("acme/web", "2"), listed("acme/api", "3")]
    await place.sync()
    place.forge.repositories_of["ann"] = [
        listed("docs/old", "1", visibility="private"),
        listed("docs/web", "2"),
        listed("acme/web", "3"),
        listed("docs/new", "4"),
        listed("docs/sub/new", "5"),
        listed("docsify/new", "6"),
    ]

    await place.sync(reserved=("docs",))

    after = {slug: repo.uid for slug, repo in (await place.repos()).items()}
    assert after == {"docs/old": "1", "acme/web": "2", "acme/api": "3", "docsify/new": "6"}
    left = {record.__dict__["repository"] for record in caplog.records if "addresses of this" in record.message}
    assert left == {"docs/web", "docs/new", "docs/sub/new"}


async def test_a_name_that_is_taken_here_is_left_to_who_has_it(place: Place) -> None:
    plain = await place.db.write(store.create(Repo(0, "acme", "web", user_id=place.bob.id)))
    place.forge.repositories_of["ann"] = [listed("acme/a", "1"), listed("acme/b", "2"), listed("acme/web", "3")]
    await place.sync()
    place.forge.repositories_of["ann"] = [listed("acme/web", "1"), listed("acme/a", "2")]

    await place.sync()

    assert {slug: repo.uid for slug, repo in (await place.repos()).items()} == {"acme/a": "1", "acme/b": "2"}
    assert await place.db.read(store.find(plain.id)) == plain
    assert await place.rights("acme/web") is None


async def test_a_repository_that_was_registered_by_its_address_is_found_by_its_name_once(place: Place) -> None:
    registered = Repo(0, "acme", "web", uid="acme/web", scm="github", user_id=place.bob.id, active=True)
    made = await place.db.write(store.create(registered))
    place.forge.repositories_of["ann"] = [listed("acme/web", "7", "read")]

    await place.sync()

    found = (await place.repos())["acme/web"]
    assert (found.id, found.uid, found.active, found.user_id) == (made.id, "7", True, place.bob.id)
    assert await place.rights("acme/web") == READ


async def test_build_numbers_go_on_after_a_deletion(place: Place) -> None:
    await place.db.write(settings.delete(Repo(0, "acme", "web", counter=41)))
    place.forge.repositories_of["ann"] = [listed("acme/web")]

    await place.sync()

    repo = (await place.repos())["acme/web"]
    assert (repo.counter, repo.unbroken_from) == (41, 42)


async def test_what_the_host_lists_no_more_is_revoked_and_stays_for_others(place: Place) -> None:
    plain = await place.db.write(store.create(Repo(0, "plain", "git", user_id=place.ann.id)))
    both = [listed("acme/web", "1"), listed("acme/api", "2")]
    place.forge.repositories_of |= {"ann": both, "bob": both}
    await place.sync()
    await place.sync(place.bob)
    place.forge.repositories_of["ann"] = [listed("acme/web", "1", "read"), listed("acme/api", "2", archived=True)]

    await place.sync()

    assert list(await place.repos()) == ["acme/web", plain.slug]
    assert await place.rights("acme/web") == READ
    assert list(await place.repos(place.bob)) == ["acme/api", "acme/web"]
    assert await place.rights("acme/api", place.bob) == ALL
    assert dict(place.changes[-1].after) == {"host": "github", "revoked": 1}


async def test_three_thousand_repositories_take_a_bounded_number_of_statements(place: Place) -> None:
    place.forge.repositories_of["ann"] = [listed(f"acme/r{number}", str(number)) for number in range(3000)]
    counts = []
    for _ in range(2):
        counting = Counting(place.db)
        await place.sync(db=counting)
        counts.append(len(counting.statements))
    place.forge.repositories_of["ann"] = [listed(f"new/r{number}", str(number)) for number in range(3000)]
    counting = Counting(place.db)
    await place.sync(db=counting)

    assert counts[0] < 3000 / listed_store.MOST * 3 + 20
    assert counts[1] < 3000 / listed_store.MOST + 20
    assert len(counting.statements) < 3000 / listed_store.MOST * 2 + 20
    assert len(await place.repos()) == 3000


async def test_the_same_repository_twice_in_a_list_is_one(place: Place) -> None:
    place.forge.repositories_of["ann"] = [listed("acme/a", "1"), listed("acme/b", "1"), listed("acme/b", "2")]

    await place.sync()
    await place.sync()

    assert list(await place.repos()) == ["acme/b"]


async def test_a_host_that_fails_takes_nothing_away_and_the_account_says_why(place: Place) -> None:
    place.forge.repositories_of["ann"] = [listed("acme/web")]
    await place.sync()
    place.forge.failure = Unavailable("github is away")

    with pytest.raises(Unavailable, match="away"):
        await place.sync()

    assert list(await place.repos()) == ["acme/web"]
    account = await place.account()
    assert (account.fault, account.lease, account.synced, account.due) == ("github is away", 0, NOW, NOW + 3600)


async def test_a_slow_host_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_sync, "PATIENCE", 0.01)
    place.forge.gate.clear()

    with pytest.raises(Unavailable, match="did not list its repositories"):
        await place.sync()

    assert "did not list" in (await place.account()).fault


async def test_a_token_that_is_refused_is_broken_and_not_asked_with_again(place: Place) -> None:
    place.forge.tokens.clear()
    with pytest.raises(TokenBroken, match="log in again"):
        await place.sync()
    asked = len(place.forge.calls)
    await place.db.write(run("UPDATE host_accounts SET due = 1 WHERE user_id = :id", id=place.ann.id))

    async with place.syncs().running():
        await soon(lambda: _rests(place), "the account rests")

    assert len(place.forge.calls) == asked
    assert "log in again" in (await place.account()).broken


async def _rests(place: Place) -> bool:
    account = await place.account()
    return (account.due, account.lease) == (0, 0)


async def test_an_internal_error_is_kept_with_the_account(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.forge.failure = ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        await place.sync()

    assert "internal error" in (await place.account()).fault
    assert "a bug" in caplog.text


async def test_progress_is_seen_while_the_host_lists(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_sync, "PROGRESS", 0.001)
    place.forge.repositories_of["ann"] = [listed("acme/a"), listed("acme/b")]
    place.forge.gate.clear()
    syncs = place.syncs()

    async def found() -> bool:
        account = await place.account()
        return account.found == 2 and account.syncing(NOW)

    async with syncs.running():
        syncs.begin_all(place.ann)
        await soon(found, "two were found")
        place.forge.gate.set()
        await soon(lambda: _done(place, NOW), "it is done")

    assert not (await place.account()).syncing(NOW)


async def _done(place: Place, now: int) -> bool:
    account = await place.account()
    return account.synced == now and not account.lease


async def test_what_is_due_after_a_log_in_is_begun_at_once(place: Place) -> None:
    await place.db.write(run("UPDATE host_accounts SET due = :now WHERE user_id = :id", now=NOW, id=place.ann.id))
    syncs = place.syncs()
    async with syncs.running():
        syncs.begin(place.ann.id)
        await soon(lambda: _done(place, NOW), "ann is synchronised")

    assert (await place.account(place.bob)).synced == 0


@pytest.mark.parametrize(
    ("change", "synced"),
    [
        ("", True),
        ("UPDATE users SET active = FALSE", False),
        (f"UPDATE users SET last_login = {LONG_AGO}", False),
        (f"UPDATE users SET last_login = {LONG_AGO}; UPDATE tokens SET used = {LONG_AGO}", False),
        (f"UPDATE users SET last_login = {LONG_AGO}; UPDATE tokens SET used = {NOW - 3600}", True),
    ],
)
async def test_who_came_lately_is_synchronised_every_hour(place: Place, change: str, synced: bool) -> None:
    await place.db.write(run("UPDATE host_accounts SET due = :due", due=NOW - 1))
    for sql in filter(None, change.split("; ")):
        await place.db.write(run(sql))

    async with place.syncs().running():
        await soon(lambda: _rested_or_done(place, synced), "the round is over")

    account = await place.account()
    assert (account.due, account.synced) == ((NOW + 3600, NOW) if synced else (0, 0))


async def _rested_or_done(place: Place, synced: bool) -> bool:
    return await (_done(place, NOW) if synced else _rests(place))


async def test_several_servers_share_the_work(place: Place, database_url: str) -> None:
    for number in range(10):
        user = await place.db.write(accounts.create(f"u{number}", token=f"{number:016}", now=NOW))
        place.forge.add(user.login, listed(f"acme/r{number}"))
        token, refresh = place.tokens().sealed(place.forge.granted(user.login))
        ann = await place.account()
        account = replace(ann, user_id=user.id, uid=user.login, login=user.login, token=token, refresh=refresh)
        await place.db.write(hosted.link(account))
        await place.db.write(accounts.log_in(user.id, NOW))
    await place.db.write(run("UPDATE host_accounts SET due = :due", due=NOW - 1))
    others = [connect(database_url) for _ in range(3)]
    for other in others:
        await other.open()

    async def over() -> bool:
        left = await place.db.read(many("SELECT id FROM host_accounts WHERE synced = 0 OR lease <> 0"))
        return not left

    servers = [place.syncs(db) for db in (place.db, *others)]
    runs = [server.running() for server in servers]
    for one in runs:
        await one.__aenter__()
    await soon(over, "all are synchronised")
    for one in runs:
        await one.__aexit__(None, None, None)
    for other in others:
        await other.close()

    assert place.forge.calls.count("repositories") == 12


async def test_who_asks_twice_waits_for_one_synchronisation_also_of_another_server(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted_sync, "POLL", 0.001)
    place.forge.repositories_of["ann"] = [listed("acme/web")]
    place.forge.gate.clear()
    one, other = place.syncs(), place.syncs()
    async with one.running(), other.running():
        asking = [asyncio.create_task(one.sync(place.ann))]
        await soon(lambda: place.forge.calls, "the host is asked")
        joined, looked = spy(monkeypatch, hosted_sync.Syncs, "_own"), spy(monkeypatch, hosted, "find")
        asking += [asyncio.create_task(syncs.sync(place.ann)) for syncs in (one, other)]
        await soon(lambda: len(joined) == 2 and looked, "both wait")
        place.forge.gate.set()
        await asyncio.gather(*asking)

    assert place.forge.calls == ["repositories"]


def spy(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    """A list that grows with each call of a function from now on."""
    real, calls = getattr(owner, name), list[str]()

    def spied(*arguments: Any) -> Any:
        calls.append(name)
        return real(*arguments)

    monkeypatch.setattr(owner, name, spied)
    return calls


async def test_a_server_that_stops_leaves_the_work_to_the_next(place: Place) -> None:
    place.forge.gate.clear()
    syncs = place.syncs()
    async with syncs.running():
        syncs.begin_all(place.ann)
        await soon(lambda: place.forge.calls, "the host is asked")

    account = await place.account()
    assert (account.lease, account.due) == (0, NOW)


async def test_what_a_killed_server_holds_is_taken_when_its_lease_is_over(place: Place) -> None:
    account = await place.account()
    await place.db.write(hosted.take(account.id, NOW, NOW + 60, NOW + 3600))

    none = await place.db.write(hosted.take(account.id, NOW + 59, NOW + 120, NOW + 3600))
    taken = await place.db.write(hosted.take(account.id, NOW + 61, NOW + 120, NOW + 3600))

    assert (none, taken is not None) == (None, True)


async def test_the_servers_own_token_shows_an_administrator_what_it_may_see(place: Place) -> None:
    service = place.forge.add("robot", listed("acme/web"))
    root = await place.db.write(accounts.create("root", token="r" * 16, now=NOW, admin=True))
    kim = await place.db.write(accounts.create("kim", token="k" * 16, now=NOW))

    await place.sync(kim, service=service)
    none = await place.repos(kim)
    await place.sync(root, service=service)

    assert (none, list(await place.repos(root))) == ({}, ["acme/web"])
