"""Whole conversations in Slack, Mattermost and Teams: signed requests over HTTP, a real core, and what people see."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import httpx2
import pytest

from app.accounts import store as accounts
from app.chatops.model import Person, System, Writer
from app.chatops.systems.mattermost import api as mattermost
from app.chatops.systems.slack import api as slack
from app.chatops.systems.teams import api as teams
from app.chatops.systems.teams.signature import sign
from app.db.connect import Database
from app.db.tx import many
from app.main.systems import open_systems
from app.settings.load import read
from app.settings.server import Settings
from tests.chatops.farside import Room, laid
from tests.chatops.systems.farside import BOT_TOKEN, SIGNING_SECRET, FarMattermost, FarSlack, shown, signed
from tests.scm.fakes.serving import serving
from tests.soon import soon
from tests.web.asgi import serving as answering

TOKEN, SECRET = "k3wm5uxq8bfd7yo1ncz9ersh2a", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ADA, BOB, CHANNEL = "a" * 26, "b" * 26, "c" * 26


class Talk:
    """A server with people who write to it."""

    def __init__(self, room: Room, client: httpx2.AsyncClient, far: FarSlack) -> None:
        self.room, self.client, self.far = room, client, far
        self._requests = 0

    async def slack(self, text: str, user: str = "U1", **changed: str) -> Any:
        """The message that answers a slash command."""
        self._requests += 1
        fields = {
            "team_id": "T1",
            "team_domain": "acme",
            "user_id": user,
            "channel_id": "C1",
            "trigger_id": f"{self._requests}.1",
            "response_url": f"{self.far.url}/commands/T1/{self._requests}/secret",
            "text": text,
        }
        body, headers = signed(fields | changed, self.room.scene.clock())
        answer = await self.client.post(slack.COMMAND, content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def press(self, message: Any, label: str, user: str = "U1", **changed: Any) -> None:
        """Press a button of a message."""
        self._requests += 1
        (button,) = [one for one in _buttons(message) if one["text"]["text"] == label]
        payload = {
            "type": "block_actions",
            "user": {"id": user, "team_id": "T1"},
            "team": {"id": "T1", "domain": "acme"},
            "channel": {"id": "C1"},
            "container": {"message_ts": "1.2", "channel_id": "C1"},
            "response_url": f"{self.far.url}/actions/T1/{self._requests}/secret",
            "actions": [{**button, "action_ts": f"{self._requests}.9"}],
        }
        body, headers = signed({"payload": json.dumps(payload | changed)}, self.room.scene.clock())
        answer = await self.client.post(slack.INTERACTIVE, content=body, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")

    async def sees(self, text: str) -> Any:
        """The newest message of the channel, once it has this text."""

        await soon(lambda: self._newest(text) is not None, f"Slack shows {text!r}")
        return self._newest(text)

    def _newest(self, text: str) -> Any:
        return next((post for post in reversed(self.far.posts) if text in shown(post)), None)


def _buttons(message: Any) -> list[Any]:
    return [one for block in message["blocks"] if block["type"] == "actions" for one in block["elements"]]


@pytest.fixture(scope="module")
def far() -> Iterator[FarSlack]:
    made = FarSlack()
    with serving(made):
        yield made


@pytest.fixture(scope="module")
def far_mattermost() -> Iterator[FarMattermost]:
    made = FarMattermost()
    with serving(made):
        yield made


@asynccontextmanager
async def talking(db: Database, folder: Path, far: FarSlack, **settings: str) -> AsyncIterator[Talk]:
    known = {"GANTRY_URL": "https://ci", "GANTRY_SLACK_SIGNING_SECRET": SIGNING_SECRET, "GANTRY_SLACK_HOOKS": far.url}
    async with laid(db, folder) as room, open_systems(read(Settings, {**known, **settings}), b"key") as systems:
        cast(dict[System, Writer], room.ports.writers).update(systems.writers)
        state: dict[str, Any] = {"slack": systems.slack, "mattermost": systems.mattermost, "teams": systems.teams}
        rows = [*slack.routes, *mattermost.routes, *teams.routes]
        async with answering(rows, chat=room.chat, now=room.scene.clock, **state) as client:
            yield Talk(room, client, far)


@pytest.fixture
async def talk(db: Database, tmp_path: Path, far: FarSlack) -> AsyncIterator[Talk]:
    far.forget()
    async with talking(db, tmp_path, far) as made:
        yield made


async def test_a_promotion_is_typed_approved_with_a_button_and_seen_to_its_end(talk: Talk) -> None:
    old = await talk.room.passing()
    await talk.room.protect()

    asked = await talk.slack(f"octocat/hello#{old.number} to production NOTE=“hello &lt;world&gt;” TAG=🚀")

    assert asked["response_type"] == "in_channel"
    assert "waits for approval" in shown(asked)
    assert "NOTE=hello <world>" in shown(asked)
    await talk.press(asked, "Approve")
    approved = await talk.sees("approved by octocat")
    assert approved["replace_original"] is True
    (made,) = [build for build in await _builds(talk) if build["event"] == "promote"]
    await talk.room.finish(await talk.room.scene.build(made["number"]))
    done = await talk.sees("succeeded")
    assert [one["text"]["text"] for one in _buttons(done)] == ["Roll back"]
    await talk.room.settled()
    assert talk.far.posts[-1] == done


async def _builds(talk: Talk) -> list[dict[str, Any]]:
    return [dict(row) for row in await talk.room.db.read(many("SELECT number, event, status FROM builds ORDER BY id"))]


async def test_of_two_people_who_press_at_once_each_sees_one_outcome(talk: Talk) -> None:
    await talk.room.person("bob", "admin", user="U2")
    old = await talk.room.passing()
    await talk.room.protect()
    asked = await talk.slack(f"octocat/hello#{old.number} to production")

    await asyncio.gather(talk.press(asked, "Approve"), talk.press(asked, "Reject", "U2"))

    await talk.room.settled()
    (made,) = [build for build in await _builds(talk) if build["event"] == "promote"]
    texts = [shown(post) for post in talk.far.posts if post["response_type"] == "in_channel"]
    decided = "approved by" if made["status"] == "pending" else "rejected by"
    assert decided in texts[-1]
    assert not any("waits for approval" in text for text in texts)


async def test_a_request_that_is_sent_again_is_answered_once(talk: Talk) -> None:
    old = await talk.room.passing()
    first = await talk.slack(f"octocat/hello#{old.number} to production", trigger_id="x")
    again = await talk.slack(f"octocat/hello#{old.number} to production", trigger_id="x")

    assert again == first
    assert len([build for build in await _builds(talk) if build["event"] == "promote"]) == 1
    await talk.room.protect()
    waiting = await talk.slack(f"octocat/hello#{old.number} to staging")
    for _ in range(2):
        await talk.press(waiting, "Reject", actions=[{**_buttons(waiting)[1], "action_ts": "7.7"}])
    await talk.room.settled()
    assert len([post for post in talk.far.posts if "rejected by" in shown(post)]) == 1


async def test_strangers_and_those_without_a_right_are_told_alone_and_nothing_happens(talk: Talk) -> None:
    await talk.room.person("eve", "read", user="U3")
    old = await talk.room.passing()
    await talk.room.protect()
    waiting = await talk.slack(f"octocat/hello#{old.number} to production")

    for user, words in (("U9", "is not linked"), ("U3", "You may not do this")):
        typed = await talk.slack(f"octocat/hello#{old.number} to staging", user)
        await talk.press(waiting, "Approve", user)
        pressed = await talk.sees(words)
        assert words in shown(typed)
        for one in (typed, pressed):
            assert one["response_type"] == "ephemeral"
        assert pressed["replace_original"] is False
    assert [build["number"] for build in await _builds(talk) if build["event"] == "promote"] == [old.number + 1]
    assert (await talk.room.scene.build(old.number + 1)).blocked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("octocat/nothing#1 to production", "There is no such repository or build"),
        ("octocat/hello#99 to production", "There is no such repository or build"),
        ("octocat/hello#1 to pro/duction", "is no target"),
        ("```octocat/hello#1 production```", "Try promote octocat/hello#1 to production"),
        ("octocat/hello#1 to production A=“x", "is not closed"),
        ("octocat/hello#1 to production A=x &lt;!here&gt;", "<!here> is unexpected"),
        ("🚀", "🚀 is no command"),
        ("", "Promotions from the chat"),
    ],
)
async def test_mistakes_are_answered_with_the_right_form(talk: Talk, text: str, words: str) -> None:
    await talk.room.passing()
    answer = await talk.slack(text)
    assert words in shown(answer)
    assert answer["response_type"] == "ephemeral"
    assert "<" not in answer["text"]


async def test_who_is_not_linked_gets_a_link(talk: Talk) -> None:
    answer = await talk.slack("login", "U9")
    (link,) = [one for one in answer["blocks"][0]["elements"][0]["elements"] if one["type"] == "link"]
    assert link["url"].startswith("https://gantry.example.com/chat/link?code=")
    assert answer["response_type"] == "ephemeral"


async def test_ten_commands_a_minute_and_no_more_also_by_buttons(talk: Talk) -> None:
    old = await talk.room.passing()
    await talk.room.protect()
    waiting = await talk.slack(f"octocat/hello#{old.number} to production")
    for _ in range(9):
        await talk.slack("status octocat/hello")
    assert "At most 10 commands a minute" in shown(await talk.slack("status octocat/hello"))
    await talk.press(waiting, "Approve")
    assert (await talk.sees("At most 10 commands a minute"))["response_type"] == "ephemeral"


async def _typed(talk: Talk, text: str, url: str = "", **changed: str) -> Any:
    fields = {"token": TOKEN, "user_id": ADA, "user_name": "ada", "channel_id": CHANNEL, "team_id": "t", "text": text}
    body = urlencode({**fields, "trigger_id": text, "response_url": url, **changed}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await talk.client.post(mattermost.COMMAND, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _clicked(talk: Talk, post: Any, label: str, user: str, name: str) -> Any:
    (action,) = [one for one in post["attachments"][0]["actions"] if one["name"] == label]
    sent = {"user_id": user, "user_name": name, "channel_id": CHANNEL, "post_id": "p" * 26}
    answer = await talk.client.post(mattermost.ACTION, json={**sent, "context": action["integration"]["context"]})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _linked(talk: Talk, user: str, login: str) -> None:
    await talk.room.link(Person("mattermost", "", user, login), await talk.room.db.read(accounts.find(login)))


async def test_in_mattermost_who_asked_presses_and_a_later_answer_is_a_new_post(
    db: Database, tmp_path: Path, far: FarSlack, far_mattermost: FarMattermost
) -> None:
    far_mattermost.forget()
    settings = {"GANTRY_MATTERMOST_TOKEN": TOKEN, "GANTRY_MATTERMOST_URL": far_mattermost.url}
    async with talking(db, tmp_path, far, **settings) as talk:
        await _linked(talk, ADA, "octocat")
        old = await talk.room.passing()
        await talk.room.protect()
        post = await _typed(talk, f"octocat/hello#{old.number} to production", f"{far_mattermost.url}/hooks/commands/x")
        assert "waits for approval" in post["text"]

        refused = await _clicked(talk, post, "Approve", BOB, "bob")
        assert refused["ephemeral_text"].endswith(f"Type `approve octocat/hello#{old.number + 1}` instead.")
        approved = await _clicked(talk, post, "Approve", ADA, "ada")

        assert "approved by `octocat`" in approved["update"]["message"]
        await talk.room.finish(await talk.room.scene.build(old.number + 1))
        await talk.room.settled()
        assert "succeeded" in far_mattermost.posts[-1]["text"]


async def test_in_mattermost_with_a_bot_one_post_changes_and_others_press(
    db: Database, tmp_path: Path, far: FarSlack, far_mattermost: FarMattermost
) -> None:
    far_mattermost.forget()
    far_mattermost.users[BOB] = {"id": BOB, "username": "bob", "delete_at": 0}
    settings = {"GANTRY_MATTERMOST_TOKEN": TOKEN, "GANTRY_MATTERMOST_URL": far_mattermost.url}
    async with talking(db, tmp_path, far, **settings, GANTRY_MATTERMOST_BOT_TOKEN=BOT_TOKEN) as talk:
        await _linked(talk, ADA, "octocat")
        await talk.room.person("bob", "admin", user="U2")
        await _linked(talk, BOB, "bob")
        old = await talk.room.passing()
        await talk.room.protect()
        post = await _typed(talk, f"octocat/hello#{old.number} to production")
        approved = await _clicked(talk, post, "Approve", BOB, "bob")

        assert "approved by `bob`" in approved["update"]["message"]
        await talk.room.finish(await talk.room.scene.build(old.number + 1))
        await talk.room.settled()
        assert len(far_mattermost.made) == 1
        assert "succeeded" in next(iter(far_mattermost.made.values()))["message"]


async def test_in_teams_a_promotion_is_typed_and_its_page_is_linked(
    db: Database, tmp_path: Path, far: FarSlack
) -> None:
    async with talking(db, tmp_path, far, GANTRY_TEAMS_SECRET=SECRET) as talk:
        alice = Person("teams", "tenant-1", "alice", "Alice")
        await talk.room.link(alice, await talk.room.db.read(accounts.find("octocat")))
        old = await talk.room.passing()
        now = talk.room.scene.clock()

        async def said(text: str, key: int) -> str:
            told = {"id": f"{now}{key:03}", "text": f"<at>Gantry</at>&nbsp;{text}", "from": {"aadObjectId": "alice"}}
            body = json.dumps({**told, "type": "message", "conversation": {"tenantId": "tenant-1"}}).encode()
            answer = await talk.client.post(teams.PATH, content=body, headers={"authorization": sign(SECRET, body)})
            assert answer.status_code == 200, answer.text
            return str(answer.json()["text"])

        first = await said(f"deploy octocat/hello#{old.number} to production A=&lt;b&gt;", 1)
        assert f"Promotion [\\#{old.number + 1}](https://" in first
        assert "A=<b>" in first
        assert "nothing that happens later" in first
        assert await said("status octocat/hello", 1) == first
