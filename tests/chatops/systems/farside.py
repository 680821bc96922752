"""Slack, Mattermost and a workflow of Teams, which take messages over real HTTP and remember what people would see."""

import itertools
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from slack_sdk.signature import Clock, SignatureVerifier

from tests.scm.fakes.serving import Asked, Far, Problem, call

SIGNING_SECRET, BOT_TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "xoxb-token-of-the-bot"


class FarChat(Far):
    """Takes messages."""

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        """Be as new."""
        self.heal()
        self.requests.clear()
        #: Posted through addresses, in their order.
        self.posts: list[dict[str, Any]] = []


class FarSlack(FarChat):
    """The addresses of `hooks.slack.com`, and the two calls of the API. `used` addresses take nothing more."""

    def forget(self) -> None:
        super().forget()
        self.used: set[str] = set()
        #: Messages of the API, by time.
        self.messages: dict[str, dict[str, Any]] = {}
        #: Error of the next call of the API; and messages that the app may not change.
        self.error_of_api = ""
        self.unchangeable: set[str] = set()
        self._times = itertools.count(1)

    @call("POST", "{kind}/T1/{number}/{secret}")
    def hook(self, asked: Asked) -> Any:
        if asked.path in self.used:
            raise Problem(404, b"used_url")
        self.posts.append(asked.json)
        return None

    @call("POST", "api/chat.update")
    def update(self, asked: Asked) -> Any:
        if refusal := self._refusal_of(asked):
            return refusal
        if (time := asked.json["ts"]) in self.unchangeable:
            return {"ok": False, "error": "cant_update_message"}
        self.messages[time] = asked.json
        return {"ok": True, "ts": time}

    @call("POST", "api/chat.postMessage")
    def post(self, asked: Asked) -> Any:
        if refusal := self._refusal_of(asked):
            return refusal
        time = f"99.{next(self._times)}"
        self.messages[time] = asked.json
        return {"ok": True, "ts": time}

    def _refusal_of(self, asked: Asked) -> Mapping[str, Any] | None:
        error = self.error_of_api if asked.headers["authorization"] == f"Bearer {BOT_TOKEN}" else "invalid_auth"
        return {"ok": False, "error": error} if error else None


class FarMattermost(FarChat):
    """The addresses of later answers, and the calls of the API that a bot makes."""

    def forget(self) -> None:
        super().forget()
        #: Posts of the API, by id; those of others than the bot; the users; whether the bot is in the channel.
        self.made: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.is_member = True

    @call("POST", "hooks/commands/{secret}")
    def hook(self, asked: Asked) -> Any:
        self.posts.append(asked.json)
        return {"status": "OK"}

    @call("GET", "api/v4/users/{id}")
    def user(self, asked: Asked) -> Any:
        self._check(asked)
        if asked.params["id"] not in self.users:
            raise Problem(404, "no such user")
        return self.users[asked.params["id"]]

    @call("POST", "api/v4/posts")
    def post(self, asked: Asked) -> Any:
        self._check(asked)
        number = f"{len(self.made):026}"
        self.made[number] = asked.json
        return 201, {"id": number}

    @call("PUT", "api/v4/posts/{id}/patch")
    def patch(self, asked: Asked) -> Any:
        self._check(asked)
        if asked.params["id"] not in self.made:
            raise Problem(403, "not the bot's")
        self.made[asked.params["id"]] |= asked.json
        return {"id": asked.params["id"]}

    def _check(self, asked: Asked) -> None:
        if asked.headers["authorization"] != f"Bearer {BOT_TOKEN}":
            raise Problem(401, "who are you?")
        if not self.is_member and "posts" in asked.path:
            raise Problem(403, "not in the channel")


class FarTeams(FarChat):
    """A workflow."""

    @call("POST", "workflows/{id}")
    def workflow(self, asked: Asked) -> Any:
        self.posts.append(asked.json)
        return 202, None


class At(Clock):
    """A time."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> float:
        return self._now


def signed(fields: Mapping[str, str], now: int, secret: str = SIGNING_SECRET) -> tuple[bytes, dict[str, str]]:
    """A request of Slack, signed by Slack's own library."""
    body = urlencode(fields)
    signature = SignatureVerifier(secret, At(now)).generate_signature(timestamp=str(now), body=body)
    assert signature is not None
    return body.encode(), {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": str(now),
        "x-slack-signature": signature,
    }


def shown(message: Mapping[str, Any]) -> str:
    """The words of a message of Slack."""
    texts = [block["elements"] for block in message["blocks"] if block["type"] == "rich_text"]
    return "\n".join("".join(part["text"] for part in element["elements"]) for text in texts for element in text)
