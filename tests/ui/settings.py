"""What tests of the settings of a repository share: a browser that sends forms, and what was recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import httpx2

from app.accounts.model import User
from app.builds.cron.pace import Pace
from app.builds.deliveries.keeper import Keeper
from app.builds.moments import Moments
from app.db.tx import Tx
from app.main.webhooks import Outgoing
from app.moments import Moment, Recorder, Recorders
from app.notify.webhooks.flow import Webhooks
from app.notify.webhooks.known import Known
from app.notify.webhooks.upkeep import Upkeep
from app.outbox.worker import Worker
from app.repos import store as repos
from app.repos.model import Repo
from app.ui import errors, routes
from tests.accounts import farside
from tests.accounts.farside import OWN
from tests.builds.farside import SEAL, Scene
from tests.ui.farside import BROWSER, Page, Place, people, state
from tests.web.asgi import serving


@dataclass
class Desk(Place):
    """A place at which people change things; `moments` are what was recorded."""

    moments: list[Any] = field(default_factory=list)
    #: Logins of the accounts that were synchronised with their hosts.
    synced: list[str] = field(default_factory=list)
    webhooks: Webhooks = field(kw_only=True)

    async def post(self, path: str, who: str = "keeper", **fields: str) -> httpx2.Response:
        """What a form of the server's own page sends."""
        shown = farside.shown(self.cookies[who]) if who else {}
        return await self.client.post(path, data=fields, headers=BROWSER | OWN | shown)

    async def done(self, path: str, who: str = "keeper", **fields: str) -> Page:
        """The page that follows an action that succeeds."""
        answer = await self.post(path, who, **fields)
        assert answer.status_code == 303, answer.text
        return await self.page(answer.headers["location"], who)

    async def refused(self, path: str, status: int, who: str = "keeper", **fields: str) -> Page:
        """The form of an action that fails."""
        answer = await self.post(path, who, **fields)
        assert answer.status_code == status, answer.text
        return Page(answer)

    async def now(self) -> Repo:
        """The repository as it is."""
        return await self.scene.ports.db.read(repos.find(self.repo.id))

    @property
    def verbs(self) -> list[str]:
        return [moment.verb for moment in self.moments]


@asynccontextmanager
async def desk_of(scene: Scene, **more: Any) -> AsyncIterator[Desk]:
    """A desk in a scene."""
    moments: list[Any] = []
    synced: list[str] = []

    class Syncs:
        def begin_all(self, user: User) -> None:
            synced.append(user.login)

    def record(moment: Moment) -> Tx[None]:
        moments.append(moment)
        yield from ()

    recorders = Recorders(Recorder(record))
    scene.ports = replace(scene.ports, moments=Moments(scene.ports.db, scene.ports.logs, recorders))
    known = {
        "recorders": recorders,
        "hosts": scene.ports.hosts,
        "seal": SEAL,
        "crons_changed": lambda: None,
        "cron_pace": Pace(),
        "keeper": Keeper(scene.ports),
        "syncs": Syncs(),
        "outgoing": Outgoing(webhooks := _webhooks(scene, recorders)),
        "outbox": webhooks.worker,
    }
    rows = [*routes.routes, *routes.described]
    values = state(scene, {}) | known | more
    async with serving(rows, page=errors.page, split=routes.split, strict=True, **values) as client:
        yield Desk(
            scene, client, await people(scene), values["behind"], moments=moments, synced=synced, webhooks=webhooks
        )


def _webhooks(scene: Scene, recorders: Recorders) -> Webhooks:
    """The verbs of webhooks, of which nothing leaves: no worker runs."""
    db = scene.ports.db

    def now_ms() -> int:
        return scene.clock() * 1000

    worker = Worker(db, {}, "w", now_ms, alone=True)
    return Webhooks(db, SEAL, recorders, Known(db), Upkeep(db, now_ms), worker, now_ms)


def path_of(address: str) -> str:
    """The path of an address, without its query."""
    return urlsplit(address).path
