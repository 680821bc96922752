"""What people have decided about builds that waited for an approval."""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from app.accounts.model import User
from app.audit import lists as audit
from app.audit.model import Entry
from app.builds.model import Build
from app.db.tx import Tx
from app.repos import store as repos
from app.repos.access import Access


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided; `by` is empty for a caller who may not see who has which rights."""

    is_approved: bool
    by: str
    at: int
    reason: str
    #: The names of the stages that it was decided about; empty where the record does not tell them.
    stages: Sequence[str]


#: The decisions about builds, the first one first, by the id of the build; without the builds that have none.
Decisions: TypeAlias = Mapping[int, Sequence[Decision]]


def of_build(found: Access, build: Build) -> Tx[Sequence[Decision]]:
    """The decisions about a build, the first one first."""
    known = yield from audit.decisions([_key(build)])
    return [_decision(entry, shows_names=found.is_granted) for entries in known.values() for entry in entries]


def of_history(found: Access, builds: Sequence[Build]) -> Tx[Decisions]:
    """The decisions about builds of one repository."""
    entries = yield from audit.decisions([_key(build) for build in builds])
    return _decisions(builds, entries, {found.repo.id} if found.is_granted else ())


def of_builds(user: User, builds: Sequence[Build], now: int) -> Tx[Decisions]:
    """The decisions about builds that an account may read: with names where the right to read was granted to it."""
    entries = (yield from audit.decisions([_key(build) for build in builds])) if builds else {}
    named = (yield from _granted(user, {repo_id for repo_id, _ in entries}, now)) if entries else ()
    return _decisions(builds, entries, named)


def _decisions(
    builds: Sequence[Build], entries: Mapping[tuple[int, int], Sequence[Entry]], named: Collection[int]
) -> Decisions:
    """The entries by the id of their builds; with names in the repositories with these ids."""
    return {
        build.id: [*_brief(entries[_key(build)], shows_names=build.repo_id in named)]
        for build in builds
        if _key(build) in entries
    }


def _granted(user: User, repo_ids: Set[int], now: int) -> Tx[Set[int]]:
    """The repositories, of these, that an account does not only read because everybody may."""
    if user.admin:
        return repo_ids
    rights = yield from repos.rights_of(user.id, repo_ids, now)
    return {repo_id for repo_id, given in rights.items() if given.read}


def _key(build: Build) -> tuple[int, int]:
    return build.repo_id, build.number


def _brief(entries: Sequence[Entry], *, shows_names: bool) -> Iterator[Decision]:
    """Decisions for a list: where one person has decided about one stage after another, the last one."""
    found = {}
    for entry in entries:
        decision = _decision(entry, shows_names=shows_names)
        found[decision.is_approved, decision.by, decision.reason] = decision
    yield from found.values()


def _decision(entry: Entry, *, shows_names: bool) -> Decision:
    after: Mapping[str, Any] = orjson.loads(entry.after)
    by = entry.actor_name if shows_names else ""
    stages = [str(name) for name in after.get("stages", ())]
    return Decision(entry.verb == "build.approve", by, entry.at, str(after.get("reason", "")), stages)
