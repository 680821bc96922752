"""What lost deliveries would have built is found, built once, and told of as found late."""

import asyncio
import dataclasses
from typing import Any

import pytest

from app.builds import flow
from app.builds.deliveries import store as deliveries
from app.builds.deliveries.keeper import Keeper
from app.builds.missed import store
from app.builds.missed.looks import AT_ONCE, HOUR, HOURLY, MOST, QUICKLY, Looks, recorder
from app.builds.model import Build
from app.builds.moments import Moments
from app.builds.wire import build_json
from app.db.tx import Tx, many, run
from app.db.window import Window
from app.errors import NothingToRun, Unavailable, Unreadable
from app.moments import SERVER, Change, Moment, Recorder, Recorders
from app.repos import settings
from app.repos import store as repos
from app.repos.model import Repo
from app.scm.forge import Later
from app.scm.hook import Delivery as Told
from app.scm.hook import Push
from app.scm.hosts import Hosts
from tests.builds.farside import HOOK, NOW, OCTOCAT, FakeHost, Scene, pipeline
from tests.soon import soon

OLD = "b" * 40
MAIN = "refs/heads/main"


@dataclasses.dataclass
class Server:
    """A server that looks for what was missed."""

    scene: Scene
    keeper: Keeper
    looks: Looks

    async def look(self) -> list[Build]:
        """All builds, after all looks that are due, and all attempts that follow."""
        await self.looks.round()
        await self.looks.settled()
        await self.keeper.look()
        return [await self.scene.build(number) for number in range(1, await self.scene.counter() + 1)]

    async def look_again(self, seconds: int = HOUR) -> list[Build]:
        self.scene.clock.time += seconds
        return await self.look()

    async def tell(self, after: str, ref: str = MAIN, name: str = "", host: str = "") -> Build:
        push = Push(before=OLD, after=after, ref=ref, sender="grace", message="told" if host else "")
        told = Told(host=host, slug="octocat/hello", id=name, change=push)
        return await self.keeper.receive(self.scene.repo, told, push, HOOK)


def server(scene: Scene, grace: float = 0) -> Server:
    keeper = Keeper(scene.ports)
    return Server(scene, keeper, Looks(scene.ports, keeper, grace=grace, spread=lambda: 0))


def enabling(scene: Scene, verb: str = "repo.enable") -> Tx[None]:
    return Recorders(recorder(scene.clock)).record(Change(verb, SERVER, "octocat/hello", scene.repo.id))


@pytest.fixture
async def seen(scene: Scene) -> Server:
    """A server that has looked at the repository when it was enabled."""
    scene.host.add(pipeline())
    await scene.ports.db.write(enabling(scene))
    made = server(scene)
    assert await made.look() == []
    return made


async def on_host(scene: Scene, name: str = "small") -> None:
    """Let the repository be one of a host with an API."""
    scene.host.name = name
    vars(scene.ports.hosts).update(vars(Hosts(FakeHost(), scene.host)))
    await scene.ports.db.write(run("UPDATE repos SET scm = :name, uid = '7'", name=name))
    scene.repo = await scene.ports.db.read(repos.find(scene.repo.id))


async def test_a_push_that_nobody_told_of_is_built_once_and_marked(scene: Scene, seen: Server) -> None:
    sha = scene.host.add(pipeline(), message="lost")

    (made,) = await seen.look_again()

    assert (made.event, made.after, made.ref, made.message) == ("push", sha, MAIN, "lost")
    assert (made.trigger, made.target_branch, made.sender) == ("@hook", "main", "Ada")
    assert made.found_late
    assert build_json(made)["found_late"] is True
    assert await seen.look_again() == [made]


async def test_what_was_there_when_a_repository_was_enabled_is_not_built(scene: Scene, seen: Server) -> None:
    scene.host.tags["v1"] = scene.host.heads["main"]
    await scene.ports.db.write(enabling(scene))

    assert await seen.look_again() == []
    assert await seen.look_again() == []


async def test_a_push_between_the_enabling_and_the_first_look_is_found(scene: Scene) -> None:
    await scene.ports.db.write(enabling(scene))
    sha = scene.host.add(pipeline())
    scene.host.times[sha] = NOW + 5

    (made,) = await server(scene).look()

    assert (made.after, made.found_late) == (sha, True)


async def test_a_repository_that_was_enabled_before_there_were_looks_begins_with_what_is_there(scene: Scene) -> None:
    scene.host.add(pipeline())
    made = server(scene)
    async with made.looks.running():
        await soon(lambda: _looked(scene))
    sha = scene.host.add(pipeline())

    (build,) = await made.look_again()

    assert build.after == sha


async def _looked(scene: Scene) -> int:
    rows = await scene.ports.db.read(many("SELECT looked FROM looks"))
    return sum(row["looked"] for row in rows)


async def test_what_was_delivered_is_not_found_late(scene: Scene, seen: Server) -> None:
    build = await seen.tell(scene.host.add(pipeline()))

    assert await seen.look_again() == [build]
    assert "found_late" not in build_json(build)


async def test_a_delivery_that_comes_in_late_makes_no_second_build(scene: Scene, seen: Server) -> None:
    sha = scene.host.add(pipeline())
    (made,) = await seen.look_again()
    scene.clock.time += 3 * HOUR

    assert (await seen.tell(sha, name="d" * 32)).number == made.number
    assert (await seen.tell(sha, name="d" * 32)).number == made.number
    known = (await scene.ports.db.read(deliveries.list_newest(scene.repo.id, Window(10)))).items
    assert [(one.found_late, one.twin != 0, one.build) for one in known] == [(False, True, 0), (True, False, 1)]


async def test_a_late_delivery_of_a_host_makes_no_second_build_either(scene: Scene, seen: Server) -> None:
    await on_host(scene)
    sha = scene.host.add(pipeline())
    (made,) = await seen.look_again()
    scene.clock.time += 3 * HOUR

    assert made.author_name == "Ada"
    assert (await seen.tell(sha, name="7c1f", host="small")).number == made.number


async def test_a_delivery_that_comes_in_while_the_server_waits_is_not_found_late(scene: Scene, seen: Server) -> None:
    sha = scene.host.add(pipeline())
    scene.clock.time += HOUR
    patient = server(scene, grace=0.05)
    await patient.looks.round()
    await asyncio.sleep(0.01)
    told = await patient.tell(sha)
    await patient.looks.settled()

    assert await patient.look() == [told]
    assert not told.found_late


async def test_a_newer_push_that_was_delivered_meanwhile_is_not_followed_by_an_older_one(
    scene: Scene, seen: Server
) -> None:
    scene.host.add(pipeline(), message="lost")
    scene.clock.time += HOUR
    patient = server(scene, grace=0.05)
    await patient.looks.round()
    await asyncio.sleep(0.01)
    newest = await patient.tell(scene.host.add(pipeline(), message="newest"))
    await patient.looks.settled()

    assert await patient.look() == [newest]
    assert await patient.look_again() == [newest]


async def test_a_push_that_is_received_when_the_patience_ends_is_not_followed_by_an_older_one(
    scene: Scene, seen: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.host.add(pipeline(), message="lost")
    scene.clock.time += HOUR
    patient, released, read = server(scene, grace=0.4), asyncio.Event(), scene.host.read_file

    async def slow(*about: Any) -> str:
        await released.wait()
        return await read(*about)

    monkeypatch.setattr(scene.host, "read_file", slow)
    await patient.looks.round()
    await soon(lambda: _compared(scene))
    told = asyncio.create_task(patient.tell(scene.host.add(pipeline(), message="newest")))
    asyncio.get_running_loop().call_later(0.8, released.set)
    await patient.looks.settled()

    assert await patient.look() == [await told]


async def _compared(scene: Scene) -> bool:
    (look,) = await scene.ports.db.read(many("SELECT looked FROM looks"))
    return int(look["looked"]) == scene.clock()


async def test_a_commit_that_asks_for_no_build_is_remembered(scene: Scene, seen: Server) -> None:
    scene.host.add(pipeline(), message="[skip ci] docs")

    assert await seen.look_again() == []
    reads = scene.host.reads
    assert await seen.look_again() == []
    assert scene.host.reads == reads
    (told, *_) = (await scene.ports.db.read(deliveries.list_newest(scene.repo.id, Window(10)))).items
    assert (told.due, told.error) == (0, "the message of the commit asks for no build")


async def test_a_commit_that_starts_no_pipeline_is_read_once(scene: Scene, seen: Server) -> None:
    scene.host.add(pipeline(trigger={"event": ["tag"]}))

    assert await seen.look_again() == []
    reads = scene.host.reads
    assert await seen.look_again() == []
    assert scene.host.reads == reads > 0


async def test_a_delivered_commit_that_started_nothing_is_not_found_late(scene: Scene, seen: Server) -> None:
    with pytest.raises(NothingToRun):
        await seen.tell(scene.host.add(pipeline(), message="[ci skip]"))

    assert await seen.look_again() == []
    assert len((await scene.ports.db.read(deliveries.list_newest(scene.repo.id, Window(10)))).items) == 1


async def test_protection_holds_for_what_was_found_late(scene: Scene, seen: Server) -> None:
    await scene.ports.db.write(run("UPDATE repos SET protected = TRUE"))
    scene.host.add(pipeline())

    (made,) = await seen.look_again()

    assert {stage.status for stage in made.stages} == {"blocked"}


async def test_new_and_moved_tags_are_found(scene: Scene, seen: Server) -> None:
    scene.host.tags["v1"] = first = scene.host.heads["main"]
    (one,) = await seen.look_again()
    assert (one.event, one.action, one.ref, one.after) == ("tag", "create", "refs/tags/v1", first)

    scene.host.tags["v1"] = second = scene.host.add(pipeline(), branch="topic")
    _, two = await seen.look_again()
    assert (two.ref, two.after, two.before, two.found_late) == ("refs/tags/v1", second, first, True)
    assert len(await seen.look_again()) == 2


async def test_a_tag_that_was_deleted_and_made_anew_is_found(scene: Scene, seen: Server) -> None:
    scene.host.tags["v1"] = scene.host.heads["main"]
    assert len(await seen.look_again()) == 1
    del scene.host.tags["v1"]
    await seen.look_again()
    scene.host.tags["v1"] = scene.host.add(pipeline(), branch="topic")

    assert len(await seen.look_again(8 * 24 * HOUR)) == 2


async def test_a_tag_whose_delivery_named_another_id_is_not_found(scene: Scene, seen: Server) -> None:
    """Hosts tell the id of the commit or that of the tag."""
    scene.host.tags["v1"] = "a" * 40
    scene.host.files["a" * 40], scene.host.messages["a" * 40] = pipeline(), "tag"
    told = await seen.tell(scene.host.heads["main"], "refs/tags/v1")

    assert await seen.look_again() == [told]


async def drained(server: Server) -> list[Build]:
    """All builds, once the keeper has made every attempt that is due."""
    while len(made := await server.look()) < await server.scene.counter() or await waiting(server):
        await server.keeper.look()
    return made


async def waiting(server: Server) -> bool:
    return await server.scene.ports.db.read(deliveries.soonest()) is not None


async def test_very_many_new_tags_are_built_in_several_looks_in_the_order_of_their_names(
    scene: Scene, seen: Server
) -> None:
    names = [f"v{number}" for number in range(1, 2 * MOST + 4)]
    scene.host.tags |= dict.fromkeys(sorted(names), scene.host.heads["main"])
    sha = scene.host.add(pipeline())

    counts, built = list[int](), list[Build]()
    for _ in range(4):
        scene.clock.time += HOUR
        built = await drained(seen)
        counts.append(len(built))

    assert counts == [MOST + 1, 2 * MOST + 1, 2 * MOST + 4, 2 * MOST + 4]
    refs = [build.ref for build in built]
    first, second = refs[: counts[0]], refs[counts[0] : counts[1]]
    assert sorted(first) == sorted([MAIN, *(f"refs/tags/{name}" for name in names[:MOST])])
    assert sorted(second) == sorted(f"refs/tags/{name}" for name in names[MOST : 2 * MOST])
    assert {build.after for build in built if build.ref == MAIN} == {sha}


async def test_tags_that_name_no_commit_keep_no_other_tag_waiting(scene: Scene, seen: Server) -> None:
    scene.host.tags |= {f"a{number}": f"{number:040}" for number in range(MOST)}
    scene.host.tags["v1"] = scene.host.heads["main"]

    assert await seen.look_again() == []
    (made,) = await seen.look_again()

    assert made.ref == "refs/tags/v1"


async def test_a_tag_that_is_delivered_while_it_waits_for_its_look_is_not_built_again(
    scene: Scene, seen: Server
) -> None:
    """The delivery names the commit, and the list of the host the tag."""
    names = [f"v{number}" for number in range(1, MOST + 2)]
    scene.host.tags |= dict.fromkeys(names, scene.host.heads["main"])
    scene.host.tags[names[-1]] = "a" * 40
    scene.host.files["a" * 40], scene.host.messages["a" * 40] = pipeline(), "tag"
    await seen.tell(scene.host.heads["main"], f"refs/tags/{names[-1]}")

    scene.clock.time += HOUR
    assert len(await drained(seen)) == MOST + 1
    scene.clock.time += HOUR

    assert len(await drained(seen)) == MOST + 1


async def test_another_default_branch_is_seen_first(scene: Scene, seen: Server) -> None:
    scene.host.add(pipeline(), branch="trunk")
    await scene.ports.db.write(run("UPDATE repos SET default_branch = 'trunk'"))

    assert await seen.look_again() == []
    sha = scene.host.add(pipeline(), branch="trunk")
    (made,) = await seen.look_again()
    assert (made.after, made.ref) == (sha, "refs/heads/trunk")


async def test_what_was_pushed_while_a_repository_was_disabled_is_not_built(scene: Scene, seen: Server) -> None:
    await scene.ports.db.write(settings.disable(scene.repo.id, NOW))
    await scene.ports.db.write(enabling(scene, "repo.disable"))
    scene.host.add(pipeline())
    assert await seen.look_again() == []
    await scene.ports.db.write(settings.enable(scene.repo.id, scene.repo.user_id, NOW))
    await scene.ports.db.write(enabling(scene))

    assert await seen.look_again() == []
    assert await seen.look_again() == []


async def test_a_host_is_asked_for_the_repository_of_an_id_whatever_is_at_its_name(scene: Scene, seen: Server) -> None:
    await on_host(scene)
    scene.host.add(pipeline())
    scene.host.sources.clear()

    assert len(await seen.look_again()) == 1
    assert {asked.uid for asked in scene.host.sources} == {"7"}


async def test_a_host_that_was_away_is_asked_until_it_answers(scene: Scene, seen: Server) -> None:
    await on_host(scene)
    sha = scene.host.add(pipeline())
    scene.host.failure = Unavailable("no route")
    assert await seen.look_again() == []
    listed = scene.host.listed
    assert await seen.look_again(10) == []
    assert scene.host.listed == listed
    scene.host.failure = None

    (made,) = await seen.look_again(60)

    assert made.after == sha


async def test_a_host_that_answers_again_lets_all_its_repositories_be_looked_at(scene: Scene, seen: Server) -> None:
    await on_host(scene)
    await scene.ports.db.write(run("UPDATE looks SET server = 'small'"))
    sha = scene.host.add(pipeline())
    assert await seen.look_again(1000) == []

    await seen.looks.back("small")

    assert [build.after for build in await seen.look()] == [sha]


async def test_a_recent_look_is_not_made_again_when_a_server_starts(scene: Scene, seen: Server) -> None:
    listed = scene.host.listed
    async with seen.looks.running():
        await seen.looks.round()
        await seen.looks.settled()

    assert scene.host.listed == listed


async def test_a_server_that_starts_after_a_while_looks_at_once(scene: Scene, seen: Server) -> None:
    sha = scene.host.add(pipeline())
    scene.clock.time += 1200
    async with seen.looks.running():
        await soon(lambda: _listed(scene, 2))
        await seen.looks.settled()

    assert [build.after for build in await seen.look()] == [sha]


async def _listed(scene: Scene, count: int) -> bool:
    return scene.host.listed >= count


async def test_a_host_that_wants_no_calls_is_asked_when_it_says(scene: Scene, seen: Server) -> None:
    scene.host.add(pipeline())
    scene.host.failure = Later("busy", 1800)
    await seen.look_again()
    scene.host.failure = None
    listed = scene.host.listed

    assert await seen.look_again(1700) == []
    assert scene.host.listed == listed
    assert len(await seen.look_again(200)) == 1


async def test_a_repository_that_is_hidden_is_asked_for_hourly(scene: Scene, seen: Server) -> None:
    scene.host.failure = Unreadable("forbidden", code="host_forbids")
    await seen.look_again()
    listed = scene.host.listed
    await seen.look_again(HOUR - 10)

    assert scene.host.listed == listed
    await seen.look_again(10)
    assert scene.host.listed == listed + 1


async def test_a_commit_that_cannot_be_read_is_tried_as_a_delivery_is(scene: Scene, seen: Server) -> None:
    sha = scene.host.add(pipeline())
    files, scene.host.files = scene.host.files, _Away(scene.host.files)
    assert await seen.look_again() == []
    scene.host.files = dict(files)
    scene.clock.time += 10

    (made,) = await seen.look()

    assert (made.after, made.found_late) == (sha, True)


class _Away(dict[str, str]):
    def __getitem__(self, sha: str) -> str:
        raise Unavailable("no route")


async def test_two_servers_share_the_looks(scene: Scene, seen: Server) -> None:
    sha = scene.host.add(pipeline())
    scene.clock.time += HOUR
    listed, other = scene.host.listed, server(scene)

    await asyncio.gather(seen.looks.round(), other.looks.round())
    await asyncio.gather(seen.looks.settled(), other.looks.settled())

    assert scene.host.listed == listed + 1
    assert [build.after for build in await seen.look()] == [sha]


async def test_two_servers_that_find_one_push_build_it_once(scene: Scene, seen: Server) -> None:
    scene.host.add(pipeline())
    scene.clock.time += HOUR
    servers = [seen, server(scene), server(scene)]
    looks = await scene.ports.db.read(many("SELECT * FROM looks"))
    (look,) = [store._MAPPER.make(row) for row in looks]

    missed = [await one.looks._compare(look, scene.repo, scene.clock()) for one in servers[:1]]
    await asyncio.gather(*(one.looks._build(look, scene.repo, missed[0], scene.clock()) for one in servers))

    assert len(await seen.look()) == 1


async def test_few_repositories_of_a_server_are_looked_at_at_once(scene: Scene, seen: Server) -> None:
    def more() -> Tx[None]:
        for number in range(12):
            draft = Repo(0, "octocat", f"r{number}", user_id=scene.repo.user_id, active=True, default_branch="main")
            repo = yield from repos.create(draft)
            yield from Recorders(recorder(scene.clock)).record(Change("repo.create", SERVER, repo.slug, repo.id))

    await scene.ports.db.write(more())
    listed = scene.host.listed
    await seen.looks.round()

    assert seen.looks._lanes["file"].under_way == AT_ONCE
    while await seen.looks.round() <= 1.0:
        await seen.looks.settled()
    await seen.looks.settled()
    assert scene.host.listed == listed + 12


async def test_a_host_that_counts_calls_gets_few_looks_an_hour(scene: Scene, seen: Server) -> None:
    lane = seen.looks._lanes["small"]
    for _ in range(QUICKLY):
        assert lane.room(NOW, counted=True) > 0
        lane.begin()
        lane.under_way = 0

    assert lane.room(NOW, counted=True) == 0
    assert lane.room(NOW, counted=False) == AT_ONCE
    assert lane.room(NOW + HOUR // HOURLY + 1, counted=True) == 1


async def test_the_audit_record_says_that_a_build_was_found_late(scene: Scene, seen: Server) -> None:
    said = list[Any]()

    def record(moment: Moment) -> Tx[None]:
        said.append((moment.verb, moment.by.kind, moment.by.way, moment.after.get("found_late")))
        yield from ()

    db, logs = scene.ports.db, scene.ports.logs
    ports = dataclasses.replace(scene.ports, moments=Moments(db, logs, Recorders(Recorder(record))))
    keeper = Keeper(ports)
    telling = Server(scene, keeper, Looks(ports, keeper, grace=0))
    scene.host.add(pipeline())
    await telling.look_again()
    await telling.tell(scene.host.add(pipeline()))

    assert said == [("build.push", "hook", "inside", True), ("build.push", "hook", "hook", None)]


async def test_a_restart_or_promotion_of_what_was_found_late_is_not_late(scene: Scene, seen: Server) -> None:
    scene.host.add(pipeline())
    (made,) = await seen.look_again()

    again = await flow.restart(scene.ports, scene.repo, made, by=OCTOCAT, debug=False, params={})
    promoted = await flow.promote(scene.ports, scene.repo, made, target="prod", by=OCTOCAT, params={})

    assert not again.found_late
    assert not promoted.found_late
