"""Signatures of what Teams sends (contract gantry-chatops 4). Pure."""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def sign(secret: str, body: bytes) -> str:
    """The value of the header `Authorization` for a body; `secret` is base64, as Teams shows it."""
    digest = hmac.new(base64.b64decode(secret), body, hashlib.sha256).digest()
    return f"HMAC {base64.b64encode(digest).decode()}"


def verify(secrets: Sequence[str], authorization: str, body: bytes) -> bool:
    """Whether one of the secrets has signed the body, in constant time."""
    due = [sign(secret, body) for secret in secrets]
    return any([hmac.compare_digest(one.encode(), authorization.encode()) for one in due])  # noqa: C419 - compare all
