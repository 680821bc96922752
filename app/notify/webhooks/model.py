"""Subscriptions, what they are told, and what became of each delivery. Times are Unix milliseconds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

#: How a subscription is told: Drone's webhook, Standard Webhooks, CloudEvents (binary mode), CDEvents, or a message to
#: an incoming webhook of a chat.
Format: TypeAlias = Literal["drone", "standard", "cloudevents", "cdevents", "slack", "mattermost", "teams"]
State: TypeAlias = Literal["waiting", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, as subscribers are told."""

    #: The id that subscribers see: the same at each attempt, for all subscriptions, and after a delivery by hand.
    key: str
    #: `promotion.succeeded`, `stage.started`, `repo.enabled`; empty for what only Drone's format tells.
    type: str
    #: Drone's event and action: `build:updated`; empty for what Drone does not tell.
    drone: str
    #: When it happened.
    at: int
    #: JSON values. `repo`, `build` (with its stages) and `user` are objects of Drone's API, as far as the event has
    #: them; `parent` is the build that a new promotion or rollback came from. `by` is who did it: `{"kind", "name"}`.
    #: `stage` is the number of the stage that an event of a stage is about, or the first that was approved or declined.
    #: `previous` is the promotion or rollback that was the last to succeed at the target before this one:
    #: `{"number", "commit"}`. `error` says why the stage, or the build, has failed.
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What one attempt sends: the headers that depend on the format, and the body."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Webhook:
    """A subscription to the events of a repository, of a namespace, or of the whole server."""

    id: int
    #: None for a subscription of a namespace or of the server, whose `namespace` is empty.
    repo_id: int | None
    namespace: str
    #: Where to. The addresses of incoming webhooks of chats are secrets.
    url: str = field(repr=False)
    format: Format
    #: The newest first: while a secret is exchanged, a request is signed with each.
    secrets: Sequence[str] = field(repr=False)
    #: Patterns of types, of targets and of statuses (`prod*`); an empty list lets everything through.
    events: Sequence[str]
    targets: Sequence[str]
    statuses: Sequence[str]
    active: bool
    #: Why the server has made it inactive; empty otherwise.
    reason: str
    #: When the first attempt failed after which none has succeeded; 0 for none.
    failing_since: int
    created: int
    updated: int
    #: The login of who made it.
    creator: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint has answered: its status, some headers, and the beginning of the body as text."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver: what was sent, what was answered, and how long that took, in milliseconds.

    `request` is None when nothing could be sent, `answer` when none came.
    """

    at: int
    duration: int
    request: Request | None = None
    answer: Answer | None = None


@dataclass(frozen=True)
class Delivery:
    """One event for one subscription, and what became of it. The last attempt is the one that is kept."""

    id: int
    webhook_id: int
    #: The id that the subscriber sees, and the type of the event, or Drone's name of what only Drone's format tells.
    key: str
    type: str
    state: State
    created: int
    #: When the last attempt began; 0 before the first.
    attempted: int
    #: All attempts.
    tries: int
    #: The status of the answer; 0 without an answer.
    status: int
    duration: int
    #: Why the last attempt has failed; empty for one that has not.
    error: str
