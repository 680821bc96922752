"""Setting up a server from its settings and its data folder."""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from app.accounts import auth, session
from app.accounts.jwt import Signer
from app.accounts.seen import Seen
from app.artifacts.identity import service_id
from app.buildinfo.tally import Tally
from app.builds.missed import looks
from app.builds.ports import Ports
from app.bundles import gauges as bundle_gauges
from app.bundles.ports import Ports as BundlePorts
from app.bundles.work import Worker
from app.chatops.flow import Chat
from app.chatops.recorder import Following
from app.db.connect import Alterable, file_of
from app.extensions.client import extension
from app.folder import Folder
from app.main.artifacts import Artifacts, now_ms, open_artifacts
from app.main.audit import open_audit, refused
from app.main.bootstrap import bootstrap
from app.main.builds import Builds, open_builds
from app.main.bundles import open_bundles
from app.main.chat import Chats, open_chat, open_chats
from app.main.hosts import OpenedHosts, cloning, open_forges, open_hosts
from app.main.maintenance import SEALED, now, open_database, open_folder
from app.main.notify import notes, open_outbox
from app.main.notify import recorders as telling
from app.main.reserve import Reserve
from app.main.routes import RESERVED, State, application
from app.main.runners import Runners, open_runners
from app.main.stages import Masks
from app.main.systems import PATHS as CHATS
from app.main.webhooks import Outgoing, open_subscribers
from app.moments import Recorder, Recorders
from app.notify.webhooks.flow import Webhooks
from app.outbox import gauges as outbox_gauges
from app.outbox.worker import Worker as Outbox
from app.repos import hooks, reserved
from app.repos.credentials import Keyring
from app.runners.exec import workspace
from app.runners.exec.runner import Runner
from app.runners.manager import PREFIX
from app.scm.git.host import Git
from app.scm.host import Account
from app.scm.hosts import Hosts
from app.sealing import keyring, renew
from app.sealing.seal import Seal
from app.settings.load import inherited
from app.settings.server import Settings
from app.ui import assets
from app.ui import errors as error_pages
from app.web import health
from app.web.connected import Polls
from app.web.limit import Budgets
from app.web.policy import Policy
from app.web.proxies import Proxies
from app.web.server import Requests
from app.web.traffic import Traffic

log = logging.getLogger(__name__)

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
    async with AsyncExitStack() as stack:
        folder, umask = open_folder(stack, settings)
        reserve = Reserve(folder.reserve)
        reserve.relieve()
        await asyncio.to_thread(workspace.sweep, folder.work)  # first: what a step left may have filled the disk
        await stack.enter_async_context(reserve.running())
        db = await open_database(stack, settings)
        seal = keyring.seal(settings, folder)
        await db.read(renew.check(seal, SEALED))
        audit = await stack.enter_async_context(open_audit(db))
        await bootstrap(db, settings, folder, Recorders(audit))
        if held := await db.read(reserved.held(RESERVED)):
            words = "addresses of this server begin with the names of these namespaces: their repositories get no pages"
            log.warning(words, extra={"namespaces": held})
        yield await _open_rooms(stack, settings, folder, db, seal, audit, umask)


async def _open_rooms(
    stack: AsyncExitStack,
    settings: Settings,
    folder: Folder,
    db: Alterable,
    seal: Seal,
    audit: Recorder,
    umask: int,
) -> Site:
    account = _account(settings)
    forges = await stack.enter_async_context(open_forges(settings, db, seal, folder.mirrors))
    plain = Git(folder.mirrors, settings.roots, environ=inherited(), account=account, access=Keyring(db, seal))
    hosts = Hosts(plain, *forges.hosts)
    written = notes(settings, hosts)
    subscribers = await stack.enter_async_context(open_subscribers(settings, db))
    following = Following(now_ms)
    recorders = Recorders(
        audit, *telling(written, hosts), looks.recorder(now), *subscribers.recorders, following.recorder
    )
    traffic = Traffic()
    cookie_key = _cookie_key(settings, folder)
    opening_hosts = open_hosts(settings, db, seal, recorders, forges, cookie_key=cookie_key, reserved=RESERVED)
    opened_hosts = await stack.enter_async_context(opening_hosts)
    opening = open_builds(settings, folder, db, hosts, seal, recorders, traffic, opened_hosts.rights)
    builds = await stack.enter_async_context(opening)
    for client in forges.clients:
        client.on_return = partial(builds.looks.answers, client.name)
    alone = file_of(settings.database) is not None
    chats = await stack.enter_async_context(open_chats(settings, builds.ports, subscribers.poster, cookie_key))
    channels = {**subscribers.channels(settings, db, seal, recorders), **chats.channels}
    writers = (*subscribers.writers, following)
    opening_outbox = open_outbox(builds.ports, written, channels, writers, alone=alone)
    outbox = await stack.enter_async_context(opening_outbox)
    webhooks = subscribers.webhooks(settings, db, seal, recorders, outbox)
    chat = await stack.enter_async_context(open_chat(chats, outbox))
    clones = cloning(settings, account, hosts, forges.credentials)
    opening_runners = open_runners(settings, folder, builds.ports, seal, clones, umask)
    runners = await stack.enter_async_context(opening_runners)
    artifacts = await stack.enter_async_context(open_artifacts(settings, folder, db))
    ports = BundlePorts(db, artifacts.blobs, recorders, seal, now_ms, service_id(settings.public_url))
    worker = await stack.enter_async_context(open_bundles(ports, alone=alone))
    seen = Seen(db)
    await stack.enter_async_context(seen.running())
    state = _state(
        settings,
        folder,
        db,
        hosts,
        seal,
        builds,
        outbox,
        runners,
        artifacts,
        worker,
        recorders,
        seen,
        opened_hosts,
        webhooks,
        chats,
        chat,
    )
    app = application(state, traffic, _policy(settings, state["budgets"]), error_pages.page)
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
    db: Alterable,
    hosts: Hosts,
    seal: Seal,
    builds: Builds,
    outbox: Outbox,
    runners: Runners,
    artifacts: Artifacts,
    worker: Worker,
    recorders: Recorders,
    seen: Seen,
    opened_hosts: OpenedHosts,
    webhooks: Webhooks,
    chats: Chats,
    chat: Chat,
) -> State:
    """The state of every request."""
    tally = Tally()
    return State(
        db=db,
        budgets=Budgets(settings.rate_limit, time.monotonic_ns) if settings.rate_limit else None,
        cookie_key=_cookie_key(settings, folder),
        now=now,
        public_url=settings.public_url,
        cors_origins=frozenset(settings.cors_origins),
        recorders=recorders,
        seen=seen,
        signer=_signer(settings, folder),
        logins=opened_hosts.logins,
        syncs=opened_hosts.syncs,
        renew_rights=opened_hosts.rights,
        owners=opened_hosts.owners,
        refused=refused(db, recorders),
        admission=extension("admission", session.ADMISSION, settings.admission),
        hosts=hosts,
        reserved=RESERVED,
        seal=seal,
        new_key=auth.new_token,
        private_mode=settings.private_mode,
        ports=builds.ports,
        rendered=builds.rendered,
        remembered=builds.remembered,
        behind=builds.behind,
        broadcast=builds.broadcast,
        crons_changed=builds.scheduler.wake,
        cron_pace=builds.cron_pace,
        keeper=builds.keeper,
        hear=chats.inbox.hear,
        outbox=outbox,
        webhooks=webhooks,
        outgoing=Outgoing(webhooks),
        chat=chat,
        slack=chats.systems.slack,
        mattermost=chats.systems.mattermost,
        teams=chats.systems.teams,
        bot=chats.bot,
        metrics_anonymous=settings.metrics_anonymous,
        why_pending=runners.queue.why_pending,
        queue=runners.queue,
        rpc_secret=settings.rpc_secret,
        manager=runners.manager,
        polls=runners.polls,
        blobs=artifacts.blobs,
        spool=settings.data,
        downloads=artifacts.downloads,
        collector=artifacts.collector,
        clearing=artifacts.clearing,
        unhurried=artifacts.unhurried,
        tally=tally,
        worker=worker,
        service_id=service_id(settings.public_url),
        gauges=(
            artifacts.gauges,
            tally.gauges,
            partial(bundle_gauges.read, db, worker, now_ms),
            partial(outbox_gauges.read, db, outbox, now_ms),
        ),
        checks={"the store of artifacts": artifacts.blobs.check},
        now_ms=now_ms,
        anonymous_read=settings.anonymous_read,
        masks=Masks(db, seal),
    )


def _cookie_key(settings: Settings, folder: Folder) -> bytes:
    return (settings.cookie_secret or folder.key("cookie")).encode()


def _signer(settings: Settings, folder: Folder) -> Signer:
    """Servers that share the secret of the cookies accept each other's tokens."""
    key = settings.cookie_secret or folder.key("tokens")
    return Signer(hashlib.sha256(b"tokens:" + key.encode()).digest(), "gantry")


def _policy(settings: Settings, budgets: Budgets | None) -> Policy:
    return Policy(
        origins=frozenset(origin.encode() for origin in settings.cors_origins),
        https=settings.public_url.startswith("https://"),
        proxies=Proxies(settings.trusted_proxies) if settings.trusted_proxies else None,
        budgets=budgets,
        who=auth.who,
        account=auth.account_id,
        api="/api",
        unlimited=health.UNLIMITED | CHATS | {hooks.PATH},  # count each request by themselves
        # All runners share one secret and perhaps one address; a report that comes too late is lost.
        unlimited_under=(PREFIX, assets.PREFIX),
    )
