"""The only wiring: settings, database, git, events, runner and routes become a server."""

import asyncio
import logging
import os
import platform
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urlsplit

from starlette.applications import Starlette

from app.accounts import api as accounts_api
from app.accounts import auth
from app.accounts import store as accounts
from app.builds import api as builds_api
from app.builds import progress
from app.builds.configs import Configs
from app.builds.logs import Logs
from app.builds.ports import Ports
from app.builds.rendered import Rendered
from app.db.connect import Database, connect, is_absent
from app.db.migrate import migrate, present_version
from app.db.window import Window
from app.events import Events
from app.folder import Folder
from app.repos import api as repos_api
from app.repos import store as repos
from app.repos.flow import SIGNER
from app.repos.secrets import api as secrets_api
from app.runners import api as runners_api
from app.runners import workspace
from app.runners.api import State
from app.runners.exec import Runner
from app.runners.local import LocalManager
from app.runners.manager import System
from app.runners.queue import Queue
from app.scm.git import Git
from app.sealing import Seal
from app.settings import Settings, inherited
from app.web import health
from app.web.errors import HANDLERS
from app.web.limit import Limiter
from app.web.policy import Policy
from app.web.server import Requests

log = logging.getLogger(__name__)

#: Seconds that running stages are given when the server stops.
GRACE = 8.0
#: Where the token of an administrator is kept for whom the settings name none: the demo's, for one.
ADMIN_TOKEN = "admin-token"
#: Name of the built-in runner in the database, beside the installation's.
BUILT_IN = "built-in"


@dataclass(frozen=True, slots=True)
class Site:
    """A server that is set up: the application, and what ends with it."""

    settings: Settings
    folder: Folder
    ports: Ports
    app: Requests
    runner: Runner | None

    async def stop(self, grace: float = GRACE) -> None:
        """Take no more stages, end every stream, give running stages their grace, record how they ended.

        Another call, with less grace, cuts that of an earlier one short.
        """
        self.ports.changes.close()
        self.ports.logs.close_all()
        if self.runner is not None:
            await self.runner.stop(grace)


@asynccontextmanager
async def open_site(settings: Settings) -> AsyncIterator[Site]:
    """Set a server up, and take it down when the block ends. AppError says why it cannot be."""
    folder = Folder(settings.data)
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.locked())
        db = connect(settings.database)
        await db.open()
        stack.push_async_callback(db.close)
        applied = await migrate(db, now=now())
        if applied:
            log.info("database migrated", extra={"versions": applied})
        seal = Seal(settings.secret_key or folder.key("secret"))
        await _check_seal(db, seal)
        await _bootstrap(db, settings, folder)
        yield await _start(stack, settings, folder, db, seal)


async def check(settings: Settings) -> None:
    """Whether a server could be set up: folder, lock, database, keys. Makes an empty data folder at most."""
    folder = Folder(settings.data)
    with folder.locked():
        if is_absent(settings.database):
            return
        db = connect(settings.database)
        await db.open()
        try:
            if await db.read(present_version(db.dialect)):
                await _check_seal(db, Seal(settings.secret_key or folder.key("secret")))
        finally:
            await db.close()


async def _start(stack: AsyncExitStack, settings: Settings, folder: Folder, db: Database, seal: Seal) -> Site:
    git = Git(folder.mirrors, settings.roots, search_path=inherited().get("PATH", os.defpath))
    ports = Ports(db, git, Configs(git), Logs(folder.logs), now, Events(), Events(), Events())
    queue = Queue(ports)
    runner = await _runner(ports, queue, settings, folder, seal)
    await stack.enter_async_context(queue.running())
    if runner is not None:
        stack.enter_context(queue.attached(runner.serves))
        task = asyncio.create_task(runner.run())
        stack.push_async_callback(_finish, task)
    state = State(
        db=db,
        cookie_key=(settings.cookie_secret or folder.key("cookie")).encode(),
        now=now,
        host=git,
        seal=seal,
        public_url=settings.public_url,
        new_key=auth.new_token,
        ports=ports,
        rendered=Rendered(db),
        why_pending=queue.why_pending,
        queue=queue,
        metrics_anonymous=settings.metrics_anonymous,
    )
    site = Site(settings, folder, ports, application(state, _policy(settings)), runner)
    stack.push_async_callback(site.stop)
    return site


def _policy(settings: Settings) -> Policy:
    limit = settings.rate_limit
    return Policy(
        origins=frozenset(origin.encode() for origin in settings.cors_origins),
        https=settings.public_url.startswith("https://"),
        limiter=Limiter(limit, time.monotonic_ns) if limit else None,
        who=auth.who,
    )


async def _runner(ports: Ports, queue: Queue, settings: Settings, folder: Folder, seal: Seal) -> Runner | None:
    """The built-in runner, after what an earlier one left behind was ended."""
    name = f"{BUILT_IN}:{folder.key('installation')}"
    await asyncio.to_thread(workspace.sweep, folder.work)
    lost: Sequence[object] = await progress.lose(ports, name)
    if lost:
        log.warning("stages of the stopped server were lost", extra={"stages": len(lost)})
    if not settings.runner_capacity:
        return None
    url = urlsplit(settings.public_url)
    system = System(url.scheme, url.netloc + url.path, version("gantry"))
    return Runner(
        LocalManager(ports, queue, seal, system, name),
        capacity=settings.runner_capacity,
        machine=platform.node() or "localhost",
        base=folder.work,
        environ=inherited(),
    )


async def _finish(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def application(state: State, policy: Policy) -> Requests:
    """All routes, in the order they are tried."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[State]:
        yield state

    app = Starlette(
        routes=[
            *builds_api.routes,
            *runners_api.routes,
            *repos_api.routes,
            *secrets_api.routes,
            *accounts_api.routes,
            *health.routes,
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return Requests(app, policy)


async def _bootstrap(db: Database, settings: Settings, folder: Folder) -> None:
    """Create or update the account of the settings; a new one without a token gets one, kept in the data folder."""
    account = settings.admin
    if account is not None:
        known = await db.read(accounts.find_if_any(account.login))
        token = account.token
        if known is None and not token:
            token = auth.new_token()
            folder.keep(ADMIN_TOKEN, token)
            log.info(
                "a token was made", extra={"login": account.login, "file": str(folder.path / "keys" / ADMIN_TOKEN)}
            )
        made = accounts.bootstrap(account.login, admin=account.admin, machine=account.machine, token=token, now=now())
        await db.write(made)
    elif not await db.read(accounts.count()):
        log.warning("there is no account yet: set GANTRY_ADMIN=username:NAME,admin:true and start again")


async def _check_seal(db: Database, seal: Seal) -> None:
    """Fail now, with a clear message, rather than at the first secret that does not open."""
    for repo in (await db.read(repos.list_all(Window(1)))).items:
        seal.open(repo.signer, SIGNER)


def now() -> int:
    """Unix seconds."""
    return int(time.time())
