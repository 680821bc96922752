"""The form of a moment: which actor did what, and to which subject. Pure.

A room that changes something describes the change as a moment. Recorders write the moment down inside the transaction
that makes the change: the database keeps both, or neither. `main` hands the recorders to the rooms.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from app.db.tx import Tx

T = TypeVar("T")

#: What kind of actor: an account of a person or of a program, a runner, a push hook, a cron job, the server itself.
Kind = Literal["person", "machine", "runner", "hook", "cron", "server"]
#: How the actor's request reached the server: with a token, with a browser's session, with a signed delivery, through a
#: chat, or by the runner protocol; `inside` when no request came from outside.
Way = Literal["token", "session", "hook", "chat", "rpc", "inside"]
#: Facts about a subject, by name, for people and programs to compare: JSON values, never a secret.
Facts: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person or a machine."""

    kind: Kind
    #: Login of the account, name of the runner or of the cron job, or name of the person who pushed; empty for the
    #: server itself.
    name: str = ""
    #: Id of the account; 0 when the actor is not an account.
    id: int = 0
    #: Network address that the request came from.
    address: str = ""
    way: Way = "inside"
    #: Id of the request, as the log has it.
    request: str = ""
    #: The chat through which a person acts: `slack`; empty for none.
    via: str = ""


#: The server itself: the actor of changes that follow from the clock, from a start of the server, or from another
#: change.
SERVER = Actor("server")


class Moment(Protocol):
    """One thing that happened, with the properties that every recorder reads."""

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
        """What was changed: `octocat/hello#42`, `octocat`."""
        ...

    @property
    def repo_id(self) -> int:
        """Id of the repository that the subject belongs to; 0 for none."""
        ...

    @property
    def before(self) -> Facts:
        """The facts that changed, with their old values; empty for a new subject."""
        ...

    @property
    def after(self) -> Facts:
        """The facts that changed, with their new values; empty for a deleted subject."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """A moment that its facts describe completely: of an account, a repository, a secret."""

    verb: str
    by: Actor
    subject: str
    repo_id: int = 0
    before: Facts = field(default_factory=dict)
    after: Facts = field(default_factory=dict)
    #: The account or the repository as it is after the change, of a deleted one as it was; for recorders that need
    #: more than the facts. None of other subjects.
    about: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Recorder:
    """A function that writes moments down, and the verbs whose moments it writes."""

    record: Callable[[Any], Tx[None]]
    #: None is every verb.
    verbs: Collection[str] | None = None
    #: Verbs whose moments are not written, even if `verbs` contains them.
    without: Collection[str] = ()
    #: Whether anything is written at present: each moment costs some reads, which are for nothing if nobody listens.
    awake: Callable[[], bool] = lambda: True
    #: Whether mere progress is written, too, of moments with this verb: reports of runners that leave the status of
    #: their build as it was. There are very many of these.
    progress: Callable[[str], bool] = lambda _: False

    def wants(self, verb: str) -> bool:
        """Whether this recorder writes down moments of this verb."""
        return (self.verbs is None or verb in self.verbs) and verb not in self.without


class Recorders:
    """All recorders together."""

    def __init__(self, *recorders: Recorder) -> None:
        self._recorders: Sequence[Recorder] = recorders
        #: By verb, those that write its moments down. There are some hundred verbs.
        self._wanting = dict[str, Sequence[Recorder]]()

    def wants(self, verb: str, *, progress: bool = False) -> bool:
        """Whether any recorder writes down moments of this verb: if none does, the caller need not make the moment.

        `progress` says that the moment is mere progress.
        """
        return bool(self._of(verb, progress))

    def record(self, moment: Moment, *, progress: bool = False) -> Tx[None]:
        """Write a moment down, in the transaction that makes the change."""
        for recorder in self._of(moment.verb, progress):
            yield from recorder.record(moment)

    def _of(self, verb: str, progress: bool) -> Sequence[Recorder]:
        found = self._wanting.get(verb)
        if found is None:
            found = self._wanting[verb] = [recorder for recorder in self._recorders if recorder.wants(verb)]
        return [one for one in found if one.awake() and (not progress or one.progress(verb))]

    def recorded(self, tx: Tx[T], moment: Callable[[T], Moment | None]) -> Tx[T]:
        """Carry out `tx`, and write down the moment that `moment` makes of the result, unless `moment` returns None."""
        result = yield from tx
        if (made := moment(result)) is not None:
            yield from self.record(made)
        return result


def changed(before: Any, after: Any, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes of these names that differ between two objects: their old values, and their new values."""
    differing = [name for name in names if getattr(before, name) != getattr(after, name)]
    return {name: getattr(before, name) for name in differing}, {name: getattr(after, name) for name in differing}
