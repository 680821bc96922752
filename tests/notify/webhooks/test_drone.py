"""Drone's webhook: which moments reach the end points of the settings, and how they wait for end points that are down.

The end points are real ones.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app.builds import approval, flow, stop
from app.builds.moments import Moments
from app.builds.removal import remove
from app.db.connect import Database
from app.db.tx import many, run
from app.moments import Recorders
from app.notify.webhooks import drone
from app.notify.webhooks.events import DRONE
from app.notify.webhooks.masking import Masking
from app.notify.webhooks.poster import Poster
from app.outbox import store as outbox
from app.outbox import worker as of_outbox
from app.outbox.model import Message
from app.outbox.worker import Worker
from app.repos.secrets import store as secrets
from tests.builds.farside import ADA, OCTOCAT, SEAL, Scene, laid, pipeline
from tests.counting import Counting
from tests.notify.webhooks.farside import SERVER
from tests.notify.webhooks.receiver import Receiver, receiving, resets, silent, status
from tests.soon import soon

SECRET = "the secret of the settings"


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> Scene:
    return await laid(db, tmp_path)


@pytest.fixture
def receivers() -> Iterator[list[Receiver]]:
    with ExitStack() as stack:
        yield [stack.enter_context(receiving()) for _ in range(2)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_outbox, "LOOK", 0.02)
    monkeypatch.setattr(of_outbox, "GRACE", 0.05)


@dataclass
class Site:
    """Builds whose moments are told to the end points of the settings."""

    scene: Scene
    to: drone.Receivers
    _ids: "count[int]" = field(default_factory=count)

    def __post_init__(self) -> None:
        notes = drone.Notes(self.to, SERVER, self.now_ms, lambda: f"fresh {next(self._ids)}")
        self.recorders = Recorders(notes.recorder)
        self.scene.ports.moments.recorders = self.recorders

    @property
    def db(self) -> Database:
        return self.scene.ports.db

    def now_ms(self) -> int:
        return self.scene.clock() * 1000

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Worker]:
        poster = Poster(trusted=True)
        sender = drone.Sender(self.to, SERVER, self.now_ms, poster, Masking(self.db, SEAL))
        worker = Worker(self.db, sender.channels, "w", self.now_ms, alone=True)
        async with poster.running(), worker.running():
            yield worker

    async def rows(self) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.db.read(many("SELECT * FROM outbox ORDER BY id"))]

    async def told(self) -> list[str]:
        """The subjects of what waits."""
        return [row["subject"] for row in await self.rows()]

    async def waits(self, tries: list[int]) -> None:
        """Wait until so many entries wait, after so many attempts each."""

        async def so() -> bool:
            return [row["tries"] for row in await self.rows()] == tries

        await soon(so, f"entries wait after {tries} attempts")

    async def left(self) -> None:
        """Wait until nothing waits."""
        await self.waits([])


def site(scene: Scene, *receivers: Receiver, events: Sequence[str] = ()) -> Site:
    return Site(scene, drone.Receivers([f"{one.url}/secret-path" for one in receivers], SECRET, events))


def told(receiver: Receiver) -> list[tuple[str, int, str]]:
    return [
        (f"{body['event']}:{body['action']}", body["build"]["number"], body["build"]["status"])
        for body in (one.json for one in receiver.came)
    ]


async def test_both_end_points_are_told_in_order(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, *receivers)
    build = await scene.push()
    await scene.run(build.stages[0])
    old = await scene.build(1)
    await flow.promote(scene.ports, scene.repo, old, target="production", by=OCTOCAT, params={})

    async with there.sending():
        await there.left()

    for receiver in receivers:
        assert told(receiver) == [
            ("build:created", 1, "pending"),
            ("build:updated", 1, "success"),
            ("build:created", 2, "pending"),
        ]
        first, second, _ = receiver.came
        assert first.json["user"]["login"] == "octocat"
        assert "user" not in second.json
        assert second.json["repo"]["build"] == second.json["build"]
        assert first.headers["x-drone-event"] == "build"
        assert first.path == "/secret-path"


async def test_the_moments_are_those_of_drone(scene: Scene, receivers: list[Receiver]) -> None:
    """Contract drone-webhooks 1: not the start of a stage, nor the end of one that is not the last, nor decisions."""
    there = site(scene, receivers[0])
    scene.repo = replace(scene.repo, protected=True)
    await scene.push(pipeline("a"), pipeline("b"), pipeline("c", depends_on=["b"]))
    await approval.approve(scene.ports, scene.repo, 1, ADA)
    running = await scene.start(await scene.stage(1, "a"), "one")
    await scene.step(running.steps[0], "running")
    await scene.run(await scene.stage(1, "b"))
    await stop.cancel(scene.ports, scene.repo, 1, ADA)
    await stop.cancel(scene.ports, scene.repo, 1, ADA)
    await scene.push(pipeline("d"))
    await approval.decline(scene.ports, scene.repo, 2, ADA)
    await scene.push("kind: [pipeline")

    assert await there.told() == [
        "octocat/hello#1 build:created",
        "octocat/hello#1 build:updated",
        "octocat/hello#1 build:updated",
        "octocat/hello#2 build:created",
        "octocat/hello#3 build:created",
    ]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), {"build:created", "build:updated", "repo:enabled", "repo:disabled", "repo:deleted", "user:created"}),
        (("build",), {"build:created", "build:updated"}),
        (("build:*",), {"build:created", "build:updated"}),
        (("build:created", "user"), {"build:created", "user:created"}),
        (("*:deleted",), {"repo:deleted"}),
        (("repo:[de]*",), {"repo:enabled", "repo:disabled", "repo:deleted"}),
        (("Build", "build:", "*", "["), {"build:created", "build:updated"} | {"repo:enabled", "repo:disabled"}),
        (("nothing",), set()),
    ],
)
def test_patterns_say_what_is_told(patterns: Sequence[str], expected: set[str]) -> None:
    """A pattern without a colon is that of an event with any action; so `*` alone is everything."""
    to = drone.Receivers(["https://ci.example.com"], events=patterns)
    found = {one for one in DRONE.values() if to.want(one)} - {"user:deleted"}

    assert found >= expected
    assert found == expected or "*" in patterns


async def test_what_nobody_wants_is_not_even_looked_at(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, receivers[0], events=["build:created"])

    wanted = {verb for verb in DRONE if there.recorders.wants(verb)}
    assert wanted == {verb for verb, name in DRONE.items() if name == "build:created"}
    assert not there.recorders.wants("build.step", progress=True)
    assert site(scene, receivers[0]).recorders.wants("build.step", progress=True)
    assert not site(scene, receivers[0]).recorders.wants("build.end", progress=True)
    assert not drone.Notes(drone.Receivers(), SERVER, there.now_ms, str).recorder.verbs


async def test_a_promotion_costs_two_statements_however_many_end_points_there_are(
    scene: Scene, receivers: list[Receiver]
) -> None:
    await scene.push()
    there = site(scene, *receivers)
    old = await scene.build(1)
    counting: Any = Counting(scene.ports.db)
    ports = replace(scene.ports, db=counting)

    async def cost(recorders: Recorders) -> int:
        counting.statements.clear()
        beside = replace(ports, moments=Moments(counting, ports.logs, recorders))
        await flow.promote(beside, scene.repo, old, target="production", by=OCTOCAT, params={})
        return len(counting.statements)

    assert await cost(there.recorders) == await cost(Recorders()) + 2


async def test_the_outbox_has_neither_an_address_nor_the_secret(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, *receivers)
    await scene.push()

    rows = await there.rows()
    assert [row["host"] for row in rows] == list(there.to.hosts)
    assert len(rows) == 2
    assert not [row for row in rows if "secret" in str(row) or receivers[0].url in str(row)]
    assert "secret" not in repr(there.to)


async def test_a_dead_end_point_delays_no_other_and_loses_nothing(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, *receivers)
    dead, alive = receivers
    dead.answers = resets
    numbers = [(await scene.push()).number for _ in range(3)]

    async with there.sending() as worker:
        await there.waits(tries=[1, 0, 0])
        assert len(alive.came) == 3
        dead.answers = status(200)
        dead.came.clear()
        scene.clock.time += 10  # the first delay is over
        worker.reopen()
        await there.left()

    assert [number for _, number, _ in told(dead)] == numbers
    assert [number for _, number, _ in told(alive)] == numbers


async def test_an_end_point_that_hangs_delays_no_other(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, *receivers)
    receivers[0].answers = silent
    for _ in range(3):
        await scene.push()

    async with there.sending():
        await soon(lambda: len(receivers[1].came) == 3)
    assert len(receivers[0].came) == 1


async def test_what_waits_is_told_after_a_restart(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, receivers[0])
    receivers[0].answers = silent
    await scene.push()
    async with there.sending():
        await soon(lambda: receivers[0].came)
        await scene.push()
    receivers[0].answers = status(200)
    first = receivers[0].came[0]

    async with there.sending():
        await there.left()

    assert told(receivers[0])[-1] == ("build:created", 2, "pending")
    assert {one.body for one in receivers[0].came if one.json["build"]["number"] == 1} == {first.body}


@pytest.mark.parametrize("code", [204, 302, 400, 401, 404, 410, 500])
async def test_any_answer_of_a_receiver_counts_as_received(scene: Scene, receivers: list[Receiver], code: int) -> None:
    """As with Drone, which does not look at answers. Nothing follows a redirect."""
    there = site(scene, receivers[0])
    receivers[0].answers = status(code, b"", Location=f"{receivers[1].url}/elsewhere")
    await scene.push()

    async with there.sending():
        await there.left()

    assert (len(receivers[0].came), len(receivers[1].came)) == (1, 0)


@pytest.mark.parametrize("code", sorted(drone.AWAY))
async def test_the_answer_of_a_proxy_without_a_receiver_does_not_count(
    scene: Scene, receivers: list[Receiver], code: int
) -> None:
    there = site(scene, receivers[0])
    receivers[0].answers = status(code)
    await scene.push()

    async with there.sending():
        await there.waits(tries=[1])
    (row,) = await there.rows()
    assert (row["state"], row["error"]) == ("waiting", f"the end point answered {code}")


async def test_an_end_point_that_the_settings_name_no_more_is_told_nothing(
    scene: Scene, receivers: list[Receiver]
) -> None:
    before = site(scene, *receivers)
    for _ in range(3):
        await scene.push()
    gone = drone.host_of(f"{receivers[0].url}/secret-path")
    dead = "UPDATE outbox SET state = 'dead' WHERE id = (SELECT min(id) FROM outbox WHERE host = :host)"
    await before.db.write(run(dead, host=gone))

    after = site(scene, receivers[1])
    async with after.sending():
        await after.left()

    assert (len(receivers[0].came), len(receivers[1].came)) == (0, 3)


async def test_without_any_end_point_what_waits_is_deleted(scene: Scene, receivers: list[Receiver]) -> None:
    site(scene, *receivers)
    await scene.push()

    nowhere = site(scene)
    async with nowhere.sending():
        await nowhere.left()

    assert not receivers[0].came


async def test_a_deleted_repository_is_told_with_all_that_was_before(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, receivers[0])
    await scene.push()
    await remove(scene.ports, scene.repo, OCTOCAT)

    async with there.sending():
        await there.left()

    bodies = [one.json for one in receivers[0].came]
    assert [f"{one['event']}:{one['action']}" for one in bodies] == ["build:created", "build:updated", "repo:deleted"]
    assert bodies[-1]["repo"]["slug"] == "octocat/hello"
    assert "user" not in bodies[-1]


async def test_parameters_that_are_secrets_are_hidden(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, receivers[0])
    owner = secrets.of_repo(scene.repo.id)
    sealed = SEAL.seal("hush-hush", owner.purpose)
    await there.db.write(secrets.create(owner, "token", sealed, pull_request=False, pull_request_push=False))
    await scene.push()
    old, given = await scene.build(1), {"TOKEN": "hush-hush", "PLAIN": "shown"}
    build = await flow.promote(scene.ports, scene.repo, old, target="x", by=OCTOCAT, params=given)
    await scene.run(build.stages[0])

    async with there.sending():
        await there.left()

    last = receivers[0].came[-1]
    assert b"hush-hush" not in last.body
    assert last.json["build"]["params"]["PLAIN"] == "shown"
    assert last.json["repo"]["build"]["params"] == last.json["build"]["params"]


async def test_an_outbox_is_emptied_by_pieces(scene: Scene, receivers: list[Receiver]) -> None:
    there = site(scene, receivers[0])
    message = Message(None, "drone", "drone:gone", "octocat/hello#1", "", {})
    await there.db.write(outbox.add([message] * 2500, 1))

    async with there.sending():
        await there.left()
    assert not receivers[0].came
