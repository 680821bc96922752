"""Mattermost, as the settings name it: which requests are taken, and where answers go."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from app.chatops.model import NOWHERE, Answer, Person, Place, Press, Request
from app.chatops.systems.mattermost import reading
from app.chatops.systems.mattermost.messages import Buttons, message, post
from app.chatops.systems.mattermost.reading import ID
from app.errors import AppError, Unavailable, Unreadable
from app.scm.client import Call, Client
from app.scm.forge import Forbids, Refused

#: Seconds in which Mattermost must say who a person is, who waits for the answer.
LOOK_UP = 1.0
#: Later answers that an address takes, and the seconds in which it takes them (contract gantry-chatops 3).
ANSWERS, OPEN = 5, 1800
#: The same where a bot changes messages.
ANSWERS_OF_BOT, OPEN_OF_BOT = 50, 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Bot:
    """The account of a bot at Mattermost."""

    url: str
    client: Client
    token: str

    async def user(self, user: str) -> Mapping[str, Any] | None:
        """A user by id; None when there is none."""
        try:
            return await self._call("GET", f"users/{user}")
        except Refused as error:
            if error.absent:
                return None
            raise

    async def show(self, place: Place, told: Mapping[str, Any]) -> Place:
        """Change the post, or make one that is changed from then on, in the thread of a post that is not the bot's."""
        if place.message:
            try:
                await self._call("PUT", f"posts/{place.message}/patch", {"id": place.message, **told})
            except (Refused, Forbids):
                pass
            else:
                return place
        new = {"channel_id": place.channel, "root_id": place.thread or place.message, **told}
        made = await self._call("POST", "posts", new)
        number = str(made.get("id", ""))
        return replace(place, url="", message=number if ID.fullmatch(number) else "", thread=new["root_id"])

    async def _call(self, method: str, path: str, told: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"}
        call = Call(method, f"{self.url}/api/v4/{path}", headers, json=told, secrets=(self.token,))
        try:
            said = orjson.loads((await self.client.send(call)).content)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise Unavailable("Mattermost answers with what is no JSON object")
        return said


class Mattermost:
    """One Mattermost. `url` is its address, empty when it is not known: then no later answer can be shown."""

    def __init__(self, tokens: Sequence[str], url: str, client: Client, buttons: Buttons, bot: Bot | None) -> None:
        self._tokens = tokens
        self._hooks = f"{url}/hooks/commands/" if url else ""
        self._client = client
        self._bot = bot
        self.buttons = buttons

    def command(self, headers: Mapping[str, str], body: bytes, now: int, address: str) -> Request:
        """The command of a request; Unauthorized when the request does not show a token."""
        return reading.command(self._tokens, headers, body, now, address)

    def press(self, body: bytes, address: str) -> Press:
        """The pressed button of a request, whose person is not yet verified; Unauthorized for a context of no button of
        this server."""
        return reading.press(body, self.buttons.key, address)

    def followed(self, place: Place) -> Place:
        """The place, if later answers can be shown there; else nowhere."""
        place = place if self._hooks and place.url.startswith(self._hooks) else replace(place, url="")
        return place if place.url or self._bot else NOWHERE

    def followed_after(self, press: Press) -> Place:
        """Where later answers to a press go. The message of a build is told of the build anyhow, so only a press that
        begins another build has a place."""
        begins = press.value.startswith("rollback:")
        return self.followed(replace(press.place, message="")) if begins else NOWHERE

    async def problem(self, press: Press) -> str:
        """Why a press does not count; empty if it does.

        Nothing in a press shows who presses. With a bot, the person must be one whom Mattermost knows by this name, and
        no bot. Without, only the person who asked for the message may press, who could as well type the same.
        """
        by = press.by
        if self._bot is None:
            return "" if by.user == press.place.asker else f"Only the person who asked may press this. {_typed(press)}"
        try:
            async with asyncio.timeout(LOOK_UP):
                known = await self._bot.user(by.user)
        except (AppError, TimeoutError):
            return f"Mattermost cannot be asked who you are. {_typed(press)}"
        return "" if known is not None and _is(known, by) else f"Mattermost does not know who you are. {_typed(press)}"

    @property
    def most(self) -> int:
        """How many later answers a place takes."""
        return ANSWERS_OF_BOT if self._bot else ANSWERS

    @property
    def lifetime(self) -> int:
        """Seconds in which a place takes them."""
        return OPEN_OF_BOT if self._bot else OPEN

    def host(self, _place: Place) -> str:
        """The machine that takes later answers."""
        return urlsplit(self._hooks).hostname or ""

    async def later(self, place: Place, answer: Answer) -> Place:
        """Show an answer; only a bot can change a post. Returns where the next one goes."""
        attachments = self.buttons.of(answer, place)
        if self._bot and answer.public and place.channel:
            try:
                return await self._bot.show(place, post(answer, attachments))
            except (Refused, Forbids):  # the bot is not in the channel
                if not self.followed(place).url:
                    raise
        if not (url := self.followed(place).url):
            raise Unreadable("Mattermost takes no more answers to this request")
        call = Call("POST", url, json=message(answer, attachments), secrets=(urlsplit(url).path,))
        await self._client.send(call, wanted=False)
        return place


def _is(known: Mapping[str, Any], person: Person) -> bool:
    """Whether a user of Mattermost is the person, and still there."""
    there = not known.get("delete_at") and not known.get("is_bot")
    return bool(there and known.get("id") == person.user and known.get("username") == person.name)


def _typed(press: Press) -> str:
    """The command that does what the button does; empty for what no short command does."""
    action, repo, build, *_ = [*press.value.split(":"), "", "", ""]
    return f"Type `{action} {repo}#{build}` instead." if action in ("approve", "reject", "cancel") else ""
