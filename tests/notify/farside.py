"""A host in memory that shows statuses and deployments, and builds of a repository at that host."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.accounts import store as accounts
from app.builds.config.files import Configs
from app.builds.logs.logs import Logs
from app.builds.moments import Moments
from app.builds.ports import Ports
from app.convert.convert import Converter
from app.db.connect import Database
from app.db.tx import many
from app.moments import Recorder, Recorders
from app.notify.recorder import Naming, Notes
from app.notify.sender import Sender
from app.outbox import store
from app.outbox.model import Entry
from app.outbox.worker import Worker
from app.repos import store as repos
from app.repos.model import SECRET, Repo
from app.scm.forge import Deployment, Status
from app.scm.host import Source
from app.scm.hosts import Hosts
from tests.builds import farside as builds
from tests.builds.farside import KEY, NOW, SEAL, Clock, FakeHost, nothing_told
from tests.soon import soon

URL, SERVER = "http://drone.example.com", "http://drone.example.com"


@dataclass
class Forge(FakeHost):
    """Notes what it is told; raises `failure` of its own while there is one."""

    name = "forge"
    statuses: list[Status] = field(default_factory=list)
    #: The deployments that were shown: id, whether the id was known, state.
    deployments: list[tuple[str, Deployment]] = field(default_factory=list)
    told: list[Source] = field(default_factory=list)
    fault: Exception | None = None
    #: The id of the next new deployment; empty for a host that shows none yet.
    next_id: str = "7001"

    async def put_status(self, source: Source, status: Status) -> None:
        self._hear(source)
        self.statuses.append(status)

    async def put_deployment(self, source: Source, known: str, deployment: Deployment) -> str:
        self._hear(source)
        self.deployments.append((known, deployment))
        return known or self.next_id

    def _hear(self, source: Source) -> None:
        if self.fault is not None:
            raise self.fault
        self.told.append(source)

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The statuses that were shown: the end of the context, and the state."""
        return [(status.context.removeprefix("continuous-integration/drone"), status.state) for status in self.statuses]


class Quiet(FakeHost):
    """A host that shows neither, as Gogs."""

    name = "quiet"


@dataclass
class Scene(builds.Scene):
    """Builds at a host."""

    forge: Forge
    hosts: Hosts
    recorder: Recorder

    async def entries(self) -> list[Entry]:
        return [store.MAPPER.make(row) for row in await self.ports.db.read(many("SELECT * FROM outbox ORDER BY id"))]

    async def payloads(self) -> list[Mapping[str, Any]]:
        return [entry.payload for entry in await self.entries()]

    def now_ms(self) -> int:
        return self.clock() * 1000

    def worker(self) -> Worker:
        channels = Sender(self.ports.db, self.hosts).channels
        return Worker(self.ports.db, channels, "w", self.now_ms, alone=True)

    async def leaves(self) -> None:
        """Send what waits now."""
        async with self.worker().running():
            await soon(self._tried)

    async def _tried(self) -> bool:
        """Whether everything has left, or was tried."""
        now = self.now_ms()
        return all(one.state == "dead" or (one.due > now and not one.owner) for one in await self.entries())

    async def at(self, host: str) -> "Scene":
        """The same with a repository at another host."""
        repo = await self.ports.db.write(
            repos.create(replace(self.repo, name=f"at-{host or 'git'}", uid=f"at-{host}", scm=host, counter=0))
        )
        return replace(self, repo=repo)


async def laid(db: Database, folder: Path, naming: Naming | None = None) -> Scene:
    clock, forge = Clock(), Forge()
    hosts = Hosts(FakeHost(forge.files, forge.messages, forge.heads), forge, Quiet(forge.files, forge.messages))
    naming = naming or Naming(URL, SERVER)

    async def find_template(_namespace: str, _scm: str, _name: str) -> str | None:
        return None

    notes = Notes(hosts, naming, lambda: clock() * 1000)
    logs = Logs(folder / "logs")
    moments = Moments(db, logs, Recorders(notes.recorder))
    ports = Ports(db, hosts, Configs(hosts, Converter(find_template)), logs, clock, moments, SEAL, nothing_told)
    owner = await db.write(accounts.create("octocat", token="octocat's token", now=NOW, admin=True))
    draft = Repo(0, "octocat", "hello-world", user_id=owner.id, default_branch="main", active=True, scm="forge")
    draft = replace(draft, git_http_url="https://forge/x", secret=SEAL.seal(KEY, SECRET))
    repo = await db.write(repos.create(draft))
    return Scene(ports, repo, forge, clock, {}, forge, hosts, notes.recorder)
