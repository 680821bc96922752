"""Whatever runners, people and the clock do, in whichever order: the state of builds stays what it must be."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from app.builds import approval as control
from app.builds import flow, stop
from app.builds.model import Build, Stage, Status, Step
from app.builds.moments import Moment
from app.db.connect import connect
from app.db.migrate import migrate
from app.errors import Conflict, Invalid, Unreadable
from app.events import Subscription
from app.runners.dispatch.leases import Leases
from app.runners.dispatch.local import LocalManager
from app.runners.dispatch.queue import Queue
from app.runners.manager import System
from app.sealing.seal import Seal
from tests.builds.farside import ADA, HOOK, NOW, OCTOCAT, file, laid, pipeline, pushed, started

T = TypeVar("T")

LEASE, PATIENCE = 100, 10_000
RUNNERS = ("r1", "r2", "r3")
#: Pipeline files: alone, a chain, a diamond, an alarm for failures, an order that is not that of the file.
FILES = (
    (pipeline("a"),),
    (pipeline("a"), pipeline("b", depends_on=["a"])),
    (
        pipeline("a"),
        pipeline("b", depends_on=["a"]),
        pipeline("c", depends_on=["a"]),
        pipeline("d", depends_on=["b", "c"]),
    ),
    (pipeline("a"), pipeline("alarm", depends_on=["a"], trigger={"status": ["failure"]})),
    (
        pipeline("late", depends_on=["a"]),
        pipeline("a"),
        pipeline("b", trigger={"status": ["success", "failure"]}, depends_on=["late"]),
    ),
)
ENDS: tuple[Status, ...] = ("success", "failure", "error", "killed", "skipped")
OPEN = {"pending", "running", "waiting_on_dependencies", "blocked", "declined"}
OVER = {"success", "failure", "error", "killed", "skipped"}


@dataclass
class Held:
    """A stage as its runner knows it, and what it said last."""

    runner: str
    stage: Stage
    said: Stage | None = None
    steps: dict[int, Step] = None  # type: ignore[assignment]
    over: bool = False


class Machine(RuleBasedStateMachine):
    """One repository on one real database."""

    holds: Bundle[Held] = Bundle("holds")

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.loop = asyncio.new_event_loop()
        self.stack.callback(self.loop.close)
        db = connect(f"sqlite:///{folder / 'gantry.sqlite'}")
        self.do(db.open())
        self.stack.callback(lambda: self.do(db.close()))
        self.do(migrate(db, now=NOW))
        self.scene = self.do(laid(db, folder))
        self.ports = self.scene.ports
        self.leases = Leases(self.ports, lease=LEASE, patience=PATIENCE)
        queue, system = self.do(_queue(self.ports)), System("http", "localhost", "1")
        self.managers = {
            name: LocalManager(self.ports, queue, Seal("a key"), system, self.leases, peer=name) for name in RUNNERS
        }
        self.ended: Subscription[int] = self.stack.enter_context(self.ports.moments.over.subscribe())
        self.changes: Subscription[Moment] = self.stack.enter_context(self.ports.moments.watched.subscribe())
        #: The numbers of all builds, how people ended some of them, and the end of every stage and step.
        self.numbers: list[int] = []
        self.by_people: dict[int, Status] = {}
        self.final: dict[tuple[str, int], Any] = {}
        self.owners: dict[int, str] = {}
        self.told: Counter[int] = Counter()
        self.newest: dict[int, Build] = {}

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What comes of it; None when it was refused."""
        try:
            return self.do(work)
        except (Conflict, Invalid, Unreadable):
            return None

    def builds(self) -> list[Build]:
        return [self.do(self.scene.build(number)) for number in self.numbers]

    # What begins.

    @rule(of=st.sampled_from(FILES), pushes=st.booleans(), running=st.booleans(), signed=st.booleans())
    def push(self, of: tuple[str, ...], pushes: bool, running: bool, signed: bool) -> None:
        repo = replace(self.scene.repo, auto_cancel_pushes=pushes, auto_cancel_running=running, protected=not signed)
        draft = pushed(repo, self.scene.host.add(file(*of)))
        before = self.builds()
        made = self.attempt(flow.start(self.ports, repo, draft, "build.push", HOOK))
        if made is None:  # the file was declined
            return
        self.numbers.append(made.number)
        for old in before:
            if pushes and (old.status == "pending" or (running and old.status == "running")) and old.event == "push":
                self.by_people[old.number] = "skipped"

    @rule(data=st.data(), promoted=st.booleans())
    def again(self, data: st.DataObject, promoted: bool) -> None:
        if not self.numbers:
            return
        old = self.do(self.scene.build(data.draw(st.sampled_from(self.numbers))))
        if promoted:
            begin = flow.promote(self.ports, self.scene.repo, old, target="x", by=ADA, params={})
        else:
            begin = flow.restart(self.ports, self.scene.repo, old, by=ADA, debug=False, params={})
        if (made := self.attempt(begin)) is not None:
            self.numbers.append(made.number)

    # What runners say.

    @rule(target=holds, runner=st.sampled_from(RUNNERS), data=st.data())
    def accept(self, runner: str, data: st.DataObject) -> Any:
        stages = [stage for build in self.builds() for stage in build.stages]
        if not stages:
            return multiple()
        stage = data.draw(st.sampled_from(stages))
        accepted = self.attempt(self.managers[runner].accept(stage.id, runner))
        assert (accepted is not None) == (stage.status == "pending" and not stage.machine)
        if accepted is None:
            return multiple()
        self.owners[stage.id] = runner
        return Held(runner, accepted, steps={})

    @rule(held=holds, names=st.sampled_from([("one",), ("one", "two")]))
    def start(self, held: Held, names: tuple[str, ...]) -> None:
        if held.said is not None or held.over:
            return
        said = started(held.stage, *names)
        answer = self.attempt(self.managers[held.runner].update_stage(said))
        if answer is None:
            held.over = True
        else:
            held.said, held.stage = said, answer
            held.steps = {step.id: step for step in answer.steps}

    @rule(held=holds, data=st.data(), status=st.sampled_from(("running", *ENDS)))
    def step(self, held: Held, data: st.DataObject, status: Status) -> None:
        if not held.steps:
            return
        step = data.draw(st.sampled_from(list(held.steps.values())))
        answer = self.attempt(
            self.managers[held.runner].update_step(replace(step, status=status, started=NOW, stopped=NOW))
        )
        if answer is not None:
            held.steps[step.id] = answer

    @rule(held=consumes(holds), status=st.sampled_from(ENDS), again=st.booleans(), silent=st.booleans())
    def finish(self, held: Held, status: Status, again: bool, silent: bool) -> None:
        steps = (
            ()
            if silent
            else tuple(
                step if step.status in OVER else replace(step, status=status, started=NOW, stopped=NOW)
                for step in held.steps.values()
            )
        )
        said = replace(held.stage, status=status, stopped=NOW, steps=steps)
        answer = self.attempt(self.managers[held.runner].update_stage(said))
        if answer is None:
            return
        assert (answer.status, answer.machine) == (status, held.runner)
        if again:
            before = self._events()
            assert self.do(self.managers[held.runner].update_stage(said)).version == answer.version
            assert self._events() == before

    @rule(held=holds)
    def repeat(self, held: Held) -> None:
        """The last report once more: answered as the first, or refused, and nothing is told again."""
        if held.said is None:
            return
        before = self._events()
        answer = self.attempt(self.managers[held.runner].update_stage(held.said))
        assert answer is None or answer.version == held.stage.version
        assert self._events() == before

    @rule(held=holds, status=st.sampled_from(ENDS), by=st.integers(1, 3))
    def stale(self, held: Held, status: Status, by: int) -> None:
        said = replace(held.stage, status=status, version=held.stage.version - by, stopped=NOW + 77)
        assert self.attempt(self.managers[held.runner].update_stage(said)) is None

    # What people and the clock do.

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self.numbers:
            return
        before = self.do(self.scene.build(data.draw(st.sampled_from(self.numbers))))
        self.do(stop.cancel(self.ports, self.scene.repo, before.number, OCTOCAT))
        if before.status in ("pending", "running"):
            self.by_people[before.number] = "killed"

    @rule(data=st.data(), whole=st.booleans(), approved=st.booleans())
    def decide(self, data: st.DataObject, whole: bool, approved: bool) -> None:
        blocked = [(b, s) for b in self.builds() for s in b.stages if s.status == "blocked"]
        if not blocked:
            return
        build, stage = data.draw(st.sampled_from(blocked))
        verb = control.approve if approved else control.decline
        self.do(verb(self.ports, self.scene.repo, build.number, OCTOCAT, None if whole else stage.number))
        if not approved:
            self.by_people[build.number] = "declined"

    @rule(seconds=st.sampled_from([LEASE // 2, LEASE, PATIENCE]))
    def time_passes(self, seconds: int) -> None:
        for _ in range(0, seconds, LEASE // 2):
            self.scene.clock.time += LEASE // 2
            self.do(self.leases.look())

    # What must hold.

    def _events(self) -> tuple[int, int]:
        return self.ended._queue.qsize(), self.changes._queue.qsize()

    @invariant()
    def what_is_over_never_changes_and_nobody_takes_what_another_has(self) -> None:
        for build in self.builds() if hasattr(self, "numbers") else ():
            for stage in build.stages:
                assert stage.machine == self.owners.get(stage.id, "")
                self._remember(("stage", stage.id), stage.status, replace(stage, steps=()))
                for step in stage.steps:
                    assert step.status not in OVER or step.stopped
                    self._remember(("step", step.id), step.status, (step.status, step.exit_code, step.error))
                if stage.status in OVER:
                    assert all(step.status in OVER for step in stage.steps), stage

    def _remember(self, key: tuple[str, int], status: Status, content: Any) -> None:
        if key in self.final:
            assert self.final[key] == content
        elif status in OVER or status == "declined":
            self.final[key] = content

    @invariant()
    def a_build_is_what_its_stages_make_it(self) -> None:
        for build in self.builds() if hasattr(self, "numbers") else ():
            expected = self.by_people.get(build.number) or _status(build)
            assert build.status == expected, (build.status, expected, [(s.name, s.status) for s in build.stages])
            assert bool(build.finished) == (build.status in OVER)
            waits = any(stage.status == "blocked" for stage in build.stages)
            assert build.blocked == (waits and build.status not in OVER | {"declined"})

    @invariant()
    def nobody_waits_for_what_is_over(self) -> None:
        """But in a declined build, whose other stages stay as they are (contract drone-rpc 11.5)."""
        builds = self.builds() if hasattr(self, "numbers") else ()
        for build in (build for build in builds if build.status != "declined"):
            done = {stage.name for stage in build.stages if stage.status in OVER | {"declined"}}
            names = {stage.name for stage in build.stages}
            for stage in build.stages:
                if stage.status == "waiting_on_dependencies":
                    assert {name for name in stage.depends_on if name in names} - done, stage

    @invariant()
    def numbers_have_no_gaps(self) -> None:
        if hasattr(self, "numbers"):
            assert self.numbers == list(range(1, len(self.numbers) + 1))
            assert self.do(self.scene.counter()) == len(self.numbers)

    @invariant()
    def every_end_is_told_once_and_the_last_word_is_how_it_is(self) -> None:
        if not hasattr(self, "numbers"):
            return
        while self.ended._queue.qsize():
            self.told[self.do(_next(self.ended))] += 1
        while self.changes._queue.qsize():
            change = self.do(_next(self.changes))
            self.newest[change.build.id] = change.build
        for build in self.builds():
            assert _shown(self.newest[build.id]) == _shown(build)
            if build.status in OVER:
                assert self.told[build.id] >= 1
            if build.status in OVER and build.number not in self.by_people:
                assert self.told[build.id] == 1


def _status(build: Build) -> Status:
    """The rule of contract drone-rpc 8.5, and of builds that go on."""
    statuses = [stage.status for stage in sorted(build.stages, key=lambda stage: stage.id)]
    if not OPEN & set(statuses):
        return next((status for status in statuses if status in ("killed", "failure", "error")), "success")
    return "running" if build.started else "pending"


def _shown(build: Build) -> Any:
    """What those who follow a build see; that a stage was accepted is told with its start."""
    return build.status, [(stage.status, [step.status for step in stage.steps]) for stage in build.stages]


async def _queue(ports: Any) -> Queue:
    return Queue(ports)


async def _next(subscription: Subscription[T]) -> T:
    event = await subscription.next()
    assert event is not None
    return event


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=40, suppress_health_check=list(HealthCheck))
TestMachine = Machine.TestCase
