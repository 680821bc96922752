"""Builds whose events are sent to real endpoints, with a clock that stands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from app.accounts import store as accounts
from app.builds import flow as builds_flow
from app.builds.config.files import Configs
from app.builds.logs.logs import Logs
from app.builds.model import Build
from app.builds.moments import Moments
from app.builds.ports import Ports
from app.convert.convert import Converter
from app.db.connect import Database
from app.db.tx import many, run
from app.moments import Actor, Change, Recorder, Recorders
from app.notify.webhooks import store
from app.notify.webhooks.flow import Webhooks
from app.notify.webhooks.formats import FORMATS
from app.notify.webhooks.known import Known
from app.notify.webhooks.model import Webhook
from app.notify.webhooks.poster import Poster
from app.notify.webhooks.recorder import Telling
from app.notify.webhooks.sender import Sender
from app.notify.webhooks.store import Place
from app.notify.webhooks.upkeep import Upkeep
from app.outbox import store as outbox
from app.outbox.model import Entry
from app.outbox.worker import Worker
from app.repos import store as repos
from app.repos.model import SECRET, Repo
from app.scm.hosts import Hosts
from tests.builds import farside as builds
from tests.builds.farside import KEY, NOW, OCTOCAT, SEAL, Clock, FakeHost, nothing_told
from tests.soon import soon

URL = "https://ci.example.com"


@dataclass
class Scene(builds.Scene):
    """A repository with its builds, and what its subscribers are told."""

    known: Known
    hooks: Webhooks
    worker: Worker
    telling: Telling
    #: All moments that were recorded.
    moments: list[Any] = field(default_factory=list)

    @property
    def db(self) -> Database:
        return self.ports.db

    @property
    def place(self) -> Place:
        """Of the subscriptions of the repository."""
        return store.of_repo(self.repo.id, self.repo.slug)

    def now_ms(self) -> int:
        return self.clock() * 1000

    async def subscribe(self, url: str, place: Place | None = None, **more: Any) -> Webhook:
        given: dict[str, Any] = {
            "url": url,
            "format": "standard",
            "secret": "",
            "secrets": [],
            "events": [],
            "targets": [],
        }
        given |= {"statuses": [], "active": True} | more
        webhook, _ = await self.hooks.create(place or self.place, given, OCTOCAT)
        return webhook

    async def promote(self, target: str = "production", by: Actor = OCTOCAT, **params: str) -> Build:
        old = await self.build(1)
        return await builds_flow.promote(self.ports, self.repo, old, target=target, by=by, params=params)

    async def show(self, webhook: Webhook) -> Webhook:
        place = self.place if webhook.repo_id else store.of_namespace(webhook.namespace)
        return await self.db.read(store.find(place, webhook.id, SEAL, self.now_ms()))

    async def entries(self) -> list[Entry]:
        return [outbox.MAPPER.make(row) for row in await self.db.read(many("SELECT * FROM outbox ORDER BY id"))]

    async def deliveries(self) -> list[Any]:
        """The rows of all deliveries, the oldest first."""
        return [
            dict(zip(("id", "webhook_id", "state", "tries", "status", "error"), row, strict=True))
            for row in await self.db.read(
                many("SELECT id, webhook_id, state, tries, status, error FROM webhook_deliveries ORDER BY id")
            )
        ]

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.deliveries()]

    async def settled(self) -> None:
        """Wait until everything has left, or was tried and is due later."""

        async def tried() -> bool:
            now = self.now_ms()
            entries = await self.entries()
            firsts = {entry.host: entry for entry in reversed(entries)}.values()
            return all(one.state == "dead" or (one.due > now and not one.owner) for one in firsts)

        await soon(tried, "everything was tried")

    async def passes(self, seconds: int) -> None:
        """Let time pass, and try again what is due then."""
        self.clock.time += seconds
        self.worker.wake()
        await self.settled()

    async def execute(self, sql: str, **values: Any) -> None:
        await self.db.write(run(sql, **values))


@asynccontextmanager
async def laid(db: Database, folder: Path, *, poster: Poster | None = None, owner: str = "w") -> AsyncIterator[Scene]:
    """A server's parts that tell subscribers, with its worker running."""
    clock, host = Clock(), FakeHost()
    numbers, moments = count(1), list[Any]()

    def note(moment: Any) -> Any:
        moments.append(moment)
        yield from ()

    def now_ms() -> int:
        return clock() * 1000

    async def find_template(_namespace: str, _scm: str, _name: str) -> str | None:
        return None

    known, hosts, logs = Known(db), Hosts(host), Logs(folder / "logs")
    telling = Telling(known, URL, now_ms, lambda: f"fresh-{next(numbers)}")
    recorders = Recorders(Recorder(note), telling.recorder)
    ports = Ports(
        *(db, hosts, Configs(hosts, Converter(find_template)), logs, clock, Moments(db, logs, recorders), SEAL),
        nothing_told,
    )
    repo = await _repo(db)
    poster, upkeep = poster or Poster(private=True), Upkeep(db, now_ms)
    async with known.running(), poster.running():
        channels = Sender(db, SEAL, poster, FORMATS, recorders, URL, now_ms).channels
        worker = Worker(db, channels, owner, now_ms, alone=False, spread=lambda: 1.0)
        telling.on_written = worker.wake
        webhooks = Webhooks(db, SEAL, recorders, known, upkeep, worker, now_ms, private=True)
        async with worker.running():
            yield Scene(ports, repo, host, clock, {}, known, webhooks, worker, telling, moments)


async def _repo(db: Database) -> Repo:
    found = await db.read(repos.find_if_any("octocat", "hello-world"))
    if found is not None:
        return found
    owner = await db.write(accounts.create("octocat", token="octocat's token", now=NOW, admin=True))
    draft = Repo(0, "octocat", "hello-world", user_id=owner.id, default_branch="main", active=True)
    draft = replace(draft, git_http_url="https://forge/x", secret=SEAL.seal(KEY, SECRET))
    return await db.write(repos.create(draft))


def enabled(repo: Repo) -> Change:
    """The moment when a repository is enabled."""
    return Change("repo.enable", OCTOCAT, repo.slug, repo.id, about=repo)
