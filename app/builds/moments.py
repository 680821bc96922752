"""The funnel: each change of a build is one moment, recorded in its transaction and announced once after the commit.

The transaction of a verb returns the verb's result and what happened. `Moments.carry_out` carries the transaction out,
lets the recorders write the moments down inside the transaction, and announces the moments after the commit: to runners
that wait for a stage, to runners of a build that is over, to readers of logs and of changes, to other servers. No other
code announces what happens to a build.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar, cast, get_args

from app.builds import store
from app.builds.logs.logs import Logs
from app.builds.model import OVER, Build, Step
from app.db.connect import Database
from app.db.tx import Tx, each
from app.events import Events
from app.moments import Actor, Facts, Recorders
from app.repos import store as repos
from app.repos.model import Repo

T = TypeVar("T")

Verb = Literal[
    "build.push",
    "build.cron",
    "build.create",
    "build.restart",
    "build.promote",
    "build.rollback",
    "build.start",
    "build.step",
    "build.end",
    "build.lose",
    "build.give_up",
    "build.cancel",
    "build.supersede",
    "build.approve",
    "build.decline",
    "build.delete",
]
#: A new build.
BEGINNINGS: frozenset[Verb] = frozenset(
    {"build.push", "build.cron", "build.create", "build.restart", "build.promote", "build.rollback"}
)
#: What may change the status of a build. (A deleted build has none.)
STATUS_CHANGES: frozenset[Verb] = frozenset(get_args(Verb)) - {"build.step", "build.delete"}
#: Reports of runners about their work: they are no decisions, and there are more of them than of all other moments.
#: Recorders get those that change the status of their build, and the others only if they ask for mere progress.
PROGRESS: frozenset[Verb] = frozenset({"build.start", "build.step", "build.end"})
#: A stage has ended, and perhaps its build.
_ENDINGS: frozenset[Verb] = frozenset({"build.end", "build.lose", "build.give_up"})
#: These moments may end a build: an approval does if the approved stage is skipped, as a stage before it failed.
_ENDING_BUILDS: frozenset[Verb] = _ENDINGS | {"build.approve"}
#: A build was ended from outside: its runners stop, also if the status of the build is not one of OVER.
_STOPS: frozenset[Verb] = frozenset({"build.cancel", "build.supersede", "build.delete"})
_DECISIONS: frozenset[Verb] = frozenset({"build.approve", "build.decline"})
#: After these moments, more stages may be free for a runner.
_FREEING: frozenset[Verb] = _ENDINGS | {"build.cancel", "build.supersede", "build.approve"}


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a build.

    `old` is the build before the moment: with its stages where the moment is a decision, and without them elsewhere.
    It is None for a new build, and for a report about a step, which leaves the build as it was.
    """

    verb: Verb
    repo: Repo
    #: The build after the moment, with stages and steps; of a deleted build, its last state.
    build: Build
    by: Actor
    old: Build | None = None
    #: As in `Happened`.
    stages: Collection[int] = ()
    step: int = 0
    reason: str = ""

    @property
    def subject(self) -> str:
        """`octocat/hello#42`."""
        return f"{self.repo.slug}#{self.build.number}"

    @property
    def repo_id(self) -> int:
        """Id of the repository of the build."""
        return self.repo.id

    @property
    def before(self) -> Facts:
        """The status before the moment; nothing for a new build."""
        return {"status": self.old.status} if self.old else {}

    @property
    def after(self) -> Facts:
        """The status now; of a new build also target, parent, ref, commit, chat, and whether the commit was found late.

        Of a decision also the stages that it is about, and its reason, if it has one. Nothing for a deleted build.
        """
        if self.verb == "build.delete":
            return {}
        facts: dict[str, object] = {"status": self.build.status}
        if self.old is not None and self.verb in _DECISIONS:
            blocked = (stage for stage in self.old.stages if stage.status == "blocked")
            facts["stages"] = [stage.name for stage in blocked if stage.id in self.stages]
        if self.reason:
            facts["reason"] = self.reason
        if self.old is None:
            about = {"target": self.build.deploy_to, "parent": self.build.parent, "ref": self.build.ref}
            about |= {"found_late": self.build.found_late, "via": self.build.via}
            facts |= {name: value for name, value in about.items() if value} | {"commit": self.build.after}
        return facts


@dataclass(frozen=True, slots=True)
class Happened:
    """What a verb has done. The verb fills in what it has read; the funnel reads the rest if a moment is wanted."""

    verb: Verb
    build_id: int
    by: Actor
    repo: Repo | None = None
    build: Build | None = None
    old: Build | None = None
    #: Steps whose logs begin or end.
    steps: Sequence[Step] = ()
    #: Ids of the stages of an older build that were started, decided on, or ended.
    stages: Collection[int] = ()
    #: Id of the step that a runner has reported; 0 for none.
    step: int = 0
    #: Why a person has decided so; empty where no reason was given.
    reason: str = ""


#: The transaction of a verb: its result, and what happened, in order.
Doing: TypeAlias = Tx[tuple[T, Sequence[Happened]]]


class Moments:
    """Carries verbs out. Its four buses announce what happened to the subscribers in this process."""

    def __init__(self, db: Database, logs: Logs, recorders: Recorders) -> None:
        self._db = db
        self._logs = logs
        #: The recorders of moments; other code of this room uses them, too, for moments that are not of a build.
        self.recorders = recorders
        #: Every moment, of this server and of the other servers.
        self.watched: Events[Moment] = Events()
        #: Ids of builds that this server changed, for the other servers.
        self.touched: Events[int] = Events()
        #: Ids of builds that are over: their runners stop.
        self.over: Events[int] = Events()
        #: Ids of builds whose stages may wait for a runner.
        self.waiting: Events[int] = Events()

    async def carry_out(self, doing: Doing[T], *, many: bool = False) -> T:
        """The result of a verb, after its moments are recorded and announced. A verb that fails announces nothing.

        `many` says that the verb may change many rows.
        """
        write = self._db.write if many else self._db.write_few
        result, happened = await write(self._recorded(doing, watched=self.watched.heard))
        for one, moment in happened:
            await self._announce(one, moment)
        return result

    def rehearsal(self) -> "Moments":
        """The same funnel, but whatever it carries out is rolled back, and nothing is announced."""
        return _Rehearsal(self._db, self._logs, self.recorders)

    def _recorded(self, doing: Doing[T], *, watched: bool) -> Tx[tuple[T, list[tuple[Happened, Moment | None]]]]:
        result, happened = yield from doing
        return result, (yield from each(self._record(one, watched=watched) for one in happened))

    def _record(self, happened: Happened, *, watched: bool) -> Tx[tuple[Happened, Moment | None]]:
        """Make the moment of what happened and write it down, if a recorder or a subscriber wants the moment."""
        progress = _is_mere_progress(happened)
        wanted = self.recorders.wants(happened.verb, progress=progress)
        if not (wanted or watched):
            return happened, None
        moment = yield from _moment(happened)
        if wanted:
            yield from self.recorders.record(moment, progress=progress)
        return happened, moment

    async def _announce(self, happened: Happened, moment: Moment | None) -> None:
        for step in happened.steps:
            self._logs.open(step.id) if step.status == "running" else self._logs.close(step.id)
        status = happened.build.status if happened.build else None
        if happened.verb in _FREEING or (happened.verb in BEGINNINGS and status == "pending"):
            self.waiting.publish(happened.build_id)
        if happened.verb in _STOPS or (happened.verb in _ENDING_BUILDS and status in OVER):
            self.over.publish(happened.build_id)
        if self.watched.heard:
            # Also a subscriber that came during the transaction gets every moment from its subscription on.
            told: Moment = moment if moment is not None else await self._db.read(_moment(happened))
            self.watched.publish(told)
        self.touched.publish(happened.build_id)


class _Undone(Exception):
    """Ends a transaction that was carried out, so that the database rolls it back."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result


class _Rehearsal(Moments):
    """Carries verbs out, and rolls each back: its result is what would be."""

    async def carry_out(self, doing: Doing[T], *, many: bool = False) -> T:
        """The result of a verb that changes nothing. Errors as of the verb itself."""
        del many
        try:
            await self._db.write(_undone(self._recorded(doing, watched=False)))
        except _Undone as undone:
            return cast(T, undone.result)
        raise AssertionError("the transaction was to be rolled back")


def _undone(tx: Tx[tuple[T, object]]) -> Tx[None]:
    result, _ = yield from tx
    raise _Undone(result)


def _is_mere_progress(happened: Happened) -> bool:
    """A report of a runner that leaves the status of its build as it was: of these there are very many.

    Only the first stage that starts makes a build `running`; of an end the funnel knows the build.
    """
    if happened.verb not in PROGRESS:
        return False
    if happened.old is None:
        return True
    after = happened.build.status if happened.build else "running"
    return happened.old.status == after


def _moment(happened: Happened) -> Tx[Moment]:
    build = happened.build or (yield from store.whole(happened.build_id))
    repo = happened.repo or (yield from repos.find(build.repo_id))
    return Moment(
        happened.verb, repo, build, happened.by, happened.old, happened.stages, happened.step, happened.reason
    )


def as_it_is(build_id: int, verb: Verb, by: Actor) -> Tx[Moment]:
    """A moment with the build as it is now, for a change that another server made; NotFound."""
    return (yield from _moment(Happened(verb, build_id, by)))
