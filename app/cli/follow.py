"""Follow a build: hand its states and the logs of its steps to a view as they come, until the build has ended.

The stream of the repository's builds gives the states of steps, the stream of each running step gives its lines, and
the stored log gives the lines that a stream left out. Each line has a position, so each is shown once.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

import anyio
from anyio.abc import TaskGroup

from app.builds.model import DONE, Line
from app.cli.remote.client import Connection, Json, Refused, Unreachable
from app.cli.remote.stream import Backoff, Frame, Streams
from app.cli.terminal.options import api_path, repo_path
from app.cli.terminal.words import label, outcome

#: Seconds that a stream of log lines may stay open after its step has ended.
GRACE = 10.0
#: Seconds of failed attempts after which `follow` gives up.
PATIENCE = 120.0


class View(Protocol):
    """Shows a build to the user: see `terminal.plain` and `terminal.live`."""

    def shows(self, step: Json) -> bool:
        """Whether the log of a step in this state is wanted."""

    def state(self, build: Json) -> None:
        """The build is in this state now; the same state may come several times."""

    def open(self, label: str) -> None:
        """The log of a step begins."""

    def write(self, label: str, text: str) -> None:
        """The step has written this text."""

    def close(self, label: str, outcome: str) -> None:
        """The log of the step is complete; `outcome` says how the step failed."""

    def stage(self, stage: Json) -> None:
        """The stage has ended, and the logs of its steps are complete."""

    def lost(self, why: str) -> None:
        """The server does not answer; it is asked again."""

    def found(self) -> None:
        """The server answers again."""

    async def run(self) -> None:
        """Work until cancelled."""


def follow(
    connection: Connection,
    slug: str,
    number: int,
    view: View,
    *,
    only: tuple[int, int] | None = None,
    patience: float = PATIENCE,
) -> Json:
    """The build after it has ended; with `only` (numbers of stage and step), after that step has ended.

    Raises `Refused`, `Unreachable` after `patience` seconds of failures, and `KeyboardInterrupt`.
    """

    async def run() -> Json:
        async with Streams(connection) as streams:
            return await Follower(streams, slug, number, view, only, patience).run()

    try:
        return anyio.run(run)
    except BaseExceptionGroup as group:  # a group may hold KeyboardInterrupt, which is no Exception
        raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group; it cancelled the other tasks."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


@dataclass(slots=True)
class Tail:
    """How far the log of one step is shown."""

    label: str
    number: tuple[int, int]
    #: The position of the next line to show.
    next: int = 0
    outcome: str = ""
    ended: anyio.Event = field(default_factory=anyio.Event)
    drained: anyio.Event = field(default_factory=anyio.Event)
    live: anyio.CancelScope | None = None

    def end(self, outcome: str) -> None:
        """Note that the step has ended; an open stream gets GRACE seconds for its last lines."""
        self.outcome = self.outcome or outcome
        if self.live is not None and not self.ended.is_set():
            self.live.deadline = anyio.current_time() + GRACE
        self.ended.set()


class Follower:
    """Follows one build."""

    def __init__(
        self,
        streams: Streams,
        slug: str,
        number: int,
        view: View,
        only: tuple[int, int] | None,
        patience: float,
    ) -> None:
        self._streams = streams
        self._events = api_path("stream", *slug.rsplit("/", 1))
        self._build = repo_path(slug, "builds", number)
        self._number = number
        self._view = view
        self._only = only
        self._patience = patience
        self._tails: dict[tuple[int, int], Tail] = {}
        self._ended: set[int] = set()
        self._reasons: dict[int, str | None] = {}
        self._away = False

    async def run(self) -> Json:
        """Follow the build to its end; leaving the inner task group waits for the last lines of every step."""
        build: Json = {}
        async with anyio.create_task_group() as around:
            around.start_soon(self._view.run)
            async with anyio.create_task_group() as tasks, aclosing(self._states()) as states:
                async for build in states:
                    self._found()
                    self._view.state(build)
                    if self._advance(build, tasks):
                        break
            around.cancel_scope.cancel()
        return build

    async def _states(self) -> AsyncGenerator[Json]:
        """The build's states as they change, the present state first; reconnects when a stream ends.

        At each keep-alive the build is read, as an event may have been lost; the first one shows that the stream
        is live.
        """
        backoff = Backoff(self._patience)
        while True:
            error = None
            try:
                async with self._streams.frames(self._events) as frames:
                    async for frame in frames:
                        if frame.kind == "ping":
                            build = await self._streams.record(self._build)
                            self._reasons = {one["number"]: one.get("pending_reason") for one in _stages(build)}
                            backoff.alive()
                            yield build
                        elif (build := _build_of(frame)).get("number") == self._number:
                            backoff.succeeded()
                            self._add_reasons(build)
                            yield build
            except (Unreachable, Refused) as failure:
                error = self._failed(failure)
            await backoff.wait(error)

    def _add_reasons(self, build: Json) -> None:
        """Say of a state in an event, which has no reasons, why stages wait: as it was when the build was read."""
        for stage in _stages(build):
            if stage.get("status") == "pending" and (reason := self._reasons.get(stage["number"])):
                stage["pending_reason"] = reason

    def _advance(self, build: Json, tasks: TaskGroup) -> bool:
        """Process a state of the build, which may be an old one; whether the build, or the only step, has ended."""
        over = build.get("status") in DONE
        for stage in _stages(build):
            for step in stage.get("steps") or []:
                over = self._advance_step(stage, step, tasks) or over
            if stage.get("status") in DONE and stage["number"] not in self._ended:
                self._ended.add(stage["number"])
                tasks.start_soon(self._end, stage)
        if over:
            for tail in self._tails.values():
                tail.end("")
        return over

    def _advance_step(self, stage: Json, step: Json, tasks: TaskGroup) -> bool:
        """Process a step's state; whether the step is the only one to follow, and has ended."""
        number, status = (stage["number"], step["number"]), step.get("status")
        if self._only not in {None, number}:
            return False
        if status == "running" or (status in DONE and status != "skipped"):
            tail = self._tails.get(number)
            if tail is None and self._view.shows(step):
                tail = self._begin(label(stage, step), number, tasks)
            if tail is not None and status in DONE:
                tail.end(outcome(stage, step))
        return self._only is not None and status in DONE

    def _begin(self, name: str, number: tuple[int, int], tasks: TaskGroup) -> Tail:
        before = [tail for tail in self._tails.values() if tail.ended.is_set()]
        tail = self._tails[number] = Tail(name, number)
        tasks.start_soon(self._show, tail, before)
        return tail

    async def _end(self, stage: Json) -> None:
        """Tell that a stage has ended, after the logs of its steps."""
        for tail in [tail for tail in self._tails.values() if tail.number[0] == stage["number"]]:
            await tail.drained.wait()
        self._view.stage(stage)

    async def _show(self, tail: Tail, before: list[Tail]) -> None:
        """Show a step's log to its end, after the logs of the steps that had ended before it began."""
        for earlier in before:
            await earlier.drained.wait()
        self._view.open(tail.label)
        backoff = Backoff(self._patience)
        while not tail.ended.is_set():
            error = await self._live(tail, backoff)
            await backoff.wait(error, until=tail.ended)
        await self._stored(tail)
        self._view.close(tail.label, tail.outcome)
        tail.drained.set()

    async def _live(self, tail: Tail, backoff: Backoff) -> Unreachable | Refused | None:
        """Show lines of the stream until its end; returns the passing error that ended the stream, if any."""
        try:
            with anyio.CancelScope() as tail.live:
                async with self._streams.frames(f"{self._events}/{self._number}/{_path(tail)}") as frames:
                    async for frame in frames:
                        if frame.kind == "end":
                            break
                        if frame.kind == "data":
                            backoff.succeeded()
                            await self._take(tail, _line(frame.data))
        except (Unreachable, Refused) as failure:
            return self._failed(failure)
        finally:
            tail.live = None
        return None

    async def _take(self, tail: Tail, said: Line) -> None:
        """Show a line of the stream; a gap before it is filled from the log."""
        if said.pos > tail.next:
            await self._stored(tail)
        self._write(tail, said)

    async def _stored(self, tail: Tail) -> None:
        """Show the lines of the stored log that are not shown yet; a step without output may have no log."""
        backoff = Backoff(self._patience)
        while True:
            try:
                lines = await self._streams.get(f"{self._build}/logs/{_path(tail)}")
            except (Unreachable, Refused) as failure:
                if isinstance(failure, Refused) and failure.status == 404:
                    return
                await backoff.wait(self._failed(failure))
                continue
            for said in lines or []:
                self._write(tail, _line(said))
            return

    def _write(self, tail: Tail, said: Line) -> None:
        if said.pos >= tail.next:
            tail.next = said.pos + 1
            self._view.write(tail.label, said.out)

    def _failed(self, failure: Unreachable | Refused) -> Unreachable | Refused:
        """Return a passing failure, after which another attempt may succeed; raise any other."""
        if not failure.passing:
            raise failure
        if not self._away:
            self._away = True
            self._view.lost(failure.message)
        return failure

    def _found(self) -> None:
        if self._away:
            self._away = False
            self._view.found()


def _build_of(frame: Frame) -> Json:
    """The build in an event's frame; empty for another kind of frame."""
    build: Any = frame.data.get("build") if isinstance(frame.data, dict) else None
    return build if isinstance(build, dict) else {}


def _stages(build: Json) -> list[Json]:
    return build.get("stages") or []


def _line(value: Any) -> Line:
    """A line of a log from JSON; its time is not needed here."""
    match value:
        case {"pos": int(pos), "out": str(out)}:
            return Line(pos, out, 0)
    raise Unreachable("the server sent a line of a log that is none")


def _path(tail: Tail) -> str:
    stage, step = tail.number
    return f"{stage}/{step}"
