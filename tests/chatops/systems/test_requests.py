"""The rows that Slack, Mattermost and Teams call: who is heard, what the core is asked, how that is answered."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from app.accounts import auth
from app.chatops.model import NOWHERE, Answer, Button, Press, Request
from app.chatops.systems.bot import api as bot
from app.chatops.systems.mattermost import api as mattermost
from app.chatops.systems.mattermost import system
from app.chatops.systems.slack import api as slack
from app.chatops.systems.teams import api as teams
from app.chatops.systems.teams.signature import sign
from app.main.systems import PATHS, open_systems
from app.settings.load import read
from app.settings.server import Settings
from app.web.limit import Budgets
from app.web.policy import Policy
from app.web.server import OPEN
from tests.chatops.systems.farside import BOT_TOKEN, SIGNING_SECRET, FarMattermost, FarSlack, signed
from tests.scm.fakes.serving import serving
from tests.web.asgi import serving as answering

NOW = 1767225600
TOKEN, SECRET = "k3wm5uxq8bfd7yo1ncz9ersh2a", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
USER, ASKER, CHANNEL, POST = "u" * 26, "a" * 26, "c" * 26, "p" * 26
VALUE = "cancel:octocat/hello-world:43:0:1767226500.wPIAOuFUo-9fr2heSrw2OQ"
ROWS = [*slack.routes, *mattermost.routes, *teams.routes]
WAITS = Answer("Build 43 waits", True, 43, "octocat/hello-world", (Button("Cancel", VALUE, "danger"),))


@dataclass
class Core:
    """Answers everything alike, and remembers what was asked."""

    answer: Answer = WAITS
    commands: list[Request] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)

    async def command(self, request: Request) -> Answer:
        self.commands.append(request)
        return self.answer

    async def press(self, press: Press) -> Answer:
        self.presses.append(press)
        return self.answer


@dataclass
class Served:
    core: Core
    client: httpx2.AsyncClient

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        return await self.client.post(path, content=body, headers=dict(headers))


@asynccontextmanager
async def server(policy: Policy = OPEN, **settings: str) -> AsyncIterator[Served]:
    core = Core()
    async with open_systems(read(Settings, {"GANTRY_URL": "https://ci", **settings}), b"key") as chats:
        state: dict[str, Any] = {"slack": chats.slack, "mattermost": chats.mattermost, "teams": chats.teams}
        async with answering(ROWS, policy=policy, chat=core, now=lambda: NOW, **state) as client:
            yield Served(core, client)


@pytest.fixture(scope="module")
def far_slack() -> Iterator[FarSlack]:
    far = FarSlack()
    with serving(far):
        yield far


@pytest.fixture(scope="module")
def far_mattermost() -> Iterator[FarMattermost]:
    far = FarMattermost()
    with serving(far):
        far.users[USER] = {"id": USER, "username": "alice", "delete_at": 0, "is_bot": False}
        yield far


@pytest.fixture
async def served(far_slack: FarSlack, far_mattermost: FarMattermost) -> AsyncIterator[Served]:
    far_slack.forget()
    async with server(
        GANTRY_SLACK_SIGNING_SECRET=f"{'f' * 32},{SIGNING_SECRET}",
        GANTRY_SLACK_HOOKS=far_slack.url,
        GANTRY_SLACK_APP_ID="A1",
        GANTRY_MATTERMOST_TOKEN=TOKEN,
        GANTRY_MATTERMOST_URL=far_mattermost.url,
        GANTRY_TEAMS_SECRET=SECRET,
        GANTRY_TEAMS_TENANTS="tenant-1",
    ) as made:
        yield made


@pytest.mark.parametrize("path", sorted(PATHS - {bot.PATH}))
async def test_a_chat_that_the_settings_do_not_name_is_not_there(path: str) -> None:
    async with server() as made:
        unknown = await made.client.post("/chat/icq")
        body, headers = signed({"text": "help"}, NOW)
        answer = await made.post(path, body, headers)
        assert (answer.status_code, answer.json()) == (404, unknown.json())
        assert not made.core.commands
        assert not made.core.presses


def command(url: str = "", **changed: str) -> dict[str, str]:
    known = {"api_app_id": "A1", "team_id": "T1", "user_id": "U1", "user_name": "alice", "channel_id": "C1"}
    return {
        **known,
        "trigger_id": "1.2",
        "response_url": url,
        "text": "octocat/hello-world#42 to production",
        **changed,
    }


async def test_a_command_of_slack_is_answered_with_a_message(served: Served, far_slack: FarSlack) -> None:
    url = f"{far_slack.url}/commands/T1/1/abc"
    answer = await served.post(slack.COMMAND, *signed(command(url, text="a &lt;b&gt; “c d” 🚀 ```"), NOW))

    assert answer.status_code == 200
    assert answer.json()["response_type"] == "in_channel"
    (asked,) = served.core.commands
    assert (asked.text, asked.place.url) == ("a <b> “c d” 🚀 ```", url)


@pytest.mark.parametrize(
    "url", ["https://evil.example/x", "http://127.0.0.1:1/x", "https://hooks.slack.com/commands/1"]
)
async def test_later_answers_go_to_slack_only(served: Served, url: str) -> None:
    await served.post(slack.COMMAND, *signed(command(url), NOW))
    assert served.core.commands[0].place == NOWHERE


@pytest.mark.parametrize("path", [slack.COMMAND, slack.INTERACTIVE])
@pytest.mark.parametrize(("at", "secret"), [(NOW - 301, SIGNING_SECRET), (NOW + 301, SIGNING_SECRET), (NOW, "0" * 32)])
async def test_stale_and_forged_requests_of_slack_are_refused(served: Served, path: str, at: int, secret: str) -> None:
    answer = await served.post(path, *signed(command(), at, secret))
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized", "code": "unauthorized"})
    assert served.core.commands == []


async def test_requests_of_another_app_at_slack_are_refused(served: Served) -> None:
    assert (await served.post(slack.COMMAND, *signed(command(api_app_id="A2"), NOW))).status_code == 401


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 70_000, {}, 413),
        (b"a=b&a=c", {}, 401),
        (b"", {"content-type": "text/plain; charset=utf-16"}, 401),
    ],
)
async def test_what_slack_has_not_signed_is_not_parsed(
    served: Served, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert (await served.post(slack.COMMAND, body, headers)).status_code == status


async def test_a_signed_request_that_cannot_be_read_says_why(served: Served) -> None:
    answer = await served.post(slack.COMMAND, *signed(command(trigger_id=""), NOW))
    assert (answer.status_code, answer.json()["message"]) == (400, "the field trigger_id is missing")


async def test_slacks_look_at_the_certificate_does_nothing(served: Served) -> None:
    assert (await served.post(slack.COMMAND, b"ssl_check=1&token=x", {})).status_code == 200
    assert (await served.client.get(slack.COMMAND, params={"ssl_check": "1"})).status_code == 200
    assert (await served.client.get(slack.COMMAND)).status_code == 404
    assert served.core.commands == []


def press(url: str) -> dict[str, str]:
    payload = {
        "type": "block_actions",
        "api_app_id": "A1",
        "user": {"id": "U1", "username": "alice", "team_id": "T1"},
        "team": {"id": "T1"},
        "container": {"message_ts": "1.2", "channel_id": "C1"},
        "response_url": url,
        "actions": [{"type": "button", "action_id": "press-0", "value": VALUE, "action_ts": "3.4"}],
    }
    return {"payload": json.dumps(payload)}


async def test_a_pressed_button_of_slack_changes_its_message(served: Served, far_slack: FarSlack) -> None:
    answer = await served.post(slack.INTERACTIVE, *signed(press(f"{far_slack.url}/actions/T1/1/abc"), NOW))

    assert (answer.status_code, answer.content) == (200, b"")
    assert served.core.presses[0].value == VALUE
    assert [(post["replace_original"], post["text"]) for post in far_slack.posts] == [(True, "Build 43 waits")]


async def test_a_slack_that_is_down_costs_no_press(
    served: Served, far_slack: FarSlack, caplog: pytest.LogCaptureFixture
) -> None:
    far_slack.fail("500")
    answer = await served.post(slack.INTERACTIVE, *signed(press(f"{far_slack.url}/actions/T1/1/abc"), NOW))
    assert answer.status_code == 200
    assert "the answer to a button could not be shown" in caplog.text
    assert "abc" not in caplog.text
    assert all("abc" not in str(vars(record)) for record in caplog.records)


async def test_other_interactions_of_slack_do_nothing(served: Served) -> None:
    fields = {"payload": json.dumps({"type": "view_closed", "api_app_id": "A1", "team": {"id": "T1"}})}
    assert (await served.post(slack.INTERACTIVE, *signed(fields, NOW))).status_code == 200
    assert served.core.presses == []


def typed(far: FarMattermost | None = None, **changed: str) -> tuple[bytes, dict[str, str]]:
    url = f"{far.url}/hooks/commands/abc" if far else ""
    known = {"channel_id": CHANNEL, "user_id": ASKER, "user_name": "ada", "team_id": "t", "token": TOKEN}
    body = urlencode({**known, "trigger_id": "x", "response_url": url, "text": "status o/n", **changed})
    return body.encode(), {"content-type": "application/x-www-form-urlencoded"}


async def test_a_command_of_mattermost_is_answered_with_a_post(served: Served, far_mattermost: FarMattermost) -> None:
    answer = await served.post(mattermost.COMMAND, *typed(far_mattermost))

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["response_type"] == "in_channel"
    assert len(answer.json()["attachments"]) == 1
    assert served.core.commands[0].place.url == f"{far_mattermost.url}/hooks/commands/abc"


async def test_a_command_of_mattermost_without_the_token_is_refused(served: Served) -> None:
    for body, headers in (typed(token="x" * 26), typed(token="")):
        assert (await served.post(mattermost.COMMAND, body, headers)).status_code == 401
    body, headers = typed()
    answer = await served.post(mattermost.COMMAND, body, {**headers, "authorization": "Token no"})
    assert answer.status_code == 401
    assert served.core.commands == []


async def context(made: Served) -> dict[str, Any]:
    """What the button of an answer carries."""
    answer = await made.post(mattermost.COMMAND, *typed())
    found: dict[str, Any] = answer.json()["attachments"][0]["actions"][0]["integration"]["context"]
    return found


def click(carried: Any, user: str = ASKER, name: str = "ada", **changed: Any) -> tuple[bytes, dict[str, str]]:
    known = {
        "user_id": user,
        "user_name": name,
        "post_id": POST,
        "channel_id": CHANNEL,
        "team_id": "",
        "context": carried,
    }
    return json.dumps({**known, **changed}).encode(), {"content-type": "application/json"}


async def test_who_asked_may_press_the_button_in_mattermost(served: Served) -> None:
    answer = await served.post(mattermost.ACTION, *click(await context(served)))

    assert answer.json()["update"]["message"] == "Build 43 waits"
    assert len(answer.json()["update"]["props"]["attachments"]) == 1
    (pressed,) = served.core.presses
    assert (pressed.by.user, pressed.value, pressed.place) == (ASKER, VALUE, NOWHERE)


async def test_nobody_else_may_where_nobody_can_be_looked_up(served: Served) -> None:
    answer = await served.post(mattermost.ACTION, *click(await context(served), USER, "alice"))

    said = answer.json()["ephemeral_text"]
    assert said == "Only the person who asked may press this. Type `cancel octocat/hello-world#43` instead."
    assert served.core.presses == []


async def test_a_press_that_this_server_has_not_signed_is_refused(served: Served) -> None:
    carried = await context(served)
    value = VALUE.replace("cancel", "approve")
    for forged in (click({"value": VALUE}), click({**carried, "value": value}), click(carried, channel_id="d" * 26)):
        assert (await served.post(mattermost.ACTION, *forged)).status_code == 401
    assert served.core.presses == []


@pytest.fixture
async def with_bot(far_mattermost: FarMattermost) -> AsyncIterator[Served]:
    far_mattermost.heal()
    async with server(
        GANTRY_MATTERMOST_TOKEN=TOKEN,
        GANTRY_MATTERMOST_URL=far_mattermost.url,
        GANTRY_MATTERMOST_BOT_TOKEN=BOT_TOKEN,
    ) as made:
        yield made


async def test_with_a_bot_everybody_whom_mattermost_knows_may_press(with_bot: Served) -> None:
    answer = await with_bot.post(mattermost.ACTION, *click(await context(with_bot), USER, "alice"))
    assert "update" in answer.json()
    assert with_bot.core.presses[0].place == NOWHERE


async def test_a_press_that_begins_a_build_is_followed_in_its_channel(with_bot: Served) -> None:
    with_bot.core.answer = replace(WAITS, buttons=(Button("Roll back", VALUE.replace("cancel", "rollback")),))
    await with_bot.post(mattermost.ACTION, *click(await context(with_bot), USER, "alice"))
    place = with_bot.core.presses[0].place
    assert (place.channel, place.message) == (CHANNEL, "")


@pytest.mark.parametrize(
    ("known", "user", "name"),
    [
        ({}, USER, "bob"),
        ({}, "x" * 26, "alice"),
        ({"delete_at": 1}, USER, "alice"),
        ({"is_bot": True}, USER, "alice"),
        ({"id": "y" * 26}, USER, "alice"),
    ],
)
async def test_whom_mattermost_does_not_know_presses_nothing(
    with_bot: Served, far_mattermost: FarMattermost, known: dict[str, Any], user: str, name: str
) -> None:
    far_mattermost.users[USER] |= known
    try:
        answer = await with_bot.post(mattermost.ACTION, *click(await context(with_bot), user, name))
    finally:
        far_mattermost.users[USER] = {"id": USER, "username": "alice", "delete_at": 0, "is_bot": False}
    assert answer.json()["ephemeral_text"].startswith("Mattermost does not know who you are.")
    assert with_bot.core.presses == []


@pytest.mark.parametrize("fault", ["500", "401", "html", "silent", "endless"])
async def test_while_mattermost_cannot_be_asked_nothing_is_pressed(
    with_bot: Served, far_mattermost: FarMattermost, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "LOOK_UP", 0.2)
    carried = await context(with_bot)
    far_mattermost.fail(fault)
    answer = await with_bot.post(mattermost.ACTION, *click(carried, USER, "alice"))
    assert "cannot be asked who you are" in answer.json()["ephemeral_text"]
    assert with_bot.core.presses == []


def activity(**changed: Any) -> tuple[bytes, dict[str, str]]:
    known = {
        "type": "message",
        "id": f"{NOW}000",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "text": "<at>Gantry</at>&nbsp;octocat/hello-world#42 to production",
        "from": {"aadObjectId": "alice", "name": "Alice"},
        "conversation": {"tenantId": "tenant-1"},
    }
    body = json.dumps({**known, **changed}).encode()
    return body, {"authorization": sign(SECRET, body), "content-type": "application/json"}


async def test_a_command_of_teams_is_answered_in_its_thread(served: Served) -> None:
    answer = await served.post(teams.PATH, *activity())

    told = answer.json()
    assert told["type"] == "message"
    assert "Cancel: [the page of build 43](https://ci/octocat/hello-world/43)" in told["text"]
    assert "Teams is told of nothing that happens later" in told["text"]
    (asked,) = served.core.commands
    assert (asked.text, asked.place) == ("octocat/hello-world#42 to production", NOWHERE)


async def test_with_a_workflow_teams_is_told_of_what_happens_later() -> None:
    async with server(GANTRY_TEAMS_SECRET=SECRET, GANTRY_TEAMS_WORKFLOW="https://x.logic.azure.com/w?sig=y") as made:
        answer = await made.post(teams.PATH, *activity())
        assert "later" not in answer.json()["text"]
        assert made.core.commands[0].place != NOWHERE


@pytest.mark.parametrize(
    "changed",
    [{"timestamp": "2025-12-31T23:54:59Z"}, {"conversation": {"tenantId": "tenant-2"}}, {"conversation": None}],
)
async def test_stale_messages_and_other_tenants_of_teams_are_refused(served: Served, changed: dict[str, Any]) -> None:
    assert (await served.post(teams.PATH, *activity(**changed))).status_code == 401
    assert served.core.commands == []


async def test_what_teams_has_not_signed_is_refused(served: Served) -> None:
    body, headers = activity()
    for wrong in ({}, {"authorization": "HMAC x"}, {"authorization": headers["authorization"][:-4]}):
        assert (await served.post(teams.PATH, body, wrong)).status_code == 401
    assert (await served.post(teams.PATH, body + b" ", headers)).status_code == 401
    assert (await served.post(teams.PATH, b"{" * 300_000, headers)).status_code == 413
    assert served.core.commands == []


async def test_strangers_are_limited_and_a_chat_is_not() -> None:
    """All people of a chat come from the same few addresses."""
    policy = Policy(budgets=Budgets(2, lambda: 0), unlimited=PATHS, who=auth.who, account=auth.account_id)
    async with server(policy, GANTRY_SLACK_SIGNING_SECRET=SIGNING_SECRET) as made:
        forged = [await made.post(slack.COMMAND, *signed(command(), NOW, "0" * 32)) for _ in range(3)]
        absent = await made.post(teams.PATH, b"", {})
        heard = [await made.post(slack.COMMAND, *signed(command(), NOW)) for _ in range(4)]
    assert [answer.status_code for answer in [*forged, absent]] == [401, 401, 429, 429]
    assert {answer.status_code for answer in heard} == {200}
