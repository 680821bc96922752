"""What artifacts are: repositories, items, blobs."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

#: The path of items at the top of a repository, and path and name of the folder that is the whole repository.
TOP = "."
#: The key of the repository of the build-info that belongs to no project.
BUILD_INFO = "artifactory-build-info"
#: The name of the signed manifest in the folder of a version of a release bundle (contract release-bundle 3.5).
MANIFEST = "release-bundle.json.evd"
#: The set of properties of an item that has none.
NO_PROPERTIES = 1

Kind: TypeAlias = Literal["local", "virtual"]
#: Repositories that the server keeps for itself: runs of build-info, versions of release bundles.
System: TypeAlias = Literal["", "buildinfo", "bundles"]


@dataclass(frozen=True)
class ArtifactRepository:
    """A repository of artifacts. A virtual one stands for its members, in their order."""

    id: int
    key: str
    kind: Kind = "local"
    package_type: str = "generic"
    project: str = ""
    system: System = ""
    description: str = ""
    notes: str = ""
    #: Patterns of the paths that may be stored, and of those that may not, separated by commas.
    includes: str = "**/*"
    excludes: str = ""
    layout: str = "simple-default"
    environments: tuple[str, ...] = ()
    #: Whether a path keeps the first bytes that were put there.
    immutable: bool = False
    #: Id of the local repository that takes what is put into this virtual one; 0 for none.
    deploy_to: int = 0
    #: Other fields of the configuration, which are given back as they came.
    settings: dict[str, Any] = field(default_factory=dict)
    #: Unix milliseconds.
    created: int = 0
    updated: int = 0


@dataclass(frozen=True, slots=True)
class Sums:
    """Checksums in lower-case hex; empty for one that is not known."""

    sha256: str = ""
    sha1: str = ""
    md5: str = ""

    def __bool__(self) -> bool:
        return bool(self.sha256 or self.sha1 or self.md5)


@dataclass(frozen=True)
class Blob:
    """Bytes that are stored. `place` names them in the store of blobs."""

    id: int
    sha256: str
    sha1: str
    md5: str
    size: int
    place: str
    #: When the blob was last put or linked, Unix seconds.
    used: int = 0

    @property
    def sums(self) -> Sums:
        """The checksums."""
        return Sums(self.sha256, self.sha1, self.md5)


@dataclass(frozen=True)
class Item:
    """A file or a folder in a local repository. Times are Unix milliseconds."""

    id: int
    repo_id: int
    #: The folder of the item, without slashes around; TOP for items at the top.
    path: str
    name: str
    folder: bool
    #: How many names the whole path has; 0 for the folder of the whole repository.
    depth: int
    #: None for a folder.
    blob_id: int | None
    set_id: int = NO_PROPERTIES
    mime: str = ""
    #: The checksums that the client sent.
    sent: Sums = Sums()
    created: int = 0
    created_by: str = ""
    modified: int = 0
    modified_by: str = ""
    #: When the item or its properties were last changed.
    updated: int = 0

    @property
    def whole_path(self) -> str:
        """Folder and name, without slashes around; empty for the folder of the whole repository."""
        return whole(self.path, self.name)


def whole(path: str, name: str) -> str:
    """The whole path of an item, from its folder and its name."""
    if path != TOP:
        return f"{path}/{name}"
    return "" if name == TOP else name


def parted(path: str) -> tuple[str, str]:
    """Folder and name of an item, from its whole path."""
    folder, _, name = path.rpartition("/")
    return folder or TOP, name or TOP


def depth(path: str) -> int:
    """How many names a whole path has."""
    return path.count("/") + 1 if path else 0
