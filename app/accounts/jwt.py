"""Tokens in the form of a JWT (RFC 7519), which clients of Artifactory need in order to read account and expiry.

A JWT is a token like any other: a row holds its hash, and the row decides. The signature is checked first.
"""

from dataclasses import dataclass

import jwt

from app.errors import Unauthorized

#: The only algorithm that is accepted, whatever the head of a token says.
ALGORITHM = "HS256"
AUDIENCE = "gantry"
#: How the head of every JWT begins: `{"` in base64.
_BEGINNING = "eyJ"


@dataclass(frozen=True, slots=True)
class Signer:
    """Issues and checks JWTs with one key."""

    key: bytes
    #: Names this server in its tokens.
    issuer: str

    def issue(self, login: str, scope: str, token_id: str, *, now: int, expires: int) -> str:
        """A new JWT of an account. `expires` is Unix seconds, 0 for never."""
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": f"{self.issuer}/users/{login}",
            "scp": scope,
            "jti": token_id,
            "iat": now,
        }
        if expires:
            claims["exp"] = expires
        return jwt.encode(claims, self.key, ALGORITHM)

    def check(self, token: str, now: int) -> None:
        """Unauthorized for a JWT that this server did not sign, or that has expired. Other tokens pass."""
        if not (token.startswith(_BEGINNING) and token.count(".") == 2):
            return
        try:
            claims = jwt.decode(
                token,
                self.key,
                [ALGORITHM],
                audience=AUDIENCE,
                issuer=self.issuer,
                options={"require": ["iss", "aud", "sub", "iat"], "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            raise Unauthorized("this token is not one that this server issued") from None
        expires = claims.get("exp", 0)
        if not isinstance(expires, int) or 0 < expires <= now:
            raise Unauthorized("this token has expired")
