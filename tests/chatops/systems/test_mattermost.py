"""What Mattermost sends and is sent."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from app.chatops.model import Answer, Button, Place
from app.chatops.systems.mattermost import messages, reading
from app.chatops.systems.mattermost.context import Context
from app.chatops.systems.mattermost.messages import Buttons
from app.errors import Invalid, Unauthorized

TOKEN, OTHER = "k3wm5uxq8bfd7yo1ncz9ersh2a", "z" * 26
USER, ASKER, CHANNEL, POST, TEAM = ("u" * 26, "a" * 26, "c" * 26, "p" * 26, "t" * 26)
KEY, NOW = b"key of this server", 1767225600
VALUE = "cancel:octocat/hello-world:43:1767226500.wPIAOuFUo-9fr2heSrw2OQ"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def fields(**changed: str | None) -> dict[str, str]:
    known: dict[str, str | None] = {
        "channel_id": CHANNEL,
        "channel_name": "deploys",
        "command": "/deploy",
        "text": "octocat/hello-world#42 to production NOTE=“hello world”",
        "team_id": TEAM,
        "token": TOKEN,
        "user_id": USER,
        "user_name": "alice",
        "response_url": "https://chat.example.com/hooks/commands/abc",
        "trigger_id": "trigger",
    }
    return {name: value for name, value in {**known, **changed}.items() if value is not None}


def form(**changed: str | None) -> bytes:
    return urlencode(fields(**changed)).encode()


def test_a_command_is_read_from_a_form_and_from_json() -> None:
    command = reading.command([TOKEN], FORM, form(), NOW, "192.0.2.1")

    assert (command.by.system, command.by.user, command.by.name) == ("mattermost", USER, "alice")
    assert command.text == "octocat/hello-world#42 to production NOTE=“hello world”"
    assert command.key == f"{TEAM}\ntrigger"
    assert (command.place.channel, command.place.asker) == (CHANNEL, USER)
    body = json.dumps(fields()).encode()
    assert (
        reading.command([TOKEN], {"content-type": "application/json; charset=utf-8"}, body, NOW, "192.0.2.1") == command
    )


@pytest.mark.parametrize(
    ("authorization", "field", "taken"),
    [
        (f"Token {TOKEN}", TOKEN, True),
        (f"Token {TOKEN}", None, True),
        (f"token {TOKEN}", "", True),
        ("", TOKEN, True),
        (f"Token {OTHER}", TOKEN, False),
        ("Token ", TOKEN, False),
        ("", OTHER, False),
        ("", "", False),
        ("", None, False),
        ("", TOKEN.upper(), False),
        ("", "ü", False),
        (f"Bearer {TOKEN}", None, False),
    ],
)
def test_a_command_shows_the_token_in_its_header_or_else_in_its_field(
    authorization: str, field: str | None, taken: bool
) -> None:
    headers = {**FORM, "authorization": authorization}
    if taken:
        assert reading.command([OTHER[::2], TOKEN], headers, form(token=field), NOW).by.user == USER
    else:
        with pytest.raises(Unauthorized):
            reading.command([OTHER[::2], TOKEN], headers, form(token=field), NOW)


def test_a_command_without_an_id_is_one_of_its_minute() -> None:
    first, second, third = (reading.command([TOKEN], FORM, form(trigger_id=None), NOW + at).key for at in (0, 59, 60))
    assert first == second != third


@pytest.mark.parametrize("changed", [{"user_id": None}, {"user_id": "../me"}, {"channel_id": ""}])
def test_a_command_without_usable_ids_is_refused(changed: dict[str, str | None]) -> None:
    with pytest.raises(Invalid):
        reading.command([TOKEN], FORM, form(**changed), NOW)


PLACE = Place(channel=CHANNEL, asker=ASKER)


def shown(answer: Answer, place: Place = PLACE, **options: Any) -> Any:
    return Buttons("https://ci/chat/mattermost/action", KEY, **options).of(answer, place)


def click(**changed: Any) -> bytes:
    (attachment,) = shown(Answer("x", buttons=[Button("Cancel", VALUE, "danger")]))
    context = attachment["actions"][0]["integration"]["context"]
    known = {"user_id": USER, "user_name": "alice", "post_id": POST, "channel_id": CHANNEL, "team_id": TEAM}
    return json.dumps(
        {**known, "trigger_id": "x", "context": {**context, **changed.pop("context", {})}, **changed}
    ).encode()


def test_a_press_is_read_from_the_context_that_this_server_has_signed() -> None:
    press = reading.press(click(), KEY, "192.0.2.1")

    assert (press.value, press.by.user, press.by.name) == (VALUE, USER, "alice")
    assert (press.place.channel, press.place.message, press.place.asker) == (CHANNEL, POST, ASKER)


def test_a_press_that_is_sent_again_is_the_same_whatever_else_it_says() -> None:
    once, again = (reading.press(click(post_id=post, trigger_id=post), KEY).key for post in ("p" * 26, "q" * 26))
    assert once == again


@pytest.mark.parametrize(
    "changed",
    [
        {"context": {"value": VALUE.replace("cancel", "approve")}},
        {"context": {"asker": USER}},
        {"context": {"signature": ""}},
        {"context": {"signature": None}},
        {"context": {"signature": "ü"}},
        {"context": {"value": 1}},
        {"channel_id": "d" * 26},
        {"channel_id": None},
    ],
)
def test_a_context_that_was_changed_or_taken_elsewhere_counts_nothing(changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        reading.press(click(**changed), KEY)


@pytest.mark.parametrize("context", [None, [], "x", {}, {"value": VALUE}])
def test_a_press_without_a_context_of_ours_counts_nothing(context: Any) -> None:
    """Not even with a value that this server has signed, for another chat may show the same."""
    body = json.dumps({"user_id": USER, "channel_id": CHANNEL, "context": context}).encode()
    with pytest.raises(Unauthorized):
        reading.press(body, KEY)


def test_a_context_of_another_server_counts_nothing() -> None:
    with pytest.raises(Unauthorized):
        reading.press(click(), b"another key")


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b'{"a":' * 100_000, b"\xff"])
def test_a_press_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        reading.press(body, KEY)


def test_a_post_has_its_buttons_as_attachments() -> None:
    answer = Answer("Build [43](https://ci/o/n/43)", public=True, buttons=[Button("Cancel", VALUE, "danger", "Sure?")])
    told = messages.message(answer, shown(answer))

    assert (told["response_type"], told["text"]) == ("in_channel", "Build [43](https://ci/o/n/43)")
    (action,) = told["attachments"][0]["actions"]
    assert (action["name"], action["type"], action["style"], action["id"]) == ("Cancel", "button", "danger", "press0")
    assert action["integration"]["url"] == "https://ci/chat/mattermost/action"
    assert Context.read({"channel_id": CHANNEL, "context": action["integration"]["context"]}, KEY) is not None


def test_buttons_that_nobody_could_press_are_not_shown() -> None:
    answer = Answer("x", buttons=[Button("Cancel", VALUE)])
    assert shown(answer, Place(channel=CHANNEL)) == []
    assert len(shown(answer, Place(channel=CHANNEL), everybody=True)) == 1


def test_a_public_answer_to_a_press_takes_the_place_of_the_post() -> None:
    shown = {"message": "done", "props": {"attachments": []}}
    assert messages.pressed(Answer("done", public=True)) == {"update": shown, "skip_slack_parsing": True}
    assert messages.pressed(Answer("not you")) == {"ephemeral_text": "not you", "skip_slack_parsing": True}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("feature_x_y *b* ~s~ a|b", r"feature\_x\_y \*b\* \~s\~ a\|b"),
        ("@channel _@here o/n@main", "@\u200bchannel \\_@\u200bhere o/n@main"),
        ("[x] (https://evil)", r"\[x\] (https://evil)"),
        ("# head\n> quote\n- one\n1. two\nhello-world#42", "\\# head\n\\> quote\n\\- one\n1\\. two\nhello-world#42"),
        ("`a_b` c\\d", "`a_b` c\\\\d"),
        ("<!channel> <https://x|y>", "<!channel> <https://x\\|y>"),
    ],
)
def test_what_others_write_means_nothing(text: str, written: str) -> None:
    told = messages.message(Answer(text))
    assert told["text"] == written
    assert told["skip_slack_parsing"] is True


def test_a_line_of_a_log_does_not_end_its_block() -> None:
    text = messages.message(Answer("log:\n```\na\n ``` @channel\n````b\n```"))["text"]
    assert text == "log:\n\n`````\na\n ``` @channel\n````b\n`````"


def test_a_large_log_is_cut_to_the_room_of_a_post() -> None:
    log = "\n".join(f"{number} {'_' * 95}" for number in range(1000))
    assert len(messages.message(Answer(f"{'*' * 9000}\n```\n{log}\n```"))["text"]) <= 16_383
    assert messages.message(Answer(f"x\n```\n{log}\n```"))["text"].endswith("_\n```")
