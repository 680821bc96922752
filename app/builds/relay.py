"""What happens on one server reaches the others of its database: stages that wait, builds that are over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from app.builds.ports import Ports
from app.events import Events

QUEUED, ENDED = "gantry_queued", "gantry_ended"
#: As the id of a build: any may have changed, for something may have been missed.
ANY = 0


@asynccontextmanager
async def relaying(ports: Ports) -> AsyncIterator[None]:
    """Tell and hear as long as the block lasts. Where there are no other servers, this does nothing."""
    buses = {QUEUED: ports.queued, ENDED: ports.ended}
    async with ports.db.listening({channel: partial(_deliver, events) for channel, events in buses.items()}) as notify:
        if notify is not None:
            for channel, events in buses.items():
                events.relay = lambda build_id, channel=channel: notify(channel, str(build_id))
        yield


def _deliver(events: Events[int], text: str) -> None:
    events.deliver(int(text) if text.isdecimal() else ANY)
