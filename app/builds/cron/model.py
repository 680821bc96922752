"""A cron job. Times are Unix seconds, 0 = never."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

#: `push`, Drone's word, builds the head of the branch; `promote`, which only Gantry has, promotes a build of it.
Event = Literal["push", "promote"]
#: The build that a job promotes: the newest successful build of its branch. There is no other choice.
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
    #: When the job is due; for a disabled job, when it would be due.
    next: int
    #: When a run was last taken.
    prev: int = 0
    event: Event = "push"
    branch: str = ""
    #: The target of the promotion; a job that only builds may have a target, which is not used.
    target: str = ""
    #: `LATEST_SUCCESS` of a job that promotes, else empty.
    parent: str = ""
    disabled: bool = False
    created: int = 0
    updated: int = 0
    version: int = 1
    #: Whether an administrator of the server has set the job to run more often than the server's minimum allows.
    hurried: bool = False
    #: The time zone whose clock `expr` is about, as in `Europe/Berlin`; empty = UTC, as of all jobs of Drone.
    zone: str = ""


def slug(name: str) -> str:
    """A name as addresses contain it: in lower case, with a dash for characters other than letters, digits and `_`.

    The result may be empty.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", plain.lower()).strip("-_")
