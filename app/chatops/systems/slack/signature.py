"""Signatures of what Slack sends (contract gantry-chatops 2.2). Pure."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

#: Seconds by which the time of a request may differ from now.
WINDOW = 300


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of X-Slack-Signature for a body."""
    digest = hmac.new(secret.encode(), b"v0:%b:%b" % (timestamp.encode(), body), hashlib.sha256).hexdigest()
    return f"v0={digest}"


def verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Whether one of the secrets has signed the body just now, in constant time."""
    timestamp, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12
    if not is_number or abs(now - int(timestamp)) > WINDOW:
        return False
    due = [sign(secret, timestamp, body) for secret in secrets]
    return any([hmac.compare_digest(one.encode(), given.encode()) for one in due])  # noqa: C419 - compare all of them
