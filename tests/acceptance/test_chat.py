"""A bot's commands through a real server: people are linked, promotions are followed to their end."""

import hashlib
import hmac
import json
import re
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from tests import gantry
from tests.acceptance.server import TOKEN, Server
from tests.notify.webhooks.receiver import Received, Receiver, receiving, status
from tests.scm.repository import Repository
from tests.soon import PATIENCE, soon_sync

SECRET, SLUG = "a-secret-of-a-bot-16", "octocat/hello-world"
PIPELINE = """
kind: pipeline
type: exec
name: build
trigger: {event: {exclude: [promote, rollback]}}
clone: {disable: true}
steps: [{name: one, commands: [echo built]}]
---
kind: pipeline
type: exec
name: deploy
trigger: {event: [promote, rollback]}
clone: {disable: true}
steps: [{name: ship, commands: ['echo "to $DRONE_DEPLOY_TO"', 'test -z "$BREAK"']}]
"""
OWN = {"Sec-Fetch-Site": "same-origin"}


class Bot:
    """A bot that signs what people type, and takes later answers."""

    def __init__(self, server: Server, far: Receiver) -> None:
        self.server = server
        self.far = far
        self._ids = iter(range(1, 100_000))
        #: Who speaks, unless a test says who.
        self.user = "U1"

    def ask(self, text: str = "", *, user: str = "", stamp: int = 0, key: str = SECRET, **more: str) -> httpx2.Response:
        sent = {"user": user or self.user, "channel": "deploys", "id": f"request {next(self._ids)}", "name": "kim"}
        body = json.dumps(sent | ({"text": text} if text else {}) | more).encode()
        return self.send(body, stamp=stamp or int(time.time()), key=key)

    def send(self, body: bytes, *, stamp: int, key: str = SECRET) -> httpx2.Response:
        digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Gantry-Timestamp": str(stamp), "X-Gantry-Signature": f"sha256={digest}"}
        return httpx2.post(f"{self.server.url}/chat/command", content=body, headers=headers, timeout=PATIENCE)

    def say(self, text: str = "", **more: Any) -> Any:
        answer = self.ask(text, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def followed(self, request: str, words: str) -> Received:
        """The later answer to a request that has these words."""

        def found() -> list[Received]:
            return [one for one in self.far.came if one.json["id"] == request and words in one.json["text"]]

        told = f"{request} is told {words!r}"
        return soon_sync(found, told, about=lambda: f"{self.far.came} {self.server.tail()}")[0]

    def link(self, user: str, token: str = TOKEN) -> None:
        text = self.say("login", user=user)["text"]
        headers = {"Authorization": f"Bearer {token}"}
        body = {"code": code_of(text)}
        answer = httpx2.post(f"{self.server.url}/api/user/chats", json=body, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 201, answer.text

    def person(self) -> str:
        """From now on somebody speaks who has an account of its own: each account may give some commands a minute."""
        number = next(self._ids)
        made = self.server.json("POST", "/api/users", json={"login": f"admin{number}", "admin": True})
        self.user = f"U-{number}"
        self.link(self.user, made["token"])
        return f"admin{number}"

    def signed(self, came: Received) -> bool:
        stamp = came.headers["x-gantry-timestamp"]
        digest = hmac.new(SECRET.encode(), f"{stamp}.".encode() + came.body, hashlib.sha256).hexdigest()
        return came.headers["x-gantry-signature"] == f"sha256={digest}"


def code_of(text: str) -> str:
    found = re.search(r"/chat/link\?code=(\w+)", text)
    assert found, text
    return found[1]


@pytest.fixture
def bot(shared: Bot) -> Bot:
    """The bot, in which somebody new speaks, and its address, which works."""
    shared.person()
    shared.far.answers = status(200)
    return shared


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    folder = tmp_path_factory.mktemp("chat")
    repository = Repository(folder / "hello-world")
    with receiving() as far:
        settings = {"chat_secret": SECRET, "webhook_allow_private": "true", "git_roots": str(folder)}
        with Server(folder / "server", **settings) as server:
            sha = repository.commit({".drone.yml": PIPELINE}, "Add the pipeline")
            server.register(repository.url, SLUG)
            server.push(SLUG, sha)
            server.finished(SLUG, 1)
            yield Bot(server, far)


def test_a_promotion_is_followed_to_its_end(bot: Bot) -> None:
    answer = bot.say(f"{SLUG}#1 to production TAG=v1", id="story", response_url=f"{bot.far.url}/answers")

    assert answer["response_type"] == "in_channel"
    assert (answer["repo"], [one["label"] for one in answer["buttons"]]) == (SLUG, ["Cancel"])
    told = bot.followed("story", "succeeded after")
    assert told.path == "/answers"
    assert bot.signed(told)
    assert told.json["build"] == answer["build"]
    build = bot.server.json("GET", f"/api/repos/{SLUG}/builds/{answer['build']}")
    assert (build["trigger"], build["via"], build["params"]) == (f"admin{bot.user[2:]}", "chat", {"TAG": "v1"})


def test_a_failed_promotion_shows_its_step_and_log(bot: Bot) -> None:
    bot.say(f"{SLUG}#1 to production BREAK=1", id="failing", response_url=bot.far.url)

    text = bot.followed("failing", "failed").json["text"]
    assert "step `ship` of `deploy` ended with exit code 1" in text
    assert "to production" in text[text.index("```") :]


def test_a_pressed_button_rolls_back(bot: Bot) -> None:
    for number, target in enumerate(("a", "b"), 1):
        request = f"pressing {number}"
        answer = bot.say(f"{SLUG}#1 to pressed X={target}", id=request, response_url=bot.far.url)
        told = bot.followed(request, "succeeded").json
        assert told["build"] == answer["build"]
    [button] = [one for one in told["buttons"] if one["label"] == "Roll back"]

    answer = bot.say(press=button["value"])

    assert "Rollback" in answer["text"]
    assert bot.server.finished(SLUG, answer["build"])["event"] == "rollback"


def test_a_forged_or_stale_request_is_refused_and_says_why(bot: Bot) -> None:
    now = int(time.time())
    for refused, words in (
        (bot.ask("help", key="another-secret-of-16"), "X-Gantry-Signature"),
        (bot.ask("help", stamp=now - 400), "300 s"),
        (bot.ask("help", stamp=now + 400), "300 s"),
        (httpx2.post(f"{bot.server.url}/chat/command", json={"text": "help"}), "X-Gantry-Timestamp"),
        (bot.send(b"{}", stamp=10**11), "300 s"),
    ):
        assert refused.status_code == 401
        assert words in refused.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"{}",
        b'{"user": 1, "id": "x"}',
        b'{"user": "", "id": "x"}',
        b'{"user": "U1"}',
        b'{"user": "U1", "id": "x", "response_url": "file:///etc/passwd"}',
        b'{"user": "U1", "id": "x", "text": "\\ud800"}',
        json.dumps({"user": "U1", "id": "x" * 201}).encode(),
        json.dumps({"user": "U1", "id": "x", "text": "x" * 40_001}).encode(),
    ],
)
def test_a_signed_request_that_is_wrong_is_told_its_faults(bot: Bot, body: bytes) -> None:
    answer = bot.send(body, stamp=int(time.time()))

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"]


def test_a_replayed_request_is_answered_the_same_and_done_once(bot: Bot) -> None:
    body = json.dumps({"user": bot.user, "id": "replay", "text": f"{SLUG}#1 to replayed"}).encode()
    stamp = int(time.time())
    with ThreadPoolExecutor(8) as threads:
        answers = [one.json() for one in threads.map(lambda _: bot.send(body, stamp=stamp), range(8))]

    assert len({one["build"] for one in answers if "build" in one}) == 1
    builds = bot.server.json("GET", f"/api/repos/{SLUG}/builds", params={"deploy_to": "replayed"})
    assert [one.get("deploy_to") for one in builds].count("replayed") == 1


@pytest.mark.parametrize(
    "text", ["\u202e\u0000", "`" * 500, "<script>" * 200, "'", "octocat/hello-world#1 to prod A=\u0000"]
)
def test_no_text_is_an_internal_error(bot: Bot, text: str) -> None:
    assert "internal error" not in bot.say(text)["text"]


def test_an_unlinked_person_is_told_how_to_link(bot: Bot) -> None:
    assert "Say `login`" in bot.say(f"{SLUG}#1 to production", user="U-stranger")["text"]


def browser(bot: Bot) -> httpx2.Client:
    return httpx2.Client(base_url=bot.server.url, headers=OWN, timeout=PATIENCE)


def test_a_link_leads_over_the_log_in_to_a_page_that_names_the_person_and_asks(bot: Bot) -> None:
    text = bot.say("login", user="U7", name="<b>kim</b>")["text"]
    with browser(bot) as visitor:
        path = f"/chat/link?code={code_of(text)}"
        first = visitor.get(path)
        assert (first.status_code, first.headers["location"]) == (303, f"/login?next={quote(path, safe='')}")
        back = visitor.post("/login", data={"access_token": TOKEN, "next": path})
        assert (back.status_code, back.headers["location"]) == (303, path)
        page = visitor.get(path).text
        assert "&lt;b&gt;kim&lt;/b&gt; (U7)" in page
        assert "<strong>octocat</strong>" in page
        assert "close this page" in page
        assert "Say `login`" in bot.say("status x/y", user="U7")["text"]  # to look changes nothing
        done = visitor.post("/chat/link", data={"code": code_of(text)})
        assert done.status_code == 200
        assert "Linked" in done.text
        assert visitor.post("/chat/link", data={"code": code_of(text)}).status_code == 404
        assert visitor.get("/").headers.get("location") != path
    assert "no such repository" in bot.say("status x/y", user="U7")["text"]
    [row] = [one for one in bot.server.json("GET", "/api/audit?verb=chat.link") if one["after"]["user"] == "U7"]
    assert row["actor"]["way"] == "session"


def test_a_page_of_another_site_links_nobody(bot: Bot) -> None:
    code = code_of(bot.say("login", user="U8")["text"])
    with browser(bot) as visitor:
        visitor.post("/login", data={"access_token": TOKEN})
        foreign = visitor.post("/chat/link", data={"code": code}, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403
    assert "Say `login`" in bot.say("status x/y", user="U8")["text"]


@pytest.mark.parametrize("code", ["", "x", "%00", "x" * 5000])
def test_an_unknown_code_links_nobody(bot: Bot, code: str) -> None:
    with browser(bot) as visitor:
        visitor.post("/login", data={"access_token": TOKEN})
        assert visitor.get(f"/chat/link?code={code}").status_code == 404
    assert bot.server.ask("POST", "/api/user/chats", json={"code": code}).status_code == 404


def test_a_later_code_makes_an_earlier_one_void_and_moves_the_person(bot: Bot) -> None:
    with bot.server.account("kim") as kim:
        first, second = (code_of(bot.say("login", user="U9")["text"]) for _ in range(2))

        assert bot.server.ask("POST", "/api/user/chats", json={"code": first}).status_code == 404
        assert bot.server.ask("POST", "/api/user/chats", json={"code": second}).status_code == 201
        again = bot.say("login", user="U9")["text"]
        assert "You act as `octocat`" in again
        moved = kim.post("/api/user/chats", json={"code": code_of(again)})
        assert (moved.status_code, moved.json()["user"]) == (201, "U9")
        [mine] = kim.get("/api/user/chats").json()
        assert mine["id"] == moved.json()["id"]
        assert bot.server.ask("DELETE", f"/api/user/chats/{mine['id']}").status_code == 404
        assert kim.delete(f"/api/user/chats/{mine['id']}").status_code == 204
        assert kim.get("/api/user/chats").json() == []


def test_the_command_line_links_and_unlinks(bot: Bot) -> None:
    code = code_of(bot.say("login", user="U10")["text"])
    environ = bot.server.environment | {"GANTRY_SERVER": bot.server.url, "GANTRY_TOKEN": TOKEN}

    linked = gantry.run(["chat", "link", code, "--yes"], environ, timeout=PATIENCE)
    assert "kim (U10) of a bot acts with your account now" in linked.stdout
    listed = json.loads(gantry.run(["chat", "ls", "--json"], environ, timeout=PATIENCE).stdout)
    [mine] = [one for one in listed if one["user"] == "U10"]
    ended = gantry.run(["chat", "unlink", str(mine["id"]), "--yes"], environ, timeout=PATIENCE)
    assert ended.returncode == 0
    assert "Say `login`" in bot.say("status x/y", user="U10")["text"]


def test_an_address_that_does_not_answer_is_tried_again(bot: Bot) -> None:
    bot.far.answers = status(503)
    bot.say(f"{SLUG}#1 to retried", id="retried", response_url=bot.far.url)
    soon_sync(lambda: any(one.json["id"] == "retried" for one in bot.far.came), "the first attempt")
    bot.far.answers = status(200)

    bot.followed("retried", "succeeded")


def test_the_server_is_killed_and_the_message_is_finished_by_the_next_one(bot: Bot) -> None:
    bot.far.answers = status(503)
    answer = bot.say(f"{SLUG}#1 to killed", id="killed", response_url=bot.far.url)
    bot.server.finished(SLUG, answer["build"])
    bot.server.kill()
    bot.far.answers = status(200)
    bot.server.start()

    bot.followed("killed", "succeeded")


def test_commands_are_answered_quickly(bot: Bot) -> None:
    """The worst of a few: a measurement is `make bench`'s."""
    took = list[float]()
    for at in range(9):
        begun = time.monotonic()
        answer = bot.say(f"{SLUG}#1 to fast-{at} --dry-run")
        took.append(time.monotonic() - begun)
        assert "Dry run" in answer["text"]
    assert statistics.median(took) < 1.0


def test_without_a_secret_no_bot_may_send(tmp_path: Path) -> None:
    with Server(tmp_path / "server") as server:
        answer = httpx2.post(f"{server.url}/chat/command", json={"user": "U1", "id": "1", "text": "help"})

    assert answer.status_code == 404
    assert "GANTRY_CHAT_SECRET" in answer.json()["message"]


def test_later_answers_go_to_no_private_network_unless_that_is_allowed(tmp_path: Path) -> None:
    with receiving() as far, Server(tmp_path / "server", chat_secret=SECRET, git_roots=str(tmp_path)) as server:
        repository = Repository(tmp_path / "hello-world")
        sha = repository.commit({".drone.yml": PIPELINE}, "Add the pipeline")
        server.register(repository.url, SLUG)
        server.push(SLUG, sha)
        server.finished(SLUG, 1)
        bot = Bot(server, far)
        bot.person()
        bot.say(f"{SLUG}#1 to production", response_url=far.url)

        def refused() -> bool:
            entries = server.json("GET", "/api/outbox")
            return any("private" in one["error"] or "loopback" in one["error"] for one in entries)

        soon_sync(refused, "the address is refused", about=server.tail)
        assert far.came == []
