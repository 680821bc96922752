"""Approvals, rejections, cancels and rollbacks, typed and pressed."""

import asyncio

import pytest

from app.builds import approval
from app.chatops.buttons import Pressed
from app.chatops.model import Answer, Button
from app.db.tx import run
from tests.builds.farside import ADA
from tests.chatops.farside import MALLORY, URL, Room


def labels(answer: Answer) -> list[str]:
    return [button.label for button in answer.buttons]


def button(answer: Answer, label: str) -> Button:
    return next(one for one in answer.buttons if one.label == label)


@pytest.fixture
async def waiting(room: Room) -> Answer:
    """A promotion that waits for an approval."""
    await room.passing()
    await room.protect()
    return await room.say("octocat/hello#1 to production TAG=1")


async def test_a_promotion_that_waits_shows_what_it_would_do_and_asks(room: Room, waiting: Answer) -> None:
    assert "waits for approval: `approve octocat/hello#2` or `reject octocat/hello#2`" in waiting.text
    assert "`TAG=1`" in waiting.text
    assert labels(waiting) == ["Approve", "Reject", "Cancel"]
    approve = button(waiting, "Approve")
    assert approve.value.startswith("approve:octocat/hello:2:0:")
    assert (approve.style, approve.confirm) == ("primary", "Approve #2 to production?")


async def test_a_pressed_button_approves_and_the_message_says_who(room: Room, waiting: Answer) -> None:
    ada = await room.person("ada", "admin")

    answer = await room.press(button(waiting, "Approve"), ada)

    assert answer.public
    assert "approved by `ada`" in answer.text
    assert labels(answer) == ["Cancel"]
    assert (await room.scene.build(2)).stages[0].status == "pending"
    [approved] = room.recorded("build.approve")
    assert (approved.by.name, approved.by.via) == ("ada", "slack")
    await room.finish(await room.scene.build(2))
    await room.settled()
    assert "approved by `ada`" in room.screen.texts[-1]


async def test_after_a_press_the_older_answer_in_the_channel_is_not_changed_too(room: Room, waiting: Answer) -> None:
    await room.press(button(waiting, "Approve"))
    await room.settled()
    await room.finish(await room.scene.build(2))
    await room.settled()

    assert len([text for text in room.screen.texts if "succeeded" in text]) == 1


async def test_an_approval_typed_elsewhere_reaches_the_message(room: Room, waiting: Answer) -> None:
    await approval.approve(room.scene.ports, room.scene.repo, 2, ADA)
    await room.settled()

    assert "waits for a runner" in room.screen.texts[-1]


async def test_a_rejection_says_why(room: Room, waiting: Answer) -> None:
    answer = await room.say("reject octocat/hello#2 not on Friday")

    assert "was rejected" in answer.text
    assert "rejected by `octocat`: `not on Friday`" in answer.text
    assert {stage.error for stage in (await room.scene.build(2)).stages} == {"not on Friday"}
    assert answer.buttons == ()
    assert room.recorded("chat.command")[-1].after["reason"] == "not on Friday"


async def test_a_second_press_answers_the_state_and_changes_nothing(room: Room, waiting: Answer) -> None:
    await room.press(button(waiting, "Reject"))

    again = await room.press(button(waiting, "Approve"))

    assert "was rejected" in again.text
    assert labels(again) == []
    assert len(room.recorded("build.decline")) == 1
    assert not room.recorded("build.approve")


async def test_of_two_people_who_press_at_once_one_decides(room: Room, waiting: Answer) -> None:
    people = [await room.person(f"p{at}", "admin") for at in range(4)]

    answers = await asyncio.gather(*(room.press(button(waiting, "Approve"), one) for one in people))

    assert len(room.recorded("build.approve")) == 1
    assert sum("approved by" in answer.text for answer in answers) >= 1
    assert all("waits for a runner" in answer.text for answer in answers)


async def test_the_same_press_again_gets_the_same_answer(room: Room, waiting: Answer) -> None:
    first = await room.press(button(waiting, "Approve"), key="one")

    assert await room.press(button(waiting, "Approve"), key="one") == first


async def test_only_administrators_decide(room: Room, waiting: Answer) -> None:
    writer = await room.person("kim", "write")

    for answer in (
        await room.press(button(waiting, "Approve"), writer),
        await room.say("approve octocat/hello#2", writer),
    ):
        assert answer == Answer("You may not do this: admin access to octocat/hello is needed.")
    assert "not linked" in (await room.press(button(waiting, "Approve"), MALLORY)).text
    assert (await room.scene.build(2)).blocked


async def test_a_button_that_was_changed_or_is_old_does_nothing(room: Room, waiting: Answer) -> None:
    value = button(waiting, "Approve").value
    assert "not of this server" in (await room.press(value.replace(":2:", ":1:"))).text
    assert "not of this server" in (await room.press("")).text
    room.scene.clock.time += 24 * 3600
    assert "too old: type the command, as in `approve octocat/hello#2`" in (await room.press(value)).text
    assert (await room.scene.build(2)).blocked


async def test_a_button_of_one_stage_decides_that_stage(room: Room, waiting: Answer) -> None:
    value = room.ports.buttons.value(Pressed("approve", "octocat/hello", 2, 9, 2_000_000_000))

    assert "Stage not found" in (await room.press(value)).text


async def test_what_waits_can_be_cancelled(room: Room, waiting: Answer) -> None:
    writer = await room.person("kim", "write")

    answer = await room.press(button(waiting, "Cancel"), writer)

    assert "was cancelled" in answer.text
    assert "cancelled by `kim`" in answer.text
    assert "was cancelled" in (await room.say("cancel octocat/hello#2")).text
    assert len(room.recorded("build.cancel")) == 1


async def test_an_inactive_account_presses_nothing(room: Room, waiting: Answer) -> None:
    await room.db.write(run("UPDATE users SET active = FALSE"))

    assert "not active" in (await room.press(button(waiting, "Approve"))).text


async def result(room: Room, number: int) -> Answer:
    """The message about the result of a build."""
    await room.settled()
    return next(answer for _, answer in reversed(room.screen.shown) if answer.build == number)


async def test_a_button_rolls_back_what_runs(room: Room) -> None:
    await room.promoted(await room.passing())
    await room.promoted(await room.passing())
    roll_back = button(await result(room, 4), "Roll back")

    answer = await room.press(roll_back)

    made = await room.scene.build(answer.build)
    assert (made.event, made.parent, made.deploy_to) == ("rollback", 2, "production")
    assert f"Rollback [#5]({URL}/octocat/hello/5)" in answer.text
    assert answer.public


async def test_of_two_people_who_press_to_roll_back_one_does(room: Room) -> None:
    await room.promoted(await room.passing())
    await room.promoted(await room.passing())
    roll_back = button(await result(room, 4), "Roll back")
    people = [await room.person(f"p{at}", "write") for at in range(4)]

    answers = await asyncio.gather(*(room.press(roll_back, one) for one in people))

    assert await room.scene.counter() == 5
    assert sorted(answer.public for answer in answers) == [False, False, False, True]
    assert all(answer.build == 5 for answer in answers)
    await room.finish(await room.scene.build(5))
    assert "#4 runs in `production` no longer: now #5 does" in (await room.press(roll_back)).text


async def test_nothing_is_rolled_back_to_nothing(room: Room) -> None:
    await room.promoted(await room.passing())

    answer = await room.press(button(await result(room, 2), "Roll back"))

    assert "nothing else ran in `production` before #2" in answer.text


async def test_status_and_list_show_what_runs(room: Room) -> None:
    await room.promoted(await room.passing())
    await room.say("octocat/hello#1 to staging")
    reader = await room.person("kim", "read")

    status = await room.say("status octocat/hello", reader)
    assert not status.public
    assert f"• `production`: [#2]({URL}/octocat/hello/2) success, promote to `production` by `octocat`" in status.text
    assert f"• `staging`: nothing has succeeded yet; since then [#3]({URL}/octocat/hello/3) pending" in status.text
    assert "staging" not in (await room.say("status octocat/hello production", reader)).text
    unknown = await room.say("status octocat/hello prod", reader)
    assert unknown.text == "Nothing was promoted to `prod`. Targets of `octocat/hello`: `production`, `staging`"
    listed = await room.say("list octocat/hello", reader)
    assert [line.split("]")[0] for line in listed.text.splitlines()[1:]] == ["• [#3", "• [#2", "• [#1"]
    assert len((await room.say("list octocat/hello staging", reader)).text.splitlines()) == 2
    assert "no builds" in (await room.say("list octocat/hello nowhere", reader)).text
    stranger = await room.person("eve")
    assert "no such repository" in (await room.say("status octocat/hello", stranger)).text


async def test_help_needs_no_account(room: Room) -> None:
    answer = await room.say("help", MALLORY)

    assert "`octocat/hello-world#42 to production TAG=v1.2.3`" in answer.text
    assert not answer.public
