"""A message follows a promotion from its request to its end."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.builds import progress
from app.builds.model import Line
from app.chatops import flow
from app.chatops.model import NOWHERE, Place
from app.chatops.requests import PLACE
from app.db.tx import many, run
from app.errors import Unavailable, Unreadable
from app.repos.secrets import store as secrets
from tests.builds import farside
from tests.builds.farside import RUNNER, SEAL, pipeline
from tests.chatops.farside import ALICE, HERE, PROMOTION, URL, Room
from tests.soon import soon


async def test_the_message_goes_from_requested_to_its_result(room: Room) -> None:
    await room.passing()
    answer = await room.say("octocat/hello#1 to production")
    assert "was accepted, and waits for a runner" in answer.text
    [stage] = (await room.scene.build(2)).stages

    running = await room.scene.start(stage, "one")
    await room.settled()
    room.scene.clock.time += 192
    ended = replace(farside.ended(running), stopped=room.scene.clock.time)
    await progress.update_stage(room.scene.ports, ended, RUNNER)
    await room.settled()

    assert [text.splitlines()[0].partition("`production` ")[2] for text in room.screen.texts] == [
        "is running",
        "succeeded after 3 m 12 s",
    ]
    places = [place for place, _ in room.screen.shown]
    assert places == [HERE, replace(HERE, message="1")]
    last = room.screen.shown[-1][1]
    assert [button.label for button in last.buttons] == ["Roll back"]
    assert f"[#2]({URL}/octocat/hello/2)" in last.text


async def test_a_failed_promotion_names_the_step_and_shows_the_end_of_its_log(room: Room) -> None:
    await room.passing()
    await room.say("octocat/hello#1 to production")
    [stage] = (await room.scene.build(2)).stages
    running = await room.scene.start(stage, "one")
    [step] = running.steps
    lines = [Line(at, f"\x1b[31mline {at}\x1b[0m ```\n", 0) for at in range(30)]
    await room.scene.ports.logs.write(step.id, [*lines, Line(30, "no end", 0)])
    await room.scene.step(step, "failure", exit_code=3, stopped=room.scene.clock())
    failed = replace((await room.scene.build(2)).stages[0], status="failure", stopped=room.scene.clock())
    await progress.update_stage(room.scene.ports, failed, RUNNER)
    await room.settled()

    text = room.screen.texts[-1]
    assert "failed" in text.splitlines()[0]
    assert "step `one` of `deploy` ended with exit code 3" in text
    _, *shown, last = text[text.index("```") :].splitlines()
    assert (len(shown), shown[0], shown[-1], last) == (20, "line 11 '''", "no end", "```")


async def test_an_error_build_says_why(room: Room) -> None:
    await room.passing()
    sha = room.scene.host.add("kind: pipeline\nsteps: 7")
    await room.db.write(run("UPDATE builds SET after_sha = :sha", sha=sha))

    answer = await room.say("octocat/hello#1 to production")

    assert (answer.build, (await room.scene.build(2)).status) == (2, "error")
    assert "failed" in answer.text
    assert "```\n" in answer.text


async def test_a_secret_in_a_parameter_is_hidden(room: Room) -> None:
    await room.passing()
    owner, sealed = secrets.of_repo(room.scene.repo.id), SEAL.seal("hunter2", secrets.DATA)
    await room.db.write(secrets.create(owner, "key", sealed, pull_request=False, pull_request_push=False))

    answer = await room.say("octocat/hello#1 to production A=hunter2 B=x-hunter2-y")

    assert "hunter2" not in answer.text
    assert "`A=******` `B=x-******-y`" in answer.text


async def test_the_address_of_a_place_is_not_readable_in_the_database(room: Room) -> None:
    await room.passing()
    await room.say("octocat/hello#1 to production")

    [row] = await room.requests()
    assert b"hooks.slack.com" not in row["place"]
    assert "secret" in SEAL.open(row["place"], PLACE)
    assert "secret" not in repr({name: value for name, value in row.items() if name != "place"})


async def test_five_answers_at_most_and_the_last_is_the_result(room: Room) -> None:
    room.screen.most = 2
    await room.passing(pipeline(), PROMOTION)
    await room.protect()
    answer = await room.say("octocat/hello#1 to production")
    await room.say("approve octocat/hello#2", place=NOWHERE)
    await room.settled()
    await room.finish(await room.scene.build(answer.build))
    await room.settled()

    assert len(room.screen.texts) == 2
    assert "succeeded" in room.screen.texts[-1]


async def test_a_place_is_told_nothing_after_its_time(room: Room) -> None:
    await room.passing()
    await room.say("octocat/hello#1 to production")
    room.scene.clock.time += room.screen.lifetime
    await room.finish(await room.scene.build(2))
    await room.settled()

    assert room.screen.texts == []


async def test_a_request_without_a_place_is_answered_and_not_followed(room: Room) -> None:
    await room.passing()
    answer = await room.say("octocat/hello#1 to production", place=NOWHERE)
    await room.finish(await room.scene.build(answer.build))
    await room.settled()

    assert room.screen.texts == []


async def test_a_place_that_does_not_answer_is_told_again_what_is_so_then(room: Room) -> None:
    await room.passing()
    await room.say("octocat/hello#1 to production")
    room.screen.fault = Unavailable("503")
    [stage] = (await room.scene.build(2)).stages
    running = await room.scene.start(stage, "one")
    room.worker.wake()
    await soon(lambda: room.worker.tally.failed["chat"] > 0)
    await progress.update_stage(room.scene.ports, farside.ended(running), RUNNER)
    room.screen.fault = None
    room.scene.clock.time += 10
    room.worker.reopen()
    await room.settled()

    assert ["succeeded" in text for text in room.screen.texts] == [True]


async def test_a_place_that_refuses_is_left_alone(room: Room) -> None:
    await room.passing()
    await room.say("octocat/hello#1 to production")
    room.screen.fault = Unreadable("404: expired_url")
    await room.finish(await room.scene.build(2))
    await room.settled()

    assert room.screen.texts == []


async def test_a_build_that_was_purged_is_no_trouble(room: Room) -> None:
    await room.passing()
    await room.say("octocat/hello#1 to production")
    room.screen.fault = Unavailable("503")
    await room.finish(await room.scene.build(2))
    await room.db.write(run("DELETE FROM builds WHERE number = 2"))
    room.screen.fault = None
    room.scene.clock.time += 10
    await room.settled()


async def test_builds_that_no_chat_has_begun_cost_no_statement(room: Room) -> None:
    await room.passing()
    await room.scene.push(pipeline())

    assert not (await room.requests())
    assert room.worker.tally.sent["chat"] == 0


# What takes long


async def test_what_takes_long_is_answered_at_once_and_told_later(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.passing()
    monkeypatch.setattr(flow, "PATIENCE", 0.05)
    go_on = asyncio.Event()
    load = room.scene.ports.configs.load

    async def slow(*asked: Any) -> Any:
        await go_on.wait()
        return await load(*asked)

    monkeypatch.setattr(room.scene.ports.configs, "load", slow)

    answer = await room.say("octocat/hello#1 to production", key="slow")
    assert answer == flow.WORKING
    assert await room.say("octocat/hello#1 to production", key="slow") == flow.STILL
    go_on.set()
    await soon(lambda: room.screen.texts)
    await room.settled()

    assert "Promotion [#2]" in room.screen.texts[0]
    assert (await room.say("octocat/hello#1 to production", key="slow")).build == 2
    assert await room.scene.counter() == 2


async def test_a_late_refusal_is_told_later_too(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.passing()
    monkeypatch.setattr(flow, "PATIENCE", 0.01)

    go_on = asyncio.Event()

    async def slow(*_: object) -> None:
        await go_on.wait()
        raise Unreadable("the repository is gone")

    monkeypatch.setattr(room.scene.ports.configs, "load", slow)

    assert await room.say("octocat/hello#1 to production") == flow.WORKING
    go_on.set()
    await soon(lambda: room.screen.texts)
    assert "the repository is gone" in room.screen.texts[0]


async def test_without_a_place_a_late_answer_can_be_asked_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.passing()
    monkeypatch.setattr(flow, "PATIENCE", 0.0)

    answer = await room.say("octocat/hello#1 to production", place=Place())

    assert answer == flow.UNSEEN


async def test_a_request_whose_server_was_killed_is_answered_by_the_next_one(room: Room) -> None:
    await room.passing()
    await room.say("octocat/hello#1 to production", key="made")
    await room.say("octocat/hello#1 to staging", key="lost")
    await room.db.write(run("UPDATE chat_requests SET state = 'working', answer = '', shown = ''"))
    await room.db.write(run("UPDATE chat_requests SET build_id = 0, repo_id = 0 WHERE id = 2"))
    room.scene.clock.time += 301
    await room.chat._sweep()
    await room.settled()

    lost, made = sorted(room.screen.texts, reverse=True)
    assert "Promotion [#2]" in made
    assert lost == flow.GIVEN_UP.text
    assert (await room.say("octocat/hello#1 to staging", key="lost")) == flow.GIVEN_UP


async def test_old_requests_are_forgotten(room: Room) -> None:
    await room.say("help")
    await room.say("login", replace(ALICE, user="U9"))
    room.scene.clock.time += 8 * 24 * 3600
    await room.chat._sweep()

    assert not await room.requests()
    assert not await room.db.read(many("SELECT * FROM chat_links"))
