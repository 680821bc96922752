"""Tells the other servers of a database what happens on this one: stages that wait, builds that change or are over."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from app import background
from app.builds import steps
from app.builds.moments import as_it_is
from app.builds.ports import Ports
from app.errors import NotFound, Unavailable
from app.events import Events
from app.moments import SERVER

log = logging.getLogger(__name__)

QUEUED, ENDED, CHANGED = "gantry_queued", "gantry_ended", "gantry_changed"
#: In place of the id of a build: any build may have changed, because this server may have missed notifications.
ANY = 0


@asynccontextmanager
async def relaying(ports: Ports) -> AsyncIterator[None]:
    """Notify the other servers, and hear their notifications, while the block lasts. With one server, do nothing."""
    moments = ports.moments
    buses = {QUEUED: moments.waiting, ENDED: moments.over, CHANGED: moments.touched}
    changed = _Changed(ports)
    hear = {channel: partial(_deliver, events) for channel, events in buses.items()} | {CHANGED: changed.hear}
    async with ports.db.listening(hear) as notify:
        if notify is None:
            yield
            return
        for channel, events in buses.items():
            events.relay = lambda build_id, channel=channel: notify(channel, str(build_id))
        ports.logs.shared = True
        async with background.serving(changed.loop.run()):
            yield


def _deliver(events: Events[int], text: str) -> None:
    events.deliver(_id(text))


def _id(text: str) -> int:
    return int(text) if text.isdecimal() else ANY


class _Changed:
    """Announces builds that other servers changed to the subscribers on this server, and ends logs of their steps."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._ids: set[int] = set()
        self.loop = background.Loop(
            self._tell_all,
            log,
            "what other servers did cannot be read",
            "hearing of other servers met an internal error",
        )

    def hear(self, text: str) -> None:
        """Another server has changed a build: announce the build, if this server has subscribers or readers of logs."""
        if self._ports.moments.watched.heard or self._ports.logs.readers():
            self._ids.add(_id(text))
            self.loop.wake()

    async def _tell_all(self) -> None:
        ids, self._ids = self._ids, set()
        try:
            for build_id in sorted(ids):
                await (self._look_at_logs() if build_id == ANY else self._tell(build_id))
        except Unavailable:
            self._ids |= ids
            raise

    async def _tell(self, build_id: int) -> None:
        try:
            moment = await self._ports.db.read(as_it_is(build_id, "build.step", SERVER))
        except NotFound:  # deleted meanwhile
            return
        self._ports.moments.watched.deliver(moment)
        for stage in moment.build.stages:
            for step in stage.steps:
                if step.status != "running":
                    self._ports.logs.close(step.id)

    async def _look_at_logs(self) -> None:
        """End the logs of the steps that do not run any more."""
        running = await self._ports.db.read(steps.running())
        for step_id in self._ports.logs.readers().keys() - set(running):
            self._ports.logs.close(step_id)
