"""What release bundles are: versions, the artifacts in them, their promotions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from typing_extensions import TypedDict

from app.artifacts import model

#: The key of the repository of the versions that belong to no project.
BUNDLES = "release-bundles-v2"
#: The name of a version's signed manifest in its folder (contract release-bundle 3.5).
MANIFEST = model.MANIFEST

#: States of a version and of a promotion; clients know no others (contract release-bundle 1.1). Only a version is a
#: draft. What is DELETING is removed by work that is not finished.
Status: TypeAlias = Literal["PENDING", "PROCESSING", "COMPLETED", "FAILED", "DRAFT", "DELETING"]
UNFINISHED: frozenset[Status] = frozenset({"PENDING", "PROCESSING", "DELETING"})
Operation: TypeAlias = Literal["copy", "move"]


class MessageJSON(TypedDict):
    """One thing that is told of a version or a promotion."""

    source: str
    text: str
    created: str


@dataclass(frozen=True)
class Bundle:
    """A version of a release bundle. Times are Unix milliseconds."""

    id: int
    repo_id: int
    name: str
    version: str
    status: Status
    created: int
    by_id: int
    by_name: str
    #: Name of the key that signs; empty for the server's default key.
    signing_key: str = ""
    #: What the version was made from, as its specification tells it (contract release-bundle 4.2).
    sources: Mapping[str, Any] = field(default_factory=dict)
    #: The first environment of the repository that the artifacts came from; empty for none.
    environment: str = ""
    #: How many artifacts there are, and their bytes together.
    files: int = 0
    size: int = 0
    #: SHA-256 of the signed manifest; empty before the version is signed.
    manifest: str = ""
    tag: str = ""
    messages: Sequence[MessageJSON] = ()


class Artifact(NamedTuple):
    """A file in a version, as it was when the version was created."""

    package_type: str
    #: Folder and name in the repository that the file came from.
    path: str
    name: str
    #: Key of that repository, which may be gone.
    source: str
    blob_id: int
    set_id: int
    mime: str
    sha256: str
    size: int

    @property
    def whole_path(self) -> str:
        """Folder and name, without slashes around."""
        return model.whole(self.path, self.name)


@dataclass(frozen=True)
class Promotion:
    """A promotion of a version to an environment. Times are Unix milliseconds."""

    id: int
    bundle_id: int
    #: Repository and name of the version.
    repo_id: int
    name: str
    #: Names the promotion within its version.
    created: int
    environment: str
    source_environment: str
    #: What is done: the first promotion of a version, and one to the environment where it is, copies.
    operation: Operation
    status: Status
    by_id: int
    by_name: str
    signing_key: str = ""
    #: What was asked for.
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    properties: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Keys of the repositories that take the files.
    targets: tuple[str, ...] = ()
    #: Why the order of environments was overridden; empty when it was not.
    reason: str = ""
    #: How many files are at their places.
    files: int = 0
    messages: Sequence[MessageJSON] = ()
