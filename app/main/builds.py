"""Opening the builds: pipeline files, moments, live changes and cron jobs."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from app.builds.api.rendered import Rendered
from app.builds.behind import Behind
from app.builds.config.extensions import CONFIG, CONVERT, VALIDATE, Extensions
from app.builds.config.files import Configs
from app.builds.cron.pace import Pace
from app.builds.cron.scheduler import Scheduler
from app.builds.deliveries.keeper import Keeper
from app.builds.live.broadcast import Broadcast
from app.builds.live.relay import relaying
from app.builds.logs.logs import Logs
from app.builds.missed.looks import Looks
from app.builds.moments import Moments
from app.builds.polling.poller import Poller
from app.builds.ports import Ports
from app.builds.remembered import Remembered
from app.builds.retention import Retention
from app.convert.convert import Converter
from app.convert.limits import STEPS, Limits
from app.db.connect import Database, file_of
from app.extensions.client import extension
from app.folder import Folder
from app.main.maintenance import now
from app.moments import Recorders
from app.pipeline.source import MAX_BYTES
from app.repos.access import Renew
from app.repos.templates import store as templates
from app.scm.hosts import Hosts
from app.sealing.seal import Seal
from app.settings.server import Settings
from app.web.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Builds:
    """The opened objects of the builds."""

    ports: Ports
    rendered: Rendered
    remembered: Remembered
    behind: Behind
    broadcast: Broadcast
    scheduler: Scheduler
    cron_pace: Pace
    keeper: Keeper
    looks: Looks


@asynccontextmanager
async def open_builds(
    settings: Settings,
    folder: Folder,
    db: Database,
    hosts: Hosts,
    seal: Seal,
    recorders: Recorders,
    traffic: Traffic,
    renew_rights: Renew,
) -> AsyncIterator[Builds]:
    """While the block lasts, changes are delivered to readers and to other servers, cron jobs and pushes that wait run,
    repositories are polled, and old builds are purged."""
    logs = Logs(folder.logs)
    await logs.prepare()
    configs = Configs(hosts, Converter(partial(_template, db), _limits(settings)), _extensions(settings))
    ports = Ports(db, hosts, configs, logs, now, Moments(db, logs, recorders), seal, renew_rights)
    broadcast = Broadcast(db, ports.moments.watched, traffic, secrets.token_hex(4), now)
    pace = Pace(settings.cron_minimum)
    scheduler = Scheduler(ports, clock=time.time, interval=settings.cron_interval, pace=pace)
    retention = Retention(ports, days=settings.retention_days, builds=settings.retention_builds)
    keeper = Keeper(ports)
    looks = Looks(ports, keeper)
    poller = Poller(ports, secrets.token_hex(8), keeper.wake, alone=file_of(settings.database) is not None)
    async with (
        relaying(ports),
        broadcast.running(),
        scheduler.running(),
        keeper.running(),
        looks.running(),
        poller.running(),
        retention.running(),
    ):
        yield Builds(ports, Rendered(db), Remembered(), Behind(hosts), broadcast, scheduler, pace, keeper, looks)


async def _template(db: Database, namespace: str, scm: str, name: str) -> str | None:
    found = await db.read(templates.for_build(namespace, scm, name))
    return found.data if found else None


def _limits(settings: Settings) -> Limits:
    """The limits of pipeline files that are converted."""
    return Limits(
        steps=settings.starlark_step_limit or STEPS,
        size=settings.starlark_size_limit or MAX_BYTES,
        imports=settings.jsonnet_import_limit,
    )


def _extensions(settings: Settings) -> Extensions:
    """The extensions that are asked before a build begins."""
    return Extensions(
        config=extension("configuration", CONFIG, settings.yaml),
        convert=extension("conversion", CONVERT, settings.convert),
        suffix=settings.convert_extension,
        multi=settings.convert_multi,
        validate=extension("validation", VALIDATE, settings.validation),
    )
