"""Follow a build: print the log of every step as it comes, until the build has ended.

The stream of the repository's builds gives the states of steps, the stream of each running step gives its lines, and
the stored log gives the lines that a stream left out. Each line has a position, so each is printed once.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup

from app.builds.model import DONE, Line
from app.cli.remote.client import Connection, Json, Refused, Unreachable
from app.cli.remote.stream import Backoff, Frame, Streams
from app.cli.terminal.options import api_path, repo_path
from app.cli.terminal.output import line, reason, standing
from app.cli.terminal.screen import Screen

#: Seconds that a stream of log lines may stay open after its step has ended.
GRACE = 10.0
#: Seconds of failed attempts after which `follow` gives up.
PATIENCE = 120.0


def follow(
    connection: Connection,
    slug: str,
    number: int,
    screen: Screen,
    *,
    only: tuple[int, int] | None = None,
    patience: float = PATIENCE,
) -> Json:
    """The build after it has ended; with `only` (numbers of stage and step), after that step has ended.

    Raises `Refused`, `Unreachable` after `patience` seconds of failures, and `KeyboardInterrupt`.
    """

    async def run() -> Json:
        async with Streams(connection) as streams:
            return await Follower(streams, slug, number, screen, only, patience).run()

    try:
        return anyio.run(run)
    except BaseExceptionGroup as group:  # a group may hold KeyboardInterrupt, which is no Exception
        raise _first(group) from None
    finally:
        screen.status(None)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group; it cancelled the other tasks."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


@dataclass(slots=True)
class Tail:
    """The state of printing one step's log."""

    label: str
    number: tuple[int, int]
    #: The position of the next line to print.
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
        screen: Screen,
        only: tuple[int, int] | None,
        patience: float,
    ) -> None:
        self._streams = streams
        self._events = api_path("stream", *slug.rsplit("/", 1))
        self._build = repo_path(slug, "builds", number)
        self._number = number
        self._screen = screen
        self._only = only
        self._patience = patience
        self._tails: dict[tuple[int, int], Tail] = {}

    async def run(self) -> Json:
        """Follow the build to its end; leaving the inner task group waits for the last lines of every step."""
        build: Json = {}
        async with anyio.create_task_group() as around:
            around.start_soon(self._screen.tick)
            async with anyio.create_task_group() as tasks, aclosing(self._states()) as states:
                async for build in states:
                    self._screen.status(partial(_summary, build))
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
                            backoff.alive()
                            yield build
                        elif (build := _build_of(frame)).get("number") == self._number:
                            backoff.succeeded()
                            yield build
            except (Unreachable, Refused) as failure:
                error = self._lost(failure)
            await backoff.wait(error)

    def _advance(self, build: Json, tasks: TaskGroup) -> bool:
        """Process a state of the build, which may be an old one; whether the build, or the only step, has ended."""
        over = build.get("status") in DONE
        for stage in build.get("stages") or []:
            self._tell(stage)
            for step in stage.get("steps") or []:
                over = self._advance_step(stage, step, tasks) or over
        if over:
            for tail in self._tails.values():
                tail.end("")
        return over

    def _advance_step(self, stage: Json, step: Json, tasks: TaskGroup) -> bool:
        """Process a step's state; whether the step is the only one to follow, and has ended."""
        number, status = (stage["number"], step["number"]), step.get("status")
        if self._only not in {None, number}:
            return False
        label = line(f"{stage.get('name')}/{step.get('name')}")
        if status == "skipped":
            self._screen.progress(f"[{label}] skipped")
        elif status == "running" or status in DONE:
            tail = self._tails.get(number) or self._begin(label, number, tasks)
            if status in DONE:
                tail.end(_outcome(label, step))
        return self._only is not None and status in DONE

    def _begin(self, label: str, number: tuple[int, int], tasks: TaskGroup) -> Tail:
        before = [tail for tail in self._tails.values() if tail.ended.is_set()]
        tail = self._tails[number] = Tail(label, number)
        tasks.start_soon(self._print, tail, before)
        return tail

    def _tell(self, stage: Json) -> None:
        name, status = line(stage.get("name", "")), stage.get("status")
        if reason := stage.get("pending_reason"):
            self._screen.note(f"{name} waits: {line(reason)}")
        if status == "blocked":
            self._screen.note(f"{name} waits for an approval")
        elif status == "running" or status in DONE:
            self._screen.progress(f"{name}: {status}")
        if error := stage.get("error"):
            self._screen.note(f"{name}: {line(error)}")

    async def _print(self, tail: Tail, before: list[Tail]) -> None:
        """Print a step's log to its end, after the logs of the steps that had ended before it began."""
        for earlier in before:
            await earlier.drained.wait()
        self._screen.open(tail.label)
        backoff = Backoff(self._patience)
        while not tail.ended.is_set():
            error = await self._live(tail, backoff)
            await backoff.wait(error, until=tail.ended)
        await self._stored(tail)
        self._screen.close(tail.label)
        if tail.outcome:
            self._screen.note(tail.outcome)
        tail.drained.set()

    async def _live(self, tail: Tail, backoff: Backoff) -> Unreachable | Refused | None:
        """Print lines of the stream until its end; returns the passing error that ended the stream, if any."""
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
            return self._lost(failure)
        finally:
            tail.live = None
        return None

    async def _take(self, tail: Tail, said: Line) -> None:
        """Print a line of the stream; a gap before it is filled from the log."""
        if said.pos > tail.next:
            await self._stored(tail)
        self._write(tail, said)

    async def _stored(self, tail: Tail) -> None:
        """Print the lines of the stored log that are not printed yet; a step without output may have no log."""
        backoff = Backoff(self._patience)
        while True:
            try:
                lines = await self._streams.get(f"{self._build}/logs/{_path(tail)}")
            except (Unreachable, Refused) as failure:
                if isinstance(failure, Refused) and failure.status == 404:
                    return
                await backoff.wait(self._lost(failure))
                continue
            for said in lines or []:
                self._write(tail, _line(said))
            return

    def _write(self, tail: Tail, said: Line) -> None:
        if said.pos >= tail.next:
            tail.next = said.pos + 1
            self._screen.write(tail.label, said.out)

    def _lost(self, failure: Unreachable | Refused) -> Unreachable | Refused:
        """Return a passing failure, after which another attempt may succeed; raise any other."""
        if isinstance(failure, Refused) and not failure.passing:
            raise failure
        self._screen.note(f"{failure.message}; trying again")
        return failure


def _build_of(frame: Frame) -> Json:
    """The build in an event's frame; empty for another kind of frame."""
    build: Any = frame.data.get("build") if isinstance(frame.data, dict) else None
    return build if isinstance(build, dict) else {}


def _line(value: Any) -> Line:
    """A line of a log from JSON; its time is not needed here."""
    match value:
        case {"pos": int(pos), "out": str(out)}:
            return Line(pos, out, 0)
    raise Unreachable("the server sent a line of a log that is none")


def _path(tail: Tail) -> str:
    stage, step = tail.number
    return f"{stage}/{step}"


def _outcome(label: str, step: Json) -> str:
    """The message about a step that has not succeeded; empty for success."""
    if step.get("status") == "success":
        return ""
    ended = ": ".join(filter(None, [line(step.get("status")), reason(step)]))
    return f"[{label}] {ended}{', ignored' if step.get('errignore') else ''}"


def _summary(build: Json, now: float) -> str:
    """The text of the status line: the build's status, its running steps and its seconds."""
    running = [
        f"{line(stage.get('name'))}/{line(step.get('name'))}"
        for stage in build.get("stages") or []
        for step in stage.get("steps") or []
        if step.get("status") == "running"
    ]
    since = build.get("started") or build.get("created") or now
    return " · ".join([f"build {build.get('number')} {standing(build)}", *running, f"{max(0, int(now - since))} s"])
