"""Messages to chats: a sentence that people understand, and nothing in it that a chat takes for marks."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.notify.webhooks.formats import mattermost, slack, teams
from app.notify.webhooks.formats.story import clean, lasting
from app.notify.webhooks.model import Event, Request
from tests.notify.webhooks import checks
from tests.notify.webhooks.events import SERVER, event, other

PAGE = "https://ci.example.com/octocat/hello-world/43"


def shown(module: Any, check: Callable[[Request], Any], told: Event) -> Any:
    """The message of an event."""
    (request,) = module.render(told, [], 0, SERVER)
    assert dict(request.headers) == {"content-type": "application/json"}
    return check(request)


def test_slack_shows_a_failed_promotion() -> None:
    message = shown(slack, checks.slack, event("promotion.failed"))

    sentence = (
        "❌ The promotion of *octocat/hello-world#42* to *production* failed after 3m 12s in the step *deploy* "
        f"(<{PAGE}|build 43>)"
    )
    fields = [
        "*Requested by*\n`alice`",
        "*Commit*\n`4522cbce Greet the world`",
        "*Parameters*\n`TAG=v1.2.3`",
        "*Error*\n`stage default: step deploy: exit code 17`",
    ]
    assert message == {
        "text": sentence,
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": sentence, "verbatim": True}},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": one, "verbatim": True} for one in fields]},
        ],
    }


def test_mattermost_shows_a_failed_promotion() -> None:
    message = shown(mattermost, checks.mattermost, event("promotion.failed"))

    assert message == {
        "text": "❌ The promotion of **octocat/hello-world#42** to **production** failed after 3m 12s in the step "
        f"**deploy** ([build 43]({PAGE}))",
        "attachments": [
            {
                "fallback": "The promotion of octocat/hello-world#42 to production failed after 3m 12s in the step "
                "deploy (build 43)",
                "color": "#d24b4e",
                "fields": [
                    {"title": "Requested by", "value": "`alice`", "short": True},
                    {"title": "Commit", "value": "`4522cbce Greet the world`", "short": True},
                    {"title": "Parameters", "value": "`TAG=v1.2.3`", "short": True},
                    {"title": "Error", "value": "`stage default: step deploy: exit code 17`", "short": False},
                ],
            }
        ],
    }


def test_teams_shows_a_failed_promotion() -> None:
    card = shown(teams, checks.teams, event("promotion.failed"))

    assert checks.words(card) == (
        "❌ The promotion of octocat/hello-world#42 to production failed after 3m 12s in the step deploy (build 43)"
    )
    assert card["body"][0]["style"] == "attention"
    assert [[run["text"] for run in block["inlines"]] for block in card["body"][1:]] == [
        ["Requested by: ", "alice"],
        ["Commit: ", "4522cbce Greet the world"],
        ["Parameters: ", "TAG=v1.2.3"],
        ["Error: ", "stage default: step deploy: exit code 17"],
    ]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Build 43", "url": PAGE}]


#: Texts that a chat could take for something else, and how Slack and Mattermost are given them.
NASTY = [
    ("<!channel> <@U012AB3CD>", "`&lt;!channel&gt; &lt;@U012AB3CD&gt;`", "`<!channel> <@U012AB3CD>`"),
    ("<https://evil.test|login>", "`&lt;https://evil.test|login&gt;`", "`<https://evil.test|login>`"),
    ("@here @all", "`@here @all`", "`@here @all`"),
    ("[login](https://evil.test)", "`[login](https://evil.test)`", "`[login](https://evil.test)`"),
    ("a & b &amp; c", "`a &amp; b &amp;amp; c`", "`a & b &amp; c`"),
    ("*bold* _it_ ~no~ :tada:", "`*bold* _it_ ~no~ :tada:`", "`*bold* _it_ ~no~ :tada:`"),
    ("`code` ```", "`ˋcodeˋ ˋˋˋ`", "`ˋcodeˋ ˋˋˋ`"),
    ("_hidden_", "`_hidden_`", "`_hidden_`"),
    ("feature/x_1", "*feature/x_1*", "**feature/x_1**"),
    ("a\r\nb\tc\x00d", "`a b c d`", "`a b c d`"),
    ("Köln-München", "*Köln-München*", "**Köln-München**"),
    ("🚀", "`🚀`", "`🚀`"),
    ("abc\u202egnp.exe", "*abcgnp.exe*", "**abcgnp.exe**"),
    ("שלום", "`\u2068שלום\u2069`", "`\u2068שלום\u2069`"),
    ("\u200b\u2066", "`?`", "`?`"),
]


@pytest.mark.parametrize(("target", "in_slack", "in_mattermost"), NASTY)
def test_a_name_cannot_be_taken_for_marks(target: str, in_slack: str, in_mattermost: str) -> None:
    told = event("promotion.started", deploy_to=target)

    assert f"to {in_slack} started (<" in shown(slack, checks.slack, told)["text"]
    assert f"to {in_mattermost} started ([" in shown(mattermost, checks.mattermost, told)["text"]
    name = in_mattermost.removeprefix("**").removesuffix("**").removeprefix("`").removesuffix("`")
    assert f"to {name} started" in checks.words(shown(teams, checks.teams, told)).replace("`", "ˋ")


@pytest.mark.parametrize(("text", "in_slack", "in_mattermost"), NASTY[:7])
@pytest.mark.parametrize("where", ["message", "params"])
def test_a_message_and_a_parameter_cannot_be_taken_for_marks(
    where: str, text: str, in_slack: str, in_mattermost: str
) -> None:
    told = event("promotion.started", **{where: text if where == "message" else {"A": text}})
    label, before = ("Commit", "4522cbce ") if where == "message" else ("Parameters", "A=")

    fields = [one["text"] for one in shown(slack, checks.slack, told)["blocks"][1]["fields"]]
    (attachment,) = shown(mattermost, checks.mattermost, told)["attachments"]
    assert f"*{label}*\n`{before}{in_slack[1:]}" in fields
    assert f"`{before}{in_mattermost[1:]}" in [one["value"] for one in attachment["fields"]]


def test_teams_reads_no_functions_of_cards() -> None:
    card = shown(teams, checks.teams, event("promotion.started", deploy_to="{{DATE(2017-02-14T06:00:00Z)}}"))

    assert "{{" not in json.dumps(card)


def test_a_link_ends_where_it_should() -> None:
    told, server = event("promotion.started"), "https://ci.example.com/a|b>(c) d"

    (in_slack,), (in_mattermost,) = (module.render(told, [], 0, server) for module in (slack, mattermost))

    assert f"<https://ci.example.com/a%7Cb%3E(c)%20d{PAGE[22:]}|build 43>" in checks.slack(in_slack)["text"]
    assert (
        f"[build 43](https://ci.example.com/a|b%3E%28c%29%20d{PAGE[22:]})" in checks.mattermost(in_mattermost)["text"]
    )


def test_only_pages_are_linked() -> None:
    (request,) = teams.render(event("promotion.started"), [], 0, "javascript:alert(1)//")

    assert "javascript" not in request.body.decode()


def test_many_and_long_parameters_are_shortened() -> None:
    params = {f"NAME_{number}": "v" * 60 for number in range(50)}
    fields = [
        one["text"]
        for one in shown(slack, checks.slack, event("promotion.started", params=params))["blocks"][1]["fields"]
    ]

    (parameters,) = [one for one in fields if one.startswith("*Parameters*")]
    assert parameters.startswith("*Parameters*\n`NAME_0=vvv")
    assert parameters.endswith(" and 45 more`")


def test_a_message_of_a_megabyte_is_cut() -> None:
    told = event("build.finished", message="&" * 1_000_000, status="failure")

    for module, check in ((slack, checks.slack), (mattermost, checks.mattermost), (teams, checks.teams)):
        shown(module, check, told)
    told = event("promotion.succeeded", message="x" * 1_000_000)
    fields = [one["text"] for one in shown(slack, checks.slack, told)["blocks"][1]["fields"]]
    assert f"*Commit*\n`4522cbce {'x' * 290}…`" in fields


def test_what_nobody_asked_for_is_not_shown_as_asked_for() -> None:
    fields = [one["text"] for one in shown(slack, checks.slack, event("build.finished"))["blocks"][1]["fields"]]

    assert fields == ["*Commit*\n`4522cbce Greet the world`", "*Ref*\n`main`"]


def test_an_event_without_details_has_no_empty_part() -> None:
    message = shown(slack, checks.slack, other("ping"))
    posted = shown(mattermost, checks.mattermost, other("ping"))

    assert [block["type"] for block in message["blocks"]] == ["section"]
    assert "attachments" not in posted


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (192, "3m 12s"), (3600, "1h"), (90_061, "25h 1m 1s")]
)
def test_lengths_of_time_are_written_for_people(seconds: int, text: str) -> None:
    assert lasting(seconds) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  a \n\n b ", "a b"),
        ("plain", "plain"),
        ("abcdefghijk", "abcdefghi…"),
        ("é" * 11, "é" * 9 + "…"),
        ("👩‍💻", "👩‍💻"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("\ud800x", "x"),
        ("a\U000e0041b", "ab"),
    ],
)
def test_a_text_of_others_becomes_one_line(text: str, line: str) -> None:
    assert clean(text, 10) == line
