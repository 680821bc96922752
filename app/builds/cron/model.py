"""What a cron job is. Times are Unix seconds, 0 = never."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

#: `push` builds the head of the branch, as Drone says it; `promote` (ours) promotes a build of it.
Event = Literal["push", "promote"]
#: Which build a promoting job takes: the newest successful one of its branch. There is no other choice.
LATEST_SUCCESS = "latest success"
_OTHERS = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True)
class Cron:
    """A job of a repository (contract drone-rest 2.6, drone-yaml 18)."""

    id: int
    repo_id: int
    #: As `slug` makes it.
    name: str
    expr: str
    #: When it is due; of a disabled job, when it would have been.
    next: int
    #: When it last was.
    prev: int = 0
    event: Event = "push"
    branch: str = ""
    #: Where to promote; a job that only builds keeps it unused.
    target: str = ""
    #: `LATEST_SUCCESS` of a job that promotes, else empty.
    parent: str = ""
    disabled: bool = False
    created: int = 0
    updated: int = 0
    version: int = 1


def slug(name: str) -> str:
    """A name as it stands in addresses: lower case, all that is no letter, digit or `_` a dash; may be empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", plain.lower()).strip("-_")
