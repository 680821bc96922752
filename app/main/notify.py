"""Opening the outbox: what hosts are told of builds leaves while the server runs."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from app import background
from app.builds.moments import Moments
from app.builds.ports import Ports
from app.main.artifacts import now_ms
from app.moments import Recorder
from app.notify.git import Marker, Marking
from app.notify.recorder import Naming, Notes
from app.notify.sender import Sender
from app.outbox.model import Kind
from app.outbox.worker import Channel, Worker
from app.scm.hosts import Hosts
from app.settings.server import Settings


class Writer(Protocol):
    """Writes into the outbox in transactions of others."""

    #: Called in a transaction that has written something, and perhaps in another thread.
    on_written: Callable[[], object]


def notes(settings: Settings, hosts: Hosts) -> Notes:
    """What writes into the outbox."""
    url = settings.public_url
    naming = Naming(url, server=url, prefix=settings.status_name, statuses=not settings.status_disabled)
    return Notes(hosts, naming, now_ms)


def recorders(written: Notes, hosts: Hosts) -> Sequence[Recorder]:
    """The recorder of what plain git keeps; and that of what hosts are told, for a server that knows any host."""
    return [Marking(now_ms).recorder, *([written.recorder] if hosts.forges else [])]


@asynccontextmanager
async def open_outbox(
    ports: Ports, written: Notes, more: Mapping[Kind, Channel], writers: Collection[Writer], *, alone: bool
) -> AsyncIterator[Worker]:
    """Send what waits in the outbox while the block lasts: statuses, deployments, notes, tags, and what `more` sends.

    `writers` is what else writes into the outbox. `alone`: no other server has the database.
    """
    git = Marker(ports.db, ports.hosts, written.public_url)
    channels = {**Sender(ports.db, ports.hosts).channels, **git.channels, **more}
    worker = Worker(ports.db, channels, secrets.token_hex(8), now_ms, alone=alone)
    for writer in (written, *writers):
        writer.on_written = partial(asyncio.get_running_loop().call_soon_threadsafe, worker.expect)
    async with worker.running(), background.serving(_wake(worker, ports.moments)):
        yield worker


async def _wake(worker: Worker, moments: Moments) -> None:
    """Wake the worker after each commit that may have written into the outbox."""
    while True:
        with moments.touched.subscribe(lambda _: worker.expecting) as committed:
            worker.wake()  # something may have been committed before
            async for _ in committed:
                worker.wake()
