"""The server's state as administrators read it (contract drone-rest 2.6; recorded: admin.json)."""

from collections.abc import Mapping

from typing_extensions import TypedDict


class TotalCountJSON(TypedDict):
    """How many there are."""

    total: int


class ActiveCountJSON(TypedDict):
    """How many are active."""

    active: int


class BuildCountsJSON(TypedDict):
    """How many builds wait, wait for approval (ours; they are not among the former), run, and were ever begun."""

    pending: int
    blocked: int
    running: int
    total: int


class PlatformJSON(TypedDict):
    """Of a platform: its runners, and the stages that wait for one or run."""

    subscribers: int
    os: str
    arch: str
    variant: str
    kernel: str
    pending: int
    running: int


class SubscriberCountJSON(TypedDict):
    """How many listen."""

    subscribers: int


class StatsJSON(TypedDict):
    """The server's state. `streams`: who follows the log of a running step, by step id; `watchers` is always null."""

    users: TotalCountJSON
    repos: ActiveCountJSON
    builds: BuildCountsJSON
    pipelines: list[PlatformJSON]
    events: SubscriberCountJSON
    streams: Mapping[str, int]
    watchers: None
