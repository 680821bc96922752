"""Events as Standard Webhooks 1.0.0 (contract gantry-webhooks 2)."""

from collections.abc import Sequence

from app.notify.webhooks.formats.data import data_of, fitted, moment
from app.notify.webhooks.formats.signing import signed
from app.notify.webhooks.model import Event, Request


def render(event: Event, secrets: Sequence[str], at: int, server: str) -> Sequence[Request]:
    """One request with the type, the time and the data of the event, signed with each secret."""
    if not event.type:
        return ()
    happened = moment(event.at)
    body = fitted(data_of(event, server), lambda data: {"type": event.type, "timestamp": happened, "data": data})
    return (Request({"content-type": "application/json", **signed(event.key, at, body, secrets)}, body),)
