"""Promotions and rollbacks that people ask for in a chat."""

import asyncio
from dataclasses import replace

import pytest

from app.accounts import store as accounts
from app.chatops.model import Answer
from app.chatops.requests import MOST
from app.db.tx import run
from app.errors import Unavailable
from tests.builds.farside import pipeline
from tests.chatops.farside import ALICE, MALLORY, PROMOTION, URL, Room


async def test_a_command_promotes_a_build_for_the_account_of_the_person(room: Room) -> None:
    old = await room.passing()

    answer = await room.say(f"octocat/hello#{old.number} to production TAG=v1.2.3")

    assert (answer.public, answer.repo, answer.build) == (True, "octocat/hello", 2)
    made = await room.scene.build(2)
    assert (made.event, made.parent, made.deploy_to, made.status) == ("promote", 1, "production", "pending")
    assert made.params == {"A": "1", "B": "2", "TAG": "v1.2.3"}
    assert (made.trigger, made.via) == ("octocat", "slack")
    assert f"Promotion [#2]({URL}/octocat/hello/2) of `octocat/hello#1` to `production`" in answer.text
    assert "asked for by `octocat` through Slack" in answer.text
    assert "`TAG=v1.2.3`" in answer.text
    assert [button.label for button in answer.buttons] == ["Cancel"]


async def test_the_record_names_the_account_and_the_person_of_the_chat(room: Room) -> None:
    await room.passing()

    await room.say('octocat/hello#1 to production --reason="hot fix"', key="k")

    [promoted] = room.recorded("build.promote")
    assert (promoted.by.name, promoted.by.way, promoted.by.via) == ("octocat", "chat", "slack")
    assert promoted.after["via"] == "slack"
    [command] = room.recorded("chat.command")
    assert command.subject == "octocat/hello#1"
    assert command.by.request == promoted.by.request
    assert command.after == {
        "command": "promote",
        "system": "slack",
        "tenant": "T1",
        "user": "U1",
        "name": "alice",
        "channel": "C1",
        "target": "production",
        "reason": "hot fix",
    }


async def test_a_repository_is_found_in_any_letter_case(room: Room) -> None:
    await room.passing()

    answer = await room.say("OctoCat/HELLO#1 to production")

    assert (answer.build, answer.repo) == (2, "octocat/hello")


@pytest.mark.parametrize("text", ["octocat/nothing#1 to prod", "nobody/hello#1 to prod", "octocat/hello#9 to prod"])
async def test_what_is_not_there_is_answered_in_one_way(room: Room, text: str) -> None:
    await room.passing()
    stranger = await room.person("kim")

    assert (await room.say(text)).text == "There is no such repository or build, or you may not see it."
    assert (await room.say(text.replace("#9", "#1"), stranger)).text == (await room.say(text)).text


async def test_who_may_only_read_is_told_what_is_lacking(room: Room) -> None:
    await room.passing()
    reader = await room.person("kim", "read")

    answer = await room.say("octocat/hello#1 to production", reader)

    assert answer == Answer("You may not do this: write access to octocat/hello is needed.")
    assert await room.scene.counter() == 1


async def test_who_may_write_promotes(room: Room) -> None:
    await room.passing()

    assert (await room.say("octocat/hello#1 to production", await room.person("kim", "write"))).build == 2


async def test_a_person_without_an_account_is_told_how_to_link_and_nothing_is_done(room: Room) -> None:
    await room.passing()

    for text in ("octocat/hello#1 to production", "status octocat/hello", "nonsense"):
        answer = await room.say(text, MALLORY)
        assert "Say `login` to link it" in answer.text
        assert not answer.public
    assert await room.scene.counter() == 1


async def test_an_inactive_account_is_refused(room: Room) -> None:
    await room.passing()
    kim = await room.person("kim", "admin")
    await room.db.write(run("UPDATE users SET active = FALSE WHERE login = 'kim'"))

    assert "not active" in (await room.say("octocat/hello#1 to production", kim)).text
    assert await room.scene.counter() == 1


async def test_a_build_that_did_not_pass_is_promoted_by_force_of_an_administrator_with_a_reason(
    room: Room,
) -> None:
    failed = await room.scene.push(pipeline(), PROMOTION, source_repo="")
    await room.finish(failed, "failure")
    writer = await room.person("kim", "write")

    assert "it is failure" in (await room.say("octocat/hello#1 to production")).text
    by_writer = await room.say("octocat/hello#1 to production --force --reason=now", writer)
    assert "Only an administrator" in by_writer.text
    assert "needs a reason" in (await room.say("octocat/hello#1 to production --force")).text
    assert await room.scene.counter() == 1
    assert (await room.say("octocat/hello#1 to production --force --reason=now")).build == 2
    assert room.recorded("chat.command")[-1].after["forced"] is True


async def test_a_pull_request_of_a_fork_is_not_promoted(room: Room) -> None:
    await room.passing(event="pull_request", source_repo="mallory/hello")

    assert "pull request from `mallory/hello`" in (await room.say("octocat/hello#1 to production")).text


async def test_a_branch_a_tag_and_a_commit_name_their_newest_passing_build(room: Room) -> None:
    first = await room.passing()
    await room.passing(ref="refs/tags/v2", event="tag")
    broken = await room.scene.push(pipeline(), PROMOTION, source_repo="")
    await room.finish(broken, "failure")

    for ref, parent in (("main", 1), ("v2", 2), (first.after, 1), (first.after[:8], 1)):
        answer = await room.say(f"octocat/hello@{ref} to {ref[:10]}")
        assert (await room.scene.build(answer.build)).parent == parent
        assert f"of `octocat/hello#{parent}`" in answer.text


async def test_a_branch_without_a_passing_build_is_promoted_only_by_force(room: Room) -> None:
    room.scene.host.add(f"{pipeline()}\n---\n{PROMOTION}", branch="new")

    assert "no build of `new` has succeeded" in (await room.say("octocat/hello@new to production")).text
    answer = await room.say("octocat/hello@new to production --force --reason=first")
    assert (await room.scene.build(answer.build)).parent == 0
    assert "at `" in answer.text


@pytest.mark.parametrize("ref", ["a..b", "\0", "x" * 2000, "nowhere", "deadbeef"])
async def test_a_ref_that_is_nowhere_is_a_mistake(room: Room, ref: str) -> None:
    await room.passing()

    assert "has succeeded" in (await room.say(f"octocat/hello@{ref} to production")).text
    assert "there is no branch" in (await room.say(f"octocat/hello@{ref} to production --force --reason=x")).text


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(room: Room) -> None:
    await room.passing()

    answer = await room.say("octocat/hello#1 to production TAG=1 --dry-run")

    assert answer.text.startswith(
        "Dry run, nothing was started: promote of `octocat/hello#1` to `production` would run"
    )
    assert "`deploy`" in answer.text
    assert "`TAG=1`" in answer.text
    assert not answer.public
    assert await room.scene.counter() == 1
    assert not room.recorded("chat.command")[1:]
    assert (await room.say("octocat/hello#1 to production TAG=1")).build == 2


async def test_what_the_api_refuses_is_refused_in_its_words(room: Room) -> None:
    await room.passing(pipeline("build", trigger={"event": ["push"]}))

    answer = await room.say("octocat/hello#1 to production")

    assert "promote" in answer.text
    assert not answer.public
    assert await room.scene.counter() == 1


async def test_too_large_parameters_are_refused_by_the_rule_of_the_api(room: Room) -> None:
    await room.passing()

    assert "at most 32768" in (await room.say(f"octocat/hello#1 to production A={'x' * 33_000}")).text


async def test_a_mistake_is_answered_with_the_nearest_command(room: Room) -> None:
    answer = await room.say("octocat/hello#1 production")

    assert answer.text.splitlines()[-1] == "Try `promote octocat/hello#1 to production`"
    assert not answer.public


async def test_a_repository_without_its_owner_is_looked_for_among_those_that_the_person_may_see(room: Room) -> None:
    kim = await room.person("kim")

    assert "You may mean `octocat/hello`" in (await room.say("Hello#1 to production")).text
    assert "`promote octocat/hello#1 to production`" in (await room.say("Hello#1 to production")).text
    assert "octocat" not in (await room.say("Hello#1 to production", kim)).text


# Rollbacks


async def test_a_rollback_without_a_number_goes_back_to_what_ran_before(room: Room) -> None:
    for _ in range(3):
        await room.promoted(await room.passing())  # builds 1 to 6

    first = await room.say("rollback octocat/hello in production")
    made = await room.scene.build(first.build)
    assert (made.event, made.parent, made.after) == ("rollback", 4, (await room.scene.build(3)).after)
    await room.finish(made)

    second = await room.say("rollback octocat/hello in production")
    made = await room.scene.build(second.build)
    assert (made.event, made.parent, made.after) == ("rollback", 2, (await room.scene.build(1)).after)
    await room.finish(made)

    assert "nothing else ran in `production`" in (await room.say("rollback octocat/hello in production")).text


async def test_a_promotion_of_the_same_is_not_what_ran_before(room: Room) -> None:
    one, two = await room.passing(), await room.passing()
    await room.promoted(one)
    await room.promoted(two)
    room.scene.clock.time += 100
    await room.promoted(two)

    made = await room.say("rollback octocat/hello in production")

    assert (await room.scene.build(made.build)).after == one.after


async def test_a_rollback_with_a_number_goes_back_to_that_build(room: Room) -> None:
    await room.promoted(await room.passing())
    await room.promoted(await room.passing())

    answer = await room.say("rollback octocat/hello#1 in production")

    assert (await room.scene.build(answer.build)).parent == 1
    assert "Rollback [#5]" in answer.text


async def test_nothing_is_rolled_back_where_nothing_runs(room: Room) -> None:
    assert "nothing runs in `production`" in (await room.say("rollback octocat/hello in production")).text


# Replays


async def test_the_same_request_is_worked_on_once_and_answered_the_same(room: Room) -> None:
    await room.passing()

    first = await room.say("octocat/hello#1 to production", key="one")
    again = await room.say("octocat/hello#1 to production", key="one")

    assert first == again
    assert await room.scene.counter() == 2


async def test_of_many_at_once_of_the_same_request_one_is_worked_on(room: Room) -> None:
    await room.passing()

    answers = await asyncio.gather(*(room.say("octocat/hello#1 to production", key="one") for _ in range(8)))

    assert await room.scene.counter() == 2
    assert {answer.build for answer in answers} <= {0, 2}
    assert [answer.build for answer in answers].count(2) >= 1


async def test_the_same_key_of_another_workspace_is_another_request(room: Room) -> None:
    other = await room.person("kim", "write")
    kim = await room.db.read(accounts.find("kim"))
    await room.link(replace(other, tenant="T2"), kim)
    await room.passing()

    await room.say("octocat/hello#1 to production", other, key="one")
    await room.say("octocat/hello#1 to staging", replace(other, tenant="T2"), key="one")

    assert await room.scene.counter() == 3


async def test_the_same_promotion_soon_after_is_taken_for_a_slip_unless_forced(room: Room) -> None:
    await room.passing()
    await room.say("octocat/hello#1 to production")

    again = await room.say("octocat/hello#1 to production")
    assert "already running as [#2]" in again.text
    assert again.build == 2
    assert not again.public
    assert (await room.say("octocat/hello#1 to production A=2")).build == 3
    assert (await room.say("octocat/hello#1 to production --force")).build == 4
    room.scene.clock.time += 61
    assert (await room.say("octocat/hello#1 to production")).build == 5


async def test_two_slips_at_once_make_one_build(room: Room) -> None:
    await room.passing()

    await asyncio.gather(*(room.say("octocat/hello#1 to production") for _ in range(4)))

    assert await room.scene.counter() == 2


async def test_a_promotion_that_failed_may_be_asked_for_again_at_once(room: Room) -> None:
    await room.passing()
    first = await room.say("octocat/hello#1 to production")
    await room.finish(await room.scene.build(first.build), "failure")

    assert (await room.say("octocat/hello#1 to production")).build == 3


async def test_more_than_ten_commands_a_minute_are_refused(room: Room) -> None:
    for person in (ALICE, MALLORY):
        answers = [await room.say("help", person) for _ in range(MOST + 2)]
        assert ["At most 10 commands" in answer.text for answer in answers] == [False] * MOST + [True] * 2
    room.scene.clock.time += 61
    assert "At most" not in (await room.say("help")).text


async def test_a_database_that_is_away_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(tx: object) -> None:
        raise Unavailable("the database is locked")

    monkeypatch.setattr(room.db, "write_few", away)

    assert "the database is locked" in (await room.say("help")).text
