"""The values of buttons: what a button does, to which build, until when (contract gantry-chatops 6.3). Pure.

A chat gives the value back when somebody presses the button. The value holds nothing secret: everybody who sees the
message may read the value. Only this server can make one, because it is signed.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

#: `rollback` rolls the target of the build back to what ran before the build.
Action: TypeAlias = Literal["approve", "reject", "cancel", "rollback"]
#: Seconds for which a button works.
LIFETIME = 24 * 3600
#: Characters of a value that are looked at.
_LONGEST = 500
#: Bytes of the code of authenticity.
_CODE = 16
_VALUE = re.compile(
    r"(approve|reject|cancel|rollback):([A-Za-z0-9._/-]+):([1-9][0-9]{0,18}):(0|[1-9][0-9]{0,18}):([1-9][0-9]{0,18})"
)


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a button does."""

    action: Action
    #: The slug of the repository, and the number of the build.
    repo: str
    build: int
    #: Number of the stage; 0 for all that the action is about.
    stage: int
    #: When the button stops working, Unix seconds.
    expires: int


class Buttons:
    """Makes values of buttons and reads them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def value(self, pressed: Pressed) -> str:
        """The value of a button."""
        text = f"{pressed.action}:{pressed.repo}:{pressed.build}:{pressed.stage}:{pressed.expires}"
        return f"{text}.{self._code(text)}"

    def read(self, value: str) -> Pressed | None:
        """What a value says; None for one that this server has not made."""
        text, _, code = value[:_LONGEST].rpartition(".")
        found = _VALUE.fullmatch(text)
        if found is None or not hmac.compare_digest(code.encode("utf-8", "replace"), self._code(text).encode()):
            return None
        action, repo, build, stage, expires = found.groups()
        return Pressed(action, repo, int(build), int(stage), int(expires))  # type: ignore[arg-type]  # as the pattern has it

    def _code(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:_CODE]).rstrip(b"=").decode()


def key_of(cookie_key: bytes) -> bytes:
    """The key of buttons, which signs nothing else. Servers that share the secret of the cookies share it."""
    return hashlib.sha256(b"buttons:" + cookie_key).digest()
