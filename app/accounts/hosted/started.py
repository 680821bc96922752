"""A log-in that a browser has begun at a host: what the browser keeps of it until the host sends it back.

The cookie is signed, so that the server keeps nothing of strangers. It holds the verifier of PKCE (RFC 7636): whoever
sees the host's code in an address cannot use the code without the cookie.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, fields
from typing import Self

import jwt

COOKIE = "_oauth_state_"
#: Seconds that a person has for the pages of the host.
LIFETIME = 30 * 60
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class Started:
    """A log-in that was begun and not ended."""

    host: str
    #: What the host must send back, unknown to every page but the host's.
    state: str
    verifier: str
    #: When it was begun, Unix seconds.
    at: int
    #: The account here that shall get the account at the host; 0 for a log-in.
    user_id: int = 0
    #: The path of the page that the browser is sent to in the end; empty for the first page.
    back: str = ""

    @classmethod
    def now(cls, host: str, at: int, user_id: int = 0, back: str = "") -> Self:
        """A new one, with a state and a verifier that nobody can guess."""
        return cls(host, secrets.token_urlsafe(24), secrets.token_urlsafe(48), at, user_id, back)

    @property
    def challenge(self) -> str:
        """The challenge of the verifier, of the method S256."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def cookie(self, key: bytes) -> str:
        """What the browser keeps."""
        return jwt.encode(asdict(self), _key(key), _ALGORITHM)

    @classmethod
    def read(cls, cookie: str, state: str, key: bytes, now: int) -> Self | None:
        """The log-in of a cookie and of the state that the host has sent; None when it is another's, or too old."""
        try:
            claims = jwt.decode(cookie, _key(key), [_ALGORITHM], options={"verify_iat": False})
            known = cls(**{field.name: claims[field.name] for field in fields(cls)})
        except (jwt.InvalidTokenError, KeyError):
            return None
        fresh = known.at <= now < known.at + LIFETIME
        return known if fresh and hmac.compare_digest(known.state.encode(), state.encode()) else None


def _key(key: bytes) -> bytes:
    """The key of these cookies, which signs nothing else."""
    return hashlib.sha256(b"logins:" + key).digest()
