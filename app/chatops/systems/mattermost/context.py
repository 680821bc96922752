"""What a button carries, which Mattermost gives back when the button is pressed (contract gantry-chatops 3). Pure.

A press has neither a token nor a signature: only the signed context shows that the press comes from the Mattermost
that was sent the button, for Mattermost hides contexts from people. A context is good in its channel only. It does not
show who presses. Where nobody can be looked up, a context is good only for the person who asked for its message, so
that whoever has got hold of a context can press as nobody else.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.chatops.model import Place
from app.chatops.systems.fields import text


@dataclass(frozen=True, slots=True)
class Context:
    """The value of a button, the channel of its message, the person who asked for the message, and their signature."""

    value: str
    channel: str
    asker: str
    signature: str

    @classmethod
    def of(cls, value: str, place: Place, key: bytes) -> "Context":
        """The context of a button that is shown in a place."""
        return cls(value, place.channel, place.asker, _sign(key, value, place.channel, place.asker))

    @classmethod
    def read(cls, given: Mapping[str, Any], key: bytes) -> "Context | None":
        """The context of a press; None for one that this server has not signed, or has signed for another channel."""
        value, channel, asker, signature = (
            text(given, "context", name) for name in ("value", "channel", "asker", "signature")
        )
        due = _sign(key, value, channel, asker)
        if not hmac.compare_digest(due.encode(), signature.encode()) or text(given, "channel_id") != channel:
            return None
        return cls(value, channel, asker, signature)


def _sign(key: bytes, *values: str) -> str:
    """Signs with a key that signs nothing else, so that a value that another chat shows is no context."""
    own = hmac.new(key, b"mattermost", hashlib.sha256).digest()
    return hmac.new(own, "\n".join(values).encode(), hashlib.sha256).hexdigest()
