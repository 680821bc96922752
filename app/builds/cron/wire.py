"""Cron jobs as clients read them (contract drone-rest 2.6)."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from app.builds.cron.model import Cron, Event


class CronJSON(TypedDict):
    """A job. `event` is `push` for one that builds its branch; `target` and `parent` are those of a promotion.

    `zone`, which Drone does not know, is the time zone of `expr`; without it, that is UTC.
    """

    id: int
    repo_id: int
    name: str
    expr: str
    zone: NotRequired[str]
    next: int
    prev: int
    event: Event
    branch: str
    target: NotRequired[str]
    parent: NotRequired[str]
    disabled: bool
    created: int
    updated: int
    version: int


def cron_json(job: Cron) -> CronJSON:
    """A job; `zone`, `target` and `parent` are absent when empty."""
    whole: Any = {name: getattr(job, name) for name in CronJSON.__annotations__}
    for key in ("zone", "target", "parent"):
        if not whole[key]:
            del whole[key]
    made: CronJSON = whole
    return made
