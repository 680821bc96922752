"""What subscribers are told of a moment (contract gantry-webhooks 1): some events, in the order of their sending."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

from app.accounts import store as accounts
from app.accounts.model import User
from app.accounts.wire import user_json
from app.builds import store, targets
from app.builds.model import DONE, FAILED, Build, Stage, Step
from app.builds.moments import BEGINNINGS, Moment, Verb
from app.builds.wire import build_json
from app.db.tx import Tx
from app.moments import Actor, Change
from app.notify.webhooks.keys import key_of
from app.notify.webhooks.model import Event, Format
from app.repos.model import Repo
from app.repos.wire import repo_json

#: How a build ends. Each build that has begun ends once.
Ending: TypeAlias = Literal["succeeded", "failed", "cancelled", "declined"]

#: What a build is, by its event; every other build is a `build`.
_KINDS = {"promote": "promotion", "rollback": "rollback"}
#: Moments of builds that events are made of: all.
BUILDS: frozenset[Verb] = frozenset(get_args(Verb))
#: What somebody stops from outside is cancelled, whatever its status is then.
_STOPS: frozenset[Verb] = frozenset({"build.cancel", "build.supersede", "build.delete"})
#: Drone does not tell that these end a build, if they do (contract drone-webhooks 1).
_UNTOLD: frozenset[Verb] = BEGINNINGS | {"build.decline", "build.delete"}
#: Types of events by the verbs of the other moments; a repository that is registered is enabled by that.
_CHANGES = {
    "repo.create": "repo.enabled",
    "repo.enable": "repo.enabled",
    "repo.disable": "repo.disabled",
    "repo.delete": "repo.deleted",
    "account.create": "user.created",
    "account.delete": "user.deleted",
}
#: The verbs of all moments that events are made of.
VERBS: frozenset[str] = BUILDS | _CHANGES.keys()
#: What Drone tells, if it tells anything, of moments with a verb: `event:action` by verb. It tells of no stage that
#: starts, and only of the last one that ends.
DRONE: Mapping[str, str] = {
    **dict.fromkeys(BEGINNINGS, "build:created"),
    **dict.fromkeys(BUILDS - _UNTOLD - {"build.start"}, "build:updated"),
    **{verb: name.replace(".", ":") for verb, name in _CHANGES.items()},
}

#: Events of Drone that tell of the account that the repository belongs to, or that enables it.
_WITH_USER = frozenset({"build:created", "repo:enabled"})


def events_of(moment: Moment | Change, server: str, at: int, fresh: str) -> list[Event]:
    """What subscribers are told of a moment with one of VERBS. One event at most is Drone's.

    `server` is the public address of this server, `at` is now. `fresh` is an id that no other event has: the events of
    repositories and accounts get it, those of builds have ids that follow from the build.
    """
    if isinstance(moment, Moment):
        return list(_Story(moment, server, at).events())
    name = _CHANGES[moment.verb]
    facts: dict[str, Any] = {"by": _by(moment.by)}
    if isinstance(moment.about, User):
        facts["user"] = user_json(moment.about)
    if isinstance(moment.about, Repo):
        facts["repo"] = repo_json(moment.about)
    return [Event(fresh, name, DRONE[moment.verb], at, facts)]


def completed(event: Event, formats: Collection[Format]) -> Tx[Event]:
    """The event with what these formats show and the moment does not have. Each addition costs one statement.

    Drone's format shows the owner of the repository of a new build, or who has enabled a repository, as `user`. The
    others show what was in the target before a promotion or a rollback, as `previous`. CDEvents has the build that a
    new promotion or rollback came from, as `parent`.
    """
    more: dict[str, Any] = {}
    if "drone" in formats and event.drone in _WITH_USER and (user := (yield from _user(event.facts))):
        more["user"] = user_json(user)
    if event.type.startswith(("promotion.", "rollback.")) and not {"drone"}.issuperset(formats):
        build = event.facts["build"]
        before = yield from targets.previous(build["repo_id"], build.get("deploy_to", ""), build["number"])
        if before is not None:
            more["previous"] = {"number": before.number, "commit": before.after}
        if "cdevents" in formats and event.type.endswith(".requested") and build.get("parent"):
            parent = yield from store.find_numbered_if_any(build["repo_id"], build["parent"])
            more |= {"parent": build_json(parent)} if parent else {}
    return replace(event, facts={**event.facts, **more}) if more else event


def _user(facts: Mapping[str, Any]) -> Tx[User | None]:
    if "build" in facts:
        return (yield from accounts.find_by_id(facts["repo"]["user_id"]))
    return (yield from accounts.find_if_any(facts["by"]["name"]))


class _Story:
    """The events of one moment of a build."""

    def __init__(self, moment: Moment, server: str, at: int) -> None:
        self._moment = moment
        self._build = moment.build
        self._server = server
        self._at = at
        self._kind = _KINDS.get(moment.build.event, "build")
        self._new = moment.verb in BEGINNINGS
        self._facts: Mapping[str, Any] = {
            "repo": repo_json(moment.repo),
            "build": build_json(moment.build, stages=True),
            "by": _by(moment.by),
        }

    def events(self) -> Iterator[Event]:
        """The beginning first, and the end last."""
        moment, build = self._moment, self._build
        if self._new:
            yield self._event(f"{self._kind}.{'created' if self._kind == 'build' else 'requested'}", DRONE[moment.verb])
        elif moment.old is not None and moment.old.status == "pending" and build.status == "running":
            yield self._event(f"{self._kind}.started")
        if moment.verb == "build.step":
            yield self._step()
        if moment.verb == "build.approve":
            number = _decided(moment)
            yield self._event(f"{self._kind}.approved", part=str(number), stage=number)
        for stage in self._changed():
            yield self._stage(stage)
        if ending := _ending(moment):
            yield self._end(ending)

    def _changed(self) -> list[Stage]:
        """The stages that have started or ended. Of those of a new build, some may have met an error at once."""
        ids = [stage.id for stage in self._build.stages] if self._new else self._moment.stages
        told = DONE | {"running"}
        return [stage for stage in self._build.stages if stage.id in ids and stage.status in told]

    def _step(self) -> Event:
        """A report about a step, which Drone tells and nobody else."""
        for stage in self._build.stages:
            for step in stage.steps:
                if step.id == self._moment.step:
                    part = f"{stage.number}/{step.number}/{step.version}"
                    return self._event("", DRONE["build.step"], part=part)
        raise AssertionError("a step that is reported is one of its build")

    def _stage(self, stage: Stage) -> Event:
        if stage.status == "running":
            return self._event("stage.started", part=str(stage.number), stage=stage.number)
        error = {"error": _error_of(stage)} if stage.status in FAILED else {}
        return self._event("stage.finished", part=str(stage.number), stage=stage.number, **error)

    def _end(self, ending: Ending) -> Event:
        verb = self._moment.verb
        word = "finished" if self._kind == "build" and ending != "declined" else ending
        about: dict[str, Any] = {"error": _error(self._build)} if ending == "failed" else {}
        if verb == "build.decline":
            about["stage"] = _decided(self._moment)
        return self._event(f"{self._kind}.{word}", "" if verb in BEGINNINGS else DRONE.get(verb, ""), **about)

    def _event(self, name: str, drone: str = "", *, part: str = "", **more: Any) -> Event:
        build, slug = self._build, self._moment.repo.slug
        key = key_of(self._server, slug, build.number, build.created, name, part)
        return Event(key, name, drone, self._at, {**self._facts, **more})


def _by(actor: Actor) -> dict[str, str]:
    return {"kind": actor.kind, "name": actor.name}


def _decided(moment: Moment) -> int:
    """The number of the first stage that was approved or declined."""
    assert moment.old is not None
    return min(stage.number for stage in moment.old.stages if stage.id in moment.stages and stage.status == "blocked")


def _ending(moment: Moment) -> Ending | None:
    """How the build ends with this moment; None when it goes on, or has ended before."""
    old, status = moment.old, moment.build.status
    if moment.verb == "build.step" or (old is not None and old.status in DONE):
        return None
    if moment.verb in _STOPS:
        return "cancelled"
    if status not in DONE:
        return None
    if status == "declined":
        return "declined"
    return "failed" if status in FAILED else "succeeded"


def _error(build: Build) -> str:
    """Why a build has failed: what its pipeline file is wrong in, or what went wrong in the first stage that failed."""
    failed = (stage for stage in build.stages if stage.status in FAILED)
    return build.error or next((f"stage {stage.name}: {_error_of(stage)}" for stage in failed), "")


def _error_of(stage: Stage) -> str:
    failed = (step for step in stage.steps if step.status in FAILED and not step.errignore)
    step = next(failed, None)
    if step is None or stage.error:
        return stage.error or _outcome(stage)
    return f"step {step.name}: {step.error or _outcome(step)}"


def _outcome(of: Stage | Step) -> str:
    return f"exit code {of.exit_code}" if of.status == "failure" else str(of.status)
