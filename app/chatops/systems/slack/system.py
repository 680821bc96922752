"""Slack, as the settings name it: which requests are taken, and where answers go."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from app.chatops.model import NOWHERE, Answer, Place, Press, Request
from app.chatops.systems.slack import reading
from app.chatops.systems.slack.messages import message
from app.chatops.systems.slack.reading import Tenants
from app.chatops.systems.slack.signature import verify
from app.errors import Unauthorized, Unavailable, Unreadable
from app.scm.client import Call, Client
from app.scm.forge import Refused

log = logging.getLogger(__name__)

#: Later answers that an address takes, and the seconds in which it takes them (contract gantry-chatops 2.3).
ANSWERS, OPEN = 5, 1800
#: The same where a token changes messages.
ANSWERS_OF_TOKEN, OPEN_OF_TOKEN = 50, 7 * 24 * 3600
#: Errors of the API that may pass.
_PASSING = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"})
#: Errors of the API that say that a message cannot be changed by this app, or not any more.
_UNCHANGEABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


class Slack:
    """One app at Slack. `hooks` is the address under which Slack takes later answers, `api` that of its API."""

    def __init__(
        self, secrets: Sequence[str], tenants: Tenants, hooks: str, api: str, client: Client, token: str = ""
    ) -> None:
        self._secrets = secrets
        self._tenants = tenants
        self._hooks = f"{hooks}/"
        self._api = api
        self._client = client
        self._token = token

    def command(self, headers: Mapping[str, str], body: bytes, now: int, address: str) -> Request:
        """The command of a request; Unauthorized when Slack has not signed the request just now."""
        self._verify(headers, body, now)
        request = reading.command(body, self._tenants, address)
        return replace(request, place=self._checked(request.place))

    def press(self, headers: Mapping[str, str], body: bytes, now: int, address: str) -> Press | None:
        """The pressed button of a request, None for another interaction; Unauthorized as above."""
        self._verify(headers, body, now)
        press = reading.press(body, self._tenants, address)
        return press and replace(press, place=self._checked(press.place))

    def _verify(self, headers: Mapping[str, str], body: bytes, now: int) -> None:
        if not verify(self._secrets, headers, body, now):
            raise Unauthorized

    def _checked(self, place: Place) -> Place:
        """The place, without an address that is not Slack's; nowhere when nothing can be shown there."""
        if place.url.startswith(self._hooks):
            return place
        if place.url:
            about = {"host": urlsplit(place.url).hostname, "setting": "GANTRY_SLACK_HOOKS"}
            log.warning("Slack takes answers at an address that the settings do not name", extra=about)
        return replace(place, url="") if self._token else NOWHERE

    @property
    def most(self) -> int:
        """How many later answers a place takes."""
        return ANSWERS_OF_TOKEN if self._token else ANSWERS

    @property
    def lifetime(self) -> int:
        """Seconds in which a place takes them."""
        return OPEN_OF_TOKEN if self._token else OPEN

    def host(self, place: Place) -> str:
        """The machine that takes later answers."""
        return urlsplit(self._hooks if place.url else self._api).hostname or ""

    async def later(self, place: Place, answer: Answer) -> Place:
        """Show an answer: a public one takes the place of the message. Returns where the next one goes.

        The address of the request takes it while it is open; then, with a token, the API does.
        """
        if url := self._checked(place).url:
            try:
                await self._post(url, {**message(answer), "replace_original": answer.public})
            except Refused:
                if not (self._token and answer.public and place.channel):
                    raise
            else:
                return place
        if not (self._token and answer.public and place.channel):
            raise Unreadable("Slack takes no more answers to this request")
        return await self._with_token(place, answer)

    async def _post(self, url: str, told: Mapping[str, Any]) -> None:
        """Post to an address that is a secret."""
        await self._client.send(Call("POST", url, json=told, secrets=(urlsplit(url).path,)), wanted=False)

    async def _with_token(self, place: Place, answer: Answer) -> Place:
        """Change the message, or post one that is changed from then on."""
        told = {name: value for name, value in message(answer).items() if name != "response_type"}
        known = {"channel": place.channel, "ts": place.message}
        if place.message and (await self._call("chat.update", known | told, _UNCHANGEABLE)) is not None:
            return replace(place, url="")
        thread = place.thread or place.message
        made = await self._call("chat.postMessage", {"channel": place.channel, "thread_ts": thread or None} | told)
        return replace(place, url="", message=str((made or {}).get("ts", "")), thread=thread)

    async def _call(self, method: str, told: Mapping[str, Any], known: frozenset[str] = frozenset()) -> Any:
        """The answer of the API; None for an error that is known."""
        headers = {"authorization": f"Bearer {self._token}"}
        call = Call("POST", f"{self._api}/{method}", headers, json=told, secrets=(self._token,))
        try:
            said = orjson.loads((await self._client.send(call)).content)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise Unavailable(f"Slack answers {method} with what is no JSON object")
        if said.get("ok") is True:
            return said
        error = str(said.get("error", ""))[:100]
        if error in known:
            return None
        raise (Unavailable if error in _PASSING else Unreadable)(f"Slack refuses {method}: {error}")
