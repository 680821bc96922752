"""Each run once: with several servers, after a stop, with a clock that jumps, and whatever a run meets."""

import asyncio
from dataclasses import replace

import pytest

from app import background
from app.builds import store as built
from app.builds.cron import flow, scheduler, store
from app.builds.cron.model import Cron
from app.builds.cron.pace import Pace
from app.builds.cron.scheduler import Scheduler
from app.builds.model import Build
from app.db.connect import Database
from app.db.tx import Tx, run
from app.errors import Invalid, Unavailable, Unreadable
from app.scm.host import Commit, Source
from tests.builds.cron.conftest import ANY_PACE, START, Add
from tests.builds.farside import Scene, heard, pipeline

DAY = 24 * 3600


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further tries come at once."""
    monkeypatch.setattr(scheduler, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(scheduler, "HOLD", 0.0)


def server(scene: Scene, db: Database | None = None, pace: Pace = ANY_PACE) -> Scheduler:
    """A scheduler as each server has one."""
    ports = scene.ports if db is None else replace(scene.ports, db=db)
    return Scheduler(ports, clock=scene.clock, interval=30, pace=pace)


async def look(*servers: Scheduler) -> float:
    """Let each begin what is due, and wait until that is over; the seconds until the first looks again."""
    pauses = [await one.look() for one in servers]
    await asyncio.gather(*(task for one in servers for task in one._runs.values()))
    await asyncio.sleep(0)
    assert not any(one._runs for one in servers)
    return pauses[0]


async def at(scene: Scene, seconds: int, *servers: Scheduler) -> list[str]:
    """The jobs whose builds there are once the servers looked, so many seconds after the start."""
    scene.clock.time = START + seconds
    await look(*servers or (server(scene),))
    return [build.cron for build in await made(scene)]


async def made(scene: Scene) -> list[Build]:
    return [await scene.build(number) for number in range(1, await scene.counter() + 1)]


async def job(scene: Scene, name: str = "nightly") -> Cron:
    return await scene.ports.db.read(store.find(scene.repo.id, name))


@pytest.fixture
async def scene(scene: Scene) -> Scene:
    scene.host.add(pipeline())
    return scene


async def test_a_job_runs_when_it_is_due_and_not_before(scene: Scene, add: Add) -> None:
    await add()

    assert await at(scene, 9) == []
    assert await at(scene, 10) == ["nightly"]
    assert await at(scene, 19) == ["nightly"]
    assert await at(scene, 20) == ["nightly"] * 2
    assert ((await job(scene)).prev, (await job(scene)).next) == (START + 20, START + 30)


async def test_an_interval_keeps_its_beat_when_a_look_comes_late(scene: Scene, add: Add) -> None:
    await add()

    await at(scene, 13)

    assert ((await job(scene)).prev, (await job(scene)).next) == (START + 13, START + 20)


async def test_runs_that_were_missed_are_made_up_for_once(scene: Scene, add: Add) -> None:
    await add()
    await add("hourly", "@hourly")

    assert sorted(await at(scene, 100_000)) == ["hourly", "nightly"]
    assert len(await at(scene, 100_000)) == 2
    assert (await job(scene, "hourly")).next > START + 100_000


async def test_it_waits_for_what_comes_first_and_looks_for_others_changes(scene: Scene, add: Add) -> None:
    one = server(scene)
    assert await look(one) == 30
    await add("late", "@every 1h")
    assert await look(one) == 30
    await add("soon", "@every 7s")
    assert await look(one) == 7
    scene.clock.time += 5
    assert await look(one) == 2


async def test_a_job_that_is_off_does_not_run_until_it_is_on_and_not_for_the_time_between(
    scene: Scene, add: Add
) -> None:
    await add()
    await scene.ports.db.write(flow.update(scene.repo.id, "nightly", {"disabled": True}, START, ANY_PACE))

    assert await at(scene, 1000) == []
    await scene.ports.db.write(flow.update(scene.repo.id, "nightly", {"disabled": False}, START + 1005, ANY_PACE))
    assert await at(scene, 1005) == []
    assert await at(scene, 1015) == ["nightly"]


async def test_in_a_repository_that_is_off_time_passes_without_builds(scene: Scene, add: Add) -> None:
    await add()
    await scene.ports.db.write(run("UPDATE repos SET active = false"))

    assert await at(scene, 10) == []
    assert (await job(scene)).next == START + 20
    await scene.ports.db.write(run("UPDATE repos SET active = true"))
    assert await at(scene, 15) == []
    assert await at(scene, 20) == ["nightly"]


async def test_nothing_runs_twice_when_the_clock_goes_back(scene: Scene, add: Add) -> None:
    await add()
    await add("hourly", "@hourly")
    hour = 46 * 60  # the clock shows a round hour then
    one = server(scene)

    assert await at(scene, 10, one) == ["nightly"]
    for seconds in (5, 1, 10, 15):
        assert await at(scene, seconds, one) == ["nightly"]
    assert await at(scene, 20, one) == ["nightly"] * 2
    assert (await at(scene, hour, one)).count("hourly") == 1
    for seconds in (hour - 1, hour - 1800, hour, hour + 3599):
        assert (await at(scene, seconds, one)).count("hourly") == 1
    assert (await at(scene, hour + 3600, one)).count("hourly") == 2


@pytest.mark.parametrize("ahead", [1000, 730 * DAY])
@pytest.mark.parametrize(
    ("expr", "due"), [("@every 10s", 40), ("@hourly", 46 * 60), ("0 0 3 * * *", 4 * 3600 + 46 * 60), ("@yearly", None)]
)
async def test_a_job_is_due_in_its_time_after_the_clock_was_ahead(
    scene: Scene, add: Add, expr: str, due: int | None, ahead: int
) -> None:
    kept = await add("yearly", "@yearly")
    await add(expr=expr)
    one = server(scene)
    await at(scene, 20, one)
    await at(scene, ahead, one)

    await at(scene, 30, one)

    for name, moment in (("nightly", START + due if due else kept.next), ("yearly", kept.next)):
        assert START + 30 < (await job(scene, name)).next <= moment


async def test_a_server_that_starts_finds_the_jobs_that_are_due_too_late(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "PAGE", 3)
    for number in range(10):
        await add(f"job-{number}", "@hourly", disabled=number == 4)
    await scene.ports.db.write(run(f"UPDATE crons SET next = next + {730 * DAY}"))

    assert await at(scene, 10) == []

    assert {(await job(scene, f"job-{number}")).next for number in range(10)} == {START + 46 * 60}


async def test_a_clock_that_was_ahead_at_another_server_is_noticed_in_ten_minutes(scene: Scene, add: Add) -> None:
    await add(expr="@hourly")
    one = server(scene)
    await at(scene, 0, one)
    await scene.ports.db.write(run(f"UPDATE crons SET next = next + {730 * DAY}"))

    await at(scene, 599, one)
    assert (await job(scene)).next > START + DAY
    await at(scene, 600, one)
    assert (await job(scene)).next == START + 46 * 60


async def test_a_job_that_is_closer_than_the_minimum_runs_at_the_minimum(scene: Scene, add: Add) -> None:
    await add("often", "@every 10s")
    await add("every-second", "* * * * * *")
    hurried = Cron(0, scene.repo.id, "hurried", "@every 10s", next=0, branch="main")
    await scene.ports.db.write(flow.create(hurried, START, Pace(60), free=True))
    await add("minutely", "0 * * * * *")
    one = server(scene, pace=Pace(60))

    runs = [await at(scene, seconds, one) for seconds in range(1, 131)][-1]

    assert {name: runs.count(name) for name in set(runs)} == {
        "often": 3, "every-second": 3, "hurried": 13, "minutely": 2
    }  # fmt: skip
    assert (await job(scene, "every-second")).next == START + 181


async def test_of_servers_that_look_at_one_moment_one_builds(scene: Scene, add: Add) -> None:
    await add()
    await add("promoting", event="promote", target="production")
    await scene.run((await scene.push(cron="")).stages[0])
    servers = [server(scene) for _ in range(4)]

    for count in range(1, 6):
        crons = await at(scene, 10 * count, *servers)
        assert crons.count("nightly") == count
        assert crons.count("promoting") == count


async def test_jobs_of_many_servers_and_looks_run_once_each(scene: Scene, add: Add) -> None:
    names = [f"job-{number:03}" for number in range(30)]
    for name in names:
        await add(name)

    async def several() -> None:
        for one in (server(scene), server(scene)):
            await one.look()
            await one.look()
            await asyncio.gather(*one._runs.values())

    scene.clock.time += 10
    await asyncio.gather(several(), several(), several())

    assert sorted(build.cron for build in await made(scene)) == names


async def test_more_jobs_than_a_page_all_run(scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "PAGE", 3)
    for number in range(10):
        await add(f"job-{number}", "@every 1h")
    scene.clock.time += 3600

    async with server(scene).running():
        with scene.ports.moments.watched.subscribe() as changes:
            while await scene.counter() < 10:
                await heard(changes)

    assert len({build.cron for build in await made(scene)}) == 10


async def test_a_server_that_dies_between_claim_and_build_leaves_the_run_to_another(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add()
    real = built.create

    def dies(build: Build) -> Tx[Build]:
        yield from real(build)
        raise asyncio.CancelledError

    monkeypatch.setattr(built, "create", dies)
    scene.clock.time += 10
    one = server(scene)
    await one.look()
    await asyncio.gather(*one._runs.values(), return_exceptions=True)
    assert ((await job(scene)).prev, await scene.counter()) == (0, 0)

    monkeypatch.undo()
    assert await at(scene, 12) == ["nightly"]


async def test_nothing_to_run_is_no_build_and_no_second_try(scene: Scene, add: Add) -> None:
    scene.host.add(pipeline(trigger={"event": ["push"]}))
    await add()
    await add("promoting", event="promote", target="production")

    assert await at(scene, 10) == []
    assert {(await job(scene, name)).next for name in ("nightly", "promoting")} == {START + 20}


@pytest.mark.parametrize("error", [Unavailable("host down"), Unreadable("no route", code="repository_unreachable")])
async def test_what_may_pass_is_tried_again(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    await add()
    asked = fail_times(scene, monkeypatch, error, 3)

    assert await at(scene, 10) == ["nightly"]
    assert [build.status for build in await made(scene)] == ["pending"]
    assert len(asked) == 4


async def test_what_does_not_pass_becomes_an_error_build(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add()
    asked = fail_times(scene, monkeypatch, Unavailable("host down"), 1000)

    assert await at(scene, 10) == ["nightly"]
    assert [(build.status, build.error) for build in await made(scene)] == [("error", "host down")]
    assert len(asked) == 5  # four tries, and once more for the commit of the error build
    assert (await job(scene)).next == START + 20


async def test_no_try_comes_after_the_next_run_is_due(scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "PAUSES", (10.0, 0.0))
    await add()
    asked = fail_times(scene, monkeypatch, Unavailable("host down"), 1000)

    assert await at(scene, 10) == ["nightly"]
    assert len(asked) == 2


@pytest.mark.parametrize("error", [Unreadable("no file", code="config_not_found"), Invalid("odd")])
async def test_what_is_wrong_for_good_is_an_error_build_at_once(scene: Scene, add: Add, error: Exception) -> None:
    await add()
    scene.host.failure = error

    assert await at(scene, 10) == ["nightly"]
    assert scene.host.reads == 1
    assert (await scene.build(1)).status == "error"
    assert await at(scene, 19) == ["nightly"]


async def test_a_branch_that_is_gone_is_told_by_an_error_build(scene: Scene, add: Add) -> None:
    await add(branch="gone")

    await at(scene, 10)

    assert [(build.status, build.error, build.cron) for build in await made(scene)] == [
        ("error", "branch gone not found", "nightly")
    ]


async def test_a_pipeline_file_that_is_wrong_is_an_error_build(scene: Scene, add: Add) -> None:
    scene.host.add("kind: pipeline\nname: [\n")
    await add()

    assert await at(scene, 10) == ["nightly"]
    assert await at(scene, 11) == ["nightly"]
    assert (await scene.build(1)).status == "error"


async def test_a_job_that_hangs_or_breaks_stops_no_other(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add("breaks", branch="odd")
    await add("hangs", branch="slow")
    await add()
    real, never = scene.host.branch, asyncio.Event()

    async def branch(source: Source, name: str) -> Commit:
        if name == "slow":
            await never.wait()
        if name == "odd":
            raise RuntimeError("a bug")
        return await real(source, name)

    monkeypatch.setattr(scene.host, "branch", branch)
    one, hanging = server(scene), (await job(scene, "hangs")).id
    for seconds in (10, 20, 30):
        scene.clock.time = START + seconds
        await one.look()
        await asyncio.gather(*(task for key, task in one._runs.items() if key != hanging))
        await asyncio.sleep(0)

    assert [build.cron for build in await made(scene)] == ["nightly"] * 3
    never.set()
    await asyncio.gather(*one._runs.values())


async def test_a_job_whose_repository_goes_meanwhile_is_forgotten(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add()
    real = scene.host.branch

    async def branch(source: Source, name: str) -> Commit:
        await scene.ports.db.write(run("DELETE FROM repos"))
        return await real(source, name)

    monkeypatch.setattr(scene.host, "branch", branch)
    scene.clock.time += 10
    one = server(scene)
    await look(one)

    assert await one.look() == 30


async def test_a_job_of_a_repository_that_is_gone_is_left_alone(scene: Scene, add: Add) -> None:
    kept = await add()
    await scene.ports.db.write(run("DELETE FROM repos"))

    await server(scene)._run(kept)

    assert await scene.ports.db.read(store.soonest(1)) == []


async def test_it_is_woken_by_a_change(scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    one, looked = server(scene), asyncio.Event()
    look = one.look

    async def told() -> float:
        pause = await look()
        looked.set()
        return pause

    monkeypatch.setattr(one._loop, "round", told)
    async with one.running():
        await looked.wait()  # it has found nothing, and waits for long
        await add()
        scene.clock.time += 10
        with scene.ports.moments.watched.subscribe() as changes:
            one.wake()
            change = await heard(changes)

    assert change is not None
    assert change.build.cron == "nightly"


async def test_a_run_that_hangs_does_not_keep_a_server_from_its_end(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add()
    scene.clock.time += 10
    asked = asyncio.Event()

    async def branch(source: Source, name: str) -> Commit:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(scene.host, "branch", branch)
        async with asyncio.timeout(20), server(scene).running():
            await asked.wait()

    assert await at(scene, 10) == ["nightly"]


async def test_a_database_that_does_not_answer_is_asked_again(
    scene: Scene, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add()
    scene.clock.time += 10
    monkeypatch.setattr(background, "PAUSE", 0.01)
    real, errors = store.soonest, [Unavailable("locked"), RuntimeError("a bug")]

    def failing(limit: int) -> Tx[list[Cron]]:
        if errors:
            raise errors.pop()
        return real(limit)

    monkeypatch.setattr(store, "soonest", failing)
    with scene.ports.moments.watched.subscribe() as changes:
        async with server(scene).running():
            assert await heard(changes) is not None


def fail_times(scene: Scene, monkeypatch: pytest.MonkeyPatch, error: Exception, times: int) -> list[str]:
    """Let the host fail so often when it is asked for a branch; what it was asked for."""
    asked: list[str] = []
    real = scene.host.branch

    async def branch(source: Source, name: str) -> Commit:
        asked.append(name)
        if len(asked) <= times:
            raise error
        return await real(source, name)

    monkeypatch.setattr(scene.host, "branch", branch)
    return asked
