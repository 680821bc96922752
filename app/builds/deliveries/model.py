"""A delivery that is known: it has become a build, or it waits, or nothing was built."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from app.moments import Actor, Way
from app.scm import hook
from app.scm.hook import Change, Deployment, PullRequest, Push

Event = Literal["push", "pull_request", "deployment"]
_KINDS: dict[Event, type[Change]] = {"push": Push, "pull_request": PullRequest, "deployment": Deployment}
_EVENTS: dict[type[Change], Event] = {kind: event for event, kind in _KINDS.items()}
#: Fields of a change that have a column.
_COLUMNS = ("ref", "before", "after", "sender", "options")


@dataclass(frozen=True)
class Delivery:
    """One change in a repository, as a webhook has told of it. Times are Unix seconds."""

    id: int
    repo_id: int
    #: The sender's id of the delivery, or one of the server's own when the sender gives none.
    name: str
    ref: str
    before: str
    after: str
    sender: str
    options: tuple[str, ...]
    #: The address that the delivery came from, and the id of its request in the log.
    address: str
    request: str
    received: int
    #: The number of the delivery's build; 0 for none yet.
    build: int = 0
    #: When the next attempt is due; 0 for a delivery that does not wait.
    due: int = 0
    #: How many attempts were made, the first one with the delivery itself, and why there is no build.
    tries: int = 0
    error: str = ""
    #: The kind of the host; empty for plain git.
    host: str = ""
    event: Event = "push"
    #: What happened to a pull request; empty for other events.
    action: str = ""
    #: All that the host tells of the change and that has no column of its own.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: The id of an earlier delivery of the same change, which has the build; 0 for none.
    twin: int = 0
    #: Whether no webhook told of the change: the server found the change itself.
    found_late: bool = False
    #: A digest of what the host has signed; empty where that tells no copy.
    digest: str = ""

    @classmethod
    def of(cls, repo_id: int, told: hook.Delivery, change: Change, by: Actor, now: int, *, name: str) -> "Delivery":
        """The delivery of a change that is received now; `name` is for a sender that gives no id."""
        facts = {one.name: getattr(change, one.name) for one in fields(change)}
        columns = {name: facts.pop(name, ()) for name in _COLUMNS}
        return cls(
            id=0,
            repo_id=repo_id,
            name=told.id or name,
            address=by.address,
            request=by.request,
            received=now,
            host=told.host,
            digest=told.digest,
            event=_EVENTS[type(change)],
            action=facts.get("action", ""),
            facts=facts,
            **columns,
        )

    @property
    def by(self) -> Actor:
        """The hook, as the actor of moments; also of a change that the server found, as if the hook had told of it."""
        way: Way = "inside" if self.found_late else "hook"
        return Actor("hook", self.sender, address=self.address, way=way, request=self.request)

    @property
    def change(self) -> Change:
        """The change that the delivery tells of."""
        kind = _KINDS[self.event]
        names = {one.name for one in fields(kind)}
        columns = {name: getattr(self, name) for name in _COLUMNS if name in names}
        return kind(**columns, **self.facts)
