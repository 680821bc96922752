"""A real git repository, and servers that poll it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from app.builds import store
from app.builds.config.files import Configs
from app.builds.deliveries.keeper import Keeper
from app.builds.model import Build
from app.builds.polling.poller import Poller
from app.convert.convert import Converter
from app.db.connect import Database
from app.db.tx import run
from app.repos import polls, settings
from app.repos import store as repos
from app.repos.model import Repo
from app.repos.polls import Poll
from app.scm.git.host import Git
from app.scm.hosts import Hosts
from tests.builds.farside import Clock, Scene, laid, pipeline
from tests.scm.repository import Repository

EVERY = 60


@dataclass
class Server:
    """One of the servers that poll."""

    poller: Poller
    keeper: Keeper

    async def look(self) -> None:
        """Look at what is due, and build what was found."""
        await self.poller.look()
        await self.poller.idle()
        await self.keeper.look()


@dataclass
class Polled:
    """A repository that is polled once a minute, and its first server."""

    scene: Scene
    repository: Repository
    clock: Clock
    server: Server

    @property
    def db(self) -> Database:
        return self.scene.ports.db

    def another(self, name: str) -> Server:
        """One more server of the same database."""
        keeper = Keeper(self.scene.ports)
        return Server(Poller(self.scene.ports, name, keeper.wake, alone=False), keeper)

    async def set(self, **changed: Any) -> Repo:
        return await self.db.write(settings.update(self.scene.repo.id, changed, self.clock()))

    async def repo(self) -> Repo:
        return await self.db.read(repos.find(self.scene.repo.id))

    async def poll(self) -> Poll:
        found = await self.db.read(polls.find(self.scene.repo.id))
        assert found is not None
        return found

    async def later(self, seconds: int = EVERY) -> list[Build]:
        """Look after so many seconds; all builds."""
        self.clock.time += seconds
        await self.server.look()
        return await self.builds()

    async def builds(self) -> list[Build]:
        counter = (await self.repo()).counter
        return [await self.db.read(store.find(self.scene.repo.id, number)) for number in range(1, counter + 1)]

    def commit(self, *, branch: str = "main", message: str = "change") -> str:
        self.repository.git("checkout", "-q", "-B", branch)
        return self.repository.commit({".drone.yml": pipeline(), "file": message}, message)


@pytest.fixture
async def polled(db: Database, tmp_path: Path) -> Polled:
    """The refs are known, and nothing is built."""
    repository = Repository(tmp_path / "root" / "demo")
    repository.commit({".drone.yml": pipeline()}, "first")
    scene = await laid(db, tmp_path)
    hosts = Hosts(Git(tmp_path / "mirrors", [tmp_path / "root"], environ={"PATH": os.environ["PATH"]}))
    scene.ports = replace(scene.ports, hosts=hosts, configs=Configs(hosts, Converter(_no_template)))
    keeper = Keeper(scene.ports)
    server = Server(Poller(scene.ports, "first", keeper.wake, alone=True), keeper)
    made = Polled(scene, repository, scene.clock, server)
    await db.write(run("UPDATE repos SET git_http_url = :url", url=repository.url))
    scene.repo = await made.set(poll=EVERY)
    await server.look()
    return made


async def _no_template(_namespace: str, _scm: str, _name: str) -> str | None:
    return None


def told(builds: Sequence[Build]) -> list[tuple[str, str, str, str]]:
    """What the builds are of."""
    return [(build.event, build.ref, build.before, build.after) for build in builds]
