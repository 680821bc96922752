"""What Slack sends and is sent; Slack's own library signs, verifies, and checks messages."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, ConfirmObject, RichTextBlock
from slack_sdk.signature import Clock, SignatureVerifier

from app.chatops.model import Answer, Button
from app.chatops.systems.slack import messages, reading
from app.chatops.systems.slack.reading import Tenants
from app.chatops.systems.slack.signature import sign, verify
from app.errors import Invalid, Unauthorized

SECRET, NOW = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", 1767225600
BODY = (
    b"command=%2Fdeploy&text=octocat%2Fhello-world%2342+to+production+TAG%3Dv1.2.3&user_id=U012AB3CD&team_id=T012AB3CD"
    b"&channel_id=C012AB3CD&trigger_id=1234567890.123456789.abcdef"
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT012AB3CD%2F1%2Fabc"
)
SIGNATURE = "v0=a6e7fb99c4281d83c86a91080cfee832652163c0e0f4bb855e6365f9156e112d"
EVERYBODY = Tenants()


def headers(signature: str = SIGNATURE, timestamp: str = str(NOW)) -> dict[str, str]:
    return {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}


class Fixed(Clock):
    def now(self) -> float:
        return NOW


def test_the_signature_of_the_contract_is_the_one_of_slacks_library() -> None:
    """Contract gantry-chatops 2.2, the worked example."""
    assert len(BODY) == 248
    assert sign(SECRET, str(NOW), BODY) == SIGNATURE
    assert sign(SECRET, str(NOW + 1), BODY) == "v0=3345cbd222e9b972b1bf5cfaa2821a6eef6c3640f8aa80587bd28288945c23d5"
    assert SignatureVerifier(SECRET, Fixed()).is_valid(BODY, str(NOW), sign(SECRET, str(NOW), BODY))


@pytest.mark.parametrize(
    ("now", "taken"), [(NOW - 301, False), (NOW - 300, True), (NOW, True), (NOW + 300, True), (NOW + 301, False)]
)
def test_a_request_is_taken_for_five_minutes(now: int, taken: bool) -> None:
    assert verify([SECRET], headers(), BODY, now) is taken


@pytest.mark.parametrize(
    "given",
    [
        {},
        headers(""),
        headers("v0="),
        headers(SIGNATURE[3:]),
        headers(SIGNATURE.upper()),
        headers(SIGNATURE[:-1]),
        headers("v0=ü"),
        headers(timestamp=""),
        headers(timestamp="soon"),
        headers(timestamp=f"{NOW}.0"),
        headers(timestamp=f" {NOW}"),
        headers(timestamp=f"-{NOW}"),
        headers(timestamp="١٧٦٧٢٢٥٦٠٠"),
        headers(timestamp="9" * 5000),
        headers(timestamp=str(NOW + 1)),
    ],
)
def test_what_is_not_signed_is_refused(given: dict[str, str]) -> None:
    assert not verify([SECRET], given, BODY, NOW)


def test_a_changed_body_and_another_secret_are_refused() -> None:
    assert not verify([SECRET], headers(), BODY.replace(b"42", b"43"), NOW)
    assert not verify(["f" * 32], headers(), BODY, NOW)
    assert not verify([], headers(), BODY, NOW)


def test_two_secrets_count_while_one_takes_the_place_of_the_other() -> None:
    assert verify(["f" * 32, SECRET], headers(), BODY, NOW)


def test_a_command_is_read() -> None:
    command = reading.command(BODY, EVERYBODY, "192.0.2.1")

    assert (command.by.system, command.by.tenant, command.by.user) == ("slack", "T012AB3CD", "U012AB3CD")
    assert command.text == "octocat/hello-world#42 to production TAG=v1.2.3"
    assert command.key == "1234567890.123456789.abcdef"
    assert (command.place.url, command.place.channel) == (
        "https://hooks.slack.com/commands/T012AB3CD/1/abc",
        "C012AB3CD",
    )
    assert command.address == "192.0.2.1"
    assert "hooks.slack.com" not in repr(command)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt; &amp;amp; &quot; &#35;", "&lt; &amp; &quot; &#35;"),
        ("A=<@U123|alice> in <#C123|deploys> <@U123>", "A=@alice in #deploys @U123"),
        ("o/n<#C123|42> to prod", "o/n#42 to prod"),
        ("U=<https://a/?b=c&amp;d=e>", "U=https://a/?b=c&d=e"),
        ("U=<https://x.y|https://x.y>", "U=https://x.y"),
        ("U=<http://x.y|x.y> M=<mailto:a@b.c|a@b.c>", "U=x.y M=a@b.c"),
        ("U=<https://a/b|our page>", "U=https://a/b"),
        ("<!here|here> <!subteam^S1|@ops> <!channel>", "here @ops @channel"),
        ("&lt;@U123|alice&gt;", "<@U123|alice>"),
        ("N=“hello world” —dry-run", "N=“hello world” —dry-run"),
        ("🚀 ```x```", "🚀 ```x```"),
        ("<<>>", "<<>>"),
        ("", ""),
    ],
)
def test_what_slack_does_to_a_text_is_undone_once(typed: str, meant: str) -> None:
    assert reading.decoded(typed) == meant


def changed(**fields: str | None) -> bytes:
    known = {"team_id": "T1", "user_id": "U1", "trigger_id": "1.2", "text": "help", "api_app_id": "A1"}
    return urlencode({name: value for name, value in {**known, **fields}.items() if value is not None}).encode()


@pytest.mark.parametrize("name", ["team_id", "user_id", "trigger_id"])
def test_a_command_without_what_identifies_it_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match=name):
        reading.command(changed(**{name: None}), EVERYBODY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a",
        b"a=b&a=c",
        b"text=%ff&user_id=U",
        "text=ü".encode(),
        b"\xff\xfe",
        b"&".join([b"a%d=1" % i for i in range(200)]),
    ],
)
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        reading.command(body, EVERYBODY)


@pytest.mark.parametrize(
    ("tenants", "taken"),
    [
        (Tenants(), True),
        (Tenants("A1"), True),
        (Tenants("A2"), False),
        (Tenants("", frozenset({"T1", "T9"})), True),
        (Tenants("", frozenset({"E1"})), True),
        (Tenants("A1", frozenset({"T2"})), False),
        (Tenants("", frozenset({""})), False),
    ],
)
def test_only_the_app_and_the_workspaces_of_the_settings_are_heard(tenants: Tenants, taken: bool) -> None:
    body = changed(enterprise_id="E1")
    if taken:
        assert reading.command(body, tenants).by.tenant == "T1"
    else:
        with pytest.raises(Unauthorized):
            reading.command(body, tenants)


@pytest.mark.parametrize(
    ("body", "probe"),
    [
        (b"ssl_check=1&token=x", True),
        (b"token=x&ssl_check=1", True),
        (b"text=ssl_check%3D1", False),
        (b"xssl_check=1", False),
    ],
)
def test_a_look_at_the_certificate_is_known(body: bytes, probe: bool) -> None:
    assert reading.is_probe(body) is probe


PAYLOAD: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "alice", "name": "alice", "team_id": "T1"},
    "api_app_id": "A1",
    "token": "old",
    "container": {"type": "message", "message_ts": "1548261231.000200", "channel_id": "C1", "is_ephemeral": False},
    "trigger_id": "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
    "team": {"id": "T1", "domain": "acme"},
    "enterprise": None,
    "is_enterprise_install": False,
    "channel": {"id": "C1", "name": "deploys"},
    "message": {"type": "message", "text": "…", "ts": "1548261231.000200"},
    "state": {"values": {}},
    "response_url": "https://hooks.slack.com/actions/T1/1/xyz",
    "actions": [
        {
            "action_id": "press-0",
            "block_id": "=qXel",
            "text": {"type": "plain_text", "text": "Approve"},
            "value": "approve:octocat/hello-world:43:1:1767226500.wPIAOuFUo-9fr2heSrw2OQ",
            "type": "button",
            "action_ts": "1548426417.840180",
        }
    ],
}


def interaction(**fields: Any) -> bytes:
    return urlencode({"payload": json.dumps({**PAYLOAD, **fields})}).encode()


def test_a_press_is_read() -> None:
    press = reading.press(interaction(), Tenants("A1", frozenset({"T1"})), "192.0.2.1")

    assert press is not None
    assert (press.by.tenant, press.by.user, press.by.name, press.by.tenant_name) == ("T1", "U1", "alice", "acme")
    assert press.value == "approve:octocat/hello-world:43:1:1767226500.wPIAOuFUo-9fr2heSrw2OQ"
    assert press.key == "T1\n1548261231.000200\npress-0\nU1\n1548426417.840180"
    assert press.place.url == "https://hooks.slack.com/actions/T1/1/xyz"
    assert (press.place.channel, press.place.message) == ("C1", "1548261231.000200")


def test_a_person_of_another_workspace_stays_one_of_that_workspace() -> None:
    press = reading.press(interaction(user={"id": "U1", "team_id": "T2"}), EVERYBODY)
    assert press is not None
    assert (press.by.tenant, press.by.tenant_name) == ("T2", "")


def test_a_message_that_one_person_sees_is_changed_only_by_its_address() -> None:
    press = reading.press(
        interaction(container={"is_ephemeral": True, "message_ts": "1.2", "channel_id": "C1"}), EVERYBODY
    )
    assert press is not None
    assert (press.place.message, press.key.split("\n")[1]) == ("", "1.2")


@pytest.mark.parametrize(
    "fields",
    [{"type": "view_submission"}, {"type": None}, {"actions": []}, {"actions": "x"}, {"actions": [{"type": "select"}]}],
)
def test_other_interactions_are_nothing(fields: dict[str, Any]) -> None:
    assert reading.press(interaction(**fields), EVERYBODY) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload=%5B%5D",
        b"payload=1",
        b"payload=" + b"%5B" * 100_000,
        b"payload=%7B%22a%22:NaN%7D",
        interaction(user=None),
        interaction(user={"id": 1}),
        interaction(team=None, user={"id": "U1"}),
    ],
)
def test_a_press_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        reading.press(body, EVERYBODY)


VALUE = "approve:octocat/hello-world:43:1:1767226500.wPIAOuFUo-9fr2heSrw2OQ"
BUTTONS = (
    Button("Approve", VALUE, "primary", confirm="Start build 43 on production?"),
    Button("Reject", VALUE, "danger"),
    Button("Page", VALUE),
)


def validated(told: dict[str, Any]) -> list[Block]:
    """The blocks, as Slack's library reads and checks them."""
    blocks = []
    for given in told["blocks"]:
        block = RichTextBlock(**given) if given["type"] == "rich_text" else Block.parse(given)
        assert block is not None
        if isinstance(block, ActionsBlock):
            for button in block.elements:
                assert isinstance(button, ButtonElement)
                button.validate_json()
                if button.confirm:
                    ConfirmObject(**{k: v for k, v in button.confirm.to_dict().items() if k != "style"}).validate_json()
        block.validate_json()
        blocks.append(block)
    assert len(blocks) <= 50
    return blocks


def test_a_message_has_text_and_buttons_that_slack_takes() -> None:
    told = messages.message(
        Answer("Build [43](https://ci/o/n/43) of `main`\n```\nlog\n```", public=True, buttons=BUTTONS)
    )

    assert told["response_type"] == "in_channel"
    assert told["text"] == "Build 43 of main\nlog"
    assert len(validated(told)) == 2
    text, actions = told["blocks"]
    assert [element["type"] for element in text["elements"]] == ["rich_text_section", "rich_text_preformatted"]
    shown = [(one["value"], one.get("style")) for one in actions["elements"]]
    assert shown == [(VALUE, "primary"), (VALUE, "danger"), (VALUE, None)]
    assert len({one["action_id"] for one in actions["elements"]}) == 3


def test_slacks_library_does_check() -> None:
    told = messages.message(Answer("x", buttons=[Button("Approve", VALUE)]))
    told["blocks"][1]["elements"][0]["text"]["text"] = "x" * 76
    with pytest.raises(SlackObjectFormationError):
        validated(told)


def test_a_message_to_one_person_says_so() -> None:
    told = messages.message(Answer("no such repository or build"))
    assert told["response_type"] == "ephemeral"
    assert len(validated(told)) == 1


def test_what_others_write_mentions_and_links_nothing() -> None:
    evil = "<!here> @channel <https://evil|ok> *bold* `x` &lt; <@U1>"
    told = messages.message(Answer(f"branch {evil}\n```\n{evil}\n```"))

    assert "<" not in told["text"]
    assert "@channel" not in told["text"]
    section, block = told["blocks"][0]["elements"]
    assert {element["type"] for element in [*section["elements"], *block["elements"]]} == {"text"}
    assert block["elements"][0]["text"] == evil


def test_a_large_log_is_cut_to_what_slack_takes() -> None:
    log = "\n".join("<" * 90 + str(number) for number in range(1100))
    many = [Button("x" * 200, f"{VALUE}{i}", confirm="y" * 900) for i in range(40)]
    told = messages.message(Answer(f"failed\n```\n{log}\n```", buttons=many))

    validated(told)
    assert "1099" in json.dumps(told["blocks"])
    assert len(told["blocks"][1]["elements"]) == 25
    assert len(json.dumps(told["blocks"][0])) < 12_000
    assert len(told["text"]) < 10_000


def test_a_button_whose_value_is_too_long_is_left_out() -> None:
    told = messages.message(Answer("x", buttons=[Button("a", "v" * 2001)]))
    assert [block["type"] for block in told["blocks"]] == ["rich_text"]


def test_an_empty_answer_is_a_message() -> None:
    assert messages.message(Answer("")) == {"response_type": "ephemeral", "text": " ", "blocks": []}
