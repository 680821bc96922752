"""Which waiting stage goes to which waiting runner (contract drone-rpc 6)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from app import background
from app.builds import claims, progress, rules, switches
from app.builds.live.relay import ANY
from app.builds.model import Stage
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import SERVER, Actor, Change
from app.runners.dispatch.reservations import reservations
from app.runners.dispatch.waiting import Waiting, Worker, suits
from app.runners.manager import Filter

log = logging.getLogger(__name__)

#: Seconds after which the queue is looked at in any case: nothing tells when the reservation of another server is over.
INTERVAL = 10.0
#: Seconds between the end of a subscription to the waiting stages and the next one.
PAUSE = 1.0
#: Stages that are read at a time at most; and how many stages are read beyond the number of waiting runners, because
#: some of the stages may be reserved already.
PAGE, MARGIN = 200, 8
#: Why a stage is blocked.
UNSIGNED = (
    "an administrator of the repository must approve it: the pipeline file is not signed with the repository's key, "
    "or the validation extension wants that"
)
PAUSED = "the queue is paused by an administrator"


class Queue:
    """Hands pending stages to waiting runners, oldest first.

    A stage that is handed out is reserved for a limited time. The reservation binds this server's queue, or on
    PostgreSQL the queues of all servers. The stage belongs to the runner that accepts it.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._waiting = Waiting()
        self._reservations = reservations(ports)
        #: Stages that a runner is accepting at this server. They are not handed out, even without a reservation.
        self._accepting: set[int] = set()
        #: Stages whose reservation must be released: their runner is gone, or the answer to `reserve` was lost.
        self._to_release: set[int] = set()
        self._loop = background.Loop(
            self._hand_out, log, "the queue could not be read", "the queue met an internal error", interval=INTERVAL
        )
        #: What each built-in runner takes, whether the runner waits or works.
        self._attached: list[Filter] = []

    @contextmanager
    def attached(self, wanted: Filter) -> Iterator[None]:
        """Count a runner among `runners` while the block lasts, also when the runner works and does not wait."""
        self._attached.append(wanted)
        try:
            yield
        finally:
            self._attached.remove(wanted)

    @property
    def runners(self) -> list[Filter]:
        """What each runner takes: the waiting runners, and the attached runners that do not wait."""
        waiting = list(self._waiting.wanted())
        return [*waiting, *(wanted for wanted in self._attached if wanted not in waiting)]

    async def is_paused(self) -> bool:
        """Whether the queue is paused, so that no stage is handed out."""
        return await self._ports.db.glance(switches.is_on("queue"))

    async def pause(self, by: Actor = SERVER) -> None:
        """Hand out no stage from now on, on every server of the database and over restarts. Running stages go on."""
        await self._switch("queue.pause", by, switches.turn_on("queue", self._ports.now()))

    async def resume(self, by: Actor = SERVER) -> None:
        """Hand out stages again, on every server at once."""
        await self._switch("queue.resume", by, _resume(self._ports.now()))
        self._ports.moments.waiting.publish(ANY)

    async def _switch(self, verb: str, by: Actor, tx: Tx[None]) -> None:
        recorders = self._ports.moments.recorders
        await self._ports.db.write(recorders.recorded(tx, lambda _: Change(verb, by, "queue")))

    async def why_pending(self, waiting: Sequence[Stage]) -> dict[int, str]:
        """Why these stages are not handed out, by id. A stage that only waits for earlier stages has no entry."""
        blocked = {stage.id: UNSIGNED for stage in waiting if stage.status == "blocked"}
        untaken = [stage for stage in waiting if stage.status == "pending" and not stage.machine]
        if untaken and await self.is_paused():
            return blocked | dict.fromkeys((stage.id for stage in untaken), PAUSED)
        reasons = {stage.id: await self._why(stage) for stage in untaken}
        return blocked | {stage_id: reason for stage_id, reason in reasons.items() if reason}

    async def _why(self, stage: Stage) -> str:
        if not (self._waiting.suit(stage) or any(suits(wanted, stage) for wanted in self._attached)):
            return f"no runner that is free serves {rules.wish(stage)}"
        if not await self._has_room(stage):
            return "others of this pipeline or repository go first: its concurrency limit is reached"
        return ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block lasts."""
        async with background.serving(self._loop.run(), self._listen()):
            yield

    async def request(self, wanted: Filter, timeout: float) -> Stage | None:
        """Wait for a stage that the runner takes; None after `timeout` seconds."""
        worker = Worker(wanted, timeout)
        self._waiting.add(worker)
        self._loop.wake()
        try:
            return await worker.stage
        except asyncio.CancelledError:
            if not worker.stage.cancelled() and (stage := worker.stage.result()) is not None:
                self._to_release.add(stage.id)  # the stage was handed out, but its runner is gone
                self._loop.wake()
            raise
        finally:
            self._waiting.remove(worker)

    @contextmanager
    def claimed(self, stage_id: int) -> Iterator[None]:
        """A runner accepts a stage: no other runner is handed the stage while the block lasts."""
        self._accepting.add(stage_id)
        try:
            yield
        finally:
            self._accepting.discard(stage_id)

    async def _listen(self) -> None:
        while True:  # a subscription that was too slow ends; then the next one begins
            with self._ports.moments.waiting.subscribe() as queued:
                self._loop.wake()
                async for _ in queued:
                    self._loop.wake()
            await asyncio.sleep(PAUSE)

    async def _hand_out(self) -> None:
        for stage_id in list(self._to_release):
            await self._reservations.release(stage_id)
            self._to_release.discard(stage_id)
        for kind in self._waiting.types():
            await self._hand_out_type(kind)

    async def _hand_out_type(self, kind: str) -> None:
        after = 0
        while waiting := self._waiting.types().get(kind, 0):
            limit = min(waiting + MARGIN, PAGE)
            page = await self._ports.db.read(claims.queued(kind, after, limit, now=self._ports.now()))
            for stage in page:
                await self._reserve_and_hand_out(stage)
            if len(page) < limit:
                return
            after = page[-1].id

    async def _has_room(self, stage: Stage) -> bool:
        return not (stage.limit or stage.throttle) or await self._ports.db.read(progress.has_room(stage))

    async def _reserve_and_hand_out(self, stage: Stage) -> None:
        if stage.id in self._accepting or not self._waiting.suit(stage) or not await self._has_room(stage):
            return
        try:
            reserved = await self._reservations.reserve(stage.id)
        except Unavailable:
            self._to_release.add(stage.id)
            raise
        if not reserved:
            return
        if (worker := self._waiting.take(stage)) is None:  # the runners that the stage suits have gone meanwhile
            self._to_release.add(stage.id)
            self._loop.wake()
        else:
            worker.stage.set_result(stage)


def _resume(now: int) -> Tx[None]:
    yield from switches.turn_off("queue")
    yield from claims.wait_anew(now)
