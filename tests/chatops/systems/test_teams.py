"""What Teams sends and is sent."""

import base64
import json
from typing import Any

import pytest

from app.chatops.model import Answer, Button
from app.chatops.systems.teams import messages, reading
from app.chatops.systems.teams.signature import sign, verify
from app.errors import Invalid, Unauthorized

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
BODY = rb'{"type":"message","id":"1767225600000","text":"<at>drone</at> deploy octocat/hello-world#42 to production\n"}'
SIGNATURE, NOW = "HMAC 2RJVPrBmu6wmLEHF/n9zRW6v/CGtJhfPtheJ91LXB+s=", 1767225600
URL = "https://ci.example.com"


def test_the_signature_of_the_contract() -> None:
    """Contract gantry-chatops 4, the worked example."""
    assert len(BODY) == 109
    assert sign(SECRET, BODY) == SIGNATURE
    assert verify([base64.b64encode(b"x" * 32).decode(), SECRET], SIGNATURE, BODY)


@pytest.mark.parametrize(
    "header",
    [
        "HMAC 9bavD5O0vrju0y6w+WetfPG0Lko7FSoHdqKWWdaGurw=",  # of the key that is not decoded
        SIGNATURE.removeprefix("HMAC "),
        SIGNATURE.lower(),
        f"{SIGNATURE} ",
        "HMAC ",
        "",
        "HMAC ü",
    ],
)
def test_what_is_not_signed_is_refused(header: str) -> None:
    assert not verify([SECRET], header, BODY)


def test_a_changed_body_is_refused() -> None:
    assert not verify([SECRET], SIGNATURE, BODY + b" ")
    assert not verify([], SIGNATURE, BODY)


def activity(**changed: Any) -> bytes:
    known = {
        "type": "message",
        "id": "1767225600000",
        "timestamp": "2026-01-01T00:00:00.1234567Z",
        "text": "<at>Gantry</at>&nbsp;octocat/hello-world#42 to production TAG=a&amp;lt;b\n",
        "from": {"id": "29:1", "name": "Alice", "aadObjectId": "11111111-2222-3333-4444-555555555555"},
        "conversation": {"id": "19:x", "tenantId": "tenant-1", "conversationType": "channel"},
        "channelData": {"tenant": {"id": "tenant-1"}, "channel": {"id": "19:x"}},
    }
    return json.dumps({**known, **changed}).encode()


def test_a_command_is_read() -> None:
    command = reading.command(activity(), {"tenant-1"}, NOW, "192.0.2.1")

    assert (command.by.system, command.by.tenant) == ("teams", "tenant-1")
    assert (command.by.user, command.by.name) == ("11111111-2222-3333-4444-555555555555", "Alice")
    assert (command.text, command.key) == ("octocat/hello-world#42 to production TAG=a&lt;b", "1767225600000")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("<at>drone</at> deploy octocat/hello-world#42 to production\n", "deploy octocat/hello-world#42 to production"),
        ('<at id="0">My Bot</at> status o/n', "status o/n"),
        ("<p><at>Gantry</at>&nbsp;status <b>o/n</b></p>", "status o/n"),
        ("<at>Gantry</at> status<br>o/n", "status o/n"),
        ("<at>Gantry</at> A=&lt;b&gt; &quot;x&quot; &amp;lt;", 'A=<b> "x" &lt;'),
        ("<at>Gantry</at> asks <at>Bob</at>", "asks Bob"),
        ("A=1 < 2 > 0", "A=1 < 2 > 0"),
        ("<at>Gantry</at>", ""),
        ("🚀", "🚀"),
    ],
)
def test_what_teams_does_to_a_text_is_undone_once(typed: str, meant: str) -> None:
    assert reading.decoded(typed) == meant


@pytest.mark.parametrize(
    ("changed", "now", "taken"),
    [
        ({}, NOW, True),
        ({}, NOW + 300, True),
        ({}, NOW + 301, False),
        ({}, NOW - 301, False),
        ({"timestamp": "2026-01-01T01:00:00+01:00"}, NOW, True),
        ({"timestamp": "2026-01-01T00:00:00"}, NOW, True),
        ({"timestamp": None}, NOW, True),
        ({"timestamp": None}, NOW + 301, False),
        ({"timestamp": None, "id": "abc"}, NOW, False),
        ({"timestamp": None, "id": "9" * 5000}, NOW, False),
        ({"timestamp": "now"}, NOW, False),
        ({"timestamp": "0001-01-01T00:00:00+23:59"}, NOW, False),
        ({"timestamp": 1767225600}, NOW, True),
    ],
)
def test_a_message_is_taken_for_five_minutes(changed: dict[str, Any], now: int, taken: bool) -> None:
    if taken:
        assert reading.command(activity(**changed), set(), now).text
    else:
        with pytest.raises(Unauthorized):
            reading.command(activity(**changed), set(), now)


def test_only_the_tenants_of_the_settings_are_heard() -> None:
    with pytest.raises(Unauthorized):
        reading.command(activity(), {"tenant-2"}, NOW)
    with pytest.raises(Unauthorized):
        reading.command(activity(conversation=None, channelData=None), {"tenant-2"}, NOW)


@pytest.mark.parametrize(
    "changed", [{"from": {"name": "guest"}}, {"from": None}, {"id": ""}, {"conversation": None, "channelData": []}]
)
def test_a_message_without_who_sends_it_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        reading.command(activity(**changed), set(), NOW)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{" * 100_000, b'"x"', "{ü}".encode("latin-1")])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        reading.command(body, set(), NOW)


def test_an_answer_has_the_page_of_the_build_instead_of_buttons() -> None:
    answer = Answer(
        "Build 43 waits", build=43, repo="octocat/hello-world", buttons=[Button("Approve", "v"), Button("Reject", "v")]
    )
    told = messages.message(answer, URL, followed=True)

    page = f"[the page of build 43]({URL}/octocat/hello-world/43)"
    assert told == {"type": "message", "textFormat": "markdown", "text": f"Build 43 waits\n\nApprove · Reject: {page}"}
    assert messages.message(answer, URL, followed=False)["text"].endswith(f"nothing that happens later: see {page}")


def test_what_others_write_means_nothing() -> None:
    told = messages.message(Answer("<at>all</at> @team *b* [x] (u) a_b & `x`\n```\n<b>&\n```"), URL, followed=True)
    assert told["text"] == (
        "&lt;at&gt;all&lt;/at&gt; @\u200bteam \\*b\\* \\[x\\] (u) a\\_b &amp; `x`\n\n```\n<b>&\n```"
    )


@pytest.mark.parametrize("sign", ["&", "*", "🚀", "\\"])
def test_a_message_is_no_larger_than_teams_takes(sign: str) -> None:
    answer = Answer(f"{sign * 9000}\n```\n{sign * 100_000}\n```", build=1, repo="o/n")
    for told in (messages.message(answer, URL, followed=False), messages.card(answer, URL)):
        assert len(json.dumps(told, ensure_ascii=False).encode()) < 28_000


def test_a_later_answer_is_a_card_in_which_nothing_is_a_mark() -> None:
    told = messages.card(Answer("Build `43` of *x* failed\n```\nlog {{DATE(x)}}\n```", build=43, repo="o/n"), URL)

    (attachment,) = told["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    runs = [[(run["text"], run.get("fontType")) for run in block["inlines"]] for block in attachment["content"]["body"]]
    assert runs == [
        [("Build ", None), ("43", "Monospace"), (" of *x* failed", None)],
        [("log { {DATE(x)}}", "Monospace")],
    ]
    linked = messages.card(Answer("[43](https://ci/43)"), URL)["attachments"][0]["content"]["body"]
    assert linked[0]["inlines"][0]["selectAction"] == {"type": "Action.OpenUrl", "url": "https://ci/43"}
