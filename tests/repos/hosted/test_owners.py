"""Who owns a namespace of a host is who administers it there, beside its repositories that are known here."""

from dataclasses import dataclass, field

import pytest

from app.accounts import proofs
from app.accounts.auth import Claim
from app.db.tx import run
from app.errors import Forbidden, Unavailable
from app.repos import namespaces
from app.repos.hosted import owners as hosted_owners
from app.repos.hosted.owners import Owners
from app.scm.forge import Credential, Organisations
from app.web.needs import renewing
from tests.accounts import farside
from tests.accounts.hosted.forge import FakeForge, listed
from tests.repos.conftest import NOW
from tests.repos.hosted.conftest import Place


@dataclass
class Roles(FakeForge, Organisations):
    """A host with organisations; `administered` are namespaces by login."""

    administered: dict[str, list[str]] = field(default_factory=dict)

    async def administers(self, credential: Credential, namespace: str) -> bool:
        await self._called(f"administers {namespace}")
        return namespace in self.administered.get(self._whose(credential), [])


@dataclass
class Asking:
    place: Place
    forge: Roles
    owners: Owners

    async def owns(self, namespace: str = "acme") -> bool:
        try:
            await self.find(namespace)
        except Forbidden:
            return False
        return True

    async def find(self, namespace: str = "acme") -> None:
        claim = Claim(token_hash=proofs.hash_token("t" * 16), now=NOW)
        await renewing(lambda: self.place.db.glance(namespaces.find(claim, namespace, "owner", self.owners)))

    @property
    def asked(self) -> int:
        return len([call for call in self.forge.calls if call.startswith("administers")])


@pytest.fixture
async def asking(place: Place) -> Asking:
    """Ann administers the only repository of acme that is known here."""
    place.forge.repositories_of["ann"] = [listed("acme/web", "7")]
    await place.sync()
    forge = Roles(**vars(place.forge))
    return Asking(place, forge, farside.owners(place.db, forge.as_host()))


async def test_a_member_who_administers_all_known_repositories_is_no_owner(asking: Asking) -> None:
    assert not await asking.owns()
    with pytest.raises(Forbidden, match="administer acme at github"):
        await asking.find()


async def test_who_administers_the_organisation_is_an_owner_and_the_host_is_asked_once(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.forge.administered["ann"] = ["acme"]

    assert [await asking.owns() for _ in range(3)] == [True] * 3
    assert asking.asked == 1
    asking.forge.administered.clear()
    monkeypatch.setattr(hosted_owners, "GOOD", 0.0)
    asking.owners = Owners(asking.place.db, asking.owners.tokens)
    await asking.owners.ask(asking.place.ann, "github", "acme")
    assert asking.owners.known(asking.place.ann, "github", "acme") is None  # it is not good any more


async def test_rights_in_the_repositories_are_needed_beside_and_are_judged_first(asking: Asking) -> None:
    asking.forge.administered["ann"] = ["acme"]
    await asking.place.db.write(run("UPDATE permissions SET can_admin = FALSE"))

    assert (await asking.owns(), asking.asked) == (False, 0)


async def test_who_has_no_account_at_the_host_is_no_owner_there(asking: Asking) -> None:
    asking.forge.administered["ann"] = ["acme"]
    await asking.place.db.write(run("DELETE FROM host_accounts"))

    assert (await asking.owns(), asking.asked) == (False, 0)


async def test_a_host_that_does_not_tell_makes_nobody_an_owner(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    asking.forge.failure = Unavailable("github is away")
    with pytest.raises(Forbidden, match="does not tell at present whether you administer acme: github is away"):
        await asking.find()
    asking.forge.failure = None
    asking.forge.gate.clear()
    monkeypatch.setattr(hosted_owners, "PATIENCE", 0.01)
    with pytest.raises(Forbidden, match="no answer"):
        await asking.find()
    asking.forge.gate.set()
    asking.forge.administered["ann"] = ["acme"]
    assert await asking.owns()


async def test_where_a_host_knows_no_roles_the_rights_in_repositories_decide(asking: Asking) -> None:
    asking.owners = farside.owners(asking.place.db, asking.place.forge.as_host())

    assert await asking.owns()


async def test_answers_are_kept_in_a_bounded_number(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted_owners, "KEPT", 2)
    for namespace in ("a", "b", "c"):
        await asking.owners.ask(asking.place.ann, "github", namespace)

    known = [asking.owners.known(asking.place.ann, "github", namespace) for namespace in ("a", "b", "c")]
    assert known == [None, False, False]
