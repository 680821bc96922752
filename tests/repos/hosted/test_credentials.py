"""What calls about a repository show: the owner's token, else the server's, else nothing."""

from dataclasses import replace

import pytest

from app.accounts.hosted import store as hosted
from app.db.tx import run
from app.errors import Unavailable, Unreadable
from app.repos import settings, store
from app.repos.hosted.credentials import Credentials
from app.repos.model import Repo, source
from app.scm.forge import Credential, Listed
from app.scm.host import Source
from tests.accounts.hosted.forge import listed
from tests.repos.conftest import NOW
from tests.repos.hosted.conftest import Place

SERVICE = Credential("token", "the token of the server")


@pytest.fixture
async def repo(place: Place) -> Repo:
    place.forge.repositories_of["ann"] = [listed("acme/web")]
    place.forge.repositories_of["bob"] = [listed("acme/web", "uid-acme/web", "read")]
    await place.sync()
    return (await place.repos())["acme/web"]


def credentials(place: Place, *, service: bool = True) -> Credentials:
    return Credentials(place.db, place.tokens(), {"github": SERVICE} if service else {})


async def whose(place: Place, repo: Repo, *, service: bool = True) -> str:
    shown = await credentials(place, service=service)(source(repo))
    return "" if shown is None else place.forge.tokens.get(shown.secret, "server")


async def test_the_owner_who_can_change_is_who_calls(place: Place, repo: Repo) -> None:
    nobody = await whose(place, repo), await whose(place, repo, service=False)
    await place.db.write(settings.enable(repo.id, place.ann.id, NOW))
    first = await whose(place, repo)
    await place.db.write(settings.chown(repo.id, place.bob.id, NOW))

    assert (nobody, first, await whose(place, repo)) == (("server", ""), "ann", "bob")


@pytest.mark.parametrize("sql", ["UPDATE users SET active = FALSE", "DELETE FROM host_accounts"])
async def test_an_owner_who_is_gone_calls_nothing(place: Place, repo: Repo, sql: str) -> None:
    await place.db.write(settings.enable(repo.id, place.ann.id, NOW))
    await place.db.write(run(sql))

    assert (await whose(place, repo), await whose(place, repo, service=False)) == ("server", "")


async def test_a_broken_token_is_not_shown(place: Place, repo: Repo) -> None:
    await place.db.write(settings.enable(repo.id, place.ann.id, NOW))
    await place.db.write(hosted.break_token(await place.account(), "broken", NOW))

    assert (await whose(place, repo), await whose(place, repo, service=False)) == ("server", "")


async def test_plain_git_and_repositories_that_are_not_registered_have_the_servers(place: Place) -> None:
    plain = await place.db.write(store.create(Repo(0, "plain", "git", user_id=place.ann.id)))

    assert await credentials(place)(source(plain)) is None
    assert await credentials(place)(Source(0, "https://github.test/acme/new", "github")) == SERVICE


async def test_a_refused_call_breaks_the_owners_token_and_the_servers_takes_its_place(place: Place, repo: Repo) -> None:
    await place.db.write(settings.enable(repo.id, place.ann.id, NOW))
    place.forge.tokens.clear()
    place.forge.tokens[SERVICE.secret] = "bob"

    async def ask(shown: Credential | None) -> Listed:
        assert shown is not None
        return await place.forge.repository(shown, "acme/web")

    found = await credentials(place).call(source(repo), ask)

    assert (found.slug, found.admin) == ("acme/web", False)
    assert "log in again" in (await place.account()).broken


async def test_who_has_no_account_at_the_host_is_told_what_to_do(place: Place, repo: Repo) -> None:
    asked: list[Credential | None] = []

    async def ask(shown: Credential | None) -> None:
        asked.append(shown)

    in_my_name = replace(source(repo), account=999)
    with pytest.raises(Unreadable, match="no account at github whose token is good: sign in at the host"):
        await credentials(place, service=False).call(in_my_name, ask)
    await credentials(place).call(in_my_name, ask)

    assert asked == [SERVICE]


async def test_a_host_that_cannot_renew_now_is_told_of(place: Place, repo: Repo) -> None:
    await place.db.write(settings.enable(repo.id, place.ann.id, NOW))
    place.forge.expires = NOW + 60
    account = await place.account()
    tokens = place.tokens()
    granted = place.forge.granted("ann")
    await place.db.write(hosted.renew(account, *tokens.sealed(granted), granted.expires, NOW))
    place.clock[0] += 61
    place.forge.failure = Unavailable("github is away")

    with pytest.raises(Unavailable, match="away"):
        await credentials(place)(source(repo))


async def test_what_shall_last_for_a_clone_is_renewed_before(place: Place, repo: Repo) -> None:
    await place.db.write(settings.enable(repo.id, place.ann.id, NOW))
    account, tokens = await place.account(), place.tokens()
    place.forge.expires = NOW + 600
    granted = place.forge.granted("ann")
    await place.db.write(hosted.renew(account, *tokens.sealed(granted), granted.expires, NOW))

    call = await credentials(place)(source(repo))
    clone = await credentials(place)(source(repo), 900)

    assert (call, clone) == (Credential("bearer", granted.token), await credentials(place)(source(repo)))
    assert call != clone
