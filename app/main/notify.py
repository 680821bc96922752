"""Opening the outbox: what hosts are told of builds leaves while the server runs."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from app import background
from app.builds.moments import Moments
from app.builds.ports import Ports
from app.main.artifacts import now_ms
from app.moments import Recorder
from app.notify.git import Marker, Marking
from app.notify.recorder import Naming, Notes
from app.notify.sender import Sender
from app.outbox.worker import Worker
from app.scm.hosts import Hosts
from app.settings.server import Settings


def notes(settings: Settings, hosts: Hosts) -> Notes:
    """What writes into the outbox."""
    url = settings.public_url
    naming = Naming(url, server=url, prefix=settings.status_name, statuses=not settings.status_disabled)
    return Notes(hosts, naming, now_ms)


def recorders(written: Notes, hosts: Hosts) -> Sequence[Recorder]:
    """The recorder of what plain git keeps; and that of what hosts are told, for a server that knows any host."""
    return [Marking(now_ms).recorder, *([written.recorder] if hosts.forges else [])]


@asynccontextmanager
async def open_outbox(ports: Ports, written: Notes, *, alone: bool) -> AsyncIterator[Worker]:
    """Send what waits in the outbox while the block lasts. `alone`: no other server has the database."""
    git = Marker(ports.db, ports.hosts, written.public_url)
    channels = {**Sender(ports.db, ports.hosts).channels, **git.channels}
    worker = Worker(ports.db, channels, secrets.token_hex(8), now_ms, alone=alone)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker.running())
        if ports.hosts.forges:
            await stack.enter_async_context(background.serving(_wake(worker, ports.moments, written)))
        yield worker


async def _wake(worker: Worker, moments: Moments, written: Notes) -> None:
    """Wake the worker after each commit that has written into the outbox."""
    while True:
        with moments.touched.subscribe(written.told) as committed:
            worker.wake()  # something may have been committed before
            async for _ in committed:
                worker.wake()
