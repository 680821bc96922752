"""Pushes that could not be built: kept, tried again in order, built once, and told of after an hour."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.builds.deliveries import keeper as keeping
from app.builds.deliveries import store
from app.builds.deliveries.api import _push_json
from app.builds.deliveries.keeper import Again, Keeper, Kept
from app.builds.deliveries.model import Delivery
from app.builds.model import Build
from app.builds.push import fail_push
from app.db.tx import Tx, run
from app.db.window import Window
from app.errors import AppError, NotFound, Unavailable, Unreadable
from app.repos.model import Repo
from app.scm.forge import Later
from app.scm.hook import Delivery as Told
from app.scm.hook import Push
from tests.builds.farside import ADA, HOOK, NOW, Scene, pipeline
from tests.soon import soon

OLD = "b" * 40
DOWN = Unreadable("the host is down", code="repository_unreachable")


def server(scene: Scene) -> Keeper:
    return Keeper(scene.ports)


async def tell(scene: Scene, keeper: Keeper, after: str, ref: str = "refs/heads/main", name: str = "") -> Build:
    push = Push(before=OLD, after=after, ref=ref, sender="grace", options=("a", "b"))
    told = Told(slug="octocat/hello", id=name, sent=scene.clock() if name else 0, change=push)
    return await keeper.receive(scene.repo, told, push, HOOK)


async def kept(scene: Scene, keeper: Keeper, after: str, ref: str = "refs/heads/main", name: str = "") -> None:
    with pytest.raises(Kept):
        await tell(scene, keeper, after, ref, name)


async def pass_by(scene: Scene, seconds: int, *keepers: Keeper) -> list[Build]:
    """The builds once so many seconds have passed and the servers have looked as often as they wanted to."""
    end = scene.clock.time + seconds
    while scene.clock.time < end:
        pauses = [await one.look() for one in keepers]
        scene.clock.time = min(end, scene.clock.time + max(1, int(min(pauses))))
    await asyncio.gather(*(one.look() for one in keepers))
    return [await scene.build(number) for number in range(1, await scene.counter() + 1)]


@pytest.mark.parametrize("error", [Unavailable("the disk is full"), DOWN])
async def test_a_push_that_could_not_be_read_is_built_when_it_can_be(scene: Scene, error: AppError) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = error
    await kept(scene, keeper, sha)

    assert await pass_by(scene, 600, keeper) == []
    (waiting,) = await scene.ports.db.read(store.list_waiting(scene.repo.id, 10))
    assert (waiting.error, waiting.received, waiting.options) == (error.message, NOW, ("a", "b"))
    assert 5 <= waiting.tries <= 8
    scene.host.failure = None
    (made,) = await pass_by(scene, 300, keeper)

    assert (made.after, made.sender, made.status, made.event, made.before) == (sha, "grace", "pending", "push", OLD)
    assert len(await pass_by(scene, 4000, keeper)) == 1
    assert await scene.ports.db.read(store.list_waiting(scene.repo.id, 10)) == []


@pytest.mark.parametrize(("seconds", "waits"), [(900, 900), (3599, 3599), (86_400, 3600)])
async def test_a_host_that_names_a_time_is_not_asked_before_that(scene: Scene, seconds: int, waits: int) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = Later("the quota is used up", seconds)
    await kept(scene, keeper, sha)

    assert await pass_by(scene, waits - 1, keeper) == []
    (waiting,) = await scene.ports.db.read(store.list_waiting(scene.repo.id, 10))
    assert (waiting.tries, waiting.due) == (1, NOW + waits)
    scene.host.failure = None

    assert [build.status for build in await pass_by(scene, 1, keeper)] == ["pending"]


async def test_a_server_that_was_killed_finds_what_waited(scene: Scene) -> None:
    sha = scene.host.add(pipeline())
    scene.host.failure = DOWN
    await kept(scene, server(scene), sha)
    scene.host.failure = None
    scene.clock.time += 5

    async with server(scene).running():
        await soon(lambda: scene.counter())

    assert (await scene.build(1)).after == sha


async def test_after_an_hour_an_error_build_says_why(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, sha)

    assert await pass_by(scene, 3500, keeper) == []
    (made,) = await pass_by(scene, 500, keeper)

    assert (made.status, made.after, made.ref, made.sender) == ("error", sha, "refs/heads/main", "grace")
    assert made.error.startswith("the host is down (tried ")
    assert await scene.ports.db.read(store.list_waiting(scene.repo.id, 10)) == []


async def test_an_error_that_does_not_pass_is_told_at_once(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, sha)
    scene.host.failure = NotFound("no such commit")

    (made,) = await pass_by(scene, 10, keeper)

    assert (made.status, made.error) == ("error", "no such commit (tried 2 times since the push)")


async def test_pushes_of_a_ref_are_built_in_their_order(scene: Scene) -> None:
    first, second, third = (scene.host.add(pipeline(), message=str(number)) for number in range(3))
    keeper = server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, first)
    scene.host.failure = None
    await kept(scene, keeper, second)
    assert await tell(scene, keeper, third, "refs/heads/other") is not None

    made = await pass_by(scene, 30, keeper)

    assert [build.after for build in made] == [third, first, second]
    assert await tell(scene, keeper, third) is not None


async def test_the_server_sleeps_until_the_first_push_of_a_ref_is_due(scene: Scene) -> None:
    first, second = (scene.host.add(pipeline(), message=str(number)) for number in range(2))
    keeper = server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, first)
    await kept(scene, keeper, second)

    assert await keeper.look() == 5
    scene.clock.time += 5
    assert await keeper.look() == 10


async def test_tries_are_attempts_that_were_made(scene: Scene) -> None:
    first, second = (scene.host.add(pipeline(), message=str(number)) for number in range(2))
    keeper = server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, first)
    await kept(scene, keeper, second)

    async def tries() -> list[int]:
        return [_push_json(one)["tries"] for one in await scene.ports.db.read(store.list_waiting(scene.repo.id, 10))]

    assert await tries() == [1, 0]
    scene.clock.time += 5
    await keeper.look()
    assert await tries() == [2, 0]
    scene.host.failure = NotFound("no such commit")
    made = await pass_by(scene, 30, keeper)

    assert [build.error for build in made] == [
        f"no such commit (tried {words} since the push)" for words in ("3 times", "once")
    ]


async def test_of_several_servers_one_builds_what_waits(scene: Scene) -> None:
    sha, keepers = scene.host.add(pipeline()), [server(scene) for _ in range(4)]
    scene.host.failure = DOWN
    await kept(scene, keepers[0], sha, name="d" * 32)
    scene.host.failure = None
    scene.clock.time += 5

    await asyncio.gather(*(one.look() for one in keepers))

    assert await scene.counter() == 1


async def test_a_delivery_that_comes_again_while_it_waits_is_built_once(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = DOWN
    for _ in range(3):
        await kept(scene, keeper, sha, name="d" * 32)
    scene.host.failure = None

    assert len(await pass_by(scene, 30, keeper)) == 1
    again = await tell(scene, keeper, sha, name="d" * 32)
    assert again is not None
    assert again.number == 1


def stalled(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Let every read of a file wait: an event tells that one has begun, another lets all go on."""
    begun, released, read = asyncio.Event(), asyncio.Event(), scene.host.read_file

    async def slow(*about: Any) -> str:
        begun.set()
        await released.wait()
        return await read(*about)

    monkeypatch.setattr(scene.host, "read_file", slow)
    return begun, released


async def test_a_hook_that_was_answered_too_early_is_not_forgotten(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PROMPT_PLAIN", 0.01)
    sha, killed = scene.host.add(pipeline()), server(scene)
    _, released = stalled(scene, monkeypatch)
    async with killed.running():
        await kept(scene, killed, sha, name="d" * 32)
    released.set()

    (made,) = await pass_by(scene, keeping.LEASE, server(scene))

    assert (made.after, (await tell(scene, server(scene), sha, name="d" * 32)).number) == (sha, 1)


async def test_an_answer_that_comes_late_is_that_of_the_one_attempt(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PROMPT_PLAIN", 0.01)
    sha, keeper = scene.host.add(pipeline()), server(scene)
    _, released = stalled(scene, monkeypatch)
    for _ in range(2):
        await kept(scene, keeper, sha, name="d" * 32)
    released.set()
    await soon(lambda: scene.counter())

    assert len(await pass_by(scene, 600, keeper)) == 1
    assert (await tell(scene, keeper, sha, name="d" * 32)).number == 1


async def test_of_several_servers_that_receive_one_delivery_one_builds(scene: Scene) -> None:
    sha, keepers = scene.host.add(pipeline()), [server(scene) for _ in range(4)]

    made = await asyncio.gather(*(tell(scene, one, sha, name="d" * 32) for one in keepers))

    assert [build.number for build in made] == [1] * 4
    assert await scene.counter() == 1


async def test_a_change_that_the_server_finds_during_its_first_attempt_is_built_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    begun, released = stalled(scene, monkeypatch)
    told = asyncio.create_task(tell(scene, keeper, sha, name="d" * 32))
    await begun.wait()
    push = Push(before=OLD, after=sha, ref="refs/heads/main")
    found = Delivery.of(scene.repo.id, Told(), push, HOOK, scene.clock(), name="e" * 32)
    assert await scene.ports.db.write(store.add_found(found, scene.clock()))
    released.set()

    with pytest.raises(Kept):
        await told
    (made,) = await pass_by(scene, 30, keeper)

    assert made.found_late
    assert (await tell(scene, keeper, sha, name="d" * 32)).number == 1
    assert [one.error for one in (await scene.ports.db.read(store.list_newest(scene.repo.id, Window(10)))).items] == [
        f"the same change as that of delivery {'e' * 32}",
        "",
    ]


async def test_what_waits_in_a_repository_that_is_off_or_deleted_is_forgotten(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, sha)
    scene.host.failure = None
    await scene.ports.db.write(run("UPDATE repos SET active = FALSE"))

    assert await pass_by(scene, 30, keeper) == []
    assert await scene.ports.db.read(store.list_waiting(scene.repo.id, 10)) == []

    scene.host.failure = DOWN
    await kept(scene, keeper, sha, "refs/heads/other")
    await scene.ports.db.write(run("DELETE FROM repos"))
    await keeper.look()
    assert await scene.ports.db.read(store.soonest()) is None


async def test_a_clock_that_was_ahead_keeps_no_push_for_years(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = DOWN
    scene.clock.time += 730 * 24 * 3600
    await kept(scene, keeper, sha)
    scene.clock.time -= 730 * 24 * 3600
    scene.host.failure = None

    assert len(await pass_by(scene, 30, keeper)) == 1


async def test_deliveries_are_known_for_a_week(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    await tell(scene, keeper, sha, name="d" * 32)
    await keeper.look()
    assert await scene.ports.db.read(store.find_if_any(scene.repo.id, "d" * 32)) is not None

    scene.clock.time += keeping.KNOWN
    await keeper.look()

    assert await scene.ports.db.read(store.find_if_any(scene.repo.id, "d" * 32)) is None


def breaks(keeper: Keeper, monkeypatch: pytest.MonkeyPatch, ref: str) -> None:
    """Let every attempt to build a push of this ref meet a bug."""
    build = keeper._build

    async def broken(repo: Repo, delivery: Delivery, retried: Callable[[AppError], bool]) -> Build:
        if delivery.ref == ref:
            raise ZeroDivisionError
        return await build(repo, delivery, retried)

    monkeypatch.setattr(keeper, "_build", broken)


async def test_a_bug_in_one_push_does_not_stop_the_others(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, keeper = scene.host.add(pipeline()), scene.host.add(pipeline(), message="b"), server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, one, "refs/heads/one")
    await kept(scene, keeper, other, "refs/heads/other")
    scene.host.failure = None
    breaks(keeper, monkeypatch, "refs/heads/one")

    made = await pass_by(scene, 30, keeper)

    assert [(build.after, build.status) for build in made] == [(other, "pending")]
    (waiting,) = await scene.ports.db.read(store.list_waiting(scene.repo.id, 10))
    assert waiting.error == "internal error; the server's log has more"


async def test_a_push_that_meets_a_bug_for_an_hour_ends_as_an_error_build(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, keeper = scene.host.add(pipeline()), scene.host.add(pipeline(), message="b"), server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, first)
    scene.host.failure = None
    breaks(keeper, monkeypatch, "refs/heads/main")
    await kept(scene, keeper, second)

    made = await pass_by(scene, 4500, keeper)

    assert [(build.after, build.status) for build in made] == [(first, "error"), (second, "error")]
    assert made[0].error.startswith("internal error; the server's log has more (tried ")
    assert await scene.ports.db.read(store.soonest()) is None


@pytest.mark.parametrize("error", [ZeroDivisionError(), NotFound("no such thing")])
async def test_a_push_that_cannot_even_fail_lets_the_next_of_its_ref_be_built(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    first, second, keeper = scene.host.add(pipeline()), scene.host.add(pipeline(), message="b"), server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, first)

    async def broken(*_: object) -> Build:
        raise error

    monkeypatch.setattr(keeping, "fail_push", broken)
    assert await pass_by(scene, 3900, keeper) == []
    assert await scene.ports.db.read(store.soonest()) is None
    scene.host.failure = None

    made = await tell(scene, keeper, second)
    assert made is not None
    assert made.after == second


async def test_a_push_whose_error_build_meets_a_full_disk_waits_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, sha)

    async def full(*_: object, **__: object) -> Build:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(keeping, "fail_push", full)
    assert await pass_by(scene, 3900, keeper) == []
    monkeypatch.setattr(keeping, "fail_push", fail_push)

    (made,) = await pass_by(scene, 300, keeper)
    assert (made.after, made.status) == (sha, "error")


def unrecorded(tx: Tx[Again]) -> Tx[Again]:
    return tx


async def test_a_delivery_that_started_nothing_can_be_sent_again(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = NotFound("no such commit")
    with pytest.raises(NotFound):
        await tell(scene, keeper, sha, name="d" * 32)
    scene.host.failure = None
    scene.clock.time += 3600

    made = await keeper.repeat(scene.repo, "d" * 32, ADA, unrecorded)

    assert (made.number, made.after, made.sender) == (1, sha, "grace")
    (known,) = (await scene.ports.db.read(store.list_newest(scene.repo.id, Window(10)))).items
    assert (known.build, known.error, known.received, known.address) == (1, "", NOW + 3600, ADA.address)


async def test_a_delivery_with_a_build_is_not_sent_again(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    await tell(scene, keeper, sha, name="d" * 32)

    with pytest.raises(store.Delivered, match="has become build 1: restart"):
        await keeper.repeat(scene.repo, "d" * 32, ADA, unrecorded)
    with pytest.raises(NotFound, match="seven days"):
        await keeper.repeat(scene.repo, "e" * 32, ADA, unrecorded)
    with pytest.raises(NotFound):
        await keeper.repeat(replace(scene.repo, id=99), "d" * 32, ADA, unrecorded)


async def test_a_delivery_that_waits_is_tried_now_when_it_is_sent_again(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = DOWN
    await kept(scene, keeper, sha, name="d" * 32)
    scene.host.failure = None

    with pytest.raises(Kept):
        await keeper.repeat(scene.repo, "d" * 32, ADA, unrecorded)
    await keeper.look()

    assert (await scene.build(1)).after == sha


async def test_one_build_is_made_of_a_delivery_that_many_send_again_at_once(scene: Scene) -> None:
    sha, keeper = scene.host.add(pipeline()), server(scene)
    scene.host.failure = NotFound("no such commit")
    with pytest.raises(NotFound):
        await tell(scene, keeper, sha, name="d" * 32)
    scene.host.failure = None

    asked = [keeper.repeat(scene.repo, "d" * 32, ADA, unrecorded) for _ in range(8)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)

    assert await scene.counter() == 1
    assert {type(one) for one in outcomes} <= {Build, Kept, store.Delivered}


async def test_deliveries_come_in_pages(scene: Scene) -> None:
    keeper = server(scene)
    shas = [scene.host.add(pipeline(), message=str(number)) for number in range(5)]
    for sha in shas:
        await tell(scene, keeper, sha, f"refs/heads/{sha[:8]}")
    read = scene.ports.db.read

    first = await read(store.list_newest(scene.repo.id, Window(2)))
    older = await read(store.list_newest(scene.repo.id, Window(2, after=str(first.items[-1].id))))
    newer = await read(store.list_newest(scene.repo.id, Window(2, before=str(older.items[0].id))))
    skipped = await read(store.list_newest(scene.repo.id, Window(2, offset=4)))

    assert [one.after for one in first.items] == shas[:2:-1]
    assert [one.after for one in older.items] == shas[2:0:-1]
    assert newer.items == first.items
    assert [one.after for one in skipped.items] == shas[:1]
    assert [(part.earlier, part.later) for part in (first, older, newer, skipped)] == [
        (False, True),
        (True, True),
        (False, True),
        (True, False),
    ]
