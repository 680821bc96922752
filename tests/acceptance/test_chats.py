"""A promotion from Slack by a real server: typed, approved with a button, and followed to its result."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.acceptance.server import TOKEN, Server
from tests.chatops.systems.farside import SIGNING_SECRET, FarSlack, shown, signed
from tests.scm.fakes.serving import serving
from tests.scm.repository import Repository
from tests.soon import PATIENCE

SLUG = "octocat/hello-world"
PIPELINE = """
kind: pipeline
type: exec
name: build
clone: {disable: true}
steps:
- name: one
  commands: [echo built]
trigger: {event: [push]}
---
kind: pipeline
type: exec
name: deploy
clone: {disable: true}
steps:
- name: deploy
  commands: ['printf "to %s with %s\\n" "$DRONE_DEPLOY_TO" "$NOTE"', '[ "$DRONE_DEPLOY_TO" != broken ]']
trigger: {event: [promote, rollback]}
"""


class Slack:
    """People who write to the server through Slack."""

    def __init__(self, server: Server, far: FarSlack, repository: Repository) -> None:
        self.server, self.far = server, far
        self._repository = repository
        self._requests = 0

    def pushed(self, pipeline: str) -> int:
        """The number of a build that has succeeded."""
        number: int = self.server.push(SLUG, self._repository.commit({".drone.yml": pipeline})).json()["number"]
        assert self.server.finished(SLUG, number)["status"] == "success"
        return number

    def send(self, path: str, fields: dict[str, str], *, secret: str = SIGNING_SECRET, age: int = 0) -> httpx2.Response:
        body, headers = signed(fields, int(time.time()) - age, secret)
        return httpx2.post(f"{self.server.url}/chat/slack/{path}", content=body, headers=headers, timeout=PATIENCE)

    def fields(self, text: str, user: str = "U1", **changed: str) -> dict[str, str]:
        self._requests += 1
        known = {"team_id": "T1", "user_id": user, "user_name": user.lower(), "channel_id": "C1", "text": text}
        url = f"{self.far.url}/commands/T1/{self._requests}/address-is-secret"
        return {**known, "trigger_id": f"{self._requests}.{time.time_ns()}", "response_url": url, **changed}

    def say(self, text: str, user: str = "U1", **changed: str) -> Any:
        """The message that answers a command, and its words."""
        answer = self.send("command", self.fields(text, user, **changed))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def press(self, message: Any, label: str, user: str = "U1") -> None:
        self._requests += 1
        buttons = [one for block in message["blocks"] if block["type"] == "actions" for one in block["elements"]]
        (button,) = [one for one in buttons if one["text"]["text"] == label]
        payload = {
            "type": "block_actions",
            "user": {"id": user, "team_id": "T1"},
            "team": {"id": "T1"},
            "container": {"message_ts": "1.2", "channel_id": "C1"},
            "channel": {"id": "C1"},
            "response_url": f"{self.far.url}/actions/T1/{self._requests}/address-is-secret",
            "actions": [{**button, "action_ts": f"{self._requests}.{time.time_ns()}"}],
        }
        answer = self.send("interactive", {"payload": json.dumps(payload)})
        assert (answer.status_code, answer.content) == (200, b"")

    def link(self, user: str, token: str) -> str:
        """Let a person act with the account of a token; the code that did so."""
        (text, *_) = self.say("login", user)["blocks"]
        (url,) = [part["url"] for part in text["elements"][0]["elements"] if part["type"] == "link"]
        code: str = url.partition("code=")[2]
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx2.post(f"{self.server.url}/api/user/chats", json={"code": code}, headers=headers)
        assert answer.status_code == 201, answer.text
        return code

    def sees(self, text: str) -> Any:
        """The newest message with this text, once there is one."""
        return self.server.until(
            lambda: next((post for post in reversed(self.far.posts) if text in shown(post)), None),
            f"Slack shows {text!r}",
        )


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slack]:
    folder = tmp_path_factory.mktemp("chats")
    far = FarSlack()
    settings = {"slack_signing_secret": SIGNING_SECRET, "git_roots": str(folder)}
    with serving(far), Server(folder / "server", slack_hooks=far.url, **settings) as server:
        repository = Repository(folder / "hello-world")
        repository.commit()
        server.register(repository.url, SLUG)
        talking = Slack(server, far, repository)
        assert talking.pushed(PIPELINE) == 1
        code = talking.link("U1", TOKEN)
        yield talking
        log = server.log.read_text()
        for secret in (SIGNING_SECRET, "address-is-secret", code):
            assert secret not in log


@pytest.fixture
def held(slack: Slack) -> Iterator[int]:
    """A build whose promotions wait for an approval: nobody has approved its file yet."""
    number = slack.pushed(f"{PIPELINE}# {time.time_ns()}\n")
    slack.server.json("PATCH", f"/api/repos/{SLUG}", json={"protected": True})
    yield number
    slack.server.json("PATCH", f"/api/repos/{SLUG}", json={"protected": False})


def test_a_typed_promotion_runs_and_its_message_ends_with_the_result(slack: Slack) -> None:
    asked = slack.say(f"{SLUG}#1 to production NOTE=“smart &lt;b&gt; it's 🚀”")

    assert asked["response_type"] == "in_channel"
    number = int(shown(asked).partition("#")[2].partition(" ")[0])
    done = slack.sees(f"Promotion #{number} of {SLUG}#1 to production succeeded")
    assert done["replace_original"] is True
    assert "\nto production with smart <b> it's 🚀\n" in slack.server.output(SLUG, number)
    build = slack.server.json("GET", f"/api/repos/{SLUG}/builds/{number}")
    assert (build["event"], build["deploy_to"], build["trigger"]) == ("promote", "production", "octocat")


def test_a_failed_promotion_names_the_step_and_shows_the_end_of_its_log(slack: Slack) -> None:
    slack.say(f"{SLUG}#1 to broken NOTE=x")
    failed = slack.sees("to broken failed")
    assert "step deploy of deploy ended with exit code 1" in shown(failed)
    assert "to broken with x" in shown(failed)


def test_a_promotion_that_waits_is_approved_with_a_button(slack: Slack, held: int) -> None:
    asked = slack.say(f"{SLUG}#{held} to staging")
    assert "waits for approval" in shown(asked)
    slack.press(asked, "Approve")
    assert "approved by octocat" in shown(slack.sees("to staging succeeded"))


def test_of_two_people_who_press_at_once_one_decides(slack: Slack, held: int) -> None:
    made = slack.server.json("POST", "/api/users", json={"login": "ada", "admin": True})
    slack.link("U2", made["token"])
    asked = slack.say(f"{SLUG}#{held} to canary")
    number = int(shown(asked).partition("#")[2].partition(" ")[0])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda who: slack.press(asked, *who), [("Approve", "U1"), ("Reject", "U2")]))

    status = slack.server.finished(SLUG, number)["status"]
    ends, said = {
        "success": ("to canary succeeded", "approved by octocat"),
        "declined": ("to canary was rejected", "rejected by ada"),
    }[status]
    assert said in shown(slack.sees(ends))


def test_forged_and_stale_requests_do_nothing(slack: Slack) -> None:
    before = slack.server.json("GET", f"/api/repos/{SLUG}/builds")
    for options in ({"secret": "0" * 32}, {"age": 330}, {"age": -330}):
        answer = slack.send("command", slack.fields(f"{SLUG}#1 to nowhere"), **options)
        assert answer.status_code == 401
    assert slack.server.json("GET", f"/api/repos/{SLUG}/builds") == before


def test_a_request_that_is_sent_again_at_once_makes_one_build(slack: Slack) -> None:
    fields = slack.fields(f"{SLUG}#1 to twice")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: slack.send("command", fields), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    made = [one for one in slack.server.json("GET", f"/api/repos/{SLUG}/builds") if one.get("deploy_to") == "twice"]
    assert len(made) == 1


def test_strangers_are_told_how_to_link(slack: Slack) -> None:
    answer = slack.say(f"{SLUG}#1 to production", "U9")
    assert answer["response_type"] == "ephemeral"
    assert "is not linked" in shown(answer)


def test_chats_that_the_settings_do_not_name_are_not_there(slack: Slack) -> None:
    for path in ("/chat/teams", "/chat/mattermost/command", "/chat/mattermost/action"):
        assert httpx2.post(slack.server.url + path, content=b"{}").status_code == 404
