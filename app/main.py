"""The only wiring: settings, database, git, events, runner and routes become a server."""

import asyncio
import logging
import platform
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from app import keyring
from app.accounts import api as accounts_api
from app.accounts import auth, session
from app.accounts import store as accounts
from app.builds import api as builds_api
from app.builds import log_api, progress, stages, stream
from app.builds.broadcast import Broadcast
from app.builds.cards import api as cards_api
from app.builds.configs import Configs
from app.builds.cron import api as cron_api
from app.builds.cron.scheduler import Scheduler
from app.builds.extensions import CONFIG, CONVERT, VALIDATE, Extensions
from app.builds.logs import Logs
from app.builds.ports import Ports
from app.builds.relay import relaying
from app.builds.rendered import Rendered
from app.convert.convert import Converter
from app.db.connect import Database, connect, is_absent
from app.db.migrate import migrate, present_version, versions
from app.errors import AppError
from app.events import Events
from app.extensions.client import extension
from app.folder import Folder
from app.repos import api as repos_api
from app.repos import collaborators, links, owners, sealed, sign
from app.repos.secrets import api as secrets_api
from app.repos.templates import api as templates_api
from app.repos.templates import store as templates
from app.runners import api as runners_api
from app.runners import workspace
from app.runners.credentials import Credentials
from app.runners.exec import Runner
from app.runners.leases import Leases
from app.runners.local import LocalManager
from app.runners.manager import System
from app.runners.options import Options
from app.runners.plugins import Plugins
from app.runners.queue import Queue
from app.runners.rpc import api as rpc_api
from app.runners.rpc.api import State
from app.scm.git import Git
from app.scm.host import Account
from app.sealing import Seal
from app.settings.load import inherited
from app.settings.server import Settings
from app.settings.values import SHORTEST_SECRET
from app.web import docs, health
from app.web.connected import Polls
from app.web.errors import HANDLERS
from app.web.limit import Limiter
from app.web.policy import Policy
from app.web.server import Requests
from app.web.traffic import Traffic

log = logging.getLogger(__name__)

#: Seconds that running stages are given when the server stops.
GRACE = 8.0
#: Where the token of an administrator is kept for whom the settings name none: the demo's, for one.
ADMIN_TOKEN = "admin-token"
#: Name of the built-in runner in the database, beside the installation's.
BUILT_IN = "built-in"


class NoDatabase(AppError):
    """There is nothing to work on."""

    code = "no_database"


@dataclass(frozen=True, slots=True)
class Site:
    """A server that is set up: the application, and what ends with it."""

    settings: Settings
    folder: Folder
    ports: Ports
    app: Requests
    runner: Runner | None
    polls: Polls

    async def stop(self, grace: float = GRACE) -> None:
        """Take no more stages, end every stream, give running stages their grace, record how they ended.

        Another call, with less grace, cuts that of an earlier one short.
        """
        self.polls.end()
        self.ports.changes.close()
        self.ports.logs.close_all()
        if self.runner is not None:
            await self.runner.stop(grace)


@asynccontextmanager
async def open_site(settings: Settings) -> AsyncIterator[Site]:
    """Set a server up, and take it down when the block ends. AppError says why it cannot be."""
    folder = Folder(settings.data, settings.logs)
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.locked())
        db = await _open_database(stack, settings)
        seal = keyring.seal(settings, folder)
        await db.read(sealed.check(seal))
        await _bootstrap(db, settings, folder)
        yield await _start(stack, settings, folder, db, seal)


async def rotate_key(settings: Settings) -> int:
    """Seal everything anew, with a new key of the data folder or with the settings' own; how many values.

    AppError says why it cannot be; nothing is changed then. Cut short at any moment, everything still opens at the
    next start, and the next call finishes what this one began.
    """
    folder = Folder(settings.data, settings.logs)
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.locked())
        if is_absent(settings.database):
            raise NoDatabase(f"there is no database at {settings.database}: is GANTRY_DATA the server's own?")
        db = await _open_database(stack, settings)
        await db.read(sealed.check(keyring.seal(settings, folder)))
        renewed = await db.write(sealed.renew(keyring.begin_change(settings, folder)))
        keyring.end_change(settings, folder)
    return renewed


async def _open_database(stack: AsyncExitStack, settings: Settings) -> Database:
    db = connect(settings.database)
    await db.open()
    stack.push_async_callback(db.close)
    applied = await migrate(db, now=now())
    if applied:
        log.info("database migrated", extra={"versions": applied})
    return db


async def check(settings: Settings) -> None:
    """Whether a server could be set up: folder, lock, database, keys. Makes an empty data folder at most.

    The keys of a database that is still to be migrated are not looked at: it may lack what they seal.
    """
    folder = Folder(settings.data, settings.logs)
    with folder.locked():
        if is_absent(settings.database):
            return
        db = connect(settings.database)
        await db.open()
        try:
            if await db.read(present_version(db.dialect)) == len(versions(db.dialect)):
                await db.read(sealed.check(keyring.seal(settings, folder)))
        finally:
            await db.close()


async def _start(stack: AsyncExitStack, settings: Settings, folder: Folder, db: Database, seal: Seal) -> Site:
    named = settings.git_username and settings.git_password
    account = Account(settings.git_username, settings.git_password) if named else None
    git = Git(folder.mirrors, settings.roots, environ=inherited(), account=account)
    configs = Configs(git, Converter(partial(_template, db)), _extensions(settings))
    ports = Ports(db, git, configs, Logs(folder.logs), now, Events(), Events(), Events(), Events())
    await stack.enter_async_context(relaying(ports))
    traffic = Traffic()
    broadcast = Broadcast(db, ports.changes, traffic, secrets.token_hex(4))
    await stack.enter_async_context(broadcast.running())
    queue = Queue(ports)
    leases = Leases(ports, lease=settings.runner_lease, patience=settings.runner_patience)
    if 0 < len(settings.rpc_secret) < SHORTEST_SECRET:
        log.warning("the secret of the runners is short: GANTRY_RPC_SECRET should have 16 characters or more")
    manager = LocalManager(
        ports, queue, seal, _system(settings), leases, Credentials(account, settings.git_always_auth)
    )
    runner = await _runner(manager, settings, folder)
    for step_id in await db.read(stages.running_steps()):
        ports.logs.open(step_id)  # of runners elsewhere, which go on
    await stack.enter_async_context(leases.running())
    await stack.enter_async_context(queue.running())
    scheduler = Scheduler(ports, clock=time.time, interval=settings.cron_interval)
    await stack.enter_async_context(scheduler.running())
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
        admission=extension("admission", session.ADMISSION, settings.admission),
        new_key=auth.new_token,
        private_mode=settings.private_mode,
        ports=ports,
        rendered=Rendered(db),
        broadcast=broadcast,
        why_pending=queue.why_pending,
        crons_changed=scheduler.wake,
        queue=queue,
        rpc_secret=settings.rpc_secret,
        manager=manager,
        polls=Polls(),
        metrics_anonymous=settings.metrics_anonymous,
    )
    site = Site(settings, folder, ports, application(state, traffic, _policy(settings)), runner, state["polls"])
    stack.push_async_callback(site.stop)
    return site


async def _template(db: Database, namespace: str, name: str) -> str | None:
    found = await db.read(templates.find_if_any(namespace, name))
    return found.data if found else None


def _policy(settings: Settings) -> Policy:
    limit = settings.rate_limit
    return Policy(
        origins=frozenset(origin.encode() for origin in settings.cors_origins),
        https=settings.public_url.startswith("https://"),
        limiter=Limiter(limit, time.monotonic_ns) if limit else None,
        who=auth.who,
    )


def _extensions(settings: Settings) -> Extensions:
    """Those of the user's own that have a say when a build begins."""
    return Extensions(
        config=extension("configuration", CONFIG, settings.yaml),
        convert=extension("conversion", CONVERT, settings.convert),
        suffix=settings.convert_extension,
        multi=settings.convert_multi,
        validate=extension("validation", VALIDATE, settings.validation),
    )


def _system(settings: Settings) -> System:
    url = urlsplit(settings.public_url)
    return System(url.scheme, url.netloc + url.path, version("gantry"))


async def _runner(manager: LocalManager, settings: Settings, folder: Folder) -> Runner | None:
    """The built-in runner, after what an earlier one left behind was ended."""
    name = f"{BUILT_IN}:{folder.key('installation')}"
    await asyncio.to_thread(workspace.sweep, folder.work)
    lost: Sequence[object] = await progress.lose(manager.ports, name)
    if lost:
        log.warning("stages of the stopped server were lost", extra={"stages": len(lost)})
    if not settings.runner_capacity:
        return None
    return Runner(
        replace(manager, runner=name, peer=name),
        capacity=settings.runner_capacity,
        machine=platform.node() or "localhost",
        base=folder.work,
        environ=inherited(),
        options=Options(environ=settings.runner_environ, plugins=Plugins.of(secret=settings.secret, env=settings.env)),
    )


async def _finish(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def application(state: State, traffic: Traffic, policy: Policy) -> Requests:
    """All routes, in the order they are tried."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[State]:
        yield state

    rows = [
        *builds_api.routes,
        *log_api.routes,
        *stream.routes,
        *runners_api.routes,
        *cards_api.routes,
        *cron_api.routes,
        *repos_api.routes,
        *collaborators.routes,
        *owners.routes,
        *secrets_api.routes,
        *templates_api.routes,
        *sign.routes,
        *links.routes,
        *accounts_api.routes,
        *session.routes,
        *health.routes,
    ]
    app = Starlette(
        routes=[*rows, *docs.routes(rows)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return Requests(_with_runners(app), traffic, policy, quiet=rpc_api.PREFIX)


def _with_runners(app: ASGIApp) -> ASGIApp:
    """The runner protocol beside an application: thousands of polls wait in it, without what it wraps around others."""
    runners = Router(rpc_api.routes, redirect_slashes=False)

    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        mine = scope["type"] == "http" and scope["path"].startswith(rpc_api.PREFIX)
        await (runners if mine else app)(scope, receive, send)

    return split


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


def now() -> int:
    """Unix seconds."""
    return int(time.time())
