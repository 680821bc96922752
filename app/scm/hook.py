"""What the post-receive hook of a plain repository tells `POST /hook` (contract scm-webhooks 9)."""

import hashlib
import hmac
import re
from dataclasses import dataclass

from app.scm import refs

"""What is wrong with a value, to follow its field's name; None when nothing is."""

_SIGNATURE = re.compile(r"sha256=[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Push:
    """One ref that a push has moved; an id of zeros stands for a ref that is not there."""

    slug: str
    before: str
    after: str
    ref: str
    #: account that pushed; empty when the receiving side does not know it
    sender: str
    #: what the pusher gave with `git push -o`
    options: tuple[str, ...]

    @property
    def created(self) -> bool:
        """Whether the ref is new."""
        return refs.is_zero(self.before)

    @property
    def deleted(self) -> bool:
        """Whether the ref is gone."""
        return refs.is_zero(self.after)


def sign(key: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256 for a body (contract scm-webhooks 1.1)."""
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def verify(key: str, body: bytes, header: str | None) -> bool:
    """Whether `header` signs `body`, in constant time; false without a key or a usable header."""
    if not key or header is None or not _SIGNATURE.fullmatch(header):
        return False
    return hmac.compare_digest(sign(key, body), header.lower())
