"""Tokens of accounts at hosts: renewed in time, once, by one of all who ask, and never lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from app.accounts import store as accounts
from app.accounts.hosted import store
from app.accounts.hosted import tokens as hosted_tokens
from app.accounts.hosted.model import HostAccount
from app.accounts.hosted.tokens import EARLY, TokenBroken, Tokens
from app.db.connect import Database, connect
from app.db.tx import Tx, run
from app.errors import NotFound, Unavailable
from app.scm.forge import Credential, Granted, Person
from tests.accounts.farside import NOW, SEAL
from tests.accounts.hosted.forge import FakeForge
from tests.builds.farside import Failing
from tests.soon import soon

Later = Callable[[], Database]


@dataclass
class Place:
    """An account of ann at a host that renews tokens, and a server."""

    db: Database
    forge: FakeForge
    tokens: Tokens
    clock: list[int]
    account: HostAccount

    def server(self, db: Database | None = None) -> Tokens:
        """One more server of the database."""
        return Tokens(db or self.db, SEAL, {"github": self.forge.as_host()}, lambda: self.clock[0], "http://g.test")

    async def now(self) -> HostAccount:
        found = await self.db.read(store.find(self.account.id))
        assert found is not None
        return found


@pytest.fixture
async def place(db: Database) -> Place:
    forge, clock = FakeForge(), [NOW]
    forge.add("ann")
    forge.expires = NOW + 3600
    tokens = Tokens(db, SEAL, {"github": forge.as_host()}, lambda: clock[0], "http://g.test")
    ann = await db.write(accounts.create("ann", token="t" * 16, now=NOW))
    token, refresh = tokens.sealed(granted := forge.granted("ann"))
    account = HostAccount(0, ann.id, "github", "uid-ann", "ann", "bearer", token, refresh, granted.expires)
    linked = await db.write(store.link(account))
    assert linked is not None
    return Place(db, forge, tokens, clock, linked)


async def whoami(place: Place, shown: Credential) -> Person:
    return await place.forge.person(shown)


@pytest.mark.parametrize(("left", "renewed"), [(EARLY + 1, 0), (EARLY - 1, 1), (-10, 1)])
async def test_a_token_is_renewed_a_minute_before_its_end(place: Place, left: int, renewed: int) -> None:
    place.clock[0] = place.account.expires - left
    place.forge.expires = NOW + 7200

    shown = await place.tokens.credential(place.account)

    assert (await whoami(place, shown)).login == "ann"
    assert place.forge.calls.count("refreshed") == renewed
    assert (await place.now()).expires == NOW + (7200 if renewed else 3600)


async def test_many_who_ask_at_once_renew_once(place: Place) -> None:
    place.clock[0], place.forge.expires = place.account.expires, NOW + 9999

    shown = await asyncio.gather(*(place.tokens.credential(place.account) for _ in range(50)))

    assert place.forge.calls.count("refreshed") == 1
    assert len({one.secret for one in shown}) == 1


async def test_of_several_servers_one_renews_and_the_others_take_its_token(
    place: Place, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted_tokens, "POLL", 0.01)
    place.clock[0], place.forge.expires = place.account.expires, NOW + 9999
    others = [connect(database_url) for _ in range(3)]
    for other in others:
        await other.open()
    place.forge.gate.clear()

    asking = [asyncio.create_task(place.server(db).credential(place.account)) for db in (place.db, *others)]
    await soon(lambda: place.forge.calls, "one has asked")
    place.forge.gate.set()
    shown = await asyncio.gather(*asking)
    for other in others:
        await other.close()

    assert place.forge.calls.count("refreshed") == 1
    assert len({one.secret for one in shown}) == 1


async def test_the_new_tokens_are_stored_when_nobody_waits_any_more(place: Place) -> None:
    place.clock[0], place.forge.expires = place.account.expires, NOW + 9999
    place.forge.gate.clear()
    async with place.tokens.running():
        asking = asyncio.create_task(place.tokens.credential(place.account))
        await soon(lambda: place.forge.calls, "the host is asked")
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        place.forge.gate.set()

    assert (await place.now()).expires == NOW + 9999


async def test_the_new_tokens_are_stored_when_the_database_is_back(place: Place) -> None:
    place.clock[0], place.forge.expires = place.account.expires, NOW + 9999
    failing = Failing(place.db)
    place.forge.gate.clear()
    asking = asyncio.create_task(place.server(failing).credential(place.account))
    await soon(lambda: place.forge.calls, "the host is asked")
    tried = list[int]()

    def away(_: Tx[object]) -> Tx[object]:
        tried.append(1)
        yield from ()
        raise Unavailable("the database is away")

    failing.becomes = away
    place.forge.gate.set()
    await soon(lambda: tried, "the tokens cannot be stored")
    failing.becomes = None

    assert (await whoami(place, await asking)).login == "ann"
    assert (await place.now()).expires == NOW + 9999


async def test_a_refused_renewal_breaks_the_token_and_says_the_way_out(place: Place) -> None:
    place.forge.refreshes.clear()
    place.clock[0] = place.account.expires

    for _ in range(2):
        with pytest.raises(TokenBroken, match="log in again"):
            await place.tokens.credential(await place.now())

    assert place.forge.calls.count("refreshed") == 1
    broken = (await place.now()).broken
    assert "github refused to renew the token" in broken
    assert "token-ann" not in broken


async def test_a_host_that_is_away_breaks_nothing(place: Place) -> None:
    place.clock[0] = place.account.expires - 10
    place.forge.failure = Unavailable("github is away")

    assert (await place.tokens.credential(place.account)).secret == "token-ann-1"
    place.clock[0] += 20
    with pytest.raises(Unavailable, match="away"):
        await place.tokens.credential(place.account)
    place.forge.failure = None
    place.forge.expires = NOW + 9999

    assert (await place.tokens.credential(place.account)).secret != "token-ann-1"
    assert (await place.now()).broken == ""


async def test_a_host_that_does_not_answer_is_not_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_tokens, "PATIENCE", 0.01)
    place.clock[0] = place.account.expires
    place.forge.gate.clear()

    with pytest.raises(Unavailable, match="within"):
        await place.tokens.credential(place.account)
    with pytest.raises(Unavailable, match="within"):
        await place.tokens.credential(place.account)


async def test_a_lease_of_a_server_that_died_ends(place: Place) -> None:
    place.clock[0], place.forge.expires = place.account.expires, NOW + 9999
    assert await place.db.write(store.lease_token(place.account, place.clock[0], place.clock[0] + 60))
    asking = asyncio.create_task(place.tokens.credential(place.account))
    done, _ = await asyncio.wait([asking], timeout=0.05)
    place.clock[0] += 61

    assert not done
    assert (await whoami(place, await asking)).login == "ann"


async def test_a_call_that_is_refused_is_made_once_more_with_a_renewed_token(place: Place) -> None:
    place.forge.tokens.clear()

    found = await place.tokens.call(place.account, lambda shown: whoami(place, shown))

    assert found.login == "ann"
    assert place.forge.calls == ["person", "refreshed", "person"]
    assert (await place.now()).broken == ""


async def test_a_call_with_an_older_token_takes_the_newer_one(place: Place) -> None:
    await place.tokens.after_refusal(place.account, Credential("bearer", "token-ann-1"))
    del place.forge.tokens["token-ann-1"]

    await place.tokens.call(place.account, lambda shown: whoami(place, shown))

    assert place.forge.calls.count("refreshed") == 1


async def test_a_token_that_is_refused_after_its_renewal_is_broken(place: Place) -> None:
    async def refuse(shown: Credential) -> Person:
        place.forge.tokens.clear()
        return await whoami(place, shown)

    with pytest.raises(TokenBroken):
        await place.tokens.call(place.account, refuse)

    assert place.forge.calls == ["person", "refreshed", "person"]
    assert "does not take a renewed token" in (await place.now()).broken


async def test_a_token_that_cannot_be_renewed_is_broken_by_a_refusal(place: Place) -> None:
    token, refresh = place.tokens.sealed(Granted("forever"))
    await place.db.write(store.renew(place.account, token, refresh, 0, NOW))

    with pytest.raises(TokenBroken):
        await place.tokens.call(await place.now(), lambda shown: whoami(place, shown))

    assert place.forge.calls == ["person"]
    assert "does not take the token any more" in (await place.now()).broken


async def test_other_errors_of_a_call_break_nothing(place: Place) -> None:
    async def fail(_: Credential) -> Person:
        raise NotFound("no such thing")

    with pytest.raises(NotFound):
        await place.tokens.call(place.account, fail)

    assert (await place.now()).broken == ""


async def test_an_account_that_is_gone_is_no_internal_error(place: Place) -> None:
    await place.db.write(run("DELETE FROM host_accounts"))
    place.clock[0] = place.account.expires

    with pytest.raises(TokenBroken):
        await place.tokens.credential(place.account)
