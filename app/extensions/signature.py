"""HTTP signatures, by the draft that Drone's webhooks and extensions use (contract drone-webhooks 4). Pure."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

#: The headers of a request to an extension that are signed, in this order.
SIGNED = ("accept", "accept-encoding", "content-type", "date", "digest")


def digest(body: bytes) -> str:
    """The value of the `Digest` header."""
    return f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def sign(headers: Mapping[str, str], secret: str, signed: Sequence[str] = SIGNED) -> str:
    """The value of the `Signature` header over the headers `signed`; `headers` must have all of them, in lower case."""
    text = "\n".join(f"{name}: {headers[name]}" for name in signed)
    made = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
    return f'keyId="hmac-key",algorithm="hmac-sha256",signature="{made}",headers="{" ".join(signed)}"'
