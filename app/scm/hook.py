"""Webhooks in the form that all hosts share, and their signatures (contract scm-webhooks 1, 9)."""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.scm import refs

#: What the headers of a webhook tell, before its body is read. `unsigned` is a push whose signature cannot be right.
Notice: TypeAlias = Literal["ping", "push", "unsigned", "other"]

_SIGNATURE = re.compile(r"sha256=[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Push:
    """One ref that a push has moved; an id of zeros means that the ref did not exist before, or not after the push."""

    slug: str
    before: str
    after: str
    ref: str
    #: account that pushed; empty when the receiving side does not know it
    sender: str
    #: the options that the pusher gave with `git push -o`
    options: tuple[str, ...]
    #: The id that the sender gave to the delivery, so that a second one is known; empty from older senders.
    delivery: str = ""
    #: When the ref was moved by the sender's clock, in Unix seconds; 0 from older senders.
    sent: int = 0

    @property
    def created(self) -> bool:
        """Whether the ref is new."""
        return refs.is_zero(self.before)

    @property
    def deleted(self) -> bool:
        """Whether the push has deleted the ref."""
        return refs.is_zero(self.after)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook, whose signature is not yet verified. For the event `other`, Gantry does nothing."""

    event: Literal["ping", "push", "other"]
    #: The repository, as `namespace/name`; empty when the event names no repository.
    slug: str = ""
    #: The push, for the event `push`.
    push: Push | None = None
    #: Whether this key of the repository signed the delivery, compared in constant time.
    signed_with: Callable[[str], bool] = lambda _: False


def sign(key: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256 for a body (contract scm-webhooks 1.1)."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def is_signature(header: str | None) -> bool:
    """Whether a header may sign something: whether it has the form of a signature."""
    return header is not None and _SIGNATURE.fullmatch(header) is not None


def verify(key: str, body: bytes, header: str | None) -> bool:
    """Whether `header` signs `body`, in constant time; false without a key or a usable header."""
    if not key or header is None or not is_signature(header):
        return False
    return hmac.compare_digest(sign(key, body), header.lower())
