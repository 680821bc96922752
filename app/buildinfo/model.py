"""What build-info is: runs, and the artifacts and dependencies of their modules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from app.artifacts.model import Sums

#: One entry of `statuses`, as its JSON says (contract artifactory-build 3.5).
Status: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One publication of a build-info. Times are Unix milliseconds."""

    id: int
    repo_id: int
    #: The file with the JSON of the run.
    item_id: int
    name: str
    number: str
    started: int
    #: How answers show `started`.
    started_text: str
    published: int
    published_by: str
    statuses: tuple[Status, ...] = ()
    #: Grows with each change of the file.
    version: int = 1


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact in a module. `path` and `repo` are empty when the publisher did not say them.

    An artifact without a path stands for every file with its bytes, also when the JSON of the run shows the path of one
    of them.
    """

    module: str
    name: str
    type: str
    path: str
    repo: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency in a module. `repo` is empty when the publisher did not say it."""

    module: str
    name: str
    type: str
    scopes: tuple[str, ...]
    repo: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Part:
    """A module of the type `build`: another run, which this run aggregates. `module` is `NAME/NUMBER`."""

    module: str
    #: The SHA-1 of the file of the other run when it was aggregated; perhaps empty.
    sha1: str


@dataclass(frozen=True, slots=True)
class Entries:
    """What the modules of a run list, in its order: the position of an entry is its index."""

    artifacts: tuple[Artifact, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    parts: tuple[Part, ...] = ()

    def without_paths(self, positions: Collection[int]) -> "Entries":
        """The same, the artifacts at these positions without their paths."""
        if not positions:
            return self
        artifacts = tuple(
            replace(artifact, path="") if at in positions else artifact for at, artifact in enumerate(self.artifacts)
        )
        return Entries(artifacts, self.dependencies, self.parts)
