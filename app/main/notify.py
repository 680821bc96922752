"""Opening the outbox: what hosts are told of builds leaves while the server runs."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

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
    ports: Ports, written: Notes, more: Mapping[Kind, Channel], told: Callable[[int], bool], *, alone: bool
) -> AsyncIterator[Worker]:
    """Send what waits in the outbox while the block lasts. `alone`: no other server has the database.

    `more` sends what other rooms write there, `told` says whether a change of a build has let them write.
    """
    git = Marker(ports.db, ports.hosts, written.public_url)
    channels = {**Sender(ports.db, ports.hosts).channels, **git.channels, **more}
    worker = Worker(ports.db, channels, secrets.token_hex(8), now_ms, alone=alone)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker.running())
        await stack.enter_async_context(background.serving(_wake(worker, ports.moments, told)))
        yield worker


async def _wake(worker: Worker, moments: Moments, told: Callable[[int], bool]) -> None:
    """Wake the worker after each commit that has written into the outbox."""
    while True:
        with moments.touched.subscribe(told) as committed:
            worker.wake()  # something may have been committed before
            async for _ in committed:
                worker.wake()
