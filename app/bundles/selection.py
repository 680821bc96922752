"""Which repositories take which files of a version, and what is in the way. Pure.

Contract release-bundle 6.2 to 6.4.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.artifacts import patterns
from app.artifacts.model import ArtifactRepository
from app.bundles.model import Artifact, Operation, Promotion
from app.bundles.union import folders_of
from app.errors import Conflict, Forbidden, Invalid, Problem

#: How many files, types and repositories a sentence names.
NAMED = 10


@dataclass(frozen=True, slots=True)
class Order:
    """What a promotion is asked to do."""

    environment: str
    operation: Operation = "copy"
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    properties: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Why the order of environments shall be overridden; empty when it shall not.
    reason: str = ""
    #: Name of the key that signs; empty for that of the version.
    signing_key: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A repository, and the artifacts that it takes: those of its package type."""

    repo: ArtifactRepository
    artifacts: Sequence[Artifact]


class Blocker(NamedTuple):
    """What is in a repository where a file shall be put, or a folder around the file."""

    repo_id: int
    path: str
    #: Whether this is a folder in the place of a file.
    folder: bool = False
    #: Whether this is a file in the place of a folder.
    above: bool = False


class Clash(Conflict):
    """Files that cannot be put to their places: nothing is promoted."""

    code = "target_exists"

    def __init__(self, clashes: Sequence[str], what: str, files: int) -> None:
        #: How many files cannot be put, of how many.
        self.number = f"{len(clashes)} of {files} files cannot be put, so no file was changed"
        #: The first of them.
        self.named = tuple(clashes[:NAMED])
        super().__init__(f"{what} was refused: {self.number}: {listed(clashes)}")


def listed(words: Sequence[str]) -> str:
    """The first words, and how many more there are."""
    more = f"; and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return "; ".join(words[:NAMED]) + more


def targets_of(
    artifacts: Iterable[Artifact], repos: Iterable[ArtifactRepository], order: Order, project: str
) -> list[Target]:
    """The repositories that take the artifacts, by key. Invalid names every key and package type without a repository.

    `project` is that of the version; empty for none.
    """
    candidates = _candidates(repos, order, project)
    by_type: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        by_type.setdefault(artifact.package_type, []).append(artifact)
    lacking = sorted(by_type.keys() - {repo.package_type for repo in candidates})
    if lacking:
        among = "among the included repositories of" if order.included else "in"
        words = f"no repository {among} the environment {order.environment} takes the package type"
        raise Invalid.of([Problem("environment", "no_target", f"{words} {listed(lacking)}; nothing was promoted")])
    taking = (repo for repo in candidates if repo.package_type in by_type)
    return [Target(repo, by_type[repo.package_type]) for repo in sorted(taking, key=lambda repo: repo.key)]


def _candidates(repos: Iterable[ArtifactRepository], order: Order, project: str) -> list[ArtifactRepository]:
    """The repositories of the environment that are asked for; Invalid."""
    there = [repo for repo in repos if repo.kind == "local" and not repo.system]
    there = [repo for repo in there if order.environment in repo.environments]
    if not there:
        words = f"no repository in environment {order.environment[:100]}: give one of your repositories the environment"
        raise Invalid.of([Problem("environment", "no_target", words)])
    own = [repo for repo in there if project and repo.project == project]
    if order.included:
        return _included([repo for repo in there if not own or repo.project in (project, "")], order)
    excluded = [_pattern(key) for key in order.excluded]
    return [repo for repo in own or there if not any(pattern.fullmatch(repo.key) for pattern in excluded)]


def _included(there: Sequence[ArtifactRepository], order: Order) -> list[ArtifactRepository]:
    wanted = {key: _pattern(key) for key in order.included}
    unknown = [key for key, pattern in wanted.items() if not any(pattern.fullmatch(repo.key) for repo in there)]
    if unknown:
        words = f"included_repository_keys: no local repository of the environment {order.environment[:100]} is called"
        raise Invalid.of([Problem("included_repository_keys", "no_repository", f"{words} {listed(unknown)[:1000]}")])
    return [repo for repo in there if any(pattern.fullmatch(repo.key) for pattern in wanted.values())]


def _pattern(key: str) -> re.Pattern[str]:
    """What matches a key; a star is any run of characters."""
    return re.compile("[^/]*".join(re.escape(part) for part in re.split(r"\*+", key)), re.DOTALL)


def require_rights(targets: Iterable[Target], may: Callable[[ArtifactRepository], Callable[[str], bool]]) -> None:
    """Forbidden when a file may not be promoted to a place; `may` says of a repository at which paths files may."""
    lacking = list[str]()
    for target in targets:
        judge = may(target.repo)
        lacking += [
            f"{target.repo.key}:{artifact.whole_path}"
            for artifact in target.artifacts
            if not judge(artifact.whole_path)
        ]
    if lacking:
        raise Forbidden(f"Forbidden: the right promote is needed on {listed(lacking)}", code="right_needed")


def clashes_of(targets: Sequence[Target], blockers: Iterable[Blocker]) -> list[str]:
    """Why files cannot be put, one text a file, in the order of repositories and paths."""
    found = list[tuple[str, str, str]]()
    there: dict[int, list[Blocker]] = {}
    for blocker in blockers:
        there.setdefault(blocker.repo_id, []).append(blocker)
    for target in targets:
        refusing = _refusing(target, there.get(target.repo.id, ()))
        found += [(target.repo.key, path, words) for path, words in refusing.items()]
    return [words for _, _, words in sorted(found)]


def _refusing(target: Target, blockers: Sequence[Blocker]) -> dict[str, str]:
    """Why a repository does not take files, by path."""
    key, refuses = target.repo.key, patterns.judge(target.repo)
    paths = {artifact.whole_path for artifact in target.artifacts}
    found = {path: why for path in paths if (why := refuses(path))}
    above = {blocker.path for blocker in blockers if blocker.above}
    beside = paths.intersection(folders_of({path.rpartition("/")[0] for path in paths}))
    if above or beside:
        for path in paths:
            if (folder := next((each for each in _folders(path) if each in above), None)) is not None:
                found.setdefault(path, f"{key}/{folder} is a file, so nothing can be below it: {path}")
            elif (folder := next((each for each in _folders(path) if each in beside), None)) is not None:
                words = f"{key}/{folder} and {key}/{path} are both files of the version, and one lies below the other"
                found.setdefault(path, words)
    for blocker in blockers:
        if not blocker.above:
            why = " is a folder there" if blocker.folder else " has other bytes there"
            found.setdefault(blocker.path, f"target artifact already exists: {key}/{blocker.path}{why}")
    return found


def _folders(path: str) -> Iterator[str]:
    """The folders around a path, the innermost first."""
    while (at := path.rfind("/")) > 0:
        path = path[:at]
        yield path


@dataclass(frozen=True, slots=True)
class Course:
    """Where a version comes from, and what a promotion really does."""

    #: Where the version is; empty when nobody knows.
    source_environment: str
    #: The promotion whose files a move removes; None for a copy.
    origin: Promotion | None


def course_of(order: Order, latest: Promotion | None, environment: str) -> Course:
    """The course of a version whose latest completed promotion, and whose own environment, are these.

    The first promotion copies, and so does one to the environment where the version is (contract release-bundle 6.3).
    """
    if latest is None:
        return Course(environment, None)
    moves = order.operation == "move" and latest.environment != order.environment
    return Course(latest.environment, latest if moves else None)


def skipped(sequence: Sequence[str], environment: str, been: Collection[str]) -> str:
    """The environment in which a version must have been before it may go to another one; empty when it may go.

    `sequence` is the order of environments; `been` are those that the version was promoted to, and its own one.
    """
    if environment not in sequence or environment in been:
        return ""
    at = sequence.index(environment)
    return sequence[at - 1] if at and sequence[at - 1] not in been else ""


def with_properties(base: Mapping[str, Sequence[str]], *over: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Properties of a file; those that come later replace the values of a key."""
    found = dict(base)
    for each in over:
        found |= each
    return found
