"""Commands and pressed buttons as Mattermost sends them (contract gantry-chatops 3). Pure."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from app.chatops.model import Person, Place, Press, Request
from app.chatops.systems.fields import missing, of_form, of_json, text
from app.chatops.systems.mattermost.context import Context
from app.errors import Unauthorized

#: Seconds in which equal commands without an id count as one.
WINDOW = 60
#: An id of Mattermost, which is a part of addresses.
ID = re.compile(r"[a-z0-9]{26}")


def verify(tokens: Sequence[str], authorization: str, field: str) -> bool:
    """Whether a command shows one of the tokens, in its header or else in its field; in constant time."""
    scheme, _, shown = authorization.partition(" ")
    given = (shown.strip() if scheme.lower() == "token" else field).encode()
    return any([hmac.compare_digest(token.encode(), given) for token in tokens])  # noqa: C419 - compare all of them


def command(tokens: Sequence[str], headers: Mapping[str, str], body: bytes, now: int, address: str = "") -> Request:
    """The command of a request; Unauthorized when the request does not show a token."""
    authorization = headers.get("authorization", "")
    if authorization and not verify(tokens, authorization, ""):
        raise Unauthorized  # strangers learn nothing of how bodies are read
    is_json = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    found = of_json(body) if is_json else of_form(body)
    if not verify(tokens, authorization, text(found, "token")):
        raise Unauthorized
    channel, user = text(found, "channel_id"), text(found, "user_id")
    for name, value in (("channel_id", channel), ("user_id", user)):
        if not ID.fullmatch(value):
            raise missing(name)
    key = text(found, "trigger_id") or f"{hashlib.sha256(body).hexdigest()} {now // WINDOW}"
    place = Place(text(found, "response_url"), channel, asker=user)
    typed = text(found, "text")
    return Request(_person(user, text(found, "user_name")), typed, f"{text(found, 'team_id')}\n{key}", place, address)


def press(body: bytes, key: bytes, address: str = "") -> Press:
    """The pressed button of a request, which does not show that the person is who presses.

    Unauthorized when this server has not signed the context, or has signed it for another channel.
    """
    found = of_json(body)
    context = Context.read(found, key)
    if context is None:
        raise Unauthorized
    user, post = text(found, "user_id"), text(found, "post_id")
    if not ID.fullmatch(user):
        raise missing("user_id")
    place = Place(channel=context.channel, message=post if ID.fullmatch(post) else "", asker=context.asker)
    # The post is not signed: it must not make another press of a press that is sent again.
    once = f"{context.signature}\n{user}"
    return Press(_person(user, text(found, "user_name")), context.value, once, place, address)


def _person(user: str, name: str) -> Person:
    """A user, whose id is unique in the whole of a Mattermost, whatever the team."""
    return Person("mattermost", "", user, name)
