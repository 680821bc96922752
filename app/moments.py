"""The form of whatever happens: what was done to what, and by whom. Pure.

A room that changes something describes the change as a moment. Recorders write moments down inside the transaction
that makes them true: both are kept, or neither. `main` hands the recorders to the rooms.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from app.db.tx import Tx

T = TypeVar("T")

#: What kind of actor: an account of a person or of a program, a runner, a push hook, a cron job, the server itself.
Kind = Literal["person", "machine", "runner", "hook", "cron", "server"]
#: How an actor came in: with a token, with a browser's session, with a signed delivery, by the runner protocol, or
#: from inside the server.
Way = Literal["token", "session", "hook", "rpc", "inside"]
#: Facts about a thing, for people and programs to compare; JSON values, never a secret.
Facts: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person or a machine."""

    kind: Kind
    #: Login of the account, name of the runner or of the cron job, or who pushed; the server's own acts have none.
    name: str = ""
    #: Id of the account; 0 for all that is no account.
    id: int = 0
    #: Network address that the request came from.
    address: str = ""
    way: Way = "inside"
    #: Id of the request, as the log has it.
    request: str = ""


#: The server itself: what follows from the clock, from a start, or from another change.
SERVER = Actor("server")


class Moment(Protocol):
    """Something that happened, as every recorder can read it."""

    @property
    def verb(self) -> str:
        """What was done, with the kind of thing before it: `build.promote`, `secret.create`."""
        ...

    @property
    def by(self) -> Actor:
        """Who did it."""
        ...

    @property
    def subject(self) -> str:
        """What it was done to: `octocat/hello#42`, `octocat`."""
        ...

    @property
    def repo_id(self) -> int:
        """The repository that it belongs to; 0 for none."""
        ...

    @property
    def before(self) -> Facts:
        """The facts that changed, as they were; empty for something new."""
        ...

    @property
    def after(self) -> Facts:
        """The facts that changed, as they are now; empty for something that is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """A moment of a thing that is told by its facts alone: an account, a repository, a secret."""

    verb: str
    by: Actor
    subject: str
    repo_id: int = 0
    before: Facts = field(default_factory=dict)
    after: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Somebody who writes moments down: those of some verbs, or of all."""

    record: Callable[[Any], Tx[None]]
    #: None is every verb.
    verbs: Collection[str] | None = None
    #: Verbs that are left out all the same.
    without: Collection[str] = ()

    def wants(self, verb: str) -> bool:
        """Whether moments of this verb are written down."""
        return (self.verbs is None or verb in self.verbs) and verb not in self.without


class Recorders:
    """All who write moments down."""

    def __init__(self, *recorders: Recorder) -> None:
        self._recorders: Sequence[Recorder] = recorders

    def wants(self, verb: str) -> bool:
        """Whether anybody writes moments of this verb down: for others nothing need be read."""
        return any(recorder.wants(verb) for recorder in self._recorders)

    def record(self, moment: Moment) -> Tx[None]:
        """Write a moment down, in the transaction that makes it true."""
        for recorder in self._recorders:
            if recorder.wants(moment.verb):
                yield from recorder.record(moment)

    def recorded(self, tx: Tx[T], moment: Callable[[T], Moment | None]) -> Tx[T]:
        """A transaction, and the moment that its result makes, if it makes one."""
        result = yield from tx
        if (made := moment(result)) is not None:
            yield from self.record(made)
        return result


def changed(before: Any, after: Any, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The facts of these names that differ between two things, as they were and as they are."""
    differing = [name for name in names if getattr(before, name) != getattr(after, name)]
    return {name: getattr(before, name) for name in differing}, {name: getattr(after, name) for name in differing}
