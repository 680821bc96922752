"""A request that is sent again begins no second build, at the same moment or later, and is told apart from others."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.builds import flow, named, purge, requests
from app.builds.model import Build
from app.builds.moments import Moments
from app.builds.named import Name
from app.db.tx import many
from app.errors import Conflict, Invalid
from app.moments import Recorder, Recorders
from tests.builds.farside import OCTOCAT, Scene, file, pipeline
from tests.counting import Counting


def asked(key: str = "k", *said: object, user_id: int = 1) -> requests.Once:
    return requests.once(user_id, key, *said)


async def promote(scene: Scene, once: requests.Once | None, **params: str) -> Build:
    old = await scene.build(1)
    return await flow.promote(scene.ports, scene.repo, old, target="production", by=OCTOCAT, params=params, once=once)


async def test_requests_at_one_moment_begin_one_build_and_all_are_told_of_it(scene: Scene) -> None:
    recorded: list[str] = []

    def record(moment: Any) -> Any:
        recorded.append(moment.subject)
        yield from ()

    await scene.push()
    recorders = Recorders(Recorder(record, {"build.promote"}))
    scene.ports = replace(scene.ports, moments=Moments(scene.ports.db, scene.ports.logs, recorders))

    with scene.ports.moments.waiting.subscribe() as waiting:
        made = await asyncio.gather(*(promote(scene, asked()) for _ in range(4)))
        scene.ports.moments.waiting.close()
        announced = [build_id async for build_id in waiting]

    assert [build.number for build in made] == [2, 2, 2, 2]
    assert all(build == made[0] and build.stages for build in made)
    assert announced == [made[0].id]
    assert await scene.counter() == 2
    builds = await scene.ports.db.read(many("SELECT number FROM builds ORDER BY number"))
    assert [row["number"] for row in builds] == [1, 2]
    assert set(recorded) == {"octocat/hello#2"}


async def test_a_request_that_comes_again_is_answered_with_the_build_as_it_is(scene: Scene) -> None:
    await scene.push()
    first = await promote(scene, asked())
    await scene.run(first.stages[0])

    again = await promote(scene, asked())

    assert (again.id, again.status, await scene.counter()) == (first.id, "success", 2)


async def test_a_key_of_something_else_is_refused_and_says_of_which_build_it_is(scene: Scene) -> None:
    await scene.push()
    await promote(scene, asked("k", "production"))

    with pytest.raises(Conflict, match="which has begun build 2") as refused:
        await promote(scene, asked("k", "staging"))

    assert (refused.value.code, await scene.counter()) == ("key_reused", 2)


async def test_keys_count_for_one_account(scene: Scene) -> None:
    await scene.push()

    made = [await promote(scene, asked(user_id=user_id)) for user_id in (1, 2)]

    assert [build.number for build in made] == [2, 3]


async def test_an_error_build_counts_and_a_refusal_does_not(scene: Scene) -> None:
    await scene.push("kind: pipeline\ntype: exec\nsteps: nonsense")
    failed = [await promote(scene, asked()) for _ in range(2)]
    assert [(build.status, build.number) for build in failed] == [("error", 2), ("error", 2)]

    await scene.push(pipeline(trigger={"target": ["nowhere"], "event": ["push", "promote"]}), deploy_to="nowhere")
    for _ in range(2):
        with pytest.raises(Exception, match="no pipeline"):
            await flow.promote(
                scene.ports,
                scene.repo,
                await scene.build(3),
                target="production",
                by=OCTOCAT,
                params={},
                once=asked("other"),
            )
    assert await scene.counter() == 3


async def test_every_verb_that_begins_builds_takes_a_key(scene: Scene) -> None:
    old, ports, repo = await scene.push(), scene.ports, scene.repo
    create: dict[str, Any] = {"branch": "", "commit": "", "message": "", "action": "", "params": {}, "by": OCTOCAT}

    for _ in range(2):
        restarted = await flow.restart(ports, repo, old, by=OCTOCAT, debug=False, params={}, once=asked("restart"))
        created = await flow.create(ports, repo, once=asked("create"), **create)
        promoted = await named.promote(
            ports, repo, Name("branch", "main"), target="x", by=OCTOCAT, params={}, once=asked("named")
        )
        scene.host.add(file(pipeline()))  # a branch that moved on is another commit, and still the same request

        assert [restarted.number, created.number, promoted.number] == [2, 3, 4]
    assert await scene.counter() == 4


async def test_the_key_goes_with_its_build(scene: Scene) -> None:
    await scene.push()
    made = await promote(scene, asked())
    await scene.run(made.stages[0])
    await promote(scene, None)
    await purge.purge(scene.ports, scene.repo, 3)

    assert (await scene.ports.db.read(many("SELECT * FROM requests"))) == []


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "a\nb", "\x7f"])
def test_a_text_that_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(Invalid, match="1 to 255 printable characters") as refused:
        requests.once(1, key, field="Idempotency-Key")
    assert refused.value.code == "bad_request_key"


async def test_a_promotion_with_a_key_costs_two_statements_more(scene: Scene) -> None:
    await scene.push()
    counting: Any = Counting(scene.ports.db)
    scene.ports = replace(scene.ports, db=counting, moments=Moments(counting, scene.ports.logs, Recorders()))
    counts = []
    for once in (None, asked()):
        old = await scene.build(1)
        counting.statements.clear()
        await flow.promote(scene.ports, scene.repo, old, target="production", by=OCTOCAT, params={}, once=once)
        counts.append(len(counting.statements))

    assert counts[1] == counts[0] + 2
