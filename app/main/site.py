"""Setting up a server from its settings and its data folder."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.accounts import auth, session
from app.builds.ports import Ports
from app.db.connect import Database
from app.extensions.client import extension
from app.folder import Folder
from app.main.audit import open_audit, refused
from app.main.bootstrap import bootstrap
from app.main.builds import Builds, open_builds
from app.main.maintenance import SEALED, now, open_database
from app.main.routes import application
from app.main.runners import Runners, open_runners
from app.moments import Recorders
from app.runners.dispatch.rpc.api import State
from app.runners.exec.runner import Runner
from app.runners.manager import PREFIX
from app.scm.git.host import Git
from app.scm.host import Account
from app.scm.hosts import Hosts
from app.sealing import keyring, renew
from app.sealing.seal import Seal
from app.settings.load import inherited
from app.settings.server import Settings
from app.web import health
from app.web.connected import Polls
from app.web.limit import Limiter
from app.web.policy import Policy
from app.web.server import Requests
from app.web.traffic import Traffic

#: Seconds that running stages get to end when the server stops.
GRACE = 8.0


@dataclass(frozen=True, slots=True)
class Site:
    """A server that is set up: the application, and the objects that `stop` ends."""

    settings: Settings
    folder: Folder
    ports: Ports
    app: Requests
    runner: Runner | None
    polls: Polls

    async def stop(self, grace: float = GRACE) -> None:
        """End all polls and streams, take no more stages, wait `grace` seconds for running stages, then kill them.

        A second call with a shorter `grace` shortens the wait of the first call.
        """
        self.polls.end()
        self.ports.moments.watched.close()
        self.ports.logs.close_all()
        if self.runner is not None:
            await self.runner.stop(grace)


@asynccontextmanager
async def open_site(settings: Settings) -> AsyncIterator[Site]:
    """Set up a server, and stop it when the block ends. Raises an AppError with the reason when that is impossible."""
    folder = Folder(settings.data, settings.logs)
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.locked())
        db = await open_database(stack, settings)
        seal = keyring.seal(settings, folder)
        await db.read(renew.check(seal, SEALED))
        recorders = Recorders(await stack.enter_async_context(open_audit(db)))
        await bootstrap(db, settings, folder, recorders)
        yield await _open_rooms(stack, settings, folder, db, seal, recorders)


async def _open_rooms(
    stack: AsyncExitStack, settings: Settings, folder: Folder, db: Database, seal: Seal, recorders: Recorders
) -> Site:
    account = _account(settings)
    hosts = Hosts(Git(folder.mirrors, settings.roots, environ=inherited(), account=account))
    traffic = Traffic()
    opening = open_builds(settings, folder, db, hosts, seal, recorders, traffic)
    builds = await stack.enter_async_context(opening)
    runners = await stack.enter_async_context(open_runners(settings, folder, builds.ports, seal, account))
    state = _state(settings, folder, db, hosts, seal, builds, runners, recorders)
    app = application(state, traffic, _policy(settings))
    site = Site(settings, folder, builds.ports, app, runners.runner, runners.polls)
    stack.push_async_callback(site.stop)
    return site


def _account(settings: Settings) -> Account | None:
    if settings.git_username and settings.git_password:
        return Account(settings.git_username, settings.git_password)
    return None


def _state(
    settings: Settings,
    folder: Folder,
    db: Database,
    hosts: Hosts,
    seal: Seal,
    builds: Builds,
    runners: Runners,
    recorders: Recorders,
) -> State:
    """The state of every request."""
    return State(
        db=db,
        cookie_key=(settings.cookie_secret or folder.key("cookie")).encode(),
        now=now,
        public_url=settings.public_url,
        recorders=recorders,
        refused=refused(db, recorders),
        admission=extension("admission", session.ADMISSION, settings.admission),
        hosts=hosts,
        seal=seal,
        new_key=auth.new_token,
        private_mode=settings.private_mode,
        ports=builds.ports,
        rendered=builds.rendered,
        broadcast=builds.broadcast,
        crons_changed=builds.scheduler.wake,
        cron_pace=builds.cron_pace,
        keeper=builds.keeper,
        metrics_anonymous=settings.metrics_anonymous,
        why_pending=runners.queue.why_pending,
        queue=runners.queue,
        rpc_secret=settings.rpc_secret,
        manager=runners.manager,
        polls=runners.polls,
    )


def _policy(settings: Settings) -> Policy:
    limit = settings.rate_limit
    return Policy(
        origins=frozenset(origin.encode() for origin in settings.cors_origins),
        https=settings.public_url.startswith("https://"),
        limiter=Limiter(limit, time.monotonic_ns) if limit else None,
        who=auth.who,
        api="/api",
        unlimited=health.UNLIMITED,
        # All runners share one secret and perhaps one address; a report that comes too late is lost.
        unlimited_under=(PREFIX,),
    )
