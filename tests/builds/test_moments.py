"""Every verb of builds: recorded in the transaction that does it, rolled back with it, announced once after it."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, get_args

import pytest

from app.audit import store as audit
from app.builds import approval, flow, progress, removal, stop
from app.builds.model import Build
from app.builds.moments import BEGINNINGS, PROGRESS, Moment, Moments, Verb
from app.db.tx import Tx, many
from app.errors import Unavailable
from app.moments import Recorder, Recorders
from app.repos import settings
from tests.builds.farside import ADA, HOOK, NOW, RUNNER, Failing, Scene, ended, pipeline, pushed, started, uncommitted

T = TypeVar("T")
Act = Callable[[Scene], Awaitable[object]]


class Broken(Exception):
    """What a test raises inside a transaction."""


@dataclass
class Stage:
    """A scene whose moments go into the record, and who hears of them."""

    scene: Scene
    failing: Failing
    #: Raises inside the transaction, after the verb's work and its record, while it is set.
    breaking: bool = False
    heard: list[str] = field(default_factory=list)

    async def rows(self) -> list[Any]:
        def tx() -> Tx[list[tuple[str, ...]]]:
            found = yield from many("SELECT verb, subject, actor_kind, actor_name FROM audit ORDER BY id")
            return [tuple(row) for row in found]

        return await self.scene.ports.db.read(tx())

    async def state(self) -> list[tuple[Any, ...]]:
        """All that is said of builds and stages."""

        def tx() -> Tx[list[tuple[Any, ...]]]:
            builds = yield from many("SELECT id, number, status, version FROM builds ORDER BY id")
            stages = yield from many("SELECT id, status, version FROM stages ORDER BY id")
            return [tuple(row) for row in (*builds, *stages)]

        return await self.scene.ports.db.read(tx())


@pytest.fixture
def stage(scene: Scene) -> Stage:
    failing = Failing(scene.ports.db)

    def write(moment: Any) -> Tx[None]:
        yield from audit.record(moment, NOW)
        if made.breaking:
            raise Broken

    moments = Moments(failing, scene.ports.logs, Recorders(Recorder(write, without=PROGRESS)))
    made = Stage(replace(scene, ports=replace(scene.ports, db=failing, moments=moments)), failing)
    return made


async def one(scene: Scene) -> Build:
    return await scene.push()


async def waiting_for_approval(scene: Scene) -> Build:
    repo = replace(scene.repo, protected=True)
    return await flow.start(scene.ports, repo, pushed(repo, scene.host.add(pipeline())), "build.push", HOOK)


async def running(scene: Scene) -> Build:
    build = await one(scene)
    await scene.start(build.stages[0], "one")
    return await scene.build(build.number)


async def superseding(scene: Scene) -> None:
    """The repository asks that a push takes the place of older ones, of which there is one."""
    scene.repo = await scene.ports.db.write(settings.update(scene.repo.id, {"auto_cancel_pushes": True}, NOW))
    await one(scene)


async def report_start(scene: Scene) -> object:
    stage = (await scene.build(1)).stages[0]
    return await progress.update_stage(scene.ports, started(await scene.accept(stage), "one"), RUNNER)


async def report_end(scene: Scene) -> object:
    return await progress.update_stage(scene.ports, ended((await scene.build(1)).stages[0]), RUNNER)


async def report_step(scene: Scene) -> object:
    return await scene.step((await scene.build(1)).stages[0].steps[0], "running")


async def created(scene: Scene) -> object:
    scene.host.add(pipeline())
    return await flow.create(scene.ports, scene.repo, by=ADA, branch="", commit="", message="", action="", params={})


def again(event: flow.Deployment) -> Act:
    async def act(scene: Scene) -> object:
        old, params = await scene.build(1), {"KEY": "hush"}
        return await flow.promote(scene.ports, scene.repo, old, event=event, target="production", by=ADA, params=params)

    return act


async def restarted(scene: Scene) -> object:
    return await flow.restart(scene.ports, scene.repo, await scene.build(1), by=ADA, debug=False, params={})


#: How a verb comes about: what must be there, what is done, and what the record then says of it.
VERBS: dict[Verb, tuple[Act | None, Act, tuple[str, ...]]] = {
    "build.push": (None, one, ("octocat/hello#1", "hook", "grace")),
    "build.cron": (
        None,
        lambda s: flow.fail(s.ports, s.repo, pushed(s.repo, "a" * 40), "no", "build.cron", ADA),
        ("octocat/hello#1", "person", "ada"),
    ),
    "build.create": (None, created, ("octocat/hello#1", "person", "ada")),
    "build.restart": (
        one,
        restarted,
        ("octocat/hello#2", "person", "ada"),
    ),
    "build.promote": (one, again("promote"), ("octocat/hello#2", "person", "ada")),
    "build.rollback": (one, again("rollback"), ("octocat/hello#2", "person", "ada")),
    "build.start": (one, report_start, ()),
    "build.step": (running, report_step, ()),
    "build.end": (running, report_end, ()),
    "build.lose": (running, lambda s: progress.lose(s.ports, "r1"), ("octocat/hello#1", "server", "")),
    "build.give_up": (one, lambda s: progress.give_up(s.ports, NOW + 9), ("octocat/hello#1", "server", "")),
    "build.cancel": (one, lambda s: stop.cancel(s.ports, s.repo, 1, ADA), ("octocat/hello#1", "person", "ada")),
    "build.supersede": (superseding, one, ("octocat/hello#1", "hook", "grace")),
    "build.approve": (
        waiting_for_approval,
        lambda s: approval.approve(s.ports, s.repo, 1, ADA),
        ("octocat/hello#1", "person", "ada"),
    ),
    "build.decline": (
        waiting_for_approval,
        lambda s: approval.decline(s.ports, s.repo, 1, ADA),
        ("octocat/hello#1", "person", "ada"),
    ),
    "build.delete": (
        one,
        lambda s: s.ports.moments.carry_out(removal._remove(s.repo.id, ADA, NOW, Recorders())),
        ("octocat/hello#1", "person", "ada"),
    ),
}


async def set_up(stage: Stage, verb: Verb) -> Act:
    prepare, act, _ = VERBS[verb]
    if prepare is not None:
        await prepare(stage.scene)
    return act


@dataclass
class Ears:
    """Who listens to all that is announced."""

    stage: Stage
    exits: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Ears":
        moments = self.stage.scene.ports.moments
        self.watched = self.exits.enter_context(moments.watched.subscribe())
        self.others = {
            name: self.exits.enter_context(getattr(moments, name).subscribe())
            for name in ("touched", "over", "waiting")
        }
        return self

    def __exit__(self, *_: object) -> None:
        self.exits.close()

    def verbs(self) -> list[str]:
        """What watchers were told, so far."""
        told: list[Moment] = []
        while not self.watched._queue.empty():
            moment = self.watched._queue.get_nowait()
            assert moment is not None
            told.append(moment)
        return [moment.verb for moment in told]

    def silent(self) -> bool:
        """Whether nobody was told anything."""
        return self.watched._queue.empty() and all(other._queue.empty() for other in self.others.values())


def test_every_verb_is_looked_at() -> None:
    assert set(VERBS) == set(get_args(Verb))
    assert set(VERBS) >= BEGINNINGS | PROGRESS


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_is_recorded_and_announced_exactly_once(stage: Stage, verb: Verb) -> None:
    act = await set_up(stage, verb)
    before = await stage.rows()

    with Ears(stage) as ears:
        await act(stage.scene)
        told = ears.verbs()

    assert told.count(verb) == 1
    rows = [row for row in (await stage.rows())[len(before) :] if row[0] == verb]
    assert rows == ([] if verb in PROGRESS else [(verb, *VERBS[verb][2])])


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in PROGRESS])
async def test_a_verb_and_its_record_are_rolled_back_together(stage: Stage, verb: Verb) -> None:
    act = await set_up(stage, verb)
    rows, state = await stage.rows(), await stage.state()

    stage.breaking = True
    with Ears(stage) as ears:
        with pytest.raises(Broken):
            await act(stage.scene)
        assert ears.silent()

    assert (await stage.rows(), await stage.state()) == (rows, state)


@pytest.mark.parametrize("verb", VERBS)
async def test_nothing_is_announced_when_the_commit_fails(stage: Stage, verb: Verb) -> None:
    act = await set_up(stage, verb)
    if verb == "build.start":  # whoever reports has accepted before
        stages = (await stage.scene.build(1)).stages
        accepted = await stage.scene.accept(stages[0])
        act = lambda s: progress.update_stage(s.ports, started(accepted, "one"), RUNNER)  # noqa: E731
    rows, state = await stage.rows(), await stage.state()

    stage.failing.becomes = uncommitted
    with Ears(stage) as ears:
        with pytest.raises(Unavailable):
            await act(stage.scene)
        assert ears.silent()

    stage.failing.becomes = None
    assert (await stage.rows(), await stage.state()) == (rows, state)
    assert not [row for row in rows if "hush" in str(row)]


async def test_a_promotion_costs_one_statement_more_for_the_record(stage: Stage) -> None:
    await one(stage.scene)
    statements: list[str] = []

    def noted(tx: Tx[T]) -> Tx[T]:
        statement = next(tx)
        try:
            while True:
                statements.append(statement[0])
                statement = tx.send((yield statement))
        except StopIteration as end:
            result: T = end.value
            return result

    stage.failing.becomes = noted
    await again("promote")(stage.scene)

    assert [sql for sql in statements if "audit" in sql] == [audit.RECORD]
    assert "RETURNING" not in audit.RECORD
