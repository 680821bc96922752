"""A bot of one's own: which of its requests are taken, and where later answers go (contract gantry-chatops 5)."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NotRequired, Protocol
from urllib.parse import urlsplit

from typing_extensions import TypedDict

from app.chatops.model import NOWHERE, Answer, Person, Place, Press, Request
from app.chatops.systems.bot.input import CommandInput
from app.encoding import encode
from app.errors import Unauthorized

TIMESTAMP, SIGNATURE = "X-Gantry-Timestamp", "X-Gantry-Signature"
#: Seconds that the time of a request may differ from the server's.
WINDOW = 300
#: Later answers that an address gets, and the seconds in which it gets them.
ANSWERS, OPEN = 50, 24 * 3600


class ButtonJSON(TypedDict):
    """A button. To press it, a bot sends `value` as `press`, in the place of a text, after it has asked `confirm`."""

    label: str
    value: str
    style: str
    confirm: str


class AnswerJSON(TypedDict):
    """An answer. `response_type` is `in_channel` for everybody in the channel, `ephemeral` for the person alone.

    `text` has `code` in backquotes, blocks between lines of three backquotes, and links as `[words](url)`. `build` is
    what the answer is about. A later answer has the `id` of its request, and takes the place of the answer before.
    """

    text: str
    response_type: str
    repo: NotRequired[str]
    build: NotRequired[int]
    buttons: NotRequired[list[ButtonJSON]]
    id: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that posts a message to an address that a bot has named, and that holds a secret."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Post(Protocol):
    """Sends a call to an address that is checked first: of no private network, and followed nowhere else."""

    async def __call__(self, call: Call) -> None:
        """The address has taken the message. Errors as of `Writer.later`; any status but 2xx is one."""
        ...


class Bot:
    """The bots that share the secret of the settings."""

    most = ANSWERS
    lifetime = OPEN

    def __init__(self, secret: str, post: Post, now: Callable[[], int]) -> None:
        self._secret = secret.encode()
        self._post = post
        self._now = now

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Unauthorized when no bot has signed the request, or not just now."""
        stamp, shown = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12 and shown):
            raise Unauthorized(f"the request needs {TIMESTAMP}, in Unix seconds, and {SIGNATURE}")
        if not hmac.compare_digest(shown.encode("utf-8", "replace"), self._sign(stamp, body).encode()):
            raise Unauthorized(f"{SIGNATURE} is not sha256= and the HMAC of the time, a dot and the body")
        if abs(self._now() - int(stamp)) > WINDOW:
            raise Unauthorized(f"{TIMESTAMP} is more than {WINDOW} s from the time of the server")

    def _sign(self, stamp: str, body: bytes) -> str:
        return "sha256=" + hmac.new(self._secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()

    def host(self, place: Place) -> str:
        """The machine that takes later answers."""
        return urlsplit(place.url).hostname or ""

    async def later(self, place: Place, answer: Answer) -> Place:
        """Post an answer, signed as a command is."""
        body = encode({**answer_json(answer), "id": place.message})
        stamp = str(self._now())
        headers = {"Content-Type": "application/json", TIMESTAMP: stamp, SIGNATURE: self._sign(stamp, body)}
        await self._post(Call(place.url, headers, body))
        return place


def asked(sent: CommandInput, address: str) -> Request | Press:
    """The command, or the press, of a request."""
    by = Person("chat", "", sent.user, sent.name)
    place = Place(url=sent.response_url, channel=sent.channel, message=sent.id) if sent.response_url else NOWHERE
    if sent.press:
        return Press(by, sent.press, sent.id, place, address)
    return Request(by, sent.text, sent.id, place, address)


def answer_json(answer: Answer) -> AnswerJSON:
    """An answer as a bot reads it."""
    made = AnswerJSON(text=answer.text, response_type="in_channel" if answer.public else "ephemeral")
    if answer.build:
        made |= {"repo": answer.repo, "build": answer.build}
    if answer.buttons:
        made["buttons"] = [
            ButtonJSON(label=one.label, value=one.value, style=one.style, confirm=one.confirm) for one in answer.buttons
        ]
    return made
