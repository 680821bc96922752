"""What waits to leave. Times are Unix milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

#: What is sent: a status of a commit, a deployment, a note or a tag of git, an event to a webhook, an event to an end
#: point of Drone's settings, an answer to a chat, a comment at a host.
Kind: TypeAlias = Literal["status", "deployment", "note", "tag", "webhook", "drone", "chat", "comment"]
#: `dead`: no attempt follows, unless an administrator asks for one.
State: TypeAlias = Literal["waiting", "dead"]


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent."""

    #: Id of the repository that the message is about; None for none.
    repo_id: int | None
    kind: Kind
    #: The name of what the message goes to: all messages to one host share limits and pauses.
    host: str
    #: Messages about one repository, of one kind and subject, leave in the order in which they were written.
    subject: str
    #: A message about a repository takes the place of one that has not left and has the same kind, subject and part.
    part: str
    #: JSON values, never a secret.
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """A message that has not left."""

    id: int
    repo_id: int | None
    kind: Kind
    host: str
    subject: str
    part: str
    payload: Mapping[str, Any]
    state: State
    #: When the message was written.
    created: int
    #: When the next attempt may begin. While a server sends the entry: when another server may take the entry.
    due: int
    #: Attempts that have failed, and why the last one has.
    tries: int
    error: str
    #: The server that sends the entry now; empty for none.
    owner: str
    #: Grows with each message that takes the place of an earlier one.
    version: int

    @property
    def repo(self) -> int:
        """The id of the repository, of an entry that is about one."""
        assert self.repo_id is not None
        return self.repo_id
