"""Grants in one repository: who may do what there, without a permission target to think of.

They are kept as permission targets of the repository's name; with patterns of paths, of its name and the patterns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.artifacts import moments, permissions
from app.artifacts.model import ArtifactRepository
from app.artifacts.permissions import Part, Subject, Target
from app.artifacts.rights import ANY, ANY_LOCAL, Section
from app.artifacts.targets import SYSTEMS, ordered
from app.db.tx import Tx
from app.errors import Conflict
from app.moments import Actor, Recorders


@dataclass(frozen=True, slots=True)
class Granted:
    """What somebody may do in a repository, by one permission target."""

    subject: Subject
    actions: tuple[str, ...]
    includes: tuple[str, ...]
    excludes: tuple[str, ...]
    environments: tuple[str, ...]
    target: str


def section_of(repo: ArtifactRepository) -> Section:
    """The section of permission targets that a repository belongs to."""
    return next(section for section, system in SYSTEMS.items() if system == repo.system)


def in_repository(repo: ArtifactRepository, targets: Sequence[Target]) -> list[Granted]:
    """What everybody may do in a repository, by all permission targets."""
    section, names = section_of(repo), {repo.key, ANY, ANY_LOCAL}
    parts = [(target.name, part) for target in targets if (part := target.sections.get(section)) is not None]
    found = [
        Granted(subject, actions, part.includes, part.excludes, part.environments, name)
        for name, part in parts
        if names & set(part.repositories)
        for subject, actions in part.grants.items()
    ]
    return sorted(found, key=lambda granted: (granted.subject.kind, granted.subject.name, granted.target))


def grant(
    recorders: Recorders,
    by: Actor,
    repo: ArtifactRepository,
    subject: Subject,
    given: Part,
    now: int,
) -> Tx[bool]:
    """Let somebody do in a repository exactly what `given` says; whether that took something away or gave something.

    Other permission targets stay as they are.
    """
    section, wanted = section_of(repo), _name(repo.key, given)
    for name in sorted({*_own(repo, (yield from permissions.list_all())), wanted}):
        yield from permissions.lock(name)
    targets = yield from permissions.list_all()  # as they are since nobody else can change them
    own = _own(repo, targets)
    if wanted not in own and any(target.name == wanted for target in targets):
        words = f"the permission target {wanted} is for more than this; change that one, or give it another name"
        raise Conflict(words, code="target_in_the_way")
    changed = False
    for name in {**own, wanted: None}:
        old = own.get(name, Part(given.repositories, given.includes, given.excludes))
        grants = {who: actions for who, actions in old.grants.items() if who != subject}
        if name == wanted and given.grants:
            grants[subject] = ordered(given.grants[subject])
        if grants == dict(old.grants):
            continue
        changed = True
        new = replace(old, grants=grants)
        yield from permissions.put(Target(name, {section: new} if grants else {}), now)
        before, after = Target(name, {section: old}).facts(), Target(name, {section: new}).facts()
        for change in moments.rights_changed(by, name, before, after):
            yield from recorders.record(change)
    return changed


def _own(repo: ArtifactRepository, targets: Sequence[Target]) -> dict[str, Part]:
    """The permission targets that hold nothing but grants in one repository, by name."""
    section = section_of(repo)
    return {
        target.name: part
        for target in targets
        if set(target.sections) == {section}
        and (part := target.sections[section]).repositories == (repo.key,)
        and not part.environments
        and target.name == _name(repo.key, part)
    }


def _name(key: str, part: Part) -> str:
    """The name of the permission target for grants at some paths of a repository."""
    if part.includes == ("**",) and not part.excludes:
        return key
    return f"{key}:{','.join(part.includes)}" + (f"!{','.join(part.excludes)}" if part.excludes else "")
