"""Who is told what happens in a repository, as pages show them.

Rooms that tell and pages never meet: the server hands in what the pages read and do there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from app.db.tx import Tx
from app.repos.access import State as Shared
from app.repos.model import Repo

#: What became of a delivery.
Outcome: TypeAlias = Literal["waiting", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription of a repository. Times are Unix seconds."""

    id: int
    #: Where to, as far as a page may show that: without the query, of a chat the host alone.
    address: str
    format: str
    active: bool
    #: Why the server has made it inactive; empty otherwise.
    reason: str
    #: Since when all attempts have failed; 0 for none.
    failing_since: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery to a webhook, and what became of it. Times are Unix seconds."""

    id: int
    webhook: int
    event: str
    outcome: Outcome
    made: int
    tries: int
    #: The status of the last answer; 0 without an answer.
    status: int
    #: Why the last attempt has failed; empty for one that has not.
    error: str


class Told(NamedTuple):
    """The webhooks of a repository, the oldest first, and their newest deliveries, the newest first."""

    webhooks: Sequence[Webhook]
    sent: Sequence[Sent]


class Outgoing(Protocol):
    """What the server knows of those who are told."""

    def told(self, repo: Repo, limit: int) -> Tx[Told]:
        """The webhooks of a repository, with so many deliveries at most."""
        ...

    async def redeliver(self, repo: Repo, webhook: int, delivery: int) -> None:
        """Send a delivery once more. NotFound; Conflict for a webhook that is not active."""
        ...


class State(Shared):
    """What pages that show deliveries need."""

    outgoing: Outgoing
