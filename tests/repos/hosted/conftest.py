"""An account of ann at a host, and a server that synchronises it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.accounts import store as accounts
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.accounts.hosted.tokens import Tokens
from app.accounts.model import User
from app.db.connect import Database
from app.moments import Change, Recorder, Recorders
from app.repos import store
from app.repos.hosted.lists import Lists
from app.repos.hosted.sync import Syncs
from app.repos.model import Permissions, Repo
from app.scm.forge import Credential
from tests.accounts.farside import SEAL
from tests.accounts.hosted.forge import FakeForge
from tests.repos.conftest import NOW


@dataclass
class Place:
    """Two people at a host, and a server."""

    db: Database
    forge: FakeForge
    ann: User
    bob: User
    clock: list[int] = field(default_factory=lambda: [NOW])
    changes: list[Change] = field(default_factory=list)

    def tokens(self) -> Tokens:
        hosts = {"github": self.forge.as_host()}
        return Tokens(self.db, SEAL, hosts, lambda: self.clock[0], "http://gantry.test")

    def syncs(
        self,
        db: Database | None = None,
        *,
        only: tuple[str, ...] = (),
        reserved: tuple[str, ...] = (),
        service: str = "",
    ) -> Syncs:
        """A server of the database."""
        db = db or self.db
        recorders = Recorders(Recorder(lambda change: _noted(self.changes, change)))
        services = {"github": Credential("token", service)} if service else {}
        keys = iter(f"{number:032}" for number in range(10**6))
        lists = Lists(db, SEAL, recorders, lambda: next(keys), only, reserved)
        hosts = {"github": self.forge.as_host()}
        tokens = Tokens(db, SEAL, hosts, lambda: self.clock[0], "http://gantry.test")
        return Syncs(db, tokens, lists, hosts, services, lambda: self.clock[0])

    async def sync(self, user: User | None = None, **more: Any) -> None:
        syncs = self.syncs(**more)
        async with syncs.running():
            await syncs.sync(user or self.ann)

    async def account(self, user: User | None = None) -> HostAccount:
        found = await self.db.read(hosted.of((user or self.ann).id, "github"))
        assert found is not None
        return found

    async def repos(self, user: User | None = None) -> dict[str, Repo]:
        return {repo.slug: repo for repo in await self.db.read(store.list_of((user or self.ann).id, self.clock[0]))}

    async def rights(self, slug: str, user: User | None = None) -> Permissions | None:
        namespace, _, name = slug.rpartition("/")
        found = await self.db.read(store.find_with_rights(namespace, name, (user or self.ann).id))
        return found.rights if found else None


def _noted(changes: list[Change], change: Change) -> Any:
    changes.append(change)
    yield from ()


@pytest.fixture
async def place(db: Database) -> Place:
    forge = FakeForge()
    ann = await db.write(accounts.create("ann", token="t" * 16, now=NOW))
    bob = await db.write(accounts.create("bob", token="b" * 16, now=NOW))
    made = Place(db, forge, ann, bob)
    for user in (ann, bob):
        forge.add(user.login)
        token, refresh = made.tokens().sealed(forge.granted(user.login))
        account = HostAccount(
            0, user.id, "github", f"uid-{user.login}", user.login, "bearer", token, refresh, created=NOW, due=0
        )
        await db.write(hosted.link(account))
        await db.write(accounts.log_in(user.id, NOW))
    made.ann, made.bob = replace(ann, last_login=NOW), replace(bob, last_login=NOW)
    return made
