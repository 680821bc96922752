"""Rights in the repositories of hosts are asked for once an hour, before they decide (contract scm-api 6.1)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest
from starlette.requests import Request

from app.accounts import proofs
from app.accounts import store as accounts
from app.db.tx import Tx, run
from app.errors import Unavailable
from app.repos import access, store
from app.repos.access import GOOD, Access
from app.repos.hosted import rights as hosted_rights
from app.repos.hosted.rights import Rights
from app.repos.model import Permissions, Repo
from app.repos.paths import NAME, OWNER
from app.web.path import Path
from app.web.reply import Text
from app.web.route import Endpoint
from tests.accounts import farside
from tests.accounts.hosted.forge import listed
from tests.counting import Counting
from tests.repos.conftest import NOW
from tests.repos.hosted.conftest import Place
from tests.soon import soon
from tests.web.asgi import serving

TOKENS = {"ann": "t" * 16, "bob": "b" * 16, "root": "r" * 16, "robot": "m" * 16}


@dataclass
class Asking:
    """A server whose rows need rights."""

    place: Place
    client: httpx2.AsyncClient
    counting: Counting

    async def ask(self, right: str = "write", who: str = "ann", slug: str = "acme/web") -> int:
        return (await self.answer(right, who, slug)).status_code

    async def answer(self, right: str = "write", who: str = "ann", slug: str = "acme/web") -> httpx2.Response:
        headers = {"Authorization": f"Bearer {TOKENS[who]}"} if who else {}
        return await self.client.get(f"/{right}/{slug}", headers=headers)

    def later(self) -> None:
        self.place.clock[0] += GOOD

    @property
    def asked(self) -> int:
        return len([call for call in self.place.forge.calls if call.startswith("repository ")])


async def handler(_: Request[access.State], found: Access) -> Text:
    return Text(found.repo.slug)


async def reading(_: Request[access.State], __: Access, slug: str) -> Text:
    return Text(slug)


def _slug(_: Request[access.State], found: Access) -> Tx[str]:
    yield from ()
    return found.repo.slug


@pytest.fixture
async def asking(place: Place) -> AsyncIterator[Asking]:
    """Ann administers acme/web, bob may only read it; both were told just now."""
    place.forge.repositories_of["ann"] = [listed("acme/web", "7")]
    place.forge.repositories_of["bob"] = [listed("acme/web", "7", "read")]
    await place.sync()
    await place.sync(place.bob)
    place.forge.calls.clear()
    await place.db.write(accounts.create("root", token=TOKENS["root"], now=NOW, admin=True))
    await place.db.write(accounts.create("robot", token=TOKENS["robot"], now=NOW, machine=True))
    words = Path() / OWNER / NAME
    routes = [
        Endpoint("GET", Path([name, *words.parts]), handler, needs=needs)
        for name, needs in {"read": access.READ, "admin": access.ADMIN, "granted": access.GRANTED_READ}.items()
    ]
    routes.append(Endpoint("GET", Path(["write", *words.parts]), reading, needs=access.WRITE, reads=_slug))
    counting = Counting(place.db)
    state = farside.state(counting, now=lambda: place.clock[0], private_mode=False)
    state["renew_rights"] = Rights(place.db, place.tokens(), lambda: place.clock[0])
    async with serving(routes, **state) as client:
        yield Asking(place, client, counting)


async def test_rights_of_the_last_hour_are_not_asked_for(asking: Asking) -> None:
    statuses = [await asking.ask(right, who) for who in ("ann", "bob") for right in ("read", "write", "admin")]

    assert statuses == [200, 200, 200, 200, 403, 403]
    assert asking.asked == 0


@pytest.mark.parametrize("right", ["read", "write", "admin", "granted"])
async def test_older_rights_are_asked_for_once_for_an_hour(asking: Asking, right: str) -> None:
    asking.later()

    assert [await asking.ask(right) for _ in range(3)] == [200] * 3
    assert asking.asked == 1
    asking.later()
    assert (await asking.ask(right), asking.asked) == (200, 2)


async def test_many_who_ask_at_once_are_one_call(asking: Asking) -> None:
    asking.later()
    asking.place.forge.gate.clear()
    asks = [asyncio.create_task(asking.ask()) for _ in range(10)]
    await soon(lambda: asking.asked, "the host is asked")
    asking.place.forge.gate.set()

    assert (await asyncio.gather(*asks), asking.asked) == ([200] * 10, 1)


async def test_a_changed_right_counts_at_once_when_it_is_asked_for(asking: Asking) -> None:
    asking.place.forge.repositories_of["ann"] = [listed("acme/web", "7", "read")]
    before = await asking.ask("admin")
    asking.later()

    assert (before, await asking.ask("admin"), await asking.ask("read")) == (200, 403, 200)


@pytest.mark.parametrize("by_ids", [True, False])
@pytest.mark.parametrize("gone", ["hidden", "another of that name"])
async def test_a_right_that_was_taken_away_is_gone(asking: Asking, gone: str, *, by_ids: bool) -> None:
    asking.place.forge.by_ids = by_ids
    asking.place.forge.repositories_of["ann"] = [listed("acme/web", "8")] if gone != "hidden" else []
    asking.later()

    answers = [await asking.answer() for _ in range(3)]

    assert [(answer.status_code, answer.json()["message"]) for answer in answers] == [(404, "Not Found")] * 3
    assert (asking.asked, await asking.place.rights("acme/web")) == (1, None)


async def test_a_right_in_a_renamed_repository_stays_also_when_another_has_its_name(asking: Asking) -> None:
    asking.place.forge.repositories_of["ann"] = [listed("acme/moved", "7", "write"), listed("acme/web", "8")]
    asking.later()

    assert (await asking.ask("write"), await asking.ask("admin")) == (200, 403)


async def test_who_has_got_a_right_comes_in_without_a_synchronisation(asking: Asking) -> None:
    await asking.place.db.write(store.revoke((await asking.place.repos())["acme/web"].id, asking.place.bob))

    assert await asking.ask("read", "bob") == 200
    assert await asking.place.rights("acme/web", asking.place.bob) == Permissions(True)


@pytest.mark.parametrize("known", [True, False])
async def test_a_host_that_does_not_tell_is_404_and_not_asked_at_once_again(asking: Asking, known: bool) -> None:
    if not known:
        await asking.place.db.write(store.revoke((await asking.place.repos())["acme/web"].id, asking.place.ann))
    asking.place.forge.failure = Unavailable("github is away")
    asking.later()

    answers = [await asking.answer() for _ in range(3)]

    assert ([answer.status_code for answer in answers], asking.asked) == ([404] * 3, 1)
    told = "github does not tell your rights in acme/web at present: github is away" if known else "Not Found"
    assert {answer.json()["message"] for answer in answers} == {told}


async def test_a_host_that_does_not_answer_is_not_waited_for(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_rights, "PATIENCE", 0.01)
    asking.place.forge.gate.clear()
    asking.later()

    assert (await asking.ask(), await asking.ask(), asking.asked) == (404, 404, 1)


async def test_a_broken_token_says_the_way_out(asking: Asking) -> None:
    asking.place.forge.tokens.clear()
    asking.later()

    answer = await asking.answer()

    assert (answer.status_code, "log in again" in answer.json()["message"]) == (404, True)


async def test_nobody_is_asked_for_who_needs_no_right_or_has_none_of_a_host(asking: Asking) -> None:
    repo = (await asking.place.repos())["acme/web"]
    robot = await asking.place.db.read(accounts.find("robot"))
    await asking.place.db.write(store.grant(repo.id, robot.id, Permissions(True, True), NOW))
    await asking.place.db.write(run("UPDATE repos SET visibility = 'public'"))
    asking.place.forge.failure = Unavailable("github is away")
    asking.later()

    statuses = [await asking.ask("read", who) for who in ("", "ann", "bob", "root", "robot")]
    more = [await asking.ask("admin", "root"), await asking.ask("write", "robot"), await asking.ask("granted", "bob")]

    assert (statuses, more, asking.asked) == ([200] * 5, [200, 200, 404], 1)


async def test_plain_git_costs_one_statement_beside_that_of_the_account(asking: Asking) -> None:
    plain = await asking.place.db.write(store.create(Repo(0, "plain", "git", user_id=asking.place.ann.id)))
    asking.later()
    asking.counting.statements.clear()

    assert await asking.ask("admin", slug=plain.slug) == 200
    assert asking.counting.statements == [proofs.BY_TOKEN, store.WITH_RIGHTS]
