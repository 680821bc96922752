"""Commands as Teams sends them (contract gantry-chatops 4). Pure."""

import html
import re
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from typing import Any

from app.chatops.model import NOWHERE, Person, Place, Request
from app.chatops.systems.fields import missing, of_json, text
from app.errors import Unauthorized

#: Seconds by which the time of a message may differ from now.
WINDOW = 300
#: The mention of the webhook, with which every message to it begins.
_CALLED = re.compile(r"\s*<at\b[^<>]*>[^<>]*</at>", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/?p|/?div|/?li|/?tr|/?td)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def decoded(typed: str) -> str:
    """What a person has typed after the name of the webhook."""
    plain = _TAG.sub("", _BREAK.sub(" ", _CALLED.sub("", typed, count=1)))
    return html.unescape(plain).replace("\xa0", " ").strip()


def command(body: bytes, tenants: Set[str], now: int, address: str = "", place: Place = NOWHERE) -> Request:
    """The command of a verified request; `tenants` are those whose requests are taken, none for all that are signed.

    Unauthorized for a message of another tenant, and for one that is too old, or from the future.
    """
    found = of_json(body)
    tenant = text(found, "conversation", "tenantId") or text(found, "channelData", "tenant", "id")
    if tenants and tenant not in tenants:
        raise Unauthorized
    sent = _sent(found)
    if sent is None or abs(now - sent) > WINDOW:
        raise Unauthorized
    user, key = text(found, "from", "aadObjectId"), text(found, "id")
    for name, value in (("from.aadObjectId", user), ("conversation.tenantId", tenant), ("id", key)):
        if not value:
            raise missing(name)
    by = Person("teams", tenant, user, text(found, "from", "name"))
    return Request(by, decoded(text(found, "text")), key, place, address)


def _sent(found: Mapping[str, Any]) -> int | None:
    """When a message was sent, in Unix seconds; its id is that time, too. None when it does not say."""
    told, key = text(found, "timestamp"), text(found, "id")
    if told:
        try:
            time = datetime.fromisoformat(told)
            return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            return None
    return int(key) // 1000 if key.isascii() and key.isdecimal() and len(key) <= 15 else None
