"""The built-in runner: polls for exec stages and runs them as processes of this machine."""

import asyncio
import logging
import platform
from collections.abc import Awaitable, Collection, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from app.backoff import pauses
from app.builds.model import Stage
from app.errors import AppError, Conflict
from app.runners.exec.confinement import Confinement
from app.runners.exec.execution import Execution, Place
from app.runners.exec.options import Options
from app.runners.exec.stage import Halt
from app.runners.manager import Filter, Manager

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds before the next poll after a failed one, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
#: Seconds that the reports of ended stages may take when the runner stops.
LAST_REPORTS = 5.0

_SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "windows", "FreeBSD": "freebsd"}
_ARCHITECTURES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "i386": "386",
    "i686": "386",
    "armv6l": "arm",
    "armv7l": "arm",
}


def this_os() -> str:
    """This machine's operating system, by its name in Go."""
    return _SYSTEMS.get(platform.system(), platform.system().lower())


def this_arch() -> str:
    """This machine's processor, by its name in Go."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


class Runner:
    """Runs up to `capacity` stages at once, each in its own poll loop. Call `run` once; call `stop` from another task.

    `base` is the folder of the workspaces; no other runner may use it. `environ` is the environment of the host.
    """

    def __init__(
        self,
        manager: Manager,
        *,
        capacity: int,
        machine: str,
        base: Path,
        environ: Mapping[str, str],
        serves: Filter | None = None,
        options: Options | None = None,
        confinement: Confinement | None = None,
    ) -> None:
        self._manager = manager
        self._capacity = capacity
        self._machine = machine
        options, confinement = options or Options(), confinement or Confinement()
        host = {**confinement.host(environ), **({"PATH": options.path} if options.path else {})}
        slots = asyncio.Semaphore(options.max_procs) if options.max_procs else nullcontext()
        self._place = Place(base.resolve(), host, options, slots, confinement=confinement)
        #: Which stages this runner takes.
        self.serves = serves or Filter(type="exec", os=this_os(), arch=this_arch())
        self._stopping = False
        self._loops: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        #: What runs now, by the stage's id.
        self._active: dict[int, Execution] = {}

    @property
    def running(self) -> Collection[int]:
        """The ids of the stages that run now."""
        return self._active.keys()

    async def run(self) -> None:
        """Take stages and run them until stopped."""
        async with asyncio.TaskGroup() as loops:
            self._loops = {loops.create_task(self._poll()) for _ in range(self._capacity)}

    async def stop(self, grace: float) -> None:
        """Take no more stages, wait `grace` seconds for the running stages, then kill them and report that."""
        self._stopping = True
        for loop in self._idle:
            loop.cancel()
        await _ended(self._loops, grace)
        for execution in self._active.values():
            execution.halt(Halt.STOPPED, Halt.STOPPED.value)
        await _ended(self._loops, LAST_REPORTS)
        for loop in self._loops:
            loop.cancel()
        await _ended(self._loops, LAST_REPORTS)

    async def _poll(self) -> None:
        waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
        while not self._stopping:
            try:
                accepted = await self._take()
                if accepted:
                    await self._execute(accepted)
                waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
            except AppError as error:
                log.warning("no stage could be taken", extra={"reason": error.message})
                await self._idle_until(asyncio.sleep(next(waits)))
            except Exception:  # A bug in the run of one stage must not end the runner.
                log.exception("a poll loop met an internal error")
                await self._idle_until(asyncio.sleep(next(waits)))

    async def _take(self) -> Stage | None:
        """Wait for a stage and accept it; None when no stage came, or another runner was faster."""
        stage = await self._idle_until(self._manager.request(self.serves))
        if stage is None or self._stopping:
            return None
        try:
            return await self._manager.accept(stage.id, self._machine)
        except Conflict:
            return None

    async def _idle_until(self, awaitable: Awaitable[T]) -> T:
        """Wait for the awaitable; `stop` may cancel the wait."""
        task = asyncio.current_task()
        assert task is not None
        self._idle.add(task)
        try:
            return await awaitable
        finally:
            self._idle.discard(task)

    async def _execute(self, accepted: Stage) -> None:
        execution = Execution(self._manager, accepted, self._place)
        self._active[accepted.id] = execution
        about = {"stage": accepted.id, "build": accepted.build_id}
        log.info("a stage begins", extra=about)
        try:
            await execution.run()
        except Exception:  # The stage must be reported as ended after every error.
            log.exception("a stage met an internal error", extra=about)
            await execution.fail("internal error of the runner; the server's log has more")
        finally:
            del self._active[accepted.id]
        log.info("a stage has ended", extra=about)


async def _ended(tasks: Collection[asyncio.Task[None]], seconds: float) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
