"""The formats that subscribers choose from: each makes the requests of an attempt out of an event. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from app.notify.webhooks.formats import cdevents, cloudevents, drone, mattermost, signing, slack, standard, teams
from app.notify.webhooks.model import Event, Format, Request

#: From an event, the secrets of the subscription (the newest first), the time of the attempt in Unix seconds, and the
#: public address of this server, the requests that tell of the event, in order. None if the format does not tell of the
#: event; several if the format has several events for it. A later attempt makes the same requests, with the same ids.
Renderer: TypeAlias = Callable[[Event, Sequence[str], int, str], Sequence[Request]]

FORMATS: Mapping[Format, Renderer] = {
    "drone": drone.render,
    "standard": standard.render,
    "cloudevents": cloudevents.render,
    "cdevents": cdevents.render,
    "slack": slack.render,
    "mattermost": mattermost.render,
    "teams": teams.render,
}
#: Formats whose requests are signed, so that a subscription needs a secret. The others are known by their addresses.
SIGNED: frozenset[Format] = frozenset({"drone", "standard", "cloudevents", "cdevents"})


def tells(format_: Format, event: Event) -> bool:
    """Whether a format tells of an event at all."""
    return bool(event.drone if format_ == "drone" else event.type)


def new_secret(format_: Format, random: bytes) -> str:
    """A new secret for a format that signs, made of `signing.RANDOM` random bytes."""
    return random.hex() if format_ == "drone" else signing.new_secret(random)


def fault_of_secret(format_: Format, secret: str) -> str | None:
    """What is wrong with a secret that somebody has chosen for a format; None for a good one."""
    if format_ == "drone":
        return None if secret else "must not be empty"
    return signing.fault_of(secret)
